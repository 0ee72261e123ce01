import { describe, expect, test } from "vitest";
import definition from
  "../../compiler/schema/crds/networking.istio.io_v1_DestinationRule.json" with { type: "json" };
import type { ClusterPolicy } from "../../compiler/ir.ts";
import { policies, type FoundPolicy } from "../../compiler/policy.ts";
import { durationMs } from "../../compiler/policy/durations.ts";
import { destinationRule, gateway, http, service } from "../middle/build.ts";
import { load } from "../middle/load.ts";
import type { Json } from "../middle/json.ts";

const host = "s.shop.svc.cluster.local";
const objects = [gateway("gw", [http("a")], { namespace: "infra" }),
  service("s", { namespace: "shop" })];
const client = { namespace: "infra", labels: {} };

interface Read { readonly found: FoundPolicy; readonly said: readonly string[] }

function read(trafficPolicy: Json): Read {
  const rule = destinationRule("r", { host, trafficPolicy }, { namespace: "shop" });
  const inventory = load([...objects, rule].map((o) => JSON.stringify(o)).join("\n---\n"));
  const { find, diagnostics } = policies(inventory);
  return { found: find({ host, namespace: "shop" }, 80, client),
    said: diagnostics.map((d) => `${d.code} ${d.title}`) };
}

const defaults = read({ loadBalancer: { simple: "UNSPECIFIED" } }).found.policy;
const changes = (trafficPolicy: Json): Partial<ClusterPolicy> =>
  Object.fromEntries(Object.entries(read(trafficPolicy).found.policy)
    .filter(([field, value]) =>
      JSON.stringify(value) !== JSON.stringify(defaults[field as keyof ClusterPolicy])));

const tcp = (value: Json): Json => ({ connectionPool: { tcp: value } });
const web = (value: Json): Json => ({ connectionPool: { http: value } });
const lb = (value: Json): Json => ({ loadBalancer: value });
const hash = (value: Json): Json => lb({ consistentHash: value });
const outlier = (value: Json): Json => ({ outlierDetection: value });
const ring = { kind: "ringHash", minimumRingSize: 1024 };
const header = { kind: "header", name: "x-user" };

test("what nobody asks for is as Istio has it", () => {
  expect(defaults).toEqual({ loadBalancer: "LEAST_REQUEST", connectTimeoutMs: 10_000,
    maxConnections: 4294967295, http1MaxPendingRequests: 4294967295,
    http2MaxRequests: 4294967295, maxRetries: 4294967295 });
});

