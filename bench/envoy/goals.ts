// The targets of the Envoy benchmark, as far as the measured rows can tell.

import { atLeast, atMost, type Goal } from "../goal.ts";
import type { Row } from "../report.ts";
import type { Workload } from "./workload.ts";

const filterMax = 1.2;
const flatMax = 0.05;
const flatSizes = [10, 100_000] as const;

/** How many times as much as the filter the list costs at least, the last route matching. */
const listMin: readonly (readonly [Workload, number, number])[] = [
  ["prefix", 1_000, 1.25], ["method", 1_000, 1.9], ["header", 1_000, 1.9], ["regex", 1_000, 3],
  ["prefix", 10_000, 5], ["prefix", 100_000, 30],
];

export function goals(rows: readonly Row[]): readonly Goal[] {
  const prefixes = rows.filter((r) => r.variant === "filter" && r.workload === "prefix");
  const sizes = [...new Set(prefixes.map(({ routes }) => routes))];
  return [
    ...sizes.map((size) => atMost(
      `filter at ${size.toLocaleString("en-US")} routes, of one native route`,
      prefixes.filter(({ routes }) => routes === size)
        .map(({ position, ratio }) => ({ of: position, value: ratio })),
      filterMax,
    )),
    ...alike(prefixes),
    ...flat(prefixes),
    ...listMin.flatMap(([workload, size, min]) => overList(rows, workload, size, min)),
  ];
}

/** Harder than what was asked for: against a baseline that answers 404 itself, too. */
function alike(prefixes: readonly Row[]): readonly Goal[] {
  const figures = prefixes.flatMap(({ routes, ratio_alike: value }) =>
    (value === undefined ? [] : [{ of: `${routes} routes`, value }]));
  return figures.length === 0 ? []
    : [atMost("filter, missing route, of a native 404", figures, filterMax)];
}

function flat(prefixes: readonly Row[]): readonly Goal[] {
  const [few, many] = flatSizes.map((size) => prefixes.filter(({ routes }) => routes === size));
  // A 404 beside a forwarded request, which costs twice as much, is too blurred to tell.
  const ratioOf = (row: Row): number => row.ratio_alike ?? row.ratio;
  const changes = (many ?? []).flatMap((row) => {
    const small = few?.find(({ position }) => position === row.position);
    return small === undefined ? []
      : [{ of: row.position, value: Math.abs(ratioOf(row) / ratioOf(small) - 1) }];
  });
  return changes.length === 0 ? [] : [atMost(
    "filter, 100,000 routes against 10, change of the ratio (missing: to a native 404)", changes,
    flatMax,
  )];
}

function overList(
  rows: readonly Row[], workload: Workload, size: number, min: number,
): readonly Goal[] {
  const find = (variant: string): Row | undefined => rows.find((row) =>
    row.variant === variant && row.workload === workload && row.routes === size
    && row.position === "last");
  const [filter, list] = [find("filter"), find("native-list")];
  if (filter === undefined || list === undefined) return [];
  const what = `native list over filter, ${size.toLocaleString("en-US")} routes (${workload})`;
  return [atLeast(what, [{ of: "last", value: list.ratio / filter.ratio }], min)];
}
