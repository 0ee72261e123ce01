// Sets of code points as sequences of byte ranges, cut exactly where RE2 cuts them.

import type { Ranges } from "./ranges.ts";

/** Each element holds one byte between `low` and `high`. */
export type Sequence = readonly { readonly low: number; readonly high: number }[];

/**
 * RE2 takes the whole range beyond ASCII (as in `.` or `[^/]`) for any lead byte C2–DF, E0–EF or
 * F0–F4 with as many continuation bytes as it asks for, overlong forms and values beyond Unicode
 * included; any smaller range it cuts exactly. Surrogates count as code points. A byte that fits
 * in neither way is matched by nothing but \C. So do we: real Envoy must give the same answer.
 */
export const beyondAscii: readonly Sequence[] = [[0xc2, 0xdf], [0xe0, 0xef], [0xf0, 0xf4]].map(
  ([low = 0, high = 0], i) => [
    { low, high }, ...Array.from({ length: i + 1 }, () => ({ low: 0x80, high: 0xbf })),
  ]);

/** The largest code point of each length in bytes. */
const lengthMax = [0x7f, 0x7ff, 0xffff, 0x10ffff];

export function utf8Sequences(ranges: Ranges): readonly Sequence[] {
  const out: Sequence[] = [];
  for (let i = 0; i < ranges.length; i += 2) add(out, ranges[i] ?? 0, ranges[i + 1] ?? 0);
  return out;
}

function add(out: Sequence[], low: number, high: number): void {
  if (low === 0x80 && high === 0x10ffff) {
    out.push(...beyondAscii);
    return;
  }
  for (const max of lengthMax) {
    if (low <= max && max < high) {
      add(out, low, max);
      add(out, max + 1, high);
      return;
    }
  }
  if (high <= 0x7f) {
    out.push([{ low, high }]);
    return;
  }
  for (const bits of [6, 12, 18]) {
    const mask = 2 ** bits - 1;
    if (low >> bits === high >> bits) continue;
    if ((low & mask) !== 0) {
      add(out, low, low | mask);
      add(out, (low | mask) + 1, high);
      return;
    }
    if ((high & mask) !== mask) {
      add(out, low, (high & ~mask) - 1);
      add(out, high & ~mask, high);
      return;
    }
  }
  const from = encode(low);
  const to = encode(high);
  out.push(from.map((byte, i) => ({ low: byte, high: to[i] ?? byte })));
}

/** UTF-8 without regard for surrogates, which `TextEncoder` would replace. */
export function encode(rune: number): readonly number[] {
  const tail = (shift: number): number => 0x80 | ((rune >> shift) & 0x3f);
  if (rune < 0x80) return [rune];
  if (rune < 0x800) return [0xc0 | (rune >> 6), tail(0)];
  if (rune < 0x10000) return [0xe0 | (rune >> 12), tail(6), tail(0)];
  return [0xf0 | (rune >> 18), tail(12), tail(6), tail(0)];
}

/** Whether bytes are characters as `beyondAscii` has them; only \C matches any others. */
export function isText(bytes: Uint8Array): boolean {
  let left = 0;
  for (const byte of bytes) {
    const continues = byte >= 0x80 && byte <= 0xbf;
    if (continues !== left > 0) return false;
    if (continues) left -= 1;
    else if (byte >= 0x80) {
      if (byte < 0xc2 || byte > 0xf4) return false;
      left = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    }
  }
  return left === 0;
}
