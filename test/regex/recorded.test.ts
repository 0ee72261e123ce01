// RE2 itself is the judge: its answers were recorded once, and hold for the automaton in TypeScript
// and for the core.

import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { combine } from "../../compiler/regex/automaton.ts";
import { parse } from "../../compiler/regex/parse.ts";
import { run } from "../../compiler/regex/run.ts";
import { automaton, createRunner, encodeFor, expressions, type Runner } from "./world.ts";

interface Recorded {
  readonly texts: readonly string[];
  readonly matches: readonly (readonly [string, readonly number[]])[];
  readonly refused: readonly (readonly [string, string])[];
}

const recorded = JSON.parse(
  readFileSync(new URL("recorded.json", import.meta.url), "utf8")) as Recorded;
const texts = recorded.texts.map((hex) => new Uint8Array(Buffer.from(hex, "hex")));
let core: Runner;

beforeAll(async () => { core = await createRunner(); });

describe("matches what RE2 matches, byte for byte", () => {
  test.each(recorded.matches)("%s", (pattern, places) => {
    const made = automaton([pattern]);
    encodeFor(core, made);
    const matched = (answer: (text: Uint8Array) => readonly number[]): readonly number[] =>
      texts.flatMap((text, place) => (answer(text).length > 0 ? [place] : []));
    expect(matched((text) => run(made, text))).toEqual(places);
    expect(matched((text) => core.run(text))).toEqual(places);
  });
});

describe("refuses what RE2 refuses", () => {
  test.each(recorded.refused)("%s", (pattern) => {
    expect(parse(pattern)).toMatchObject({ kind: "invalid" });
  });
});

test("patterns combined say the same as each alone", () => {
  const kept = recorded.matches.filter(([pattern]) => !pattern.includes("\\C"));
  const { automata, refused } = combine(expressions(kept.map(([pattern]) => pattern)));
  expect(refused).toEqual([]);
  expect(automata.flatMap(({ ids }) => ids)).toEqual(kept.map((_, id) => id));
  const wanted = texts.map((_, place) =>
    kept.flatMap(([, places], id) => (places.includes(place) ? [id] : [])));
  expect(texts.map((text) => automata.flatMap((one) => run(one.automaton, text)))).toEqual(wanted);
  const byCore = texts.map((): number[] => []);
  for (const one of automata) {
    encodeFor(core, one.automaton);
    texts.forEach((text, place) => byCore[place]?.push(...core.run(text)));
  }
  expect(byCore).toEqual(wanted);
});
