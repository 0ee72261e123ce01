// A cluster's live state in this isolate: who is under way, who waits, who is ejected. It ties the
// pure parts (balancer.ts, ejection.ts, limits.ts) to the clock.

import type { ClusterPolicy, EndpointAddress, OutlierDetection } from "../../../compiler/ir.ts";
import type { Limit, Observe } from "../../health/event.ts";
import { ejectionEvents } from "../../health/observe.ts";
import type { ClusterSight } from "../../health/view.ts";
import {
  allFit, occupy, pick, release, startBalancer, type Asked, type Balancer, type Fitness, type Host,
} from "./balancer.ts";
import { isIpAddress, type EdgeCluster } from "../config.ts";
import {
  eject, isEjected, regroup, startEjection, type Ejection, type EjectionEvent,
} from "./ejection.ts";
import { admit, mayRetry, unlimited } from "./limits.ts";

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
  /**
   * The same cluster after a swap changed it. Requests that began before go on counting there,
   * so that a swap neither forgets ejections nor doubles a limit.
   */
  successor: LiveCluster | undefined;
  /** The policy whose limits count here and now: isolates may have divided them. */
  limits: ClusterPolicy;
  /** Where isolates share what they know. */
  sharer: Sharer | undefined;
}

/** Is told what happens, in order, to pass it on to other isolates. */
export interface Sharer {
  /** `isNews`: the ejections are not what they were. */
  note(event: EjectionEvent, isNews: boolean): void;
  /** A request came; `isFull`: it found no place at once. */
  entered(isFull: boolean): void;
}

export interface LiveEndpoint {
  readonly address: string;
  readonly port: number;
  /** A name is dialled by `fetch`, an address by a socket of our own. */
  readonly isName: boolean;
}

/** `previous` is the cluster of this name before a swap: what it knows of endpoints is kept. */
export function startCluster(
  cluster: EdgeCluster, now: number, observe?: Observe, previous?: LiveCluster,
): LiveCluster {
  const addresses: readonly EndpointAddress[] = cluster.endpoints.kind === "static"
    ? cluster.endpoints.addresses
    : [{ address: cluster.endpoints.hostname, port: cluster.endpoints.port }];
  const { outlierDetection } = cluster.policy;
  const live: LiveCluster = {
    cluster,
    endpoints: addresses.map(({ address, port }) =>
      ({ address, port, isName: !isIpAddress(address) })),
    balancer: startBalancer(addresses.map(hostOf), cluster.policy),
    active: 0,
    waiting: previous?.waiting ?? [],
    retries: 0,
    ejection: outlierDetection && startEjection(addresses.length, now),
    observe,
    successor: undefined,
    limits: cluster.policy,
    sharer: undefined,
  };
  if (previous !== undefined) succeed(previous, live, outlierDetection);
  return live;
}

function succeed(
  previous: LiveCluster, live: LiveCluster, policy: OutlierDetection | undefined,
): void {
  live.active = previous.active;
  live.retries = previous.retries;
  const before = live.endpoints.map((endpoint) => {
    const index = indexOf(previous, endpoint);
    return index < 0 ? undefined : index;
  });
  before.forEach((old, index) => {
    if (old === undefined) return;
    live.balancer.active[index] = previous.balancer.active[old] ?? 0;
    live.balancer.since[index] = previous.balancer.since[old] ?? NaN;
  });
  if (policy !== undefined && previous.ejection !== undefined) {
    live.ejection = regroup(previous.ejection, before);
  }
  previous.successor = live;
}

function indexOf(live: LiveCluster, { address, port }: LiveEndpoint): number {
  return live.endpoints.findIndex((e) => e.address === address && e.port === port);
}

/** As Envoy writes an address: what consistent hashing goes by. */
function hostOf({ address, port, weight, locality, priority }: EndpointAddress): Host {
  // The parser of URLs knows the one form that an IPv6 address should have.
  const text = address.includes(":") ? new URL(`http://[${address}]`).hostname : address;
  return {
    key: `${text}:${port}`, weight: weight ?? 1, locality: locality ?? "", priority: priority ?? 0,
  };
}

/** The cluster as it is after all swaps. */
function latest(live: LiveCluster): LiveCluster {
  let at = live;
  while (at.successor !== undefined) at = at.successor;
  return at;
}

/** Where an endpoint stands after all swaps, or -1 where it is gone. */
function latestIndex(live: LiveCluster, endpoint: number, now: LiveCluster): number {
  const own = live.endpoints[endpoint];
  return now === live || own === undefined ? endpoint : indexOf(now, own);
}

/** Whether requests under way are bounded. */
export function isLimited({ cluster: { policy } }: LiveCluster): boolean {
  const { maxConnections = unlimited, http2MaxRequests = unlimited, retryBudget } = policy;
  return maxConnections < unlimited || http2MaxRequests < unlimited || retryBudget !== undefined;
}

/** Whether somebody has to tell us when a request is over. */
export function isTracked(live: LiveCluster): boolean {
  const { cluster: { policy }, endpoints } = live;
  const method = policy.loadBalancer ?? "LEAST_REQUEST";
  return isLimited(live)
    || (method === "LEAST_REQUEST" && !policy.consistentHash && endpoints.length > 1);
}

