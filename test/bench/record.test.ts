import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

import { edited, writeManifests } from "../../bench/compile/workload.ts";
import { draw, linesOf } from "../../bench/plot.ts";
import { benchNames } from "../../bench/record.ts";
import type { Row } from "../../bench/report.ts";
import { compile } from "../../compiler/compile.ts";

function row(variant: string, routes: number, cpu_us: number): Row {
  return { variant, routes, position: "last", cpu_us, ratio: 1, rps: 1, spread: 0 };
}

test("a plot has a line and a name for each variant, and is a picture by itself", () => {
  const rows = [row("list", 1000, 90), row("list", 10, 50), row("filter", 10, 60),
    row("filter", 1000, 61)];
  const lines = linesOf(rows, ({ cpu_us }) => cpu_us);
  expect(lines.map(({ name, points }) => [name, points.map((p) => p.count)]))
    .toEqual([["list", [10, 1000]], ["filter", [10, 1000]]]);
  const svg = draw({ title: "Cost", count: "routes", cost: "µs", lines, y: "log" });
  expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  expect(svg.match(/aria-label="line"/g)).toHaveLength(1);
  expect(svg).toContain(">list</text>");
  expect(svg).toContain(">filter</text>");
  expect(draw({ title: "Cost", count: "routes", cost: "µs", lines, y: "log" })).toBe(svg);
});

test("docs/benchmarks.md has a place for each benchmark", () => {
  const text = readFileSync(new URL("../../docs/benchmarks.md", import.meta.url), "utf8");
  for (const name of benchNames) {
    expect(text.split(`<!-- ${name}: recorded -->\n`)).toHaveLength(2);
    expect(text.split(`<!-- ${name}: end -->`)).toHaveLength(2);
  }
});

test("the compiler's workload has as many rules as asked for, and an edit changes one", () => {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-test-"));
  try {
    const paths = [...writeManifests(folder, 100), join(folder, "gateway.yaml")];
    const files = paths.map((path) => ({ path, text: readFileSync(path, "utf8") }));
    const { ir, diagnostics } = compile(files);
    expect(diagnostics).toEqual([]);
    const hostsAndPaths = (of: typeof ir): readonly string[] =>
      of.gatewayPorts.flatMap(({ virtualHosts }) => virtualHosts)
        .flatMap(({ hostname, matches }) => matches.map((m) => `${hostname}${m.path.value}`));
    expect(hostsAndPaths(ir)).toHaveLength(100);
    const after = compile(files.map((file, i) =>
      (i === 0 ? { ...file, text: edited(file.text, 7) } : file)));
    expect(after.diagnostics).toEqual([]);
    const before = new Set(hostsAndPaths(ir));
    expect(hostsAndPaths(after.ir).filter((path) => !before.has(path)))
      .toEqual(["app-00000.example.com/edited"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
