// What a long command says of itself, and when.

import { expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { progressLine, progressText, type Progress } from "../../compiler/progress.ts";

function terminal(columns = 80): {
  readonly line: ReturnType<typeof progressLine>;
  readonly written: string[];
  readonly at: (ms: number) => void;
} {
  let ms = 500;
  const written: string[] = [];
  const line = progressLine({ write: (text) => written.push(text), now: () => ms, columns });
  return { line, written, at: (later) => { ms = 500 + later; } };
}

test("the first second shows nothing, and leaves nothing to take away", () => {
  const { line, written, at } = terminal();
  for (const ms of [0, 500, 999]) {
    at(ms);
    line.show({ stage: "parsing files:", done: 1, total: 2 });
  }
  line.clear();
  expect(written).toEqual([]);
});

test("after it one line is written over, ten times a second at most, and taken away once", () => {
  const { line, written, at } = terminal();
  for (const [ms, done] of [[1000, 1], [1050, 2], [1099, 3], [1100, 4]] as const) {
    at(ms);
    line.show({ stage: "parsing files:", done, total: 12_000 });
  }
  line.clear();
  line.clear();
  const erase = "\r\u001b[2K";
  expect(written).toEqual([
    `${erase}parsing files: 1 of 12,000`, `${erase}parsing files: 4 of 12,000`, erase,
  ]);
});

test("the line is no longer than the terminal is wide", () => {
  const { line, written, at } = terminal(10);
  at(2000);
  line.show({ stage: "checking documents" });
  expect(written).toEqual(["\r\u001b[2Kchecking "]);
});

test("a compilation tells its stages in their order, and counts what takes long", () => {
  const told: Progress[] = [];
  const text = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80}]}\n";
  const files = ["a.yaml", "b.yaml"].map((path) => ({ path, text }));
  const looked = compile(files, undefined, (progress) => told.push(progress));
  expect(told.map(progressText)).toEqual([
    "parsing files: 0 of 2", "parsing files: 1 of 2",
    "checking documents: 0 of 2", "attaching routes (0)", "lowering routes (0)",
    "planning the table", "comparing matches (0)",
  ]);
  expect(looked.table).toEqual(compile(files).table);
});
