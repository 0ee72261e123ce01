// How Envoy spreads requests over priorities: a priority takes as much as it has health, and health
// counts 1.4 times, so that up to two sevenths of its endpoints may be out before the next priority
// gets anything.

/** The endpoints of one priority. */
export interface Health {
  readonly total: number;
  readonly healthy: number;
}

export interface Load {
  /** In percent, together 100. */
  readonly shares: readonly number[];
  /** Whether a priority's ejected endpoints take requests as well. */
  readonly panic: readonly boolean[];
}

export const overprovisioning = 140;

/** `panicPercent` 0: never panic. There is at least one priority. */
export function spread(priorities: readonly Health[], panicPercent: number): Load {
  const health = priorities.map(({ total, healthy }) =>
    (total === 0 ? 0 : Math.min(100, Math.floor((overprovisioning * healthy) / total))));
  const available = Math.min(100, health.reduce((sum, h) => sum + h, 0));
  const calm = priorities.map(() => false);
  if (panicPercent === 0 && available === 0) return { shares: allToFirst(priorities), panic: calm };
  const panic = available === 100 ? calm : priorities.map(({ total, healthy }) =>
    (total === 0 ? 0 : (100 * healthy) / total) < panicPercent);
  if (panic.every((p) => p)) return { shares: byCount(priorities), panic };
  let left = 100;
  const shares = health.map((h) => {
    const share = Math.min(left, Math.floor((h * 100) / available));
    left -= share;
    return share;
  });
  return { shares: withRest(shares, health.findIndex((h) => h > 0), left), panic };
}

function allToFirst(priorities: readonly Health[]): readonly number[] {
  return priorities.map((_, index) => (index === 0 ? 100 : 0));
}

/** Where all are in panic, numbers of endpoints count, not their health. */
function byCount(priorities: readonly Health[]): readonly number[] {
  const all = priorities.reduce((sum, { total }) => sum + total, 0);
  if (all === 0) return allToFirst(priorities);
  const shares = priorities.map(({ total }) => Math.floor((100 * total) / all));
  const left = 100 - shares.reduce((sum, share) => sum + share, 0);
  return withRest(shares, priorities.findIndex(({ total }) => total > 0), left);
}

/** What rounding left goes to one of them. */
function withRest(shares: readonly number[], to: number, rest: number): readonly number[] {
  return shares.map((share, index) => (index === to ? share + rest : share));
}

/** The priority of a number from 0 to 99. */
export function choose({ shares }: Load, percent: number): number {
  let upTo = 0;
  for (const [priority, share] of shares.entries()) {
    upTo += share;
    if (percent < upTo) return priority;
  }
  return 0;
}
