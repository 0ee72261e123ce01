// Envoy's circuit breakers: whether a cluster takes one more request, and one more retry. Counts
// are those of one isolate; an absent limit is none.

import type { ClusterPolicy } from "../../compiler/ir.ts";

/** The largest uint32: Istio's and Envoy's way to say "no limit". */
export const unlimited = 4_294_967_295;

export type Admission = "go" | "wait" | "overflow";

export interface Load {
  /** Requests under way. */
  readonly active: number;
  /** Requests that wait for a connection. */
  readonly waiting: number;
  /** Requests under way at the endpoint that was picked. */
  readonly endpointActive: number;
}

/**
 * On the edge a request has a connection of its own, so that `maxConnections` bounds the requests
 * under way, and those above it wait while there are fewer than `http1MaxPendingRequests` waiting.
 * An endpoint without any connection always gets one, as in Envoy: otherwise busy endpoints could
 * keep it from ever being used. `http2MaxRequests` bounds requests under way as well (Envoy applies
 * it to HTTP/1.1 too), but nothing waits for it.
 */
export function admit(policy: ClusterPolicy, load: Load): Admission {
  if (load.active >= (policy.http2MaxRequests ?? unlimited)) return "overflow";
  if (load.active < (policy.maxConnections ?? unlimited) || load.endpointActive === 0) return "go";
  return load.waiting < (policy.http1MaxPendingRequests ?? unlimited) ? "wait" : "overflow";
}

/** `retries` under way; a budget is a share of the requests under way and waiting. */
export function mayRetry(
  { maxRetries, retryBudget }: ClusterPolicy,
  { active, waiting, retries }: {
    readonly active: number;
    readonly waiting: number;
    readonly retries: number;
  },
): boolean {
  if (retryBudget === undefined) return retries < (maxRetries ?? unlimited);
  const share = Math.floor((retryBudget.percent / 100) * (active + waiting));
  return retries < Math.max(share, retryBudget.minRetryConcurrency);
}
