// The like of http-cases.ts for the other kinds.

import { filterOf, type RuleCase } from "./http-cases.ts";

function listeners(...list: readonly object[]): object {
  return { gatewayClassName: "fairlead", listeners: list };
}

const plain = { name: "http", port: 80, protocol: "HTTP" };

function gateway(more: object): object {
  return { gatewayClassName: "fairlead", listeners: [plain], ...more };
}

const longKey = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(63)}/x`;
const certificate = { certificateRefs: [{ name: "cert" }] };

const gateways: readonly RuleCase[] = [
  { name: "two equal IP addresses", kind: "Gateway",
    spec: gateway({ addresses: [{ value: "10.0.0.1" }, { value: "10.0.0.1" }] }),
    title: "two addresses are the same", path: "spec.addresses[1]" },
  { name: "two equal hostnames", kind: "Gateway",
    spec: gateway({ addresses: ["a.b", "a.b"].map((value) => ({ type: "Hostname", value })) }),
    title: "two addresses are the same" },
  { name: "addresses", kind: "Gateway",
    spec: gateway({ addresses: [{ value: "10.0.0.1" }, { value: "::1" }, { type: "Hostname",
      value: "a.b" },
      { type: "Hostname" }] }) },
  { name: "address that is no hostname", kind: "Gateway",
    spec: gateway({ addresses: [{ type: "Hostname", value: "A_" }] }),
    title: "the address is not a hostname", path: "spec.addresses[0].value" },
  { name: "routability", kind: "Gateway",
    spec: gateway({ addresses: [{ value: "10.0.0.1", routability: "example.com/x" }] }) },
  { name: "bad routability", kind: "Gateway",
    spec: gateway({ addresses: [{ value: "10.0.0.1", routability: "Private" }] }),
    title: "`routability` has to be `Cluster` or a name under a domain, such as `example.com/x`" },
  { name: "reserved routability", kind: "Gateway",
    spec: gateway({ addresses: [{ value: "10.0.0.1", routability: "x.k8s.io/x" }] }),
    title: "`routability` has to be `Cluster` or a name under a domain, such as `example.com/x`" },
  { name: "annotations", kind: "Gateway",
    spec: gateway({ infrastructure: { annotations: { "example.com/a": "b", a: "b" } } }) },
  { name: "annotation with a bad key", kind: "Gateway",
    spec: gateway({ infrastructure: { annotations: { "a b": "c" } } }),
    title: "a key is not a qualified name, such as `app` or `example.com/app`" },
  { name: "annotation with a long domain", kind: "Gateway",
    spec: gateway({ infrastructure: { annotations: { [longKey]: "c" } } }),
    title: "a key's domain has 253 characters or more" },
  { name: "HTTP with tls", kind: "Gateway", spec: listeners({ ...plain, tls: certificate }),
    title: "a listener of protocol `HTTP`, `TCP` or `UDP` takes no `tls`",
    path: "spec.listeners[0].tls" },
  { name: "HTTPS passing through", kind: "Gateway",
    spec: listeners({ name: "a", port: 443, protocol: "HTTPS", tls: { mode: "Passthrough" } }),
    title: "an `HTTPS` listener has to terminate TLS" },
  { name: "HTTPS", kind: "Gateway",
    spec: listeners({ name: "a", port: 443, protocol: "HTTPS", tls: certificate }) },
  { name: "terminating without certificates", kind: "Gateway",
    spec: listeners({ name: "a", port: 443, protocol: "HTTPS", tls: {} }),
    title: "TLS is terminated here, but there are no `certificateRefs`" },
  { name: "terminating with options", kind: "Gateway",
    spec: listeners({ name: "a", port: 443, protocol: "HTTPS",
      tls: { options: { "a.b/c": "d" } } }) },
  { name: "TLS without tls", kind: "Gateway",
    spec: listeners({ name: "a", port: 443, protocol: "TLS" }),
    title: "a `TLS` listener needs `tls.mode`" },
  { name: "TCP with a hostname", kind: "Gateway",
    spec: listeners({ name: "a", port: 1, protocol: "TCP", hostname: "a.b" }),
    title: "a `TCP` or `UDP` listener takes no `hostname`", path: "spec.listeners[0].hostname" },
  { name: "two equal listeners", kind: "Gateway", spec: listeners(plain, { ...plain, name: "b" }),
    title: "two listeners have the same `port`, `protocol` and `hostname`",
    path: "spec.listeners[1]" },
  { name: "two listeners that differ by hostname", kind: "Gateway",
    spec: listeners(plain, { ...plain, name: "b", hostname: "a.b" }) },
  { name: "filters on TCP", kind: "Gateway",
    spec: listeners({ name: "a", port: 1, protocol: "TCP",
      filters: { requests: [filterOf("ExternalAuth")] } }),
    title: "`filters` need the protocol `HTTP` or `HTTPS`" },
  { name: "trust bundle with a namespace", kind: "Gateway",
    spec: gateway({ tls: { frontend: { default: { validation: { caCertificateRefs: [
      { group: "certificates.k8s.io", kind: "ClusterTrustBundle", name: "x",
        namespace: "y" }] } } } } }),
    title: "a ClusterTrustBundle is cluster-scoped: the reference takes no `namespace`" },
  { name: "trust bundle", kind: "Gateway",
    spec: gateway({ tls: { frontend: { default: { validation: { caCertificateRefs: [
      { group: "certificates.k8s.io", kind: "ClusterTrustBundle", name: "x" }] } } } } }) },
  { name: "two equal listeners of a set", kind: "ListenerSet",
    spec: { parentRef: { name: "gw" }, listeners: [plain, { ...plain, name: "b" }] },
    title: "two listeners have the same `port`, `protocol` and `hostname`" },
  { name: "listener set", kind: "ListenerSet",
    spec: { parentRef: { name: "gw" }, listeners: [plain] } },
];

const parentRefs = [{ name: "gw" }];

function grpc(method: object): object {
  return { parentRefs, rules: [{ matches: [{ method }] }] };
}

function tlsPolicy(validation: object, targetRefs?: readonly object[]): object {
  const target = { group: "", kind: "Service", name: "a" };
  return {
    targetRefs: targetRefs?.map((t) => ({ ...target, ...t })) ?? [target],
    validation: { hostname: "a.b", ...validation },
  };
}

const system = { wellKnownCACertificates: "System" };
const authority = { caCertificateRefs: [{ group: "", kind: "ConfigMap", name: "x" }] };
const onlyOne = "exactly one of `caCertificateRefs` and `wellKnownCACertificates` has to be set";

function name(subjectAltName: object): object {
  return tlsPolicy({ ...system, subjectAltNames: [subjectAltName] });
}

const others: readonly RuleCase[] = [
  { name: "gRPC method", kind: "GRPCRoute", spec: grpc({ service: "a.B", method: "C" }) },
  { name: "gRPC match of nothing", kind: "GRPCRoute", spec: grpc({}),
    title: "a gRPC match needs a `service`, a `method` or both" },
  { name: "gRPC service with a dash", kind: "GRPCRoute", spec: grpc({ service: "a-b" }),
    title: "`service` is not the name of a gRPC service" },
  { name: "gRPC method with a dash", kind: "GRPCRoute", spec: grpc({ method: "a-b" }),
    title: "`method` is not the name of a gRPC method" },
  { name: "129 gRPC matches", kind: "GRPCRoute",
    spec: { parentRefs, rules: [64, 64, 1].map((n) => ({
      matches: Array.from({ length: n }, (_, i) => ({ method: { method: `M${i}` } })) })) },
    title: "the rules have more than 128 matches together" },
  { name: "gRPC rules without matches", kind: "GRPCRoute", spec: { parentRefs, rules: [{}, {}] } },
  { name: "TLS hostnames", kind: "TLSRoute",
    spec: { hostnames: ["a.b", "*.c.d"], rules: [{ backendRefs: [{ name: "b", port: 1 }] }] } },
  { name: "IP address as hostname", kind: "TLSRoute",
    spec: { hostnames: ["10.0.0.1"], rules: [{ backendRefs: [{ name: "b", port: 1 }] }] },
    title: "an IP address is not a hostname" },
  { name: "CA and system trust", kind: "BackendTLSPolicy",
    spec: tlsPolicy({ ...system, ...authority }),
    title: onlyOne },
  { name: "no trust", kind: "BackendTLSPolicy", spec: tlsPolicy({}), title: onlyOne },
  { name: "CA", kind: "BackendTLSPolicy", spec: tlsPolicy(authority) },
  { name: "one target twice", kind: "BackendTLSPolicy", spec: tlsPolicy(system, [{}, {}]),
    title: "two entries name the same parent" },
  { name: "one target with and without a section", kind: "BackendTLSPolicy",
    spec: tlsPolicy(system, [{}, { sectionName: "x" }]),
    title: "two entries name the same parent, and only one of them says which part of it" },
  { name: "SAN hostname", kind: "BackendTLSPolicy",
    spec: name({ type: "Hostname", hostname: "a.b" }) },
  { name: "SAN URI", kind: "BackendTLSPolicy", spec: name({ type: "URI", uri: "spiffe://a/b" }) },
  { name: "SAN hostname without one", kind: "BackendTLSPolicy", spec: name({ type: "Hostname" }),
    title: "`type` is `Hostname`, but `hostname` is missing" },
  { name: "SAN URI without one", kind: "BackendTLSPolicy", spec: name({ type: "URI" }),
    title: "`type` is `URI`, but `uri` is missing" },
  { name: "SAN URI with a hostname", kind: "BackendTLSPolicy",
    spec: name({ type: "URI", uri: "spiffe://a/b", hostname: "a.b" }),
    title: "`hostname` is set, but `type` is not `Hostname`" },
  { name: "SAN hostname with a URI", kind: "BackendTLSPolicy",
    spec: name({ type: "Hostname", uri: "spiffe://a/b", hostname: "a.b" }),
    title: "`uri` is set, but `type` is not `URI`" },
];

function policy(trafficPolicy: object): object {
  return { host: "a", trafficPolicy };
}

function tcp(connectTimeout: string): object {
  return policy({ connectionPool: { tcp: { connectTimeout } } });
}

function entry(more: object): object {
  return { hosts: ["a.b"], ...more };
}

function endpoint(more: object): object {
  return entry({ resolution: "STATIC", endpoints: [more] });
}

const socket = "a Unix socket is `unix://` and an absolute path or `@name`";

