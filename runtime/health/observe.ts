// What one step of an ejection's state machine means to somebody who watches.

import type { OutlierDetection } from "../../compiler/ir.ts";
import { ejectionEnd, type Ejection } from "../edge/balancing/ejection.ts";
import type { HealthEvent } from "./event.ts";

/** Nothing where nothing changed, which costs one comparison. */
export function ejectionEvents(
  before: Ejection,
  after: Ejection,
  policy: OutlierDetection,
  cluster: string,
  endpointAt: (index: number) => string,
  now: number,
): readonly HealthEvent[] {
  if (before === after) return [];
  return after.hosts.flatMap((host, index): readonly HealthEvent[] => {
    const old = before.hosts[index];
    if (old === host) return [];
    const about = { cluster, endpoint: endpointAt(index), at: now };
    const events: HealthEvent[] = [];
    if (old?.ejectedAt !== undefined && old.ejectedAt !== host.ejectedAt) {
      events.push({ kind: "returned", ...about });
    }
    if (host.ejectedAt !== undefined && old?.ejectedAt !== host.ejectedAt) {
      const cause = host.cause ?? { kind: "other", name: "unknown" };
      const until = ejectionEnd(after, index, policy);
      events.push({ kind: "ejected", ...about, cause, ...(until !== undefined && { until }) });
    }
    const spared = (host.spared ?? 0) - (old?.spared ?? 0);
    if (spared > 0) {
      events.push({ kind: "overflowed", cluster, limit: "ejections", count: spared, at: now });
    }
    return events;
  });
}
