// A traffic policy's sections as the numbers of a cluster's policy, each with the place it was read
// from, and with the defaults that Istio fills in.

import type { ClusterPolicy, OutlierDetection, PolicyOrigin } from "../ir.ts";
import { formatPath, type ValuePath } from "../manifest.ts";
import { describe } from "../resolve/report.ts";
import { balancer, consistentHash, warmup } from "./balancer.ts";
import { durationMs } from "./durations.ts";
import type { Section, Sections } from "./sections.ts";

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

export interface Lowered {
  readonly policy: ClusterPolicy;
  readonly origins: Readonly<Partial<Record<keyof ClusterPolicy, PolicyOrigin>>>;
}

type Field = keyof ClusterPolicy;

/** One field of the policy. Without a value nobody asked for it. */
interface Drawn {
  readonly field: Field;
  readonly value: unknown;
  readonly section: Section<unknown>;
  /** Within the section. */
  readonly path: ValuePath;
}

/** Types the pairing of a field with its value, which a list of fields forgets. */
function draw<Name extends Field>(
  section: Section<unknown>, field: Name, value: ClusterPolicy[Name], ...path: ValuePath
): Drawn {
  return { field, value, section, path };
}

/** Zero is Istio's way to say that nothing is asked for. */
function positive(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined;
}

function duration(text: string | undefined): number | undefined {
  return durationMs(text ?? "");
}

function fromBalancer(section: NonNullable<Sections["loadBalancer"]>): readonly Drawn[] {
  const { value } = section;
  const old = value.warmup === undefined ? "warmupDurationSecs" : "warmup";
  return [
    draw(section, "loadBalancer", balancer(value), "simple"),
    draw(section, "consistentHash", consistentHash(value.consistentHash), "consistentHash"),
    draw(section, "warmup", warmup(value), old),
  ];
}

/** Seconds: Envoy and Istio cut off what is finer. */
function keepalive(
  asked: { readonly probes?: number; readonly time?: string; readonly interval?: string }
    | undefined,
): ClusterPolicy["tcpKeepalive"] {
  if (!asked) return undefined;
  const whole = (text: string | undefined): number | undefined => {
    const ms = duration(text);
    return ms === undefined ? undefined : Math.floor(ms / 1000) * 1000;
  };
  const [probes, timeMs, intervalMs] = [
    positive(asked.probes), whole(asked.time), whole(asked.interval),
  ];
  return {
    ...(probes === undefined ? {} : { probes }),
    ...(timeMs === undefined ? {} : { timeMs }),
    ...(intervalMs === undefined ? {} : { intervalMs }),
  };
}

function fromPool(section: NonNullable<Sections["connectionPool"]>): readonly Drawn[] {
  const { tcp = {}, http = {} } = section.value;
  const tcpIdle = duration(tcp.idleTimeout);
  const httpIdle = duration(http.idleTimeout);
  const interval = duration(http.http2KeepAlive?.interval);
  const timeout = duration(http.http2KeepAlive?.timeout);
  return [
    draw(section, "maxConnections", positive(tcp.maxConnections), "tcp", "maxConnections"),
    draw(section, "connectTimeoutMs", duration(tcp.connectTimeout), "tcp", "connectTimeout"),
    draw(section, "tcpIdleTimeoutMs", tcpIdle, "tcp", "idleTimeout"),
    draw(section, "maxConnectionDurationMs", duration(tcp.maxConnectionDuration), "tcp",
      "maxConnectionDuration"),
    draw(section, "tcpKeepalive", keepalive(tcp.tcpKeepalive), "tcp", "tcpKeepalive"),
    draw(section, "http1MaxPendingRequests", positive(http.http1MaxPendingRequests), "http",
      "http1MaxPendingRequests"),
    draw(section, "http2MaxRequests", positive(http.http2MaxRequests), "http",
      "http2MaxRequests"),
    draw(section, "maxRequestsPerConnection", positive(http.maxRequestsPerConnection), "http",
      "maxRequestsPerConnection"),
    draw(section, "maxConcurrentStreams", positive(http.maxConcurrentStreams), "http",
      "maxConcurrentStreams"),
    draw(section, "maxRetries", positive(http.maxRetries), "http", "maxRetries"),
    // Without one of its own HTTP takes the idle timeout of TCP.
    draw(section, "httpIdleTimeoutMs", httpIdle ?? tcpIdle,
      httpIdle === undefined ? "tcp" : "http", "idleTimeout"),
    draw(section, "http2KeepAlive", interval === undefined || timeout === undefined
      ? undefined : { intervalMs: interval, timeoutMs: timeout }, "http", "http2KeepAlive"),
    draw(section, "useClientProtocol", http.useClientProtocol || undefined, "http",
      "useClientProtocol"),
  ];
}

/** What Envoy does where Istio says nothing, written out so that both runtimes agree. */
function outlierDetection(
  given: NonNullable<Sections["outlierDetection"]>["value"],
): OutlierDetection {
  const split = given.splitExternalLocalOriginErrors === true;
  return {
    consecutive5xxErrors: given.consecutive5xxErrors ?? 5,
    ...(given.consecutiveGatewayErrors === undefined
      ? {} : { consecutiveGatewayErrors: given.consecutiveGatewayErrors }),
    // Istio passes on no zero here, so that the detector cannot be switched off.
    ...(split ? {
      splitExternalLocalOriginErrors: true,
      consecutiveLocalOriginFailures: given.consecutiveLocalOriginFailures || 5,
    } : {}),
    intervalMs: duration(given.interval) ?? 10_000,
    baseEjectionTimeMs: duration(given.baseEjectionTime) ?? 30_000,
    maxEjectionPercent: given.maxEjectionPercent || 10,
    minHealthPercent: given.minHealthPercent ?? 0,
  };
}

function fromBudget(section: NonNullable<Sections["retryBudget"]>): Drawn {
  const { percent = 20, minRetryConcurrency, budgetInterval } = section.value;
  const intervalMs = duration(budgetInterval);
  return draw(section, "retryBudget", {
    percent, minRetryConcurrency: positive(minRetryConcurrency) ?? 3,
    ...(intervalMs === undefined ? {} : { intervalMs }),
  });
}

function originOf({ section: { rule, path: outer }, path }: Drawn): PolicyOrigin {
  const whole = [...outer, ...path];
  return {
    resource: describe(rule), path: formatPath(whole), span: rule.manifest.at(whole),
  };
}

export function clusterPolicy(sections: Sections): Lowered {
  const { loadBalancer, connectionPool, outlierDetection: outlier, proxyProtocol } = sections;
  const drawn = [
    ...(loadBalancer ? fromBalancer(loadBalancer) : []),
    ...(connectionPool ? fromPool(connectionPool) : []),
    ...(outlier ? [draw(outlier, "outlierDetection", outlierDetection(outlier.value))] : []),
    ...(sections.retryBudget ? [fromBudget(sections.retryBudget)] : []),
    ...(proxyProtocol
      ? [draw(proxyProtocol, "proxyProtocol", proxyProtocol.value.version ?? "V1")] : []),
  ].filter(({ value }) => value !== undefined);
  return {
    policy: { ...istioDefaults, ...Object.fromEntries(drawn.map((d) => [d.field, d.value])) },
    origins: Object.fromEntries(drawn.map((d) => [d.field, originOf(d)])),
  };
}
