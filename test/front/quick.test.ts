// The quick reader may decline any text; what it accepts, it has to read as the package does.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { ValuePath } from "../../compiler/manifest.ts";
import { readFull } from "../../compiler/parse/full.ts";
import { readQuick } from "../../compiler/parse/quick.ts";
import { find, keyPlace, newTape, valuePlace, type Tape } from "../../compiler/parse/tape.ts";

const canary = readFileSync(new URL("../../examples/canary/canary.yaml", import.meta.url), "utf8");

function pathsOf(value: unknown, path: ValuePath = []): readonly ValuePath[] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) =>
    pathsOf(inner, [...path, Array.isArray(value) ? Number(key) : key]))];
}

function places(tape: Tape, value: unknown, text: string): readonly unknown[] {
  return pathsOf(value).map((path) => {
    const { row, exact } = find(tape, 0, path, text);
    return { path, exact, value: valuePlace(tape, row), key: keyPlace(tape, row) };
  });
}

/** Whether the quick reader took the text. */
function compare(text: string): boolean {
  const quickTape = newTape();
  const quick = readQuick(text, 0, text.length, quickTape);
  if (!quick) return false;
  const fullTape = newTape();
  const full = readFull({ path: "x", text }, 0, text.length, fullTape);
  expect(full.diagnostics.map((d) => d.title), text).toEqual([]);
  expect(full.documents.length, text).toBeLessThanOrEqual(1);
  const value = full.documents[0]?.value ?? undefined;
  expect(quick.value, text).toEqual(value);
  if (value !== undefined) {
    expect(places(quickTape, value, text), text).toEqual(places(fullTape, value, text));
  }
  return true;
}

const documents = [
  ...canary.split(/^---$/m),
  "a: {b: [1, two, 'x''y', \"z\\n\"], c: }\nd:\n- - e\n  - f: g\n    h:\n- {}\n- []\n",
  "{\"a\": [1, {\"b\": null}],\n \"c\": \"d\\u00e9\", e: f g, \"h\":1}\n",
  "# comment\n'quoted key': a # b\nx: http://a:80/b#c\ny: -1\nz: - \n",
  "a:\n  b: 1\n\n  # c\n  d: yes\ne: ~\nf: 0644\ng: 1e3\nh: 2001-01-01\n",
  "a: b\r\nc:\r\n  - d\r\n  - e: f\r\n    g: h\r\n",
  "key with spaces: value with spaces\n-a: -b\n80: 443\n",
];

test("documents of the usual kind are read quickly and alike", () => {
  const taken = documents.map(compare);
  expect(taken.filter((t) => !t).length).toBeLessThanOrEqual(1);
});

test("a carriage return by itself is left to the yaml package", () => {
  const texts = ["{a: 1,\r  \n \"b\": 2}\n", "{a: 1,\r\n \"b\": 2}\n"];
  expect(texts.map(compare)).toEqual([false, true]);
});

test("what the quick reader accepts means the same to the yaml package, whatever is in it", () => {
  const edits = fc.array(
    fc.record({
      at: fc.nat(2000), remove: fc.nat(3),
      insert: fc.constantFrom(
        "", "", " ", "  ", "\n", "\n  ", ": ", "- ", "#", " #", "\"", "'", "{", "}", "[", "]", ",",
        "a", "a: b", "\n- a", "|", ">", "&a ", "*a", "!t ", "?", "%", "\t", "\\", "~", "<<: ",
        "\r\n",
        "...", "é", "界",
      ),
    }),
    { minLength: 1, maxLength: 4 },
  );
  let taken = 0;
  fc.assert(fc.property(fc.constantFrom(...documents), edits, (document, changes) => {
    let text = document;
    for (const { at, remove, insert } of changes) {
      const from = at % (text.length + 1);
      text = text.slice(0, from) + insert + text.slice(from + remove);
    }
    // `parse` cuts the text at markers before it comes here.
    if (!/^---(?=\s|$)/m.test(text) && compare(text)) taken++;
  }), { numRuns: Number(process.env.FUZZ_RUNS ?? 3000) });
  expect(taken).toBeGreaterThan(300);
});

const conformance = new URL("../../../shared/conformance/", import.meta.url);

test.skipIf(!existsSync(conformance))(
  "the conformance manifests are read alike (skipped where they are not at hand)",
  () => {
    const names = readdirSync(conformance).filter((name) => name.endsWith(".json"));
    const texts = names.flatMap((name) => {
      const { manifests = [], yaml } = JSON.parse(readFileSync(new URL(name, conformance), "utf8"));
      return [...manifests.map((m: { yaml: string }) => m.yaml), yaml];
    }).filter((text) => typeof text === "string");
    const chunks = texts.flatMap((text) => text.split(/^---.*$/m));
    const taken = chunks.filter(compare).length;
    expect(taken / chunks.length).toBeGreaterThan(0.9);
  },
);