/** A request whose client went away stops looking; it must not hold up those behind it. */
const waiterLostMs = 1_000;
const lookAgainMs = 5;

/**
 * True once the cluster takes the request for that endpoint, which is then under way until `leave`.
 * The waiting poll: a promise that another request resolves would count as a hang on the platform.
 * They stop once `signal` aborts.
 */
export async function enter(
  own: LiveCluster, endpoint: number, signal?: AbortSignal,
): Promise<boolean> {
  const live = latest(own);
  const index = latestIndex(own, endpoint, live);
  const first = admission(live, index, live.waiting.length);
  live.sharer?.entered(first !== "go");
  if (first === "requests" || first === "pending") {
    overflow(live, first);
    return false;
  }
  if (first === "go" && (live.waiting.length === 0 || isIdle(live, index))) {
    count(live, index);
    return true;
  }
  overflow(live, "connections");
  return wait(own, endpoint, signal);
}

async function wait(
  own: LiveCluster, endpoint: number, signal: AbortSignal | undefined,
): Promise<boolean> {
  const self = { seenAt: Date.now() };
  const { waiting } = latest(own);
  waiting.push(self);
  try {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, lookAgainMs));
      if (signal?.aborted === true) return false;
      self.seenAt = Date.now();
      const head = waiting.find((w) => self.seenAt - w.seenAt < waiterLostMs);
      const live = latest(own);
      const index = latestIndex(own, endpoint, live);
      if (head !== self && !isIdle(live, index)) continue;
      const found = admission(live, index, 0);
      if (found === "requests") overflow(live, found);
      if (found === "go") count(live, index);
      if (found === "go" || found === "requests") return found === "go";
    }
  } finally {
    const isOver = (waiter: { readonly seenAt: number }): boolean =>
      waiter === self || self.seenAt - waiter.seenAt >= waiterLostMs;
    waiting.splice(0, waiting.length, ...waiting.filter((waiter) => !isOver(waiter)));
  }
}

/** It has no connection, and so need not wait for one. */
function isIdle({ balancer }: LiveCluster, endpoint: number): boolean {
  return (balancer.active[endpoint] ?? 0) === 0;
}

function admission(
  { limits, active, balancer }: LiveCluster, endpoint: number, waiting: number,
): ReturnType<typeof admit> {
  const endpointActive = balancer.active[endpoint] ?? 0;
  return admit(limits, { active, waiting, endpointActive });
}

function count(live: LiveCluster, endpoint: number): void {
  live.active += 1;
  if (endpoint >= 0) occupy(live.balancer, endpoint);
}

/** Tells that a limit held something back. */
export function overflow({ cluster, observe }: LiveCluster, limit: Limit): void {
  observe?.({ kind: "overflowed", cluster: cluster.name, limit, count: 1, at: Date.now() });
}

/** The request at that endpoint is over. */
export function leave(own: LiveCluster, endpoint: number): void {
  const live = latest(own);
  live.active = Math.max(0, live.active - 1);
  const index = latestIndex(own, endpoint, live);
  if (index >= 0) release(live.balancer, index);
}

/** Whether one more retry may begin, which is then under way until `leaveRetry`. */
export function enterRetry(own: LiveCluster): boolean {
  const live = latest(own);
  const { active, retries, waiting } = live;
  if (!mayRetry(live.cluster.policy, { active, retries, waiting: waiting.length })) {
    overflow(live, "retries");
    return false;
  }
  live.retries += 1;
  return true;
}

export function leaveRetry(own: LiveCluster): void {
  const live = latest(own);
  live.retries = Math.max(0, live.retries - 1);
}

export interface Wish extends Asked {
  /** The endpoint of a session. */
  readonly endpoint?: number;
}

/** The endpoint to dial, or -1. */
export function pickEndpoint(live: LiveCluster, wish: Wish = {}): number {
  step(live, { kind: "tick" });
  const fitness = fitnessOf(live);
  if (wish.endpoint !== undefined && !fitness.isOut(wish.endpoint)) return wish.endpoint;
  return pick(live.balancer, wish, { fitness, chance: Math.random, now: Date.now() });
}

function fitnessOf({ ejection }: LiveCluster): Fitness {
  if (ejection === undefined) return allFit;
  return { version: ejection.version, isOut: (endpoint) => isEjected(ejection, endpoint) };
}

/**
 * What came of a request to the endpoint: the status of its answer, or what kept it from one. One
 * that failed counts as a 503, a timeout as a 504, unless the policy counts them by themselves.
 */
export function report(
  live: LiveCluster, endpoint: number, outcome: number | "connected" | "failed" | "timeout",
): void {
  step(live, typeof outcome === "number"
    ? { kind: "response", host: endpoint, status: outcome }
    : { kind: outcome, host: endpoint });
}

/** Moves the ejections on to now, and tells what changed. */
export function step(own: LiveCluster, event: EjectionEvent): void {
  const live = latest(own);
  const { ejection: before, cluster, endpoints, observe } = live;
  const { outlierDetection: policy } = cluster.policy;
  if (before === undefined || policy === undefined) return;
  const now = Date.now();
  const known = event.kind === "tick"
    ? event : { ...event, host: latestIndex(own, event.host, live) };
  const after = eject(before, known, policy, now);
  live.ejection = after;
  live.sharer?.note(known, before !== after);
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
