// compiler/table/hash.ts and filters/core/hash.ts are twins. The core's side shows in its checksum
// and in finding hosts and paths; here the 64-bit arithmetic itself is held against BigInt.

import fc from "fast-check";
import { expect, test } from "vitest";
import { absorb, finish, home, seed } from "../../compiler/table/hash.ts";

const mask = (1n << 64n) - 1n;
const multiplier = 0x9e3779b97f4a7c15n;
const finalizer = 0xd6e8feb86659fd93n;

function mix(state: bigint, word: bigint): bigint {
  const product = ((state ^ word) * multiplier) & mask;
  return product ^ (product >> 32n);
}

function absorbBig(state: bigint, bytes: Uint8Array): bigint {
  const ended = [...bytes, 1];
  while (ended.length % 8 !== 0) ended.push(0);
  let next = state;
  for (let at = 0; at < ended.length; at += 8) {
    let word = 0n;
    for (let i = 7; i >= 0; i--) word = (word << 8n) | BigInt(ended[at + i] ?? 0);
    next = mix(next, word);
  }
  return next;
}

test("hashing agrees with the same arithmetic in big integers", () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }),
      fc.nat({ max: 1 }),
      (owner, parts, kind) => {
        const state = parts.reduce(absorb, seed(owner));
        const big = parts.reduce(absorbBig, mix(multiplier, BigInt(owner)));
        expect((BigInt(state.high) << 32n) | BigInt(state.low)).toBe(big);
        expect(finish(state, kind)).toBe(
          Number((((big ^ BigInt(kind)) * finalizer) & mask) >> 32n),
        );
      },
    ),
    { numRuns: 2000 },
  );
});

test("a tag's first place is inside the table whatever its number of slots", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 0xffffffff }),
      fc.integer({ min: 2, max: 300_000 }),
      (tag, slots) => {
        const at = home(tag, slots);
        expect(at).toBe(Number((BigInt(tag) * BigInt(slots)) >> 32n));
        expect(at).toBeLessThan(slots);
      },
    ),
  );
});