test.each<[string, Json, Partial<ClusterPolicy>]>([
  ["ROUND_ROBIN", lb({ simple: "ROUND_ROBIN" }), { loadBalancer: "ROUND_ROBIN" }],
  ["RANDOM", lb({ simple: "RANDOM" }), { loadBalancer: "RANDOM" }],
  ["LEAST_CONN, the old name", lb({ simple: "LEAST_CONN" }), {}],
  ["warmup", lb({ warmup: { duration: "30s", minimumPercent: 5, aggression: 2 } }),
    { warmup: { durationMs: 30_000, minimumPercent: 5, aggression: 2 } }],
  ["warmup without figures", lb({ simple: "ROUND_ROBIN", warmup: { duration: "1m" } }),
    { loadBalancer: "ROUND_ROBIN",
      warmup: { durationMs: 60_000, minimumPercent: 10, aggression: 1 } }],
  ["warmupDurationSecs", lb({ warmupDurationSecs: "45s" }),
    { warmup: { durationMs: 45_000, minimumPercent: 10, aggression: 1 } }],
  ["a header's hash", hash({ httpHeaderName: "X-User" }),
    { consistentHash: { key: { kind: "header", name: "x-user" }, algorithm: ring } as never }],
  ["a cookie's hash", hash({ httpCookie: { name: "c", path: "/p", ttl: "0s",
    attributes: [{ name: "SameSite", value: "Lax" }] } }),
  { consistentHash: { key: { kind: "cookie", name: "c", path: "/p", ttlMs: 0,
    attributes: [{ name: "SameSite", value: "Lax" }] }, algorithm: ring } as never }],
  ["a cookie that nobody sets", hash({ httpCookie: { name: "c" } }),
    { consistentHash: { key: { kind: "cookie", name: "c" }, algorithm: ring } as never }],
  ["the source IP's hash", hash({ useSourceIp: true }),
    { consistentHash: { key: { kind: "sourceIp" }, algorithm: ring } as never }],
  ["a query parameter's hash", hash({ httpQueryParameterName: "Id" }),
    { consistentHash: { key: { kind: "queryParameter", name: "Id" }, algorithm: ring } as never }],
  ["ringHash", hash({ httpHeaderName: "x-user", ringHash: { minimumRingSize: 7 } }),
    { consistentHash: { key: header, algorithm: { kind: "ringHash", minimumRingSize: 7 } } as
      never }],
  ["minimumRingSize, the old place", hash({ httpHeaderName: "x-user", minimumRingSize: 9 }),
    { consistentHash: { key: header, algorithm: { kind: "ringHash", minimumRingSize: 9 } } as
      never }],
  ["maglev", hash({ httpHeaderName: "x-user", maglev: { tableSize: 101 } }),
    { consistentHash: { key: header, algorithm: { kind: "maglev", tableSize: 101 } } as never }],
  ["maglev without a size", hash({ httpHeaderName: "x-user", maglev: {} }),
    { consistentHash: { key: header, algorithm: { kind: "maglev", tableSize: 65_537 } } as
      never }],
  ["tcp", tcp({ maxConnections: 1, connectTimeout: "1.5s", maxConnectionDuration: "1h",
    tcpKeepalive: { probes: 3, time: "7200s", interval: "75.9s" } }),
  { maxConnections: 1, connectTimeoutMs: 1500, maxConnectionDurationMs: 3_600_000,
    tcpKeepalive: { probes: 3, timeMs: 7_200_000, intervalMs: 75_000 } }],
  ["HTTP takes the idle timeout of TCP", tcp({ idleTimeout: "1m" }),
    { tcpIdleTimeoutMs: 60_000, httpIdleTimeoutMs: 60_000 }],
  ["each has its own", { connectionPool: { tcp: { idleTimeout: "0s" },
    http: { idleTimeout: "2m" } } }, { tcpIdleTimeoutMs: 0, httpIdleTimeoutMs: 120_000 }],
  ["http", web({ http1MaxPendingRequests: 2, http2MaxRequests: 3, maxRequestsPerConnection: 4,
    maxRetries: 5, maxConcurrentStreams: 6, useClientProtocol: true,
    http2KeepAlive: { interval: "10s", timeout: "2s" } }),
  { http1MaxPendingRequests: 2, http2MaxRequests: 3, maxRequestsPerConnection: 4, maxRetries: 5,
    maxConcurrentStreams: 6, useClientProtocol: true,
    http2KeepAlive: { intervalMs: 10_000, timeoutMs: 2000 } }],
  ["zero is nothing asked for", web({ maxRetries: 0, http2MaxRequests: 0 }), {}],
  ["retryBudget", { retryBudget: { percent: 50, minRetryConcurrency: 7, budgetInterval: "5s" } },
    { retryBudget: { percent: 50, minRetryConcurrency: 7, intervalMs: 5000 } }],
  ["an empty retryBudget", { retryBudget: {} },
    { retryBudget: { percent: 20, minRetryConcurrency: 3 } }],
  ["proxyProtocol", { proxyProtocol: { version: "V2" } }, { proxyProtocol: "V2" }],
  ["proxyProtocol without a version", { proxyProtocol: {} }, { proxyProtocol: "V1" }],
])("%s", (_, trafficPolicy, expected) => {
  const found = changes(trafficPolicy);
  expect(found).toEqual(expected);
});

describe("outlier detection", () => {
  const rest = { intervalMs: 10_000, baseEjectionTimeMs: 30_000, maxEjectionPercent: 10,
    minHealthPercent: 0 };
  test.each<[string, Json, object]>([
    ["empty: Istio's defaults", {}, { consecutive5xxErrors: 5, ...rest }],
    ["zero turns a detector off", { consecutive5xxErrors: 0, consecutiveGatewayErrors: 0 },
      { consecutive5xxErrors: 0, consecutiveGatewayErrors: 0, ...rest }],
    ["every figure", { consecutive5xxErrors: 6, consecutiveGatewayErrors: 7, interval: "100ms",
      baseEjectionTime: "1m30s", maxEjectionPercent: 8, minHealthPercent: 9 },
    { consecutive5xxErrors: 6, consecutiveGatewayErrors: 7, intervalMs: 100,
      baseEjectionTimeMs: 90_000, maxEjectionPercent: 8, minHealthPercent: 9 }],
    ["connections counted by themselves", { splitExternalLocalOriginErrors: true,
      consecutiveLocalOriginFailures: 2 },
    { consecutive5xxErrors: 5, splitExternalLocalOriginErrors: true,
      consecutiveLocalOriginFailures: 2, ...rest }],
    ["and their default", { splitExternalLocalOriginErrors: true },
      { consecutive5xxErrors: 5, splitExternalLocalOriginErrors: true,
        consecutiveLocalOriginFailures: 5, ...rest }],
  ])("%s", (_, asked, expected) => {
    expect(read(outlier(asked)).found.policy.outlierDetection).toEqual(expected);
  });
});

