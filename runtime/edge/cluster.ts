// A cluster's live state in this isolate: who is under way, who waits, who is ejected. It ties the
// pure parts (balancer.ts, ejection.ts) to the clock.

import { admit, pick, release, startBalancer, type Balancer } from "./balancer.ts";
import type { Limit, Observe } from "../health/event.ts";
import { ejectionEvents } from "../health/observe.ts";
import type { ClusterSight } from "../health/view.ts";
import type { EdgeCluster } from "./config.ts";
import { eject, eligible, startEjection, type Ejection, type EjectionEvent } from "./ejection.ts";

export interface LiveCluster {
  readonly cluster: EdgeCluster;
  readonly endpoints: readonly LiveEndpoint[];
  readonly balancer: Balancer;
  /** Requests under way. */
  active: number;
  /** In the order they came; each entry notes when its request last looked. */
  readonly waiting: { seenAt: number }[];
  /** Retries under way. */
  retries: number;
  ejection: Ejection | undefined;
  /** Told of ejections and overflows, where somebody watches. */
  readonly observe: Observe | undefined;
}

export interface LiveEndpoint {
  readonly address: string;
  readonly port: number;
  /** A name is dialled by `fetch`, an address by a socket of our own. */
  readonly isName: boolean;
}

export function isIpAddress(address: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(address) || address.includes(":");
}

export function startCluster(
  cluster: EdgeCluster, now: number, observe?: Observe,
): LiveCluster {
  const addresses = cluster.endpoints.kind === "static"
    ? cluster.endpoints.addresses
    : [{ address: cluster.endpoints.hostname, port: cluster.endpoints.port }];
  return {
    cluster,
    endpoints: addresses.map((a) => ({ ...a, isName: !isIpAddress(a.address) })),
    balancer: startBalancer(addresses.length),
    active: 0,
    waiting: [],
    retries: 0,
    ejection: cluster.policy.outlierDetection && startEjection(addresses.length, now),
    observe,
  };
}

/** Whether somebody has to tell us when a request is over. */
export function isTracked({ cluster: { policy }, endpoints }: LiveCluster): boolean {
  const method = policy.loadBalancer ?? "LEAST_REQUEST";
  return policy.maxConnections !== undefined || policy.http2MaxRequests !== undefined
    || (method === "LEAST_REQUEST" && endpoints.length > 1);
}

/** A request whose client went away stops looking; it must not hold up those behind it. */
const waiterLostMs = 1_000;
const lookAgainMs = 5;

/**
 * True once the cluster takes the request, which is then under way until `leave`. The waiting
 * poll: a promise that another request resolves would count as a hang on the platform. They stop
 * once `signal` aborts.
 */
export async function enter(live: LiveCluster, signal?: AbortSignal): Promise<boolean> {
  const { policy } = live.cluster;
  const first = admit(policy, live.active, live.waiting.length);
  if (first === "overflow") {
    const isFull = live.active >= (policy.http2MaxRequests ?? Infinity);
    overflow(live, isFull ? "requests" : "pending");
    return false;
  }
  if (first === "go" && live.waiting.length === 0) {
    live.active += 1;
    return true;
  }
  overflow(live, "connections");
  const own = { seenAt: Date.now() };
  live.waiting.push(own);
  try {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, lookAgainMs));
      if (signal?.aborted === true) return false;
      own.seenAt = Date.now();
      const head = live.waiting.find((w) => own.seenAt - w.seenAt < waiterLostMs);
      if (head !== own || admit(policy, live.active, 0) !== "go") continue;
      live.active += 1;
      return true;
    }
  } finally {
    const lost = live.waiting.indexOf(own) + 1;
    live.waiting.splice(0, lost);
  }
}

/** Tells that a limit held something back. */
export function overflow({ cluster, observe }: LiveCluster, limit: Limit): void {
  observe?.({ kind: "overflowed", cluster: cluster.name, limit, count: 1, at: Date.now() });
}

export function leave(live: LiveCluster): void {
  live.active = Math.max(0, live.active - 1);
}

export interface Wish {
  /** The endpoint of a session. */
  readonly endpoint?: number;
  /** Endpoints that failed this request; others come first. */
  readonly failed?: ReadonlySet<number>;
}

/** The endpoint to dial, or -1. It counts as busy until `releaseEndpoint`. */
export function pickEndpoint(live: LiveCluster, { endpoint, failed }: Wish = {}): number {
  const { policy } = live.cluster;
  let isEligible: ((endpoint: number) => boolean) | undefined;
  if (live.ejection !== undefined && policy.outlierDetection !== undefined) {
    step(live, { kind: "tick" });
    isEligible = eligible(live.ejection, policy.outlierDetection);
  }
  const allowed = isEligible;
  if (endpoint !== undefined && (allowed === undefined || allowed(endpoint))) {
    return pick(live.balancer, policy, (index) => index === endpoint, Math.random);
  }
  if (failed !== undefined && failed.size > 0) {
    const isFresh = (index: number): boolean =>
      !failed.has(index) && (allowed === undefined || allowed(index));
    const other = pick(live.balancer, policy, isFresh, Math.random);
    if (other >= 0) return other;
  }
  return pick(live.balancer, policy, allowed, Math.random);
}

export function releaseEndpoint(live: LiveCluster, endpoint: number): void {
  release(live.balancer, endpoint);
}

/** What the endpoint answered, or the status that stands for its failure. */
export function report(live: LiveCluster, endpoint: number, status: number): void {
  step(live, { kind: "response", host: endpoint, status });
}

/** Moves the ejections on to now, and tells what changed. */
export function step(live: LiveCluster, event: EjectionEvent): void {
  const { ejection: before, cluster, endpoints, observe } = live;
  const { outlierDetection: policy } = cluster.policy;
  if (before === undefined || policy === undefined) return;
  const now = Date.now();
  const after = eject(before, event, policy, now);
  live.ejection = after;
  if (observe === undefined || before === after) return;
  const nameAt = (index: number): string => endpointName(endpoints[index]);
  ejectionEvents(before, after, policy, cluster.name, nameAt, now).forEach(observe);
}

function endpointName(endpoint: LiveEndpoint | undefined): string {
  return `${endpoint?.address}:${endpoint?.port}`;
}

/** How the cluster stands, for whoever watches. */
export function sightOf(live: LiveCluster): ClusterSight {
  const { active, waiting, endpoints, ejection, balancer } = live;
  return {
    cluster: live.cluster.name,
    active,
    waiting: waiting.length,
    endpoints: endpoints.map((endpoint, index) => ({
      endpoint: endpointName(endpoint),
      isEjected: ejection?.hosts[index]?.ejectedAt !== undefined,
      active: balancer.active[index] ?? 0,
    })),
  };
}
