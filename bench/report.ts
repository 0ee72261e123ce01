// The end of every benchmark: one table for people, the same rows as JSON for programs, and what is
// needed to judge or repeat them.

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";

export interface Row {
  readonly variant: string;
  readonly routes: number;
  readonly position: string;
  readonly cpu_us: number;
  readonly ratio: number;
  readonly rps: number;
  /** (highest - lowest) / median of cpu_us over the rounds. */
  readonly spread: number;
}

export interface Report {
  readonly title: string;
  readonly rows: readonly Row[];
  readonly notes: readonly string[];
}

export function printReport({ title, rows, notes }: Report): void {
  const head = [
    "variant", "routes", "position", "CPU µs/request", "ratio", "requests/s", "spread",
  ];
  const body = rows.map((row) => [
    row.variant,
    row.routes.toLocaleString("en-US"),
    row.position,
    row.cpu_us.toFixed(2),
    row.ratio.toFixed(3),
    Math.round(row.rps).toLocaleString("en-US"),
    `${(row.spread * 100).toFixed(1)}%`,
  ]);
  const widths = head.map((text, i) =>
    Math.max(text.length, ...body.map((cells) => cells[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) =>
      i === 0 || i === 2 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)).join("  ");
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  const text = [title, "", line(head), rule, ...body.map(line), "", ...notes, ...machine()];
  process.stdout.write(`\n${text.map((l) => l.trimEnd()).join("\n")}\n`);
}

export function writeJson(path: string, { rows }: Report): void {
  writeFileSync(path, JSON.stringify({ rows: rows.map(rounded) }, null, 2) + "\n");
}

function rounded(row: Row): Row {
  const to = (value: number, digits: number): number => Number(value.toFixed(digits));
  return {
    ...row,
    cpu_us: to(row.cpu_us, 3),
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
  return `npm run ${name ?? "bench"}${args ? ` -- ${args}` : ""}`;
}
