// The manifests that Istio was asked about: each case is a small cluster as one Gateway sees it.

export type Json = Record<string, unknown>;

export interface Case {
  readonly name: string;
  readonly objects: readonly Json[];
  /** The Gateway's namespace; absent: `infra`. */
  readonly client?: string;
  /** Of the Gateway's pods, beside the one that names it. */
  readonly labels?: Readonly<Record<string, string>>;
  /** `region/zone/subzone` of the Gateway. */
  readonly locality?: string;
  /** The host, its namespace and the subsets that routes lead to; absent: Service `s` of `shop`. */
  readonly to?: { readonly host: string; readonly namespace: string };
  readonly subsets?: readonly string[];
}

const host = "s.shop.svc.cluster.local";

function object(
  apiVersion: string, kind: string, name: string, namespace: string, rest: Json, created?: string,
): Json {
  const metadata = { name, namespace, ...(created ? { creationTimestamp: created } : {}) };
  return { apiVersion, kind, metadata, ...rest };
}

const service = object("v1", "Service", "s", "shop", { spec: { clusterIP: "10.96.0.1",
  ports: [{ name: "http", port: 80, protocol: "TCP", targetPort: 8080 },
    { name: "http-b", port: 81, protocol: "TCP", targetPort: 8081 }] } });

function pod(name: string, podIP: string, version: string): Json {
  const made = object("v1", "Pod", name, "shop", { spec: { containers: [] },
    status: { podIP, podIPs: [{ ip: podIP }], phase: "Running",
      conditions: [{ type: "Ready", status: "True" }] } });
  return { ...made, metadata: { ...made.metadata as Json, labels: { app: "s", version } } };
}

const slice: Json = { apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice",
  metadata: { name: "s-1", namespace: "shop", labels: { "kubernetes.io/service-name": "s" } },
  addressType: "IPv4", ports: [{ name: "http", port: 8080 }, { name: "http-b", port: 8081 }],
  endpoints: [["p", "10.1.0.1"], ["q", "10.1.0.2"]].map(([name, address]) => ({
    addresses: [address], conditions: { ready: true },
    targetRef: { kind: "Pod", name, namespace: "shop" } })) };

/** Service `s` and what is behind it. */
const backend = [service, slice, pod("p", "10.1.0.1", "v1"), pod("q", "10.1.0.2", "v2")];

function rule(name: string, namespace: string, spec: Json, created?: string): Json {
  return object("networking.istio.io/v1", "DestinationRule", name, namespace,
    { spec: { host, ...spec } }, created);
}

/** A policy that can be told from others by its figure. */
const pool = (maxConnections: number): Json =>
  ({ trafficPolicy: { connectionPool: { tcp: { maxConnections } } } });
const v1 = { name: "v1", labels: { version: "v1" } };
const v2 = { name: "v2", labels: { version: "v2" } };

const whichCounts: readonly Case[] = [
  ["no rule", []],
  ["the Service's namespace", [rule("a", "shop", pool(1))]],
  ["a stranger's namespace", [rule("a", "other", pool(1))]],
  ["the root namespace", [rule("a", "istio-system", pool(1))]],
  ["the Gateway's before the Service's", [rule("a", "infra", pool(1)), rule("b", "shop", pool(2))]],
  ["the Service's before the root's", [rule("a", "istio-system", pool(1)),
    rule("b", "shop", pool(2))]],
  ["exported to nobody", [rule("a", "shop", { ...pool(1), exportTo: ["."] })]],
  ["exported to nobody, by its own name", [rule("a", "shop", { ...pool(1), exportTo: ["shop"] })]],
  ["exported to the Gateway", [rule("a", "shop", { ...pool(1), exportTo: ["infra"] })]],
  ["exported to another", [rule("a", "shop", { ...pool(1), exportTo: ["other"] })]],
  ["exported to all", [rule("a", "shop", { ...pool(1), exportTo: ["*"] })]],
  ["the Gateway's own, for itself", [rule("a", "infra", { ...pool(1), exportTo: ["."] })]],
  ["the Gateway's own, for others only", [rule("a", "infra", { ...pool(1), exportTo: ["shop"] }),
    rule("b", "shop", pool(2))]],
  ["a hidden rule lets the root's through", [rule("a", "shop", { ...pool(1), exportTo: ["other"] }),
    rule("b", "istio-system", pool(2))]],
  ["the root's own, for itself", [rule("a", "istio-system", { ...pool(1), exportTo: ["."] })]],
  ["the longest wildcard", [rule("a", "shop", { ...pool(1), host: "*.local" }),
    rule("b", "shop", { ...pool(2), host: "*.shop.svc.cluster.local" })]],
  ["an exact host before any wildcard", [rule("a", "shop", { ...pool(1), host: "*.cluster.local" }),
    rule("b", "shop", pool(2))]],
  ["a wildcard of the Gateway's before an exact host of the Service's",
    [rule("a", "infra", { ...pool(1), host: "*.cluster.local" }), rule("b", "shop", pool(2))]],
  ["every host", [rule("a", "istio-system", { ...pool(1), host: "*" })]],
].map(([name, objects]) => ({ name, objects: [...backend, ...objects as Json[]] } as Case));

