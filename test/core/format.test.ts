// docs/table-format.md and the code say the same: the worked example is what the compiler makes,
// and the numbers of sections are those of the format's one module.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as format from "../../filters/core/format.ts";
import { compile } from "../../compiler/compile.ts";

const page = readFileSync(new URL("../../docs/table-format.md", import.meta.url), "utf8");

function fenced(language: string): string {
  return new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(page)?.[1] ?? "";
}

test("the worked example is the table of its manifests, byte by byte", () => {
  const { table, diagnostics } = compile([{ path: "example.yaml", text: fenced("yaml") }]);
  expect(diagnostics).toEqual([]);
  const rows = Array.from({ length: Math.ceil(table.length / 16) }, (_, i) => {
    const bytes = [...table.subarray(i * 16, i * 16 + 16)];
    const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    return `${(i * 16).toString(16).padStart(4, "0")}  ${hex}\n`;
  });
  expect(fenced("hex")).toBe(rows.join(""));
});

test("the page names every section by its number", () => {
  const sections = Object.entries(format)
    .filter(([name]) => name.startsWith("SECTION_") && name !== "SECTION_COUNT")
    .map(([name, id]) => `${id} ${name.slice("SECTION_".length)}`).sort();
  const named = [...page.matchAll(/^\| (\d+) \| ([A-Z_]+) \|/gm)]
    .map((m) => `${m[1]} ${m[2]}`).sort();
  expect(named).toEqual(sections);
  expect(sections).toHaveLength(format.SECTION_COUNT);
});

test("the core's room for the verdict is as large as the format says", () => {
  const memory = readFileSync(new URL("../../filters/core/memory.ts", import.meta.url), "utf8");
  const room = /export const verdict: usize = memory\.data\((\d+), 8\)/.exec(memory)?.[1];
  expect(Number(room)).toBe(format.VERDICT_SIZE);
});
