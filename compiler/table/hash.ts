// The table's hash in TypeScript, twin of filters/core/hash.ts: 64-bit arithmetic on two 32-bit
// halves, since BigInt is too slow for a hundred thousand routes. A test holds the twins together.

/** A 64-bit state; both halves are unsigned. */
export interface HashState {
  readonly high: number;
  readonly low: number;
}

const MULTIPLIER: HashState = { high: 0x9e3779b9, low: 0x7f4a7c15 };
const FINALIZER: HashState = { high: 0xd6e8feb8, low: 0x6659fd93 };

/** The upper 32 bits of a 32 × 32 bit product. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
}

/** (high, low) * by, modulo 2^64. */
function multiply(high: number, low: number, by: HashState): HashState {
  return {
    high: (multiplyHigh(low, by.low) + Math.imul(high, by.low) + Math.imul(low, by.high)) >>> 0,
    low: Math.imul(low, by.low) >>> 0,
  };
}

function mix(state: HashState, wordHigh: number, wordLow: number): HashState {
  const product = multiply(state.high ^ wordHigh, state.low ^ wordLow, MULTIPLIER);
  return { high: product.high, low: (product.low ^ product.high) >>> 0 };
}

/** The state that a host name (by gateway port) or a path (by virtual host) starts from. */
export function seed(owner: number): HashState {
  return mix(MULTIPLIER, 0, owner);
}

/** Goes on over a path segment whose text does not matter. */
export function absorbParameter(state: HashState): HashState {
  return mix(state, 0, 0);
}

function word(bytes: Uint8Array, at: number, end: number): number {
  let value = 0;
  for (let i = Math.min(at + 4, end) - 1; i >= at; i--) value = (value << 8) | (bytes[i] ?? 0);
  return value >>> 0;
}

/** Goes on from `state` over one host name or path segment. */
export function absorb(state: HashState, bytes: Uint8Array): HashState {
  const whole = bytes.length & ~7;
  let next = state;
  for (let at = 0; at < whole; at += 8) {
    next = mix(next, word(bytes, at + 4, bytes.length), word(bytes, at, bytes.length));
  }
  // A set bit behind the last byte tells "a" from "a\0", and an empty segment from none.
  const left = (bytes.length & 7) << 3;
  const high = word(bytes, whole + 4, bytes.length) | (left >= 32 ? 1 << (left - 32) : 0);
  const low = word(bytes, whole, bytes.length) | (left < 32 ? 1 << left : 0);
  return mix(next, high >>> 0, low >>> 0);
}

/** The 32 bits that are both the tag and what the slot is computed from. */
export function finish(state: HashState, kind: number): number {
  return multiply(state.high, (state.low ^ kind) >>> 0, FINALIZER).high;
}

/** The first of `slots` places to look at for a tag. */
export function home(tag: number, slots: number): number {
  return Math.floor((tag * slots) / 0x100000000);
}

/** Checksum of bytes whose length is a multiple of 8. */
export function checksum(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let state = seed(bytes.length);
  for (let at = 0; at < bytes.length; at += 8) {
    state = mix(state, view.getUint32(at + 4, true), view.getUint32(at, true));
  }
  return finish(state, 0);
}
