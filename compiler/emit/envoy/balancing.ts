// How Envoy chooses among a cluster's endpoints, and which of them it leaves out: balancers, slow
// start, panic and outlier detection, with the meaning that Istio gives a DestinationRule's.

import type { ClusterPolicy, ConsistentHash, OutlierDetection, Warmup } from "../../ir.ts";
import type { Json } from "../artifact.ts";
import { duration, optionalDuration } from "./duration.ts";

type Fields = { readonly [key: string]: Json };

export function balancing(policy: ClusterPolicy): Fields {
  const { consistentHash, loadBalancer, warmup, outlierDetection, localityWeights } = policy;
  return {
    ...(consistentHash ? hashing(consistentHash.algorithm) : simple(loadBalancer, warmup)),
    outlier_detection: outlierDetection && ejection(outlierDetection),
    common_lb_config: {
      // Envoy's panic mode sends requests to ejected endpoints once half of them are out. Services
      // have few endpoints, so that this would defeat ejection: off unless asked for, as in Istio.
      healthy_panic_threshold: { value: outlierDetection?.minHealthPercent ?? 0 },
      locality_weighted_lb_config: localityWeights ? {} : undefined,
    },
  };
}

function hashing(algorithm: ConsistentHash["algorithm"]): Fields {
  return algorithm.kind === "maglev"
    ? { lb_policy: "MAGLEV", maglev_lb_config: { table_size: algorithm.tableSize } }
    : {
      lb_policy: "RING_HASH",
      ring_hash_lb_config: { minimum_ring_size: algorithm.minimumRingSize },
    };
}

/**
 * Istio's choice where nothing is asked for is LEAST_REQUEST. Of two endpoints picked at random it
 * takes the less busy one, which copes better with slow endpoints than taking turns.
 */
function simple(
  lb_policy: ClusterPolicy["loadBalancer"] = "LEAST_REQUEST", warmup: Warmup | undefined,
): Fields {
  const config = warmup && { slow_start_config: slowStart(warmup) };
  switch (lb_policy) {
    case "ROUND_ROBIN": return { lb_policy, round_robin_lb_config: config };
    case "LEAST_REQUEST": return { lb_policy, least_request_lb_config: config };
    // It knows no slow start; clusterGaps() says so.
    case "RANDOM": return { lb_policy };
  }
}

function slowStart({ durationMs, minimumPercent, aggression }: Warmup): Fields {
  return {
    slow_start_window: duration(durationMs),
    // Envoy takes a number that can be changed at run time only together with a name for it.
    aggression: { default_value: aggression, runtime_key: "fairlead.warmup.aggression" },
    min_weight_percent: { value: minimumPercent },
  };
}

/**
 * Only what is asked for ejects: an explicit figure is enforced fully, zero switches it off, and
 * Envoy's statistical detection, which no DestinationRule can ask for, stays off.
 */
function ejection(asked: OutlierDetection): Fields {
  return {
    consecutive_5xx: asked.consecutive5xxErrors,
    enforcing_consecutive_5xx: enforced(asked.consecutive5xxErrors),
    consecutive_gateway_failure: asked.consecutiveGatewayErrors,
    enforcing_consecutive_gateway_failure: enforced(asked.consecutiveGatewayErrors),
    ...(asked.splitExternalLocalOriginErrors ? localOrigin(asked) : {}),
    interval: optionalDuration(asked.intervalMs),
    base_ejection_time: optionalDuration(asked.baseEjectionTimeMs),
    max_ejection_percent: asked.maxEjectionPercent || undefined,
    enforcing_success_rate: 0,
  };
}

function localOrigin({ consecutiveLocalOriginFailures: count }: OutlierDetection): Fields {
  return {
    split_external_local_origin_errors: true,
    consecutive_local_origin_failure: count,
    enforcing_consecutive_local_origin_failure: enforced(count),
    enforcing_local_origin_success_rate: 0,
  };
}

function enforced(count: number | undefined): number | undefined {
  return count === undefined ? undefined : count > 0 ? 100 : 0;
}