const fromRoot: readonly Case[] = [
  ["its own private rule", [rule("a", "istio-system", { ...pool(1), exportTo: ["."] }),
    rule("b", "shop", pool(2))]],
  ["the Service's before its own public one", [rule("a", "istio-system", pool(1)),
    rule("b", "shop", pool(2))]],
].map(([name, objects]) => ({ name: `a Gateway of the root namespace: ${String(name)}`,
  client: "istio-system", objects: [...backend, ...objects as Json[]] }));

const old = "2020-01-01T00:00:00Z";
const young = "2021-01-01T00:00:00Z";
const merging: readonly Case[] = [
  ["the first by name has the policy", [rule("b", "shop", pool(1), old),
    rule("a", "shop", pool(2), old)]],
  ["the older one has the policy", [rule("a", "shop", pool(1), young),
    rule("b", "shop", pool(2), old)]],
  ["a rule without a policy leaves it to the next", [rule("a", "shop", { subsets: [v1] }),
    rule("b", "shop", pool(2))]],
  ["subsets are joined", [rule("a", "shop", { ...pool(1), subsets: [v1] }),
    rule("b", "shop", { ...pool(2), subsets: [v2] })]],
  ["the first subset of a name counts",
    [rule("a", "shop", { subsets: [{ ...v1, ...pool(3) }] }),
      rule("b", "shop", { subsets: [{ ...v1, ...pool(4) }, v2] })]],
  ["rules of two exports are not joined, and the last one counts",
    [rule("a", "shop", { ...pool(1), exportTo: ["*"], subsets: [v1] }),
      rule("b", "shop", { ...pool(2), exportTo: ["infra"] })]],
  ["a wider export is joined to a narrower one",
    [rule("a", "shop", { exportTo: ["infra"], subsets: [v1] }),
      rule("b", "shop", { ...pool(2), exportTo: ["infra", "other"], subsets: [v2] })]],
  ["a rule for other workloads", [rule("a", "infra", { ...pool(1),
    workloadSelector: { matchLabels: { app: "x" } } }), rule("b", "shop", pool(2))]],
  ["a rule for this workload", [rule("a", "infra", { ...pool(1),
    workloadSelector: { matchLabels: { app: "gw" } } }), rule("b", "infra", pool(2))]],
  ["a rule for this workload, of the Service's namespace", [rule("a", "shop", { ...pool(1),
    workloadSelector: { matchLabels: { app: "gw" } } }), rule("b", "shop", pool(2))]],
].map(([name, objects]) => ({ name: `merging: ${String(name)}`, labels: { app: "gw" },
  subsets: ["v1", "v2"], objects: [...backend, ...objects as Json[]] }));

