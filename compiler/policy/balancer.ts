// How a traffic policy picks among endpoints: `loadBalancer` as Istio gives it to Envoy.

import type { ClusterPolicy, ConsistentHash, Warmup } from "../ir.ts";
import type { ConsistentHashSettings, LoadBalancerSettings } from "../resources.ts";
import { durationMs } from "./durations.ts";

/** PASSTHROUGH is not here: a gateway's connections have no original destination to go on to. */
const balancers: Readonly<Record<string, NonNullable<ClusterPolicy["loadBalancer"]>>> = {
  ROUND_ROBIN: "ROUND_ROBIN",
  LEAST_REQUEST: "LEAST_REQUEST",
  LEAST_CONN: "LEAST_REQUEST",
  RANDOM: "RANDOM",
  UNSPECIFIED: "LEAST_REQUEST",
};

/** Envoy's sizes where the rule names none or zero. */
const minimumRingSizeDefault = 1024;
const tableSizeDefault = 65_537;

function keyOf(hash: ConsistentHashSettings): ConsistentHash["key"] | undefined {
  const { httpHeaderName, httpCookie, useSourceIp, httpQueryParameterName } = hash;
  if (httpHeaderName !== undefined) return { kind: "header", name: httpHeaderName.toLowerCase() };
  if (httpCookie) {
    const ttlMs = durationMs(httpCookie.ttl ?? "");
    const attributes = (httpCookie.attributes ?? [])
      .map(({ name = "", value = "" }) => ({ name, value }));
    return {
      kind: "cookie", name: httpCookie.name,
      ...(httpCookie.path ? { path: httpCookie.path } : {}),
      ...(ttlMs === undefined ? {} : { ttlMs }),
      ...(attributes.length > 0 ? { attributes } : {}),
    };
  }
  if (useSourceIp === true) return { kind: "sourceIp" };
  if (httpQueryParameterName !== undefined) {
    return { kind: "queryParameter", name: httpQueryParameterName };
  }
  return undefined;
}

function algorithmOf(hash: ConsistentHashSettings): ConsistentHash["algorithm"] {
  const { maglev, ringHash } = hash;
  if (maglev) return { kind: "maglev", tableSize: maglev.tableSize || tableSizeDefault };
  const size = ringHash ? ringHash.minimumRingSize : hash.minimumRingSize;
  return { kind: "ringHash", minimumRingSize: size || minimumRingSizeDefault };
}

/** Nothing where no key is named: then there is nothing to hash. */
export function consistentHash(
  hash: ConsistentHashSettings | undefined,
): ConsistentHash | undefined {
  const key = hash && keyOf(hash);
  return key && { key, algorithm: algorithmOf(hash) };
}

/** A hash without a key picks any endpoint. */
export function balancer(settings: LoadBalancerSettings): ClusterPolicy["loadBalancer"] {
  const { simple, consistentHash: hash } = settings;
  return hash && !keyOf(hash) ? "RANDOM" : balancers[simple ?? ""];
}

/** The balancers that Envoy has a slow start for. */
export function warmsUp(settings: LoadBalancerSettings): boolean {
  const { simple = "UNSPECIFIED" } = settings;
  return !settings.consistentHash && simple !== "RANDOM" && simple !== "PASSTHROUGH";
}

/** `warmup` counts over the old field beside it. Istio's minimum is Envoy's, 10 %. */
export function warmup(settings: LoadBalancerSettings): Warmup | undefined {
  if (!warmsUp(settings)) return undefined;
  const { warmup: asked, warmupDurationSecs } = settings;
  const duration = durationMs(asked?.duration ?? warmupDurationSecs ?? "");
  if (duration === undefined) return undefined;
  return {
    durationMs: duration,
    minimumPercent: asked?.minimumPercent ?? 10,
    aggression: asked?.aggression ?? 1,
  };
}
