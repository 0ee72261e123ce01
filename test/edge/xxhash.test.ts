import { expect, test } from "vitest";

import { hashText, remainder, xxHash64, type Hash64 } from "../../runtime/edge/balancing/xxhash.ts";

function hex({ high, low }: Hash64): string {
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}

// The values that xxhsum 0.8 prints.
test.each([
  ["", "ef46db3751d8e999"],
  ["a", "d24ec4f1a98c6e5b"],
  ["abc", "44bc2cf5ad770999"],
  ["Nobody inspects the spammish repetition", "fbcea83c8a378bf1"],
])("the hash of %j is %s", (text, expected) => {
  expect(hex(hashText(text))).toBe(expected);
});

const mask = (1n << 64n) - 1n;
const [p1, p2, p3, p4, p5] = [
  0x9e3779b185ebca87n, 0xc2b2ae3d27d4eb4fn, 0x165667b19e3779f9n, 0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
] as const;
const turn = (x: bigint, n: bigint): bigint => ((x << n) | (x >> (64n - n))) & mask;
const round = (lane: bigint, input: bigint): bigint =>
  (turn((lane + input * p2) & mask, 31n) * p1) & mask;

/** The specification, word for word, in big integers. */
function slow(bytes: Uint8Array, seed: bigint): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const at64 = (at: number): bigint => view.getBigUint64(at, true);
  let at = 0;
  let hash = (seed + p5) & mask;
  if (bytes.length >= 32) {
    const lanes = [seed + p1 + p2, seed + p2, seed, seed - p1].map((x) => x & mask);
    for (; at + 32 <= bytes.length; at += 32) {
      lanes.forEach((lane, i) => { lanes[i] = round(lane, at64(at + 8 * i)); });
    }
    hash = lanes.reduce((sum, lane, i) => sum + turn(lane, [1n, 7n, 12n, 18n][i]!), 0n) & mask;
    for (const lane of lanes) hash = ((hash ^ round(0n, lane)) * p1 + p4) & mask;
  }
  hash = (hash + BigInt(bytes.length)) & mask;
  for (; at + 8 <= bytes.length; at += 8) {
    hash = (turn(hash ^ round(0n, at64(at)), 27n) * p1 + p4) & mask;
  }
  if (at + 4 <= bytes.length) {
    hash = (turn(hash ^ ((BigInt(view.getUint32(at, true)) * p1) & mask), 23n) * p2 + p3) & mask;
    at += 4;
  }
  for (; at < bytes.length; at += 1) {
    hash = (turn(hash ^ ((BigInt(bytes[at]!) * p5) & mask), 11n) * p1) & mask;
  }
  hash = ((hash ^ (hash >> 33n)) * p2) & mask;
  hash = ((hash ^ (hash >> 29n)) * p3) & mask;
  return hash ^ (hash >> 32n);
}

test("of any length and seed it is what the specification says, and so is its remainder", () => {
  for (let length = 0; length < 150; length += 1) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 73 + length * 31) % 256);
    for (const seed of [{ high: 0, low: 0 }, { high: 0, low: 1 }, { high: 0x9abcdef0, low: 7 }]) {
      const expected = slow(bytes, (BigInt(seed.high) << 32n) | BigInt(seed.low));
      const hash = xxHash64(bytes, seed);
      expect(hex(hash)).toBe(expected.toString(16).padStart(16, "0"));
      for (const divisor of [100, 65_537, 5_000_011]) {
        expect(remainder(hash, divisor)).toBe(Number(expected % BigInt(divisor)));
      }
    }
  }
});