test("each field of the policy has the place that it was read from", () => {
  const { found: { origins } } = read({ ...lb({ simple: "RANDOM" }), ...tcp({ idleTimeout: "1m" }),
    ...outlier({}) });
  expect(Object.fromEntries(Object.entries(origins).map(([field, { path }]) => [field, path])))
    .toEqual({ loadBalancer: "spec.trafficPolicy.loadBalancer.simple",
      tcpIdleTimeoutMs: "spec.trafficPolicy.connectionPool.tcp.idleTimeout",
      httpIdleTimeoutMs: "spec.trafficPolicy.connectionPool.tcp.idleTimeout",
      outlierDetection: "spec.trafficPolicy.outlierDetection" });
  expect(origins.loadBalancer?.resource).toBe("DestinationRule shop/r");
});

const port = (value: Json): Json => ({ portLevelSettings: [{ port: { number: 80 }, ...value }] });

/** Fields that are said to do nothing, or to be Istio's alone. */
const spoken: readonly (readonly [string, Json, string])[] = [
  ["loadBalancer.simple", lb({ simple: "PASSTHROUGH" }),
    "FL0401 `trafficPolicy.loadBalancer.simple: PASSTHROUGH` means nothing at a gateway"],
  ["loadBalancer.zoneAwareLbSetting", lb({ zoneAwareLbSetting: { minClusterSize: 3 } }),
    "FL0401 only Istio carries out `trafficPolicy.loadBalancer.zoneAwareLbSetting`"],
  ["tunnel", { tunnel: { targetHost: "x.io", targetPort: 80 } },
    "FL0401 only Istio carries out `trafficPolicy.tunnel`"],
  ["loadBalancer.consistentHash", hash({ useSourceIp: false }),
    "FL0604 `trafficPolicy.loadBalancer.consistentHash` has no effect: it names nothing to hash"],
  ["loadBalancer.warmup", lb({ simple: "RANDOM", warmup: { duration: "1s" } }),
    "FL0604 `trafficPolicy.loadBalancer.warmup` has no effect: endpoints warm up with "
    + "ROUND_ROBIN and LEAST_REQUEST only"],
  ["loadBalancer.warmupDurationSecs", lb({ warmupDurationSecs: "1s",
    warmup: { duration: "1s" } }), "FL0604 `trafficPolicy.loadBalancer.warmupDurationSecs` has "
    + "no effect: `warmup` beside it counts"],
  ["maxRetries", web({ maxRetries: 0 }), "FL0604 `trafficPolicy.connectionPool.http.maxRetries` "
    + "has no effect: zero is no limit to Istio"],
  ["consecutiveErrors", outlier({ consecutiveErrors: 1 }), "FL0604 "
    + "`trafficPolicy.outlierDetection.consecutiveErrors` has no effect: Istio ignores it as well"],
  ["outlierDetectionHttpErrorCodes", outlier({ outlierDetectionHttpErrorCodes: ["500"] }),
    "FL0604 `trafficPolicy.outlierDetection.outlierDetectionHttpErrorCodes` has no effect: Istio "
    + "ignores it as well"],
  ["consecutiveLocalOriginFailures", outlier({ consecutiveLocalOriginFailures: 0 }), "FL0604 "
    + "`trafficPolicy.outlierDetection.consecutiveLocalOriginFailures` has no effect: "
    + "`splitExternalLocalOriginErrors` is not true"],
  ["tls.sni without TLS", { tls: { mode: "DISABLE", sni: "x" } },
    "FL0604 `trafficPolicy.tls.sni` has no effect: the mode is DISABLE"],
  ["tls.privateKey of SIMPLE", { tls: { mode: "SIMPLE", privateKey: "/k" } },
    "FL0604 `trafficPolicy.tls.privateKey` has no effect: the mode is SIMPLE"],
  ["a port's field", port(outlier({ consecutiveErrors: 1 })), "FL0604 "
    + "`trafficPolicy.portLevelSettings[0].outlierDetection.consecutiveErrors` has no effect: "
    + "Istio ignores it as well"],
];

