// The house rules that a program can hold. A rule that needs an exception gets it here, with its
// reason, and nowhere else.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAst } from "vitest/node";
import { expect, test } from "vitest";

import { codes } from "../compiler/codes.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const columnsMax = 100;
const linesMax = 400;
const functionLinesMax = 60;
const coreFunctionLinesMax = 40;
const wasmBytesMax = 24 * 1024;

/** These talk to people or are asked for by name by the tool that loads them. */
const mayPrint = new RegExp([
  "compiler/(main\\.ts|bin\\.mjs|toolchain/)", "runtime/demo/", "bench/", "test/",
  // A deployed worker's log is its console.
  "runtime/edge/worker\\.ts$",
].map((path) => `^${path}`).join("|"));
const mayExportDefault =
  /^[^/]+\.config\.ts$|^runtime\/edge\/(dev-)?worker\.ts$|^test\/summary\.ts$|\.d\.ts$/;

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

interface Source {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly nodes: readonly Node[];
}

const sources = ["compiler", "filters", "runtime", "bench", "test"].flatMap(walk)
  .concat(readdirSync(root).filter((name) => name.endsWith(".ts")))
  .filter((path) => /\.(ts|mjs)$/.test(path))
  .map(readSource);

function walk(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? walk(path) : [path];
  });
}

function readSource(path: string): Source {
  const text = readFileSync(join(root, path), "utf8");
  // AssemblyScript decorates functions, which TypeScript's grammar does not have.
  const parsable = text.replace(/^( *)@(\w+(?:\([^)\n]*\))?)/gm, (all) => " ".repeat(all.length));
  const lang = path.endsWith(".d.ts") ? "dts" : "ts";
  return { path, text, lines: text.split("\n"), nodes: flatten(parseAst(parsable, { lang })) };
}

function flatten(value: unknown): readonly Node[] {
  const found: Node[] = [];
  const pending: unknown[] = [value];
  while (pending.length > 0) {
    const next = pending.pop();
    if (typeof next !== "object" || next === null) continue;
    if ("type" in next && "start" in next) found.push(next as Node);
    pending.push(...Object.values(next));
  }
  return found;
}

function at({ path, text }: Source, { start }: Node): string {
  return `${path}:${text.slice(0, start).split("\n").length}`;
}

function places(type: string, of: readonly Source[] = sources): readonly string[] {
  return of.flatMap((source) =>
    source.nodes.filter((node) => node.type === type).map((node) => at(source, node)));
}

const outsideTests = sources.filter(({ path }) => !path.startsWith("test/"));

test(`no line is longer than ${columnsMax} columns`, () => {
  const long = sources.flatMap(({ path, lines }) =>
    lines.flatMap((line, i) => ([...line].length > columnsMax ? [`${path}:${i + 1}`] : [])));
  expect(long).toEqual([]);
});

test(`no file is longer than ${linesMax} lines`, () => {
  const long = sources.filter(({ lines }) => lines.length - 1 > linesMax);
  expect(long.map(({ path, lines }) => `${path}: ${lines.length - 1}`)).toEqual([]);
});

test("no function is longer than its folder allows", () => {
  const long = outsideTests.flatMap((source) => {
    const max = source.path.startsWith("filters/core/") ? coreFunctionLinesMax : functionLinesMax;
    return source.nodes
      .filter(({ type }) => /^(Arrow)?Function(Declaration|Expression)?/.test(type))
      .map((node) => ({ node, count: source.text.slice(node.start, node.end).split("\n").length }))
      .filter(({ count }) => count > max)
      .map(({ node, count }) => `${at(source, node)}: ${count} of ${max}`);
  });
  expect(long).toEqual([]);
});

test("types are known: no any, and no `!` outside tests", () => {
  expect(places("TSAnyKeyword")).toEqual([]);
  expect(places("TSNonNullExpression", outsideTests)).toEqual([]);
});

test("exports have names, and only the ends print", () => {
  const named = sources.filter(({ path }) => !mayExportDefault.test(path));
  expect(places("ExportDefaultDeclaration", named)).toEqual([]);
  const printing = sources.filter(({ path }) => !mayPrint.test(path)).flatMap((source) =>
    source.nodes
      .filter(({ type, name }) => type === "Identifier" && name === "console")
      .map((node) => at(source, node)));
  expect(printing).toEqual([]);
});

test("no comment puts work off without an issue's number", () => {
  const open = new RegExp(`\\b(${"TO"}DO|FIX${"ME"})\\b(?!.*#\\d)`);
  const found = sources.flatMap(({ path, lines }) =>
    lines.flatMap((line, i) => (open.test(line) ? [`${path}:${i + 1}`] : [])));
  expect(found).toEqual([]);
});

test("every diagnostic code is given by some source and asked for by some test", () => {
  const inSources = outsideTests.filter(({ path }) => path !== "compiler/codes.ts");
  const inTests = walk("test").map((path) => readFileSync(join(root, path), "utf8"));
  const unused = Object.keys(codes).filter((code) => !inSources.some((s) => s.text.includes(code)));
  const untested = Object.keys(codes).filter((code) => !inTests.some((t) => t.includes(code)));
  expect({ unused, untested }).toEqual({ unused: [], untested: [] });
});

test("the wasm stays small", () => {
  for (const name of ["core.wasm", "filter.wasm"]) {
    expect(statSync(join(root, "dist", name)).size, name).toBeLessThanOrEqual(wasmBytesMax);
  }
});
