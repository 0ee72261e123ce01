// Consistent hashing as Envoy does it, so that a key leads to the same endpoint behind either
// runtime: the hash ring (ketama) and Maglev's table (section 3.4 of the paper). Both are built of
// endpoints that may take requests; when one of them goes, or comes back, they are built anew.

import { hashText, remainder, type Hash64 } from "./xxhash.ts";

/** An endpoint with its share of all keys. */
export interface Weighed {
  readonly endpoint: number;
  /** `address:port`; an IPv6 address stands in brackets. */
  readonly key: string;
  /** Of all together: 1. */
  readonly weight: number;
}

/** The endpoint for a hash, or -1 where there is none. */
export type Lookup = (hash: Hash64) => number;

/** Envoy's limit. */
const ringSizeMax = 8 * 1024 * 1024;

const nowhere: Lookup = () => -1;

interface Point extends Hash64 {
  readonly endpoint: number;
}

function isBelow(a: Hash64, b: Hash64): boolean {
  return a.high < b.high || (a.high === b.high && a.low < b.low);
}

/**
 * The least endpoint gets whole points, at least `minimumSize` of them in all; the others as many
 * as their weights allow, fractions being carried over from one endpoint to the next.
 */
export function buildRing(endpoints: readonly Weighed[], minimumSize: number): Lookup {
  if (endpoints.length === 0) return nowhere;
  const least = Math.min(...endpoints.map(({ weight }) => weight));
  const scale = Math.min(Math.ceil(least * minimumSize) / least, ringSizeMax);
  const points: Point[] = [];
  let target = 0;
  for (const { endpoint, key, weight } of endpoints) {
    target += scale * weight;
    for (let i = 0; points.length < target; i += 1) {
      const { high, low } = hashText(`${key}_${i}`);
      points.push({ high, low, endpoint });
    }
  }
  points.sort((a, b) => a.high - b.high || a.low - b.low);
  return (hash) => points[firstAt(points, hash)]?.endpoint ?? -1;
}

/** The first point that is not below the hash; behind the last comes the first. */
function firstAt(points: readonly Point[], hash: Hash64): number {
  let from = 0;
  let to = points.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    const point = points[middle];
    if (point !== undefined && isBelow(point, hash)) from = middle + 1;
    else to = middle;
  }
  return from === points.length ? 0 : from;
}

interface Claim {
  readonly endpoint: number;
  readonly weight: number;
  readonly skip: number;
  /** Where the next place is looked for. */
  place: number;
  /** It takes a place once its weight times the round has come up to this. */
  target: number;
}

/** Endpoints take places in turns, by their weights; `size` is a prime. */
export function buildMaglev(endpoints: readonly Weighed[], size: number): Lookup {
  if (endpoints.length === 0) return nowhere;
  const greatest = Math.max(...endpoints.map(({ weight }) => weight));
  const claims = [...endpoints]
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ endpoint, key, weight }): Claim => ({
      endpoint, weight, target: 0,
      place: remainder(hashText(key), size),
      skip: remainder(hashText(key, { high: 0, low: 1 }), size - 1) + 1,
    }));
  const table = fill(claims, greatest, size);
  return (hash) => table[remainder(hash, size)] ?? -1;
}

function fill(claims: readonly Claim[], greatest: number, size: number): Int32Array {
  const table = new Int32Array(size).fill(-1);
  let filled = 0;
  for (let turn = 1; filled < size; turn += 1) {
    for (const claim of claims) {
      if (filled === size) break;
      if (turn * claim.weight < claim.target) continue;
      claim.target += greatest;
      while (table[claim.place] !== -1) step(claim, size);
      table[claim.place] = claim.endpoint;
      step(claim, size);
      filled += 1;
    }
  }
  return table;
}

function step(claim: Claim, size: number): void {
  const place = claim.place + claim.skip;
  claim.place = place < size ? place : place - size;
}
