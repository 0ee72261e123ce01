// Bytes that are no automaton are refused, or do no harm; patterns that would explode end early.

import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { buildAutomaton, combine } from "../../compiler/regex/automaton.ts";
import { encodeAutomaton } from "../../compiler/regex/encode.ts";
import { automaton, bytesOf, createRunner, expressions, type Runner } from "./world.ts";

let core: Runner;

beforeAll(async () => { core = await createRunner(); });

const honest = encodeAutomaton(automaton([
  "/users/[^/]+/posts", "/users/[0-9]+/posts", "(?i)/api/.*", "/a-long-literal-of-many-bytes",
]));
const paths = [
  ...["", "/", "/users/7/posts", "/API/é", "/a-long-literal-of-many-bytes"].map(bytesOf),
  Uint8Array.from({ length: 200 }, (_, i) => i + 100),
];

test("what the encoder makes is taken, and ids beyond the limit are not", () => {
  expect(core.verify(honest, 4)).toBe(true);
  expect(core.verify(honest, 3)).toBe(false);
});

test("any one damaged word is refused or harmless", () => {
  let refused = 0;
  fc.assert(fc.property(
    fc.nat(honest.length / 4 - 1), fc.oneof(fc.nat(0xffff_ffff), fc.nat(40), fc.constantFrom(
      0xffff_ffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffc, 0x5555_5556)),
    (word, value) => {
      const bytes = honest.slice();
      new DataView(bytes.buffer).setUint32(word * 4, value, true);
      if (!core.verify(bytes, 4)) {
        refused += 1;
        return;
      }
      for (const path of paths) for (const id of core.run(path)) expect(id).toBeLessThan(4);
    }), { numRuns: 5000 });
  expect(refused).toBeGreaterThan(1000);
});

test("no truncation is taken", () => {
  for (let length = 0; length < honest.length; length += 1) {
    expect(core.verify(honest.slice(0, length), 4)).toBe(false);
  }
});

test("arbitrary bytes behind an honest header are refused or harmless", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), fc.nat(honest.length - 64),
    (noise, at) => {
      const bytes = honest.slice();
      bytes.set(noise, Math.max(at, 56));
      if (bytes.length !== honest.length || !core.verify(bytes, 4)) return;
      for (const path of paths) core.run(path);
    }), { numRuns: 2000 });
});

describe("a hostile pattern is too large, and soon", () => {
  // No clock: the cap on steps is low, and within it no more is done.
  const limits = { statesMax: 2000, workMax: 300_000 };
  test.each([
    "(.*a.{20})", "(a*)*b{1000}c(?:x?){1000}(?:[ab]*a[ab]{30})", "(?:a?){500}a{500}.*b.{40}",
    "\\pL{1000}", "(?:\\pL\\PL){500}", "(?i)(?:.*[k-s].{12}){3}", "(?:[^/]*a[^/]{15}/){4}",
  ])("%s", (pattern) => {
    expect(buildAutomaton(expressions([pattern]), limits)).toMatchObject({ kind: "too-large" });
  });
});

test("long but harmless patterns fit", () => {
  const patterns = ["(a*)*b{1000}", ".{1000}", "[^/]{1,255}", "(?:a?){500}a{500}", "\\pL{20}"];
  for (const pattern of patterns) {
    expect(buildAutomaton(expressions([pattern])), pattern).toMatchObject({ kind: "automaton" });
  }
});

test("patterns whose product explodes are split, and the one that can't be built is named", () => {
  const many = Array.from({ length: 24 }, (_, i) => `.*x${i}y.*`);
  const limits = { statesMax: 3000, workMax: 3_000_000 };
  const { automata, refused } = combine(expressions([...many, ".*a.{20}"]), limits);
  expect(automata.length).toBeGreaterThan(1);
  expect(automata.length).toBeLessThan(12);
  expect(automata.flatMap(({ ids }) => ids)).toEqual(many.map((_, id) => id));
  expect(refused.map(({ id }) => id)).toEqual([24]);
});

test("the same expressions give the same bytes, whatever else was built before", () => {
  const patterns = ["/a/[^/]+", "/a/b", "/.*"];
  const first = encodeAutomaton(automaton(patterns));
  automaton(["[x-z]+"]);
  expect(encodeAutomaton(automaton(patterns))).toEqual(first);
});