const port = (number: number, rest: Json): Json => ({ port: { number }, ...rest });
const levels: readonly Case[] = [
  ["a port's settings inherit nothing", { trafficPolicy: { loadBalancer: { simple: "RANDOM" },
    proxyProtocol: { version: "V2" }, retryBudget: { percent: 10 }, portLevelSettings: [
      port(81, { outlierDetection: { consecutive5xxErrors: 0 } })] }, subsets: [v1] }],
  ["a subset's section replaces the rule's", { trafficPolicy: { loadBalancer: { simple: "RANDOM" },
    connectionPool: { tcp: { maxConnections: 7 } } },
  subsets: [{ ...v1, trafficPolicy: { connectionPool: { http: { maxRetries: 2 } },
    retryBudget: { percent: 5 } } }] }],
  ["a port's settings of a subset", { trafficPolicy: { loadBalancer: { simple: "RANDOM" },
    proxyProtocol: {}, outlierDetection: {} }, subsets: [{ ...v1, trafficPolicy: {
    proxyProtocol: { version: "V2" }, portLevelSettings: [
      port(80, { connectionPool: { tcp: { maxConnections: 3 } } })] } }] }],
  ["a subset's policy where the rule has none", { subsets: [{ ...v1, trafficPolicy: {
    loadBalancer: { simple: "ROUND_ROBIN" }, portLevelSettings: [
      port(80, { connectionPool: { tcp: { maxConnections: 3 } } })] } }] }],
  ["a subset on top of a port's settings", { trafficPolicy: { proxyProtocol: {},
    portLevelSettings: [port(80, { loadBalancer: { simple: "RANDOM" },
      connectionPool: { tcp: { maxConnections: 3 } } })] },
  subsets: [{ ...v1, trafficPolicy: { loadBalancer: { simple: "ROUND_ROBIN" } } }] }],
  ["UPGRADE speaks HTTP/2", { trafficPolicy: { connectionPool: { http: {
    h2UpgradePolicy: "UPGRADE", maxConcurrentStreams: 9 } } } }],
].map(([name, spec]) => ({ name: `levels: ${String(name)}`, subsets: ["v1"],
  objects: [...backend, rule("a", "shop", spec as Json)] }));

const backendTls = object("gateway.networking.k8s.io/v1", "BackendTLSPolicy", "p", "shop",
  { spec: { targetRefs: [{ group: "", kind: "Service", name: "s" }],
    validation: { hostname: "p.io", wellKnownCACertificates: "System" } } });
const tls: readonly Case[] = [
  ["a BackendTLSPolicy alone", []],
  ["beside a rule's `tls`", [rule("a", "shop", { trafficPolicy: {
    tls: { mode: "SIMPLE", sni: "d.io" } } })]],
  ["beside a rule's DISABLE", [rule("a", "shop", { trafficPolicy: { tls: { mode: "DISABLE" } } })]],
  ["beside a rule that says nothing of TLS", [rule("a", "shop", pool(1))]],
  ["beside such a rule of the Gateway's namespace", [rule("a", "infra", pool(1))]],
  ["beside a port's settings that say nothing of TLS", [rule("a", "shop", { trafficPolicy: {
    portLevelSettings: [port(80, { loadBalancer: { simple: "RANDOM" } })] } })]],
].map(([name, objects]) => ({ name: `TLS: ${String(name)}`,
  objects: [...backend, backendTls, ...objects as Json[]] }));

const istio = (kind: string, name: string, spec: Json): Json =>
  object("networking.istio.io/v1", kind, name, "shop", { spec });
const api = { host: "api.x.io", namespace: "shop" };
const entry = (spec: Json, name = "e"): Json => istio("ServiceEntry", name, {
  hosts: ["api.x.io"], location: "MESH_EXTERNAL", resolution: "STATIC",
  ports: [{ number: 443, name: "https", protocol: "HTTP", targetPort: 8443 },
    { number: 80, name: "http", protocol: "HTTP" }], ...spec });
const endpoints = [{ address: "10.0.0.1", labels: { version: "v1" }, ports: { http: 9080 } },
  { address: "10.0.0.2", labels: { version: "v2" }, weight: 3 }];
const workload = (name: string, address: string, version: string): Json =>
  istio("WorkloadEntry", name, { address, labels: { app: "a", version },
    ports: { https: 1443 } });
