// xxHash64 (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md), the hash by which Envoy's
// consistent hashing finds an endpoint. In halves of 32 bits: a BigInt would be allocated at each
// step, and the package that has it in WebAssembly is compiled at run time, which the platform
// refuses.

/** A 64-bit number; both halves are unsigned. */
export interface Hash64 {
  readonly high: number;
  readonly low: number;
}

/** A number that is worked on in place. */
interface Word {
  high: number;
  low: number;
}

const prime1: Hash64 = { high: 0x9e3779b1, low: 0x85ebca87 };
const prime2: Hash64 = { high: 0xc2b2ae3d, low: 0x27d4eb4f };
const prime3: Hash64 = { high: 0x165667b1, low: 0x9e3779f9 };
const prime4: Hash64 = { high: 0x85ebca77, low: 0xc2b2ae63 };
const prime5: Hash64 = { high: 0x27d4eb2f, low: 0x165667c5 };

function add(word: Word, high: number, low: number): void {
  const sum = word.low + low;
  word.low = sum >>> 0;
  word.high = (word.high + high + (sum > 0xffffffff ? 1 : 0)) >>> 0;
}

/** The upper half of the product of two unsigned 32-bit numbers. */
function upperProduct(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const other = aLow * bHigh + (middle & 0xffff);
  return aHigh * bHigh + (middle >>> 16) + (other >>> 16);
}

function multiply(word: Word, { high, low }: Hash64): void {
  const upper = upperProduct(word.low, low)
    + Math.imul(word.high, low) + Math.imul(word.low, high);
  word.low = Math.imul(word.low, low) >>> 0;
  word.high = upper >>> 0;
}

/** `count` is neither 0 nor 32, and below 64. */
function rotate(word: Word, count: number): void {
  const isFar = count > 32;
  const by = isFar ? count - 32 : count;
  const high = isFar ? word.low : word.high;
  const low = isFar ? word.high : word.low;
  word.high = ((high << by) | (low >>> (32 - by))) >>> 0;
  word.low = ((low << by) | (high >>> (32 - by))) >>> 0;
}

function xor(word: Word, high: number, low: number): void {
  word.high = (word.high ^ high) >>> 0;
  word.low = (word.low ^ low) >>> 0;
}

/** Takes 8 bytes of input, as a little-endian number, into a lane. */
function round(lane: Word, high: number, low: number): void {
  const input = { high, low };
  multiply(input, prime2);
  add(lane, input.high, input.low);
  rotate(lane, 31);
  multiply(lane, prime1);
}

function mergeLane(hash: Word, { high, low }: Word): void {
  const lane = { high: 0, low: 0 };
  round(lane, high, low);
  xor(hash, lane.high, lane.low);
  multiply(hash, prime1);
  add(hash, prime4.high, prime4.low);
}

/** `xxHash64` of 32 bytes or more, up to the last whole 32 of them; the rest is `finish`'s. */
function longHash(view: DataView, end: number, seed: Hash64): Word {
  const lanes: readonly Word[] = [{ ...seed }, { ...seed }, { ...seed }, { ...seed }];
  const [lane1, lane2, lane3, lane4] = lanes as readonly [Word, Word, Word, Word];
  add(lane1, prime1.high, prime1.low);
  add(lane1, prime2.high, prime2.low);
  add(lane2, prime2.high, prime2.low);
  // Minus the first prime.
  add(lane4, ~prime1.high >>> 0, (~prime1.low + 1) >>> 0);
  for (let at = 0; at < end; at += 32) {
    for (let i = 0; i < 4; i += 1) {
      const from = at + 8 * i;
      round(lanes[i] ?? lane1, view.getUint32(from + 4, true), view.getUint32(from, true));
    }
  }
  const hash = { high: 0, low: 0 };
  for (const [lane, turn] of [[lane1, 1], [lane2, 7], [lane3, 12], [lane4, 18]] as const) {
    const turned = { ...lane };
    rotate(turned, turn);
    add(hash, turned.high, turned.low);
  }
  for (const lane of lanes) mergeLane(hash, lane);
  return hash;
}

const noSeed: Hash64 = { high: 0, low: 0 };

export function xxHash64(bytes: Uint8Array, seed: Hash64 = noSeed): Hash64 {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const lanesEnd = bytes.length < 32 ? 0 : bytes.length - (bytes.length % 32);
  const hash = lanesEnd > 0 ? longHash(view, lanesEnd, seed) : { ...prime5 };
  if (lanesEnd === 0) add(hash, seed.high, seed.low);
  add(hash, 0, bytes.length);
  finish(hash, view, lanesEnd);
  return hash;
}

/** The bytes behind the lanes, fewer than 32, and the final mix. */
function finish(hash: Word, view: DataView, from: number): void {
  let at = from;
  for (; at + 8 <= view.byteLength; at += 8) {
    const lane = { high: 0, low: 0 };
    round(lane, view.getUint32(at + 4, true), view.getUint32(at, true));
    xor(hash, lane.high, lane.low);
    rotate(hash, 27);
    multiply(hash, prime1);
    add(hash, prime4.high, prime4.low);
  }
  if (at + 4 <= view.byteLength) {
    const part = { high: 0, low: view.getUint32(at, true) };
    multiply(part, prime1);
    xor(hash, part.high, part.low);
    rotate(hash, 23);
    multiply(hash, prime2);
    add(hash, prime3.high, prime3.low);
    at += 4;
  }
  for (; at < view.byteLength; at += 1) {
    const part = { high: 0, low: view.getUint8(at) };
    multiply(part, prime5);
    xor(hash, part.high, part.low);
    rotate(hash, 11);
    multiply(hash, prime1);
  }
  xor(hash, 0, hash.high >>> 1);
  multiply(hash, prime2);
  xor(hash, hash.high >>> 29, ((hash.low >>> 29) | (hash.high << 3)) >>> 0);
  multiply(hash, prime3);
  xor(hash, 0, hash.high);
}

const encoder = new TextEncoder();

export function hashText(text: string, seed: Hash64 = noSeed): Hash64 {
  return xxHash64(encoder.encode(text), seed);
}

/** `divisor` is below 2^26: products stay whole in a double. */
export function remainder({ high, low }: Hash64, divisor: number): number {
  return ((high % divisor) * (0x100000000 % divisor) + (low % divisor)) % divisor;
}
