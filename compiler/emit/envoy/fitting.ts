// Envoy refuses a whole bootstrap for one figure out of its range, where a manifest may hold any
// number that fits its type. Here a policy is made to fit; what had to change is said
// (cluster-gaps.ts). Istio's admission refuses nearly all of these rules.

import type { ClusterPolicy, ConsistentHash, EndpointAddress, OutlierDetection } from "../../ir.ts";
import { durationMax } from "./duration.ts";

const uint32Max = 4_294_967_295;

/** Envoy's limits for the sizes of rings and tables. */
export const ringSizeMax = 8_388_608;
export const tableSizeMax = 5_000_011;

/** The same fields, absent where no figure near the one asked for would do. */
export function fittingPolicy(policy: ClusterPolicy): ClusterPolicy {
  const { consistentHash, warmup, tcpKeepalive, retryBudget, http2KeepAlive, outlierDetection }
    = policy;
  return present({
    ...policy,
    ...only(policy, counts, count), ...only(policy, delays, delay),
    connectTimeoutMs: positiveDelay(policy.connectTimeoutMs),
    maxConnectionDurationMs: positiveDelay(policy.maxConnectionDurationMs),
    consistentHash: consistentHash && fittingHash(consistentHash),
    localityWeights: policy.localityWeights && within(policy.localityWeights),
    warmup: warmup && {
      durationMs: positiveDelay(warmup.durationMs) ?? 1,
      minimumPercent: percentage(warmup.minimumPercent),
      aggression: warmup.aggression > 0 ? warmup.aggression : 1,
    },
    tcpKeepalive: tcpKeepalive && present({
      probes: count(tcpKeepalive.probes), timeMs: delay(tcpKeepalive.timeMs),
      intervalMs: delay(tcpKeepalive.intervalMs),
    }),
    retryBudget: retryBudget && present({
      percent: percentage(retryBudget.percent),
      minRetryConcurrency: count(retryBudget.minRetryConcurrency) ?? 3,
      intervalMs: delay(retryBudget.intervalMs),
    }),
    http2KeepAlive: http2KeepAlive && {
      intervalMs: positiveDelay(http2KeepAlive.intervalMs) ?? 1,
      timeoutMs: positiveDelay(http2KeepAlive.timeoutMs) ?? 1,
    },
    outlierDetection: outlierDetection && fittingDetection(outlierDetection),
  });
}

const counts = [
  "maxConnections", "http1MaxPendingRequests", "http2MaxRequests", "maxRequestsPerConnection",
  "maxConcurrentStreams", "maxRetries",
] as const;
const delays = ["tcpIdleTimeoutMs", "httpIdleTimeoutMs"] as const;

function only<Name extends keyof ClusterPolicy>(
  policy: Readonly<Partial<Record<Name, number>>>, names: readonly Name[],
  fit: (value: number | undefined) => number | undefined,
): Partial<Record<Name, number | undefined>> {
  const fields = names.map((name): [Name, number | undefined] => [name, fit(policy[name])]);
  return Object.fromEntries(fields) as Partial<Record<Name, number | undefined>>;
}

/** What is `undefined` is left out, so that a policy that fits is the same again. */
function present<Fields extends object>(
  fields: { readonly [Name in keyof Fields]: Fields[Name] | undefined },
): Fields {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined)) as Fields;
}

function count(value: number | undefined): number | undefined {
  return value === undefined || value < 0 ? undefined : Math.min(Math.trunc(value), uint32Max);
}

function delay(ms: number | undefined): number | undefined {
  return ms === undefined || ms < 0 ? undefined : Math.min(ms, durationMax);
}

/** Envoy's durations that have to be above zero; milliseconds are the finest that we write. */
function positiveDelay(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.min(Math.max(ms, 1), durationMax);
}

function percentage(value: number): number {
  return Math.min(Math.max(value, 0), 100);
}

function fittingDetection(asked: OutlierDetection): OutlierDetection {
  const { maxEjectionPercent, minHealthPercent } = asked;
  return present({
    ...asked,
    consecutive5xxErrors: count(asked.consecutive5xxErrors),
    consecutiveGatewayErrors: count(asked.consecutiveGatewayErrors),
    consecutiveLocalOriginFailures: count(asked.consecutiveLocalOriginFailures),
    intervalMs: positiveDelay(asked.intervalMs),
    baseEjectionTimeMs: positiveDelay(asked.baseEjectionTimeMs),
    maxEjectionPercent: maxEjectionPercent === undefined
      ? undefined : Math.trunc(percentage(maxEjectionPercent)),
    minHealthPercent: minHealthPercent === undefined ? undefined : percentage(minHealthPercent),
  });
}

function fittingHash({ key, algorithm }: ConsistentHash): ConsistentHash {
  return { key: fittingKey(key) ?? key, algorithm: fittingAlgorithm(algorithm) };
}

function fittingAlgorithm(asked: ConsistentHash["algorithm"]): ConsistentHash["algorithm"] {
  if (asked.kind === "ringHash") {
    const size = asked.minimumRingSize;
    return { ...asked, minimumRingSize: size >= 1 && size <= ringSizeMax ? size : 1024 };
  }
  const size = asked.tableSize;
  return { ...asked, tableSize: size <= tableSizeMax && isPrime(size) ? size : 65_537 };
}

function isPrime(number: number): boolean {
  for (let factor = 2; factor * factor <= number; factor += 1) {
    if (number % factor === 0) return false;
  }
  return number > 1;
}

/** Nothing where Envoy takes no such name. */
export function fittingKey(key: ConsistentHash["key"]): ConsistentHash["key"] | undefined {
  if (key.kind === "sourceIp") return key;
  if (!isVisible(key.name)) return undefined;
  if (key.kind !== "cookie" || !key.attributes) return key;
  // They are written into `set-cookie`, one after the other.
  const attributes = key.attributes.filter(({ name, value }) =>
    isVisible(name) && /^[ -~]*$/.test(value));
  return attributes.length === key.attributes.length ? key : { ...key, attributes };
}

function isVisible(name: string): boolean {
  return /^[!-~]+$/.test(name);
}

/** Weights above zero whose sum is no more than `end`, in their proportion. */
function within<Weighted extends { readonly weight: number }>(
  all: readonly Weighted[], end = uint32Max,
): readonly Weighted[] {
  const wanted = all.filter(({ weight }) => weight > 0);
  const sum = wanted.reduce((total, { weight }) => total + weight, 0);
  if (sum <= end) return wanted;
  // None falls to zero, and rounding up must not lead beyond the end again.
  const factor = Math.max(0, end - wanted.length) / sum;
  return wanted.map((entry) =>
    ({ ...entry, weight: Math.max(1, Math.floor(entry.weight * factor)) }));
}

/**
 * Endpoints of a cluster that has those of `clusters` clusters. A weight of zero, as in Istio, is
 * as good as none.
 */
export function fittingAddresses(
  addresses: readonly EndpointAddress[], clusters = 1,
): readonly EndpointAddress[] {
  if (!addresses.some(({ weight }) => weight !== undefined)) return addresses;
  const weighted = addresses.map((address) => ({ ...address, weight: address.weight || 1 }));
  return within(weighted, Math.floor(uint32Max / clusters));
}
