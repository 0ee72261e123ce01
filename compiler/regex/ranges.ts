// Sets of code points: sorted, disjoint, non-adjacent [low, high] pairs in one flat list.

export type Ranges = readonly number[];

export const RUNE_MAX = 0x10ffff;

/** The same set in normal form, from pairs in any order. */
export function normal(pairs: readonly number[]): Ranges {
  const sorted: [number, number][] = [];
  for (let i = 0; i + 1 < pairs.length; i += 2) sorted.push([pairs[i] ?? 0, pairs[i + 1] ?? 0]);
  sorted.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const out: number[] = [];
  for (const [low, high] of sorted) {
    const last = out.length - 1;
    if (last > 0 && low <= (out[last] ?? 0) + 1) out[last] = Math.max(out[last] ?? 0, high);
    else out.push(low, high);
  }
  return out;
}

export function negate(ranges: Ranges): Ranges {
  const out: number[] = [];
  let next = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    const low = ranges[i] ?? 0;
    if (next < low) out.push(next, low - 1);
    next = (ranges[i + 1] ?? 0) + 1;
  }
  if (next <= RUNE_MAX) out.push(next, RUNE_MAX);
  return out;
}

export function contains(ranges: Ranges, rune: number): boolean {
  for (let i = 0; i < ranges.length; i += 2) {
    if (rune < (ranges[i] ?? 0)) return false;
    if (rune <= (ranges[i + 1] ?? 0)) return true;
  }
  return false;
}

export function same(a: Ranges, b: Ranges): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

/** The one code point of a set that has just one. */
export function single(ranges: Ranges): number | undefined {
  return ranges.length === 2 && ranges[0] === ranges[1] ? ranges[0] : undefined;
}
