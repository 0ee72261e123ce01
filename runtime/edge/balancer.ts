// Which endpoint takes a request, and whether the cluster takes it at all. Deterministic: chance
// and time come in from outside.

import type { ClusterPolicy } from "../../compiler/ir.ts";

/** The one mutable record here: it is touched twice a request and may have many endpoints. */
export interface Balancer {
  /** Where round robin goes on. */
  cursor: number;
  /** Requests under way, by endpoint. */
  readonly active: number[];
}

export function startBalancer(endpointCount: number): Balancer {
  return { cursor: 0, active: Array.from({ length: endpointCount }, () => 0) };
}

/** A number in [0, 1), `Math.random` outside of tests. */
export type Chance = () => number;

type Filter = ((endpoint: number) => boolean) | undefined;

/**
 * The endpoint that takes a request, or -1 where none may. It counts as under way until `release`.
 * Round robin is exact over any run of requests. Least request, the default as in Istio and in our
 * Envoy target, is the power of two choices: the less busy of two drawn by chance.
 */
export function pick(
  balancer: Balancer,
  policy: ClusterPolicy,
  isEligible: Filter,
  chance: Chance,
): number {
  const method = policy.loadBalancer ?? "LEAST_REQUEST";
  const endpoint = method === "ROUND_ROBIN"
    ? nextInTurn(balancer, isEligible)
    : draw(balancer, isEligible, chance, method === "RANDOM" ? 1 : 2);
  if (endpoint < 0) return -1;
  balancer.cursor = (endpoint + 1) % balancer.active.length;
  balancer.active[endpoint] = (balancer.active[endpoint] ?? 0) + 1;
  return endpoint;
}

export function release(balancer: Balancer, endpoint: number): void {
  balancer.active[endpoint] = Math.max(0, (balancer.active[endpoint] ?? 0) - 1);
}

function nextInTurn(balancer: Balancer, isEligible: Filter): number {
  const count = balancer.active.length;
  for (let step = 0; step < count; step += 1) {
    const endpoint = (balancer.cursor + step) % count;
    if (isEligible === undefined || isEligible(endpoint)) return endpoint;
  }
  return -1;
}

/** The least loaded of `draws` endpoints chosen by chance; the first drawn wins a tie. */
function draw(balancer: Balancer, isEligible: Filter, chance: Chance, draws: number): number {
  const all = balancer.active;
  const indexes = isEligible && [...all.keys()].filter(isEligible);
  const count = indexes === undefined ? all.length : indexes.length;
  let best = -1;
  for (let i = 0; i < draws && count > 0; i += 1) {
    const at = Math.floor(chance() * count);
    const endpoint = indexes === undefined ? at : (indexes[at] ?? -1);
    if (best < 0 || (all[endpoint] ?? 0) < (all[best] ?? 0)) best = endpoint;
  }
  return best;
}

export type Admission = "go" | "wait" | "overflow";

/**
 * What the policy's limits say about one more request. On the edge a request has a connection of
 * its own, so that `maxConnections` bounds the requests under way, and those above it wait while
 * there are fewer than `http1MaxPendingRequests` waiting. `http2MaxRequests` bounds requests under
 * way as well (Envoy applies it to HTTP/1.1 too), but nothing waits for it. An absent limit is
 * none. Counts are those of one isolate.
 */
export function admit(policy: ClusterPolicy, active: number, waiting: number): Admission {
  if (active >= (policy.http2MaxRequests ?? Infinity)) return "overflow";
  if (active < (policy.maxConnections ?? Infinity)) return "go";
  return waiting < (policy.http1MaxPendingRequests ?? Infinity) ? "wait" : "overflow";
}
