// How a limit is divided among isolates. Each holds a lease of a part of it, for a short time and
// anew with every exchange; what is granted never depends on isolates that are gone, since their
// leases run out.

export interface Lease {
  readonly granted: number;
  /** How many requests the isolate had, or would have had, at one time. */
  readonly demand: number;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** By the isolate's name. */
export type Leases = Readonly<Record<string, Lease>>;

export const leaseMs = 5_000;

/**
 * The leases with a new one for `isolate`. Everybody gets what they need as far as the limit goes,
 * the needy share what is left evenly (max-min fairness), and what nobody needs is spread evenly as
 * room to grow. Others keep theirs until they come back, so that what they hold is not given out
 * twice. Nobody gets less than one, lest requests wait for ever: with more isolates than the limit
 * has places, there is one each.
 */
export function grant(
  leases: Leases, isolate: string, demand: number, limit: number, now: number,
): Leases {
  const others = Object.entries(leases).filter(([name, { until }]) =>
    name !== isolate && until > now);
  const held = others.reduce((sum, [, lease]) => sum + lease.granted, 0);
  const wished = fairShare(demand, others.map(([, lease]) => lease.demand), limit);
  const granted = Math.max(1, Math.min(wished, limit - held));
  return { ...Object.fromEntries(others), [isolate]: { granted, demand, until: now + leaseMs } };
}

/** What `demand` gets beside the demands of others. */
function fairShare(demand: number, others: readonly number[], limit: number): number {
  const all = [...others, demand].map((need) => Math.max(1, need)).sort((a, b) => a - b);
  const own = Math.max(1, demand);
  let left = limit;
  let share = 0;
  for (const [index, need] of all.entries()) {
    const given = Math.min(need, Math.floor(left / (all.length - index)));
    left -= given;
    if (need === own) share = given;
  }
  return share + Math.floor(left / all.length);
}
