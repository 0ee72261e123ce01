// Random patterns and texts: the core, the automaton in TypeScript, JavaScript's own expressions
// where the two languages coincide, and re2js where it is installed.

import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { buildAutomaton } from "../../compiler/regex/automaton.ts";
import { run } from "../../compiler/regex/run.ts";
import { bytesOf, createRunner, encodeFor, tree, type Runner } from "./world.ts";

let core: Runner;

beforeAll(async () => { core = await createRunner(); });

const repetition = fc.constantFrom(
  "", "", "", "", "*", "+", "?", "{2}", "{0,2}", "{1,}", "*?", "{2,3}?");

function patterns(atoms: readonly string[]): fc.Arbitrary<string> {
  const repeated = fc.tuple(fc.constantFrom(...atoms), repetition).map((parts) => parts.join(""));
  return fc.letrec<{ node: string }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 4 },
      { weight: 4, arbitrary: repeated },
      { weight: 4, arbitrary: fc.tuple(tie("node"), tie("node")).map((parts) => parts.join("")) },
      { weight: 1, arbitrary: fc.tuple(tie("node"), tie("node")).map(([a, b]) => `(${a}|${b})`) },
      { weight: 2, arbitrary: fc.tuple(tie("node"), repetition).map(([a, r]) => `(?:${a})${r}`) }),
  })).node;
}

function texts(pieces: readonly string[]): fc.Arbitrary<readonly string[]> {
  const text = fc.array(fc.constantFrom(...pieces), { maxLength: 8 }).map((some) => some.join(""));
  return fc.array(text, { minLength: 10, maxLength: 10 });
}

const plainAtoms = [
  ..."abcAK/-09_", "\\.", "\\d", "\\w", "\\D", "\\W", "[^/]", "[^a]", "[a-c]", "[a-]",
  "\\n", "(?:\\b)", "(?:\\B)", "(?:^)", "(?:$)",
];
const atoms = [
  ...plainAtoms, ".", "\\s", "\\S", "é", "ſ", "k", "[^é]", "[é-ü]", "[[:alpha:]]", "[[:^word:]]",
  "\\pL", "\\PL", "\\p{Greek}", "(?i)", "(?s)", "(?m)", "(?-i)", "(?i:k)", "\\x{e9}", "\\A", "\\z",
];
const plainPieces = [..."abcAK/-.09_", "ab", "\n"];
const pieces = [...plainPieces, "é", "ſ", "k", "ü", "α", "\u212a", "\u{1f600}", " "];
const bytes = fc.array(fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...pieces).map((piece) => [...bytesOf(piece)]) },
  { weight: 1, arbitrary: fc.constantFrom(
    [0xff], [0xc3], [0x80], [0xed, 0xa0, 0x80], [0xe0, 0x80, 0x80], [0xf4, 0xbf, 0xbf, 0xbf],
    [0xc0, 0x80], [0]) },
), { maxLength: 8 }).map((parts) => Uint8Array.from(parts.flat()));

/** Whether the pattern matches each text, by both runners. */
function answers(pattern: string, all: readonly Uint8Array[]): readonly boolean[] | undefined {
  const made = buildAutomaton([{ id: 0, node: tree(pattern) }]);
  if (made.kind !== "automaton") return undefined;
  encodeFor(core, made);
  const byTypeScript = all.map((text) => run(made, text).length > 0);
  expect(all.map((text) => core.run(text).length > 0)).toEqual(byTypeScript);
  return byTypeScript;
}

test("where JavaScript means the same it says the same", () => {
  fc.assert(fc.property(patterns(plainAtoms), texts(plainPieces), (pattern, some) => {
    const theirs = new RegExp(`^(?:${pattern})$`, "u");
    expect(answers(pattern, some.map(bytesOf))).toEqual(some.map((text) => theirs.test(text)));
  }), { numRuns: 400 });
});

test("the core and TypeScript agree on any bytes", () => {
  const some = fc.array(bytes, { minLength: 10, maxLength: 10 });
  fc.assert(fc.property(patterns([...atoms, "\\C"]), some, (pattern, all) => {
    fc.pre(isPattern(pattern));
    answers(pattern, all);
  }), { numRuns: 400 });
});

test("several patterns in one automaton answer as each alone", () => {
  const some = fc.array(patterns(atoms).filter(isPattern), { minLength: 2, maxLength: 5 });
  fc.assert(fc.property(some, fc.array(bytes, { maxLength: 10 }), (all, inputs) => {
    const together = buildAutomaton(all.map((pattern, id) => ({ id, node: tree(pattern) })));
    const alone = all.map((pattern) => buildAutomaton([{ id: 0, node: tree(pattern) }]));
    if (together.kind !== "automaton") return;
    encodeFor(core, together);
    for (const text of inputs) {
      const ids = alone.flatMap((one, id) =>
        (one.kind === "automaton" && run(one, text).length > 0 ? [id] : []));
      expect(run(together, text)).toEqual(ids);
      expect(core.run(text)).toEqual(ids);
    }
  }), { numRuns: 100 });
}, 120_000);

function isPattern(pattern: string): boolean {
  try {
    tree(pattern);
    return true;
  } catch {
    return false;
  }
}

interface Re2js {
  readonly RE2JS: { readonly matches: (pattern: string, text: string) => boolean };
}

// The name in a variable: it is a judge for this test only, and nothing else needs it.
const name = "re2js";
const re2js = await import(name).then((module: Re2js) => module.RE2JS, () => undefined);

test("a port of RE2 says the same of any text", (context) => {
  if (re2js === undefined) return context.skip("re2js is not installed");
  fc.assert(fc.property(patterns(atoms), texts(pieces), (pattern, some) => {
    fc.pre(isPattern(pattern));
    const mine = answers(pattern, some.map(bytesOf));
    if (mine === undefined) return;
    expect(mine).toEqual(some.map((text) => re2js.matches(pattern, text)));
  }), { numRuns: 400 });
});