const entries: readonly Case[] = [
  ["STATIC", [entry({ endpoints })]],
  ["DNS by its host", [entry({ resolution: "DNS" })]],
  ["DNS by its endpoints", [entry({ resolution: "DNS",
    endpoints: [{ address: "eu.x.io" }, { address: "us.x.io", ports: { http: 1 } }] })]],
  ["DNS_ROUND_ROBIN", [entry({ resolution: "DNS_ROUND_ROBIN" })]],
  ["NONE", [entry({ resolution: "NONE" })]],
  ["HTTP/2 and gRPC", [entry({ endpoints, ports: [
    { number: 443, name: "h", protocol: "HTTP2" },
    { number: 80, name: "http", protocol: "GRPC" }] })]],
  ["of one host taken together", [entry({ endpoints }),
    entry({ endpoints: [{ address: "10.0.0.3" }] }, "f")]],
  ["what a selector chooses", [entry({ workloadSelector: { labels: { app: "a" } } }),
    workload("w", "10.0.0.1", "v1"), workload("x", "10.0.0.2", "v2")]],
].map(([name, objects]) => ({ name: `ServiceEntry: ${String(name)}`, to: api,
  objects: objects as Json[] }));

const onEntries: readonly Case[] = [
  { name: "ServiceEntry: a rule and its subsets", to: api, subsets: ["v1", "v2"],
    objects: [entry({ endpoints }), istio("DestinationRule", "d", { host: "api.x.io",
      ...pool(5), subsets: [v1, v2] })] },
  { name: "ServiceEntry: its names for the rule's `tls`", to: api,
    objects: [entry({ endpoints, subjectAltNames: ["a.x.io"] }), istio("DestinationRule", "d", {
      host: "api.x.io", trafficPolicy: { tls: { mode: "SIMPLE", sni: "api.x.io" } } })] },
];

const at = (name: string, address: string, locality: string, labels: Json = {}): Json =>
  istio("WorkloadEntry", name, { address, locality, labels: { app: "a", ...labels } });
const places = [at("a", "10.0.0.1", "eu/a/1"), at("b", "10.0.0.2", "eu/a/2"),
  at("c", "10.0.0.3", "eu/b", { tier: "x" }), at("d", "10.0.0.4", "us/a"),
  at("e", "10.0.0.5", "us/b"), at("f", "10.0.0.6", "ap/a")];
const near = (trafficPolicy: Json): readonly Json[] => [
  entry({ workloadSelector: { labels: { app: "a" } } }), ...places,
  istio("DestinationRule", "d", { host: "api.x.io", trafficPolicy })];
const ejects = { outlierDetection: { maxEjectionPercent: 100 } };
const balancer = (setting: Json): Json => ({ loadBalancer: { localityLbSetting: setting } });
const localities: readonly Case[] = [
  ["nothing asked, nothing ejected", near({ loadBalancer: { simple: "RANDOM" } })],
  ["nothing asked", near(ejects)],
  ["switched off", near({ ...ejects, ...balancer({ enabled: false }) })],
  ["failover", near({ ...ejects, ...balancer({ failover: [{ from: "eu", to: "us" }] }) })],
  ["failover that nothing ejects for", near(balancer({ failover: [{ from: "eu", to: "us" }] }))],
  ["failoverPriority", near({ ...ejects, ...balancer({ failoverPriority: [
    "topology.kubernetes.io/region", "topology.kubernetes.io/zone"] }) })],
  ["failoverPriority by a label", near({ ...ejects, ...balancer({ failoverPriority: [
    "tier=x", "topology.kubernetes.io/region"] }) })],
  ["failoverPriority and failover", near({ ...ejects, ...balancer({ failoverPriority: ["tier=x"],
    failover: [{ from: "eu", to: "ap" }] }) })],
  ["distribute", near(balancer({ distribute: [{ from: "eu/a/*",
    to: { "eu/a/*": 70, "us/*": 30 } }] }))],
  ["distribute from elsewhere", near(balancer({ distribute: [{ from: "ap/*",
    to: { "ap/*": 100 } }] }))],
  ["zone-aware", near({ loadBalancer: { zoneAwareLbSetting: {
    failover: [{ from: "eu", to: "us" }] } } })],
].map(([name, objects]) => ({ name: `locality: ${String(name)}`, to: api, locality: "eu/a/1",
  objects: objects as Json[] }));

export const cases: readonly Case[] = [
  ...whichCounts, ...fromRoot, ...merging, ...levels, ...tls, ...entries, ...onEntries,
  ...localities,
];
