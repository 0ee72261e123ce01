// Envoy's circuit breakers: whether a cluster takes one more request, and one more retry. Counts
// are those of one isolate; an absent limit is none.

import type { ClusterPolicy } from "../../../compiler/ir.ts";

/** The largest uint32: Istio's and Envoy's way to say "no limit". */
export const unlimited = 4_294_967_295;

/** `requests` and `pending`: refused, by the limit of that name (runtime/health/event.ts). */
export type Admission = "go" | "wait" | "requests" | "pending";

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
 * it to HTTP/1.1 too); it is looked at once there is a connection.
 */
export function admit(policy: ClusterPolicy, load: Load): Admission {
  const { active, waiting, endpointActive } = load;
  if (active < (policy.maxConnections ?? unlimited) || endpointActive === 0) {
    return active < (policy.http2MaxRequests ?? unlimited) ? "go" : "requests";
  }
  return waiting < (policy.http1MaxPendingRequests ?? unlimited) ? "wait" : "pending";
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
