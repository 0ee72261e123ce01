// Which events are worth a line, so that a thousand overflows a second stay readable. Ejections and
// returns are shown as they come, up to a bound. An overflow is shown at once, then summed up: a
// line at most a second later, then after two, four, … up to thirty, as long as it goes on.

import type { HealthEvent, Overflowed } from "./event.ts";

export interface Throttle {
  /** By limit and cluster. */
  readonly pending: ReadonlyMap<string, Pending>;
}

interface Pending {
  /** What is not shown yet; `count` may be 0. */
  readonly held: Overflowed;
  readonly shownAt: number;
  readonly waitMs: number;
}

export interface Shown {
  readonly throttle: Throttle;
  readonly events: readonly HealthEvent[];
  /** How many ejections and returns were left out. */
  readonly omitted: number;
}

export const noThrottle: Throttle = { pending: new Map() };

const waitFirstMs = 1_000;
const waitMaxMs = 30_000;
/** Ejections and returns that are shown of one look. */
const movesMax = 10;

export function throttle(
  { pending: before }: Throttle,
  events: readonly HealthEvent[],
  now: number,
): Shown {
  const moves = events.filter((event) => event.kind !== "overflowed");
  const pending = new Map(before);
  const shown: HealthEvent[] = moves.slice(0, movesMax);
  for (const event of events) {
    if (event.kind !== "overflowed") continue;
    const key = `${event.limit} ${event.cluster}`;
    const old = pending.get(key);
    const held = { ...event, count: event.count + (old?.held.count ?? 0) };
    // Absent before: it is due at once.
    pending.set(key, { held, shownAt: old?.shownAt ?? -Infinity, waitMs: old?.waitMs ?? 0 });
  }
  for (const [key, { held, shownAt, waitMs }] of pending) {
    if (now - shownAt < waitMs) continue;
    if (held.count === 0) {
      pending.delete(key);
      continue;
    }
    shown.push(held);
    pending.set(key, {
      held: { ...held, count: 0 },
      shownAt: now,
      waitMs: Math.min(waitMaxMs, Math.max(waitFirstMs, 2 * waitMs)),
    });
  }
  return { throttle: { pending }, events: shown, omitted: Math.max(0, moves.length - movesMax) };
}