const istio: readonly RuleCase[] = [
  ...["1ms", "1s", "1h30m", "0.5s", "1.5h"].map((d) => (
    { name: `duration ${d}`, kind: "DestinationRule", spec: tcp(d) })),
  ...["0s", "100us", "1d", "5", "x"].map((d) => ({
    name: `duration ${d}`, kind: "DestinationRule", spec: tcp(d),
    title: `\`${d}\` is not a duration of at least \`1ms\``,
  })),
  { name: "selector", kind: "DestinationRule",
    spec: { host: "a", workloadSelector: { matchLabels: { a: "b" } } } },
  { name: "selector with a star", kind: "DestinationRule",
    spec: { host: "a", workloadSelector: { matchLabels: { a: "*" } } },
    title: "a label to select by cannot contain `*`" },
  { name: "selector with a star in its key", kind: "DestinationRule",
    spec: { host: "a", workloadSelector: { matchLabels: { "*": "a" } } },
    title: "a label to select by cannot contain `*`" },
  { name: "selector with an empty key", kind: "DestinationRule",
    spec: { host: "a", workloadSelector: { matchLabels: { "": "a" } } }, title: "a key is empty" },
  { name: "entry", kind: "ServiceEntry", spec: entry({ ports: [{ number: 80, name: "a" }] }) },
  { name: "every host", kind: "ServiceEntry", spec: { hosts: ["*"] },
    title: "the host cannot be `*`" },
  { name: "port 0", kind: "ServiceEntry", spec: entry({ ports: [{ number: 0, name: "a" }] }),
    title: "a port is a number from 1 to 65535" },
  { name: "one port twice", kind: "ServiceEntry",
    spec: entry({ ports: [{ number: 80, name: "a" }, { number: 80, name: "b" }] }),
    title: "two entries have the same `number`", path: "spec.ports[1]" },
  { name: "endpoint", kind: "ServiceEntry",
    spec: endpoint({ address: "10.0.0.1", ports: { a: 80 } }) },
  { name: "endpoint without an address", kind: "ServiceEntry", spec: endpoint({ weight: 1 }),
    title: "an endpoint needs an `address` or a `network`" },
  { name: "endpoint with a bad port name", kind: "ServiceEntry",
    spec: endpoint({ address: "10.0.0.1", ports: { "a_b": 80 } }),
    title: "a key is not the name of a port" },
  { name: "endpoint with port 0", kind: "ServiceEntry",
    spec: endpoint({ address: "10.0.0.1", ports: { a: 0 } }),
    title: "a port is a number from 1 to 65535" },
  { name: "socket", kind: "ServiceEntry", spec: endpoint({ address: "unix:///a" }) },
  { name: "abstract socket", kind: "ServiceEntry", spec: endpoint({ address: "unix://@a" }) },
  { name: "relative socket", kind: "ServiceEntry", spec: endpoint({ address: "unix://a" }),
    title: socket },
  { name: "folder as socket", kind: "ServiceEntry", spec: endpoint({ address: "unix:///a/" }),
    title: socket },
  { name: "socket with ports", kind: "ServiceEntry",
    spec: endpoint({ address: "unix:///a", ports: { a: 80 } }),
    title: "a Unix socket takes no `ports`" },
  { name: "selector and endpoints", kind: "ServiceEntry",
    spec: entry({ resolution: "STATIC", workloadSelector: { labels: { a: "b" } },
      endpoints: [{ address: "10.0.0.1" }] }),
    title: "`workloadSelector` and `endpoints` exclude each other" },
  { name: "range with DNS", kind: "ServiceEntry",
    spec: entry({ resolution: "DNS", addresses: ["10.0.0.0/8"] }),
    title: "address ranges need the resolution `NONE` or `STATIC`" },
  { name: "range", kind: "ServiceEntry", spec: entry({ addresses: ["10.0.0.0/8"] }) },
  { name: "endpoints without resolution", kind: "ServiceEntry",
    spec: entry({ endpoints: [{ address: "10.0.0.1" }] }),
    title: "`endpoints` need a `resolution` other than `NONE`" },
  { name: "two endpoints in turn by DNS", kind: "ServiceEntry",
    spec: entry({ resolution: "DNS_ROUND_ROBIN", endpoints: [{ address: "a" }, { address: "b" }] }),
    title: "`DNS_ROUND_ROBIN` takes at most one endpoint" },
  { name: "workload", kind: "WorkloadEntry", spec: { address: "10.0.0.1", ports: { a: 80 } } },
  { name: "workload without an address", kind: "WorkloadEntry", spec: { weight: 1 },
    title: "an endpoint needs an `address` or a `network`" },
  { name: "workload at a relative socket", kind: "WorkloadEntry", spec: { address: "unix://a" },
    title: socket },
];

const core: readonly RuleCase[] = [
  { name: "Service", kind: "Service", spec: { ports: [{ port: 80 }] } },
  { name: "Service without ports", kind: "Service", spec: {},
    title: "a Service needs `ports`, unless it is headless or an `ExternalName`" },
  { name: "headless Service", kind: "Service", spec: { clusterIP: "None" } },
  { name: "external Service", kind: "Service",
    spec: { type: "ExternalName", externalName: "a.b" } },
  { name: "external Service without a name", kind: "Service", spec: { type: "ExternalName" },
    title: "a Service of type `ExternalName` needs an `externalName`" },
  { name: "unnamed ports", kind: "Service", spec: { ports: [{ port: 80 }, { port: 81 }] },
    title: "each port of a Service with several ports needs a `name`" },
  { name: "one port twice", kind: "Service",
    spec: { ports: [{ port: 80, name: "a" }, { port: 80, name: "b" }] },
    title: "two ports have the same `port` and `protocol`" },
  { name: "one port name twice", kind: "Service",
    spec: { ports: [{ port: 80, name: "a" }, { port: 81, name: "a" }] },
    title: "two ports have the same `name`" },
];

export const otherRuleCases: readonly RuleCase[] = [...gateways, ...others, ...istio, ...core];
