// What `npm run bench -- --record` writes: the tables in docs/benchmarks.md, between their markers,
// and beside it the plots and the rows they are drawn from.

import { readFileSync, writeFileSync } from "node:fs";

import type { Goal } from "./goal.ts";
import { draw, linesOf, type Chart } from "./plot.ts";
import { tableOf, type Recorded, type Row, type Table } from "./report.ts";

export type BenchName = "core" | "envoy" | "edge" | "compile";

export const benchNames: readonly BenchName[] = ["core", "envoy", "edge", "compile"];

export interface Occasion {
  /** As the one who records gives it. */
  readonly date: string | undefined;
  /** One-minute load average before the first benchmark, and the CPUs there are for it. */
  readonly load: number;
  readonly cpus: number;
}

const docs = new URL("../docs/", import.meta.url);

export function record(name: BenchName, recorded: Recorded, occasion: Occasion): void {
  writeFileSync(new URL(`plots/${name}.json`, docs), `${JSON.stringify(recorded, null, 1)}\n`);
  const charts = chartsOf(name, recorded.rows);
  for (const { file, chart } of charts) writeFileSync(new URL(`plots/${file}`, docs), draw(chart));
  const page = new URL("benchmarks.md", docs);
  const text = readFileSync(page, "utf8");
  writeFileSync(page, between(text, name, section(name, recorded, occasion, charts)));
}

function between(text: string, name: string, content: string): string {
  const [open, close] = [`<!-- ${name}: recorded -->\n`, `<!-- ${name}: end -->`];
  const start = text.indexOf(open);
  const end = text.indexOf(close);
  if (start < 0 || end < start) throw new Error(`docs/benchmarks.md has no markers for ${name}`);
  return text.slice(0, start + open.length) + content + text.slice(end);
}

interface NamedChart {
  readonly file: string;
  readonly chart: Chart;
}

function chartsOf(name: BenchName, rows: readonly Row[]): readonly NamedChart[] {
  switch (name) {
    case "core": return [coreChart(rows, "any", "core.svg", "50 routes a host"),
      coreChart(rows, "one-host, any", "core-one-host.svg", "all on one host")];
    case "envoy": return [envoyChart(rows)];
    case "compile": return [{
      file: "compile.svg",
      chart: {
        title: "Building all targets, by the number of rules", count: "rules →",
        cost: "↑ seconds, wall time", y: "log",
        lines: linesOf(rows.filter((r) => r.variant === "build"), ({ rps }) => 1 / rps),
      },
    }];
    case "edge": return [];
  }
}

function coreChart(
  rows: readonly Row[], position: string, file: string, shape: string,
): NamedChart {
  const shown = rows.filter((row) => row.position === position && row.variant !== "urlpattern");
  return {
    file,
    chart: {
      title: `CPU time of a match, ${shape}, requests over all routes`, count: "routes →",
      cost: "↑ CPU ns a match", y: "log", lines: linesOf(shown, ({ cpu_us }) => cpu_us * 1000),
    },
  };
}

/** Baselines are the same at all sizes; as a line it crosses the chart. */
function envoyChart(rows: readonly Row[]): NamedChart {
  const last = rows.filter(({ variant, position, workload, absent }) => position === "last"
    && workload === "prefix" && variant !== "baseline" && absent === undefined);
  const counts = [...new Set(last.map(({ routes }) => routes))].sort((a, b) => a - b);
  const base = rows.find(({ variant }) => variant === "baseline");
  const baseline = counts.map((routes) => ({ ...base, routes, ratio: 1 }) as Row);
  const named = baseline.map((row) => ({ ...row, variant: "one native route" }));
  return {
    file: "envoy.svg",
    chart: {
      title: "CPU time a request costs Envoy, last of the prefixes matching, over one native route",
      count: "routes →", cost: "↑ times one native route", y: "log",
      lines: linesOf([...last, ...named], ({ ratio }) => ratio),
    },
  };
}

function section(
  name: BenchName, recorded: Recorded, occasion: Occasion, charts: readonly NamedChart[],
): string {
  const { notes, context } = recorded;
  const when = occasion.date === undefined ? "Recorded" : `Recorded ${occasion.date}`;
  // It still remembers what ended a minute ago.
  const busy = occasion.load > occasion.cpus / 3;
  const lines = [
    "",
    ...(busy ? ["**Preliminary: the machine was busy with other work.** Trust ratios a little, "
      + "absolute figures less.", ""] : []),
    `${when}; load average before the run: ${occasion.load.toFixed(2)}.`,
    "",
    ...charts.flatMap(({ file, chart }) => [`![${chart.title}](plots/${file})`, ""]),
    ...(name === "core" ? coreTables(recorded.rows)
      : markdown(recorded.table ?? tableOf(recorded))),
    "",
    ...goalTable(recorded.goals ?? []),
    ...[...notes, ...context].map((note) => `- ${note}`),
    "",
  ];
  return `${lines.join("\n")}\n`;
}

function goalTable(goals: readonly Goal[]): readonly string[] {
  if (goals.length === 0) return [];
  return [
    "| target | measured | |", "| --- | --- | --- |",
    ...goals.map(({ what, found, holds }) =>
      `| ${what} | ${found} | ${holds ? "holds" : "**missed**"} |`),
    "",
  ];
}

function markdown({ head, body }: Table): readonly string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const isText = (i: number): boolean => i === 0 || i === 2;
  return [line(head), line(head.map((_, i) => (isText(i) ? "---" : "---:"))), ...body.map(line)];
}

/** Routers side by side, a table for each shape; the ratio to the core stands behind the figure. */
function coreTables(rows: readonly Row[]): readonly string[] {
  const shapeOf = ({ position }: Row): string => /^(.+), /.exec(position)?.[1] ?? "hosts";
  return [...new Set(rows.map(shapeOf))].flatMap((shape) => {
    const own = rows.filter((row) => shapeOf(row) === shape);
    const routers = [...new Set(own.map(({ variant }) => variant))];
    const keys = [...new Set(own.map(({ routes, position }) => `${routes} ${position}`))];
    const body = keys.map((key) => {
      const same = own.filter(({ routes, position }) => `${routes} ${position}` === key);
      const { routes = 0, position = "" } = same[0] ?? {};
      return [routes.toLocaleString("en-US"), position.replace(/^.+, /, ""),
        ...routers.map((router) => cell(same.find(({ variant }) => variant === router)))];
    });
    const head = ["routes", "position", ...routers];
    const rule = head.map((_, i) => (i === 1 ? "---" : "---:"));
    return [`${shapeTitles.get(shape) ?? shape}, ns a match (times the core's):`, "",
      ...[head, rule, ...body].map((cells) => `| ${cells.join(" | ")} |`), ""];
  });
}

const shapeTitles: ReadonlyMap<string, string> = new Map([
  ["hosts", "50 routes a host"], ["one-host", "All routes on one host"],
  ["github", "GitHub's REST API"],
]);

function cell(row: Row | undefined): string {
  if (row === undefined) return "";
  const ns = (row.cpu_us * 1000).toLocaleString("en-US", { maximumFractionDigits: 0 });
  return row.variant === "core" ? `**${ns}**` : `${ns} (${row.ratio.toFixed(2)})`;
}
