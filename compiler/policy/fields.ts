// A traffic policy's fields as numbers, with the defaults that Istio fills in, and the fields that
// are not carried out yet.

import type { ClusterPolicy, OutlierDetection } from "../ir.ts";
import { formatPath, type ValuePath } from "../manifest.ts";
import type { Report } from "../resolve/report.ts";
import type { TrafficPolicy } from "../resources.ts";
import { durationMs } from "./durations.ts";
import type { DestinationRule } from "./hosts.ts";

export type Sections = Omit<TrafficPolicy, "portLevelSettings">;

const unlimited = 4_294_967_295;

/** What Istio gives a cluster whose rule leaves these out; Envoy's own defaults are others. */
export const istioDefaults: ClusterPolicy = {
  loadBalancer: "LEAST_REQUEST",
  connectTimeoutMs: 10_000,
  maxConnections: unlimited,
  http1MaxPendingRequests: unlimited,
  http2MaxRequests: unlimited,
  maxRetries: unlimited,
};

const balancers: Readonly<Record<string, ClusterPolicy["loadBalancer"]>> = {
  ROUND_ROBIN: "ROUND_ROBIN",
  LEAST_REQUEST: "LEAST_REQUEST",
  LEAST_CONN: "LEAST_REQUEST",
  RANDOM: "RANDOM",
  UNSPECIFIED: "LEAST_REQUEST",
};

/** Envoy's defaults, which Istio leaves in place: written out so that both runtimes agree. */
function outlierDetection(given: NonNullable<Sections["outlierDetection"]>): OutlierDetection {
  const errors = given.consecutive5xxErrors ?? 5;
  const gatewayErrors = given.consecutiveGatewayErrors ?? 0;
  return {
    // Zero turns a detector off.
    ...(errors > 0 ? { consecutive5xxErrors: errors } : {}),
    ...(gatewayErrors > 0 ? { consecutiveGatewayErrors: gatewayErrors } : {}),
    intervalMs: durationMs(given.interval ?? "") ?? 10_000,
    baseEjectionTimeMs: durationMs(given.baseEjectionTime ?? "") ?? 30_000,
    maxEjectionPercent: given.maxEjectionPercent || 10,
    minHealthPercent: given.minHealthPercent ?? 0,
  };
}

function present(policy: ClusterPolicy): ClusterPolicy {
  return Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined));
}

export function clusterPolicy(sections: Sections): ClusterPolicy {
  const { loadBalancer, connectionPool: { tcp = {}, http = {} } = {} } = sections;
  const tcpIdleTimeoutMs = durationMs(tcp.idleTimeout ?? "");
  return {
    ...istioDefaults,
    ...present({
      loadBalancer: balancers[loadBalancer?.simple ?? ""],
      maxConnections: tcp.maxConnections,
      connectTimeoutMs: durationMs(tcp.connectTimeout ?? ""),
      tcpIdleTimeoutMs,
      http1MaxPendingRequests: http.http1MaxPendingRequests,
      http2MaxRequests: http.http2MaxRequests,
      maxRequestsPerConnection: http.maxRequestsPerConnection,
      maxRetries: http.maxRetries,
      // Without one of its own HTTP takes the idle timeout of TCP.
      httpIdleTimeoutMs: durationMs(http.idleTimeout ?? "") ?? tcpIdleTimeoutMs,
      outlierDetection: sections.outlierDetection && outlierDetection(sections.outlierDetection),
    }),
  };
}

/** The fields that are carried out; `true` is a leaf. */
interface Carried {
  readonly [field: string]: Carried | true;
}

const sectionFields: Carried = {
  loadBalancer: { simple: true },
  connectionPool: {
    tcp: { maxConnections: true, connectTimeout: true, idleTimeout: true },
    http: {
      http1MaxPendingRequests: true, http2MaxRequests: true, maxRequestsPerConnection: true,
      maxRetries: true, idleTimeout: true,
    },
  },
  outlierDetection: {
    consecutive5xxErrors: true, consecutiveGatewayErrors: true, interval: true,
    baseEjectionTime: true, maxEjectionPercent: true, minHealthPercent: true,
  },
};

const specFields: Carried = {
  host: true,
  exportTo: true,
  trafficPolicy: {
    ...sectionFields,
    portLevelSettings: { port: { number: true }, ...sectionFields },
  },
};

function sayGap(rule: DestinationRule, path: ValuePath, report: Report, help?: string): void {
  report.say(rule, path, {
    code: "FL0401", title: `\`${formatPath(path.slice(1))}\` is not carried out yet`,
    effect: "traffic is treated as if it were absent", ...(help ? { help } : {}),
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const durations = new Set(["connectTimeout", "idleTimeout", "interval", "baseEjectionTime"]);

function walk(
  rule: DestinationRule, value: unknown, carried: Carried, path: ValuePath, report: Report,
): void {
  if (Array.isArray(value)) {
    value.forEach((item, index) => walk(rule, item, carried, [...path, index], report));
    return;
  }
  if (!isRecord(value)) return;
  for (const [field, inner] of Object.entries(value)) {
    const known = carried[field];
    const here = [...path, field];
    if (inner === undefined || inner === null) continue;
    if (known === undefined) {
      const help = field === "consecutiveErrors"
        ? "Istio ignores it as well; use `consecutive5xxErrors`" : undefined;
      sayGap(rule, here, report, help);
    } else if (known !== true) {
      walk(rule, inner, known, here, report);
    } else if (field === "simple" && balancers[String(inner)] === undefined) {
      sayGap(rule, here, report, "ROUND_ROBIN, LEAST_REQUEST and RANDOM are");
    } else if (durations.has(field) && durationMs(String(inner)) === undefined) {
      report.say(rule, here, { code: "FL0106", title: `\`${String(inner)}\` is not a duration` });
    }
  }
}

/** Names every field of the rule that has no effect. */
export function reportGaps(rule: DestinationRule, report: Report): void {
  walk(rule, rule.spec, specFields, ["spec"], report);
  const exportTo = rule.spec.exportTo ?? [];
  if (exportTo.length > 0 && !exportTo.includes("*")) sayGap(rule, ["spec", "exportTo"], report);
}
