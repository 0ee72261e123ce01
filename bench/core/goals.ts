// The targets of the core's benchmark, as far as the measured rows can tell.

import { atLeast, atMost, type Goal } from "../goal.ts";
import type { Row } from "../report.ts";

/** Nanoseconds a match at most, by the number of routes. */
const nsMax: ReadonlyMap<number, number> = new Map([[100, 200], [10_000, 250], [100_000, 350]]);

/** From so many routes on no peer is to be cheaper. */
const rivalMin = 100;
const githubMax = 1.3;

function shapeOf({ position }: Row): string {
  return /^(.+), /.exec(position)?.[1] ?? "hosts";
}

function positionOf({ position }: Row): string {
  return position.replace(/^.+, /, "");
}

export function goals(rows: readonly Row[]): readonly Goal[] {
  const core = rows.filter(({ variant }) => variant === "core");
  const tables = [...new Map(core.map((row) => [`${shapeOf(row)} ${row.routes}`, row])).values()];
  return tables.flatMap((table) => {
    const [shape, size] = [shapeOf(table), table.routes];
    const own = core.filter((row) => shapeOf(row) === shape && row.routes === size);
    const name = `${size.toLocaleString("en-US")} routes (${shape})`;
    if (shape === "github") return ofFastest(rows, own, name);
    const max = nsMax.get(size);
    return [
      ...(max === undefined ? [] : [atMost(`core, ns a match, ${name}`, own.map((row) =>
        ({ of: positionOf(row), value: row.cpu_us * 1000 })), max)]),
      ...(size < rivalMin ? [] : [atLeast(`cheapest peer over core, ${name}`, own.map((row) =>
        ({ of: positionOf(row), value: cheapestPeer(rows, row) })), 1)]),
    ];
  });
}

/** Its ratio to the core. */
function cheapestPeer(rows: readonly Row[], { position, routes }: Row): number {
  return Math.min(...rows.filter((row) =>
    row.variant !== "core" && row.position === position && row.routes === routes)
    .map(({ ratio }) => ratio));
}

/** Requests for paths that are there; one that is not is shown beside them. */
function ofFastest(rows: readonly Row[], own: readonly Row[], name: string): readonly Goal[] {
  const figures = own.filter((row) => positionOf(row) === "any")
    .map((row) => ({ of: positionOf(row), value: 1 / Math.min(1, cheapestPeer(rows, row)) }));
  return [atMost(`core, of the fastest, ${name}`, figures, githubMax)];
}
