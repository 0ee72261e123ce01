// The end of every benchmark: one table for people, the same rows as JSON for programs, and what is
// needed to judge or repeat them.

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";

import type { Goal } from "./goal.ts";

export interface Row {
  readonly variant: string;
  readonly routes: number;
  readonly position: string;
  /** What the routes ask for, where there are several kinds of tables. */
  readonly workload?: string;
  /** Calls of the proxy-wasm host for one request. */
  readonly hostcalls?: number;
  /** Why there are no figures; they are NaN (null in JSON). */
  readonly absent?: string;
  readonly cpu_us: number;
  readonly ratio: number;
  /** Of a 404: the ratio to what the same 404 costs the baseline. */
  readonly ratio_alike?: number;
  readonly rps: number;
  /** (highest - lowest) / median of cpu_us over the rounds. */
  readonly spread: number;
}

export interface Report {
  readonly title: string;
  /** Of the CPU time in print; µs unless it says otherwise. Rows always have µs. */
  readonly unit?: "ns" | "ms";
  readonly rows: readonly Row[];
  /** What people see where the rows' columns do not fit. */
  readonly table?: Table;
  readonly goals?: readonly Goal[];
  readonly notes: readonly string[];
}

/** What `--json` writes. The context is for docs/benchmarks.md; programs need only the rows. */
export interface Recorded extends Report {
  readonly context: readonly string[];
}

export interface Table {
  readonly head: readonly string[];
  readonly body: readonly (readonly string[])[];
}

export function tableOf({ rows, unit }: Pick<Report, "rows" | "unit">): Table {
  const head = [
    "variant", "routes", "position", `CPU ${unit ?? "µs"}/request`, "ratio", "requests/s", "spread",
  ];
  const [factor, digits] = unit === "ns" ? [1000, 0] : unit === "ms" ? [0.001, 0] : [1, 2];
  const figures = (row: Row): readonly string[] => [
    (row.cpu_us * factor).toFixed(digits),
    row.ratio.toFixed(3),
    row.rps.toLocaleString("en-US", row.rps < 100 ? { maximumSignificantDigits: 3 }
      : { maximumFractionDigits: 0 }),
    `${(row.spread * 100).toFixed(1)}%`,
  ];
  const body = rows.map((row) => [
    row.variant,
    row.routes.toLocaleString("en-US"),
    row.workload === undefined ? row.position : `${row.workload}, ${row.position}`,
    ...(row.absent === undefined ? figures(row) : [`not measured: ${row.absent}`, "", "", ""]),
  ]);
  return { head, body };
}

export function printReport(report: Report): void {
  const { head, body } = report.table ?? tableOf(report);
  const widths = head.map((text, i) =>
    Math.max(text.length, ...body.map((cells) => cells[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) =>
      i === 0 || i === 2 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)).join("  ");
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  const { title, notes, goals = [] } = report;
  const text = [
    title, "", line(head), rule, ...body.map(line), "",
    ...goals.map(({ what, found, holds }) => `${holds ? "holds " : "MISSED"}  ${what}  (${found})`),
    ...(goals.length > 0 ? [""] : []),
    ...notes, ...machine(),
  ];
  process.stdout.write(`\n${text.map((l) => l.trimEnd()).join("\n")}\n`);
}

export function writeJson(path: string, report: Report): void {
  const recorded: Recorded = { ...report, rows: report.rows.map(rounded), context: machine() };
  writeFileSync(path, JSON.stringify(recorded, null, 2) + "\n");
}

function rounded(row: Row): Row {
  const to = (value: number, digits: number): number => Number(value.toFixed(digits));
  return {
    ...row,
    cpu_us: to(row.cpu_us, 4),
    ratio: to(row.ratio, 4),
    rps: to(row.rps, 1),
    spread: to(row.spread, 4),
  };
}

/** Whatever else runs shares caches and cores with what is measured; a reader should know. */
const loadBefore = loadavg()[0] ?? 0;

function machine(): readonly string[] {
  const model = cpus()[0]?.model ?? "unknown CPU";
  return [
    `machine: ${cpus().length} × ${model}, ${process.platform} ${release()}; `
      + `load average before: ${loadBefore.toFixed(2)}`,
    `commit: ${commit()}; command: ${command()}`,
  ];
}

function commit(): string {
  try {
    const git = (...args: string[]): string =>
      execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    const changed = git("status", "--porcelain") !== "";
    return git("rev-parse", "--short", "HEAD") + (changed ? " with changes" : "");
  } catch {
    return "none";
  }
}

function command(): string {
  const name = process.env["npm_lifecycle_event"];
  const args = process.argv.slice(2).join(" ");
  // Where the figures go says nothing about them.
  const telling = args.replace(/ ?--json \S+/, "").trim();
  return `npm run ${name ?? "bench"}${telling ? ` -- ${telling}` : ""}`;
}
