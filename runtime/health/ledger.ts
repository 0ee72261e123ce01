// Events between two looks of somebody who watches. Its size is bounded whatever happens: overflows
// are counted by cluster and limit, and of ejections only the latest are kept.

import type { HealthEvent, Observe, Overflowed } from "./event.ts";

export interface Ledger {
  readonly note: Observe;
  /** What was noted since the last call, in order; overflows come last. */
  take(): readonly HealthEvent[];
}

const eventsMax = 1_000;

export function openLedger(): Ledger {
  let events: HealthEvent[] = [];
  let overflows = new Map<string, Overflowed>();
  const note = (event: HealthEvent): void => {
    if (event.kind !== "overflowed") {
      if (events.length >= eventsMax) events.shift();
      events.push(event);
      return;
    }
    const key = `${event.limit} ${event.cluster}`;
    const count = (overflows.get(key)?.count ?? 0) + event.count;
    overflows.set(key, { ...event, count });
  };
  const take = (): readonly HealthEvent[] => {
    const taken = [...events, ...overflows.values()];
    events = [];
    overflows = new Map();
    return taken;
  };
  return { note, take };
}