test.each(spoken)("%s: what it does not do is said", (_, trafficPolicy, expected) => {
  expect(read(trafficPolicy).said).toEqual([expected]);
});

/** What has no number in the policy, and where it is tried instead. */
const elsewhere = new Set([
  "loadBalancer.localityLbSetting.distribute", "loadBalancer.localityLbSetting.enabled",
  "loadBalancer.localityLbSetting.failover", "loadBalancer.localityLbSetting.failoverPriority",
  "connectionPool.http.h2UpgradePolicy", ...["mode", "sni", "credentialName", "clientCertificate",
    "privateKey", "caCertificates", "caCrl", "subjectAltNames", "insecureSkipVerify"]
    .map((f) => `tls.${f}`),
]);

type Schema = { readonly properties?: Readonly<Record<string, Schema>> };

function leaves({ properties }: Schema, path: string): readonly string[] {
  if (!properties) return [path];
  return Object.entries(properties)
    .flatMap(([name, inner]) => leaves(inner, path ? `${path}.${name}` : name));
}

const samples: Readonly<Record<string, Json>> = {
  simple: "RANDOM", useSourceIp: true, useClientProtocol: true, minimumRingSize: 7, tableSize: 101,
  version: "V2", percent: 3, probes: 3, minClusterSize: 3,
  splitExternalLocalOriginErrors: true, outlierDetectionHttpErrorCodes: ["500"],
  attributes: [{ name: "a" }], enabled: true, failover: [{ from: "a", to: "b" }],
  failoverPriority: ["x"], distribute: [], targetPort: 80, targetHost: "x.io", protocol: "CONNECT",
  httpHeaderName: "x-user", httpQueryParameterName: "q", name: "d", path: "/p",
  minRetryConcurrency: 9,
};
const sampleOf = (leaf: string): Json => samples[leaf.split(".").at(-1) ?? ""]
  ?? (/(timeout|interval|time|ttl|duration|warmupDurationSecs)$/i.test(leaf) ? "7s" : 3);

/** Fields that mean nothing without one beside them. */
const beside: Readonly<Record<string, Json>> = {
  "loadBalancer.consistentHash.httpCookie": { name: "c" },
  "loadBalancer.consistentHash.ringHash": {}, "loadBalancer.warmup": { duration: "1s" },
  "connectionPool.http.http2KeepAlive": { interval: "1s", timeout: "1s" },
};

test("every field of the published schema is carried out, or said not to be", () => {
  const { trafficPolicy } = (definition.schema as Json).properties.spec.properties;
  const { portLevelSettings: _, ...properties } = trafficPolicy.properties;
  const silent = leaves({ properties }, "").filter((leaf) => {
    const path = leaf.split(".");
    const base: Json = {};
    path.slice(0, -1).reduce((at, name, index) => (at[name] = {
      ...beside[path.slice(0, index + 1).join(".")],
      ...(name === "consistentHash" && !/\.http|useSource/.test(leaf)
        ? { httpHeaderName: "x-user" } : {}) }), base);
    const whole = structuredClone(base);
    const parent = path.slice(0, -1).reduce((at, name) => at[name], whole);
    parent[path.at(-1) ?? ""] = sampleOf(leaf);
    const [before, after] = [read(base), read(whole)];
    const isSame = JSON.stringify(before.found.policy) === JSON.stringify(after.found.policy);
    // Of the field itself, or of what it is a part of.
    const isSaid = after.said.some((line) => !before.said.includes(line) || path.some((_, index) =>
      line.includes(`trafficPolicy.${path.slice(0, index + 1).join(".")}\``)));
    return isSame && !isSaid && !elsewhere.has(leaf);
  });
  expect(silent).toEqual([]);
});

test.each([["30s", 30_000], ["1h2m3s", 3_723_000], ["0.5ms", 0.5], ["", undefined],
  ["5", undefined], ["1x", undefined]])("duration %s is %s", (text, ms) => {
  expect(durationMs(text)).toBe(ms);
});
