// What is said of a DestinationRule's fields that do not do what they seem to: those that only
// Istio itself carries out, and those without effect where they stand. Every other field is carried
// out; what a single target lacks, that target's emitter says, and what Istio refuses, admission.

import { formatPath, type ValuePath } from "../manifest.ts";
import type { Facts, Report } from "../resolve/report.ts";
import type {
  ClientTlsSettings, ConnectionPoolSettings, LoadBalancerSettings, OutlierDetectionSettings,
  TrafficPolicy,
} from "../resources.ts";
import { consistentHash, warmsUp } from "./balancer.ts";
import type { DestinationRule } from "./hosts.ts";

interface Gap {
  /** Within the section. */
  readonly path: ValuePath;
  readonly facts: (field: string) => Facts;
}

/** Istio's own targets do it, and the others cannot. */
function istioAlone(path: ValuePath, effect: string, help?: string): Gap {
  return {
    path, facts: (field) => ({
      code: "FL0401", title: `only Istio carries out \`${field}\``, effect,
      ...(help === undefined ? {} : { help }),
    }),
  };
}

function ineffective(path: ValuePath, why: string, help?: string): Gap {
  return {
    path, facts: (field) => ({
      code: "FL0604", title: `\`${field}\` has no effect: ${why}`,
      ...(help === undefined ? {} : { help }),
    }),
  };
}

function balancerGaps(section: LoadBalancerSettings): readonly Gap[] {
  const { simple, warmup, warmupDurationSecs, zoneAwareLbSetting } = section;
  const gaps: Gap[] = [];
  if (simple === "PASSTHROUGH") {
    gaps.push({ path: ["simple"], facts: (field) => ({
      code: "FL0401", title: `\`${field}: PASSTHROUGH\` means nothing at a gateway`,
      effect: "Istio answers 503, for a connection to a gateway has no other destination to go on"
        + " to; Envoy and the edge balance with LEAST_REQUEST",
      help: "leave it to the sidecars: `exportTo` or a rule in their namespace",
    }) });
  }
  if (section.consistentHash && !consistentHash(section.consistentHash)) {
    gaps.push(ineffective(["consistentHash"], "it names nothing to hash"));
  }
  const asked = warmup ? "warmup" : warmupDurationSecs === undefined ? undefined
    : "warmupDurationSecs";
  if (asked && !warmsUp(section)) {
    gaps.push(ineffective([asked], "endpoints warm up with ROUND_ROBIN and LEAST_REQUEST only"));
  }
  if (warmup && warmupDurationSecs !== undefined) {
    gaps.push(ineffective(["warmupDurationSecs"], "`warmup` beside it counts"));
  }
  if (zoneAwareLbSetting && zoneAwareLbSetting.enabled !== false) {
    gaps.push(istioAlone(["zoneAwareLbSetting"],
      "Envoy and the edge keep to the Gateway's region and take its zones alike",
      "balancing between zones has to know the Gateway's own replicas"));
  }
  return gaps;
}

/** Counts of which Istio takes zero for "not given". */
const zeroIsNone: readonly ValuePath[] = [
  ["tcp", "maxConnections"], ["http", "http1MaxPendingRequests"], ["http", "http2MaxRequests"],
  ["http", "maxRequestsPerConnection"], ["http", "maxRetries"], ["http", "maxConcurrentStreams"],
];

function valueAt(value: unknown, path: ValuePath): unknown {
  return path.reduce<unknown>((at, key) => (typeof at === "object" && at !== null
    ? (at as Readonly<Record<string | number, unknown>>)[key] : undefined), value);
}

function poolGaps(section: ConnectionPoolSettings): readonly Gap[] {
  return zeroIsNone.filter((path) => valueAt(section, path) === 0)
    .map((path) => ineffective(path, "zero is no limit to Istio"));
}

function outlierGaps(section: OutlierDetectionSettings): readonly Gap[] {
  const { splitExternalLocalOriginErrors: split, consecutiveLocalOriginFailures } = section;
  return [
    ...(section.consecutiveErrors === undefined ? [] : [ineffective(["consecutiveErrors"],
      "Istio ignores it as well", "use `consecutive5xxErrors` or `consecutiveGatewayErrors`")]),
    ...(section.outlierDetectionHttpErrorCodes === undefined ? []
      : [ineffective(["outlierDetectionHttpErrorCodes"], "Istio ignores it as well")]),
    ...(consecutiveLocalOriginFailures === 0
      ? [ineffective(["consecutiveLocalOriginFailures"], split
        ? "Istio takes zero for its default of 5" : "`splitExternalLocalOriginErrors` is not true")]
      : []),
  ];
}

function tlsGaps({ mode = "DISABLE", ...given }: ClientTlsSettings): readonly Gap[] {
  const needsOne = mode === "SIMPLE" || mode === "MUTUAL";
  const idle = (fields: readonly (keyof typeof given)[], why: string): readonly Gap[] =>
    fields.filter((f) => given[f] !== undefined).map((f) => ineffective([f], why));
  if (!needsOne) {
    const kept = mode === "ISTIO_MUTUAL" ? ["sni", "subjectAltNames", "insecureSkipVerify"] : [];
    const fields = (Object.keys(given) as (keyof typeof given)[]).filter((f) => !kept.includes(f));
    return idle(fields, `the mode is ${mode}`);
  }
  return mode === "SIMPLE" ? idle(["clientCertificate", "privateKey"], "the mode is SIMPLE") : [];
}

function sectionGaps(policy: TrafficPolicy): readonly Gap[] {
  const at = (name: string, gaps: readonly Gap[]): readonly Gap[] =>
    gaps.map(({ path, facts }) => ({ path: [name, ...path], facts }));
  return [
    ...at("loadBalancer", policy.loadBalancer ? balancerGaps(policy.loadBalancer) : []),
    ...at("connectionPool", policy.connectionPool ? poolGaps(policy.connectionPool) : []),
    ...at("outlierDetection", policy.outlierDetection ? outlierGaps(policy.outlierDetection) : []),
    ...at("tls", policy.tls ? tlsGaps(policy.tls) : []),
    ...(policy.tunnel === undefined ? [] : [istioAlone(["tunnel"],
      "Envoy and the edge connect to the backend itself",
      "Istio tunnels the connections of its TCP and TLS routes, never HTTP requests")]),
  ];
}

function sayOf(
  rule: DestinationRule, path: ValuePath, policy: TrafficPolicy, report: Report,
): void {
  for (const gap of sectionGaps(policy)) {
    const whole = [...path, ...gap.path];
    report.say(rule, whole, gap.facts(formatPath(whole.slice(1))));
  }
  (policy.portLevelSettings ?? []).forEach((own, index) =>
    sayOf(rule, [...path, "portLevelSettings", index], own, report));
}

/** Names every field of the rule that does not do what it seems to. */
export function reportGaps(rule: DestinationRule, report: Report): void {
  const { trafficPolicy, subsets = [] } = rule.spec;
  if (trafficPolicy) sayOf(rule, ["spec", "trafficPolicy"], trafficPolicy, report);
  subsets.forEach(({ trafficPolicy: own }, index) => {
    if (own) sayOf(rule, ["spec", "subsets", index, "trafficPolicy"], own, report);
  });
}
