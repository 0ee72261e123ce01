// A small world whose documents can each say several things: the input of the tests of incremental
// compilation. A slot is one file; what it says is one of its texts, or nothing at all.

import {
  destinationRule, from, gateway, grant, http, namespace, route, service, slice,
} from "./build.ts";
import { makeCertificate } from "./certificate.ts";
import type { Json } from "./json.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const pairs = ["one.example.com", "two.example.com"].map(makeCertificate);
const secret = (at: number): Json => ({
  apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls",
  metadata: { name: "cert", namespace: "infra" },
  data: {
    "tls.crt": base64(pairs[at]?.certificate ?? ""), "tls.key": base64(pairs[at]?.key ?? ""),
  },
});
const authority = (at: number, where: string): Json => ({
  apiVersion: "v1", kind: "ConfigMap", metadata: { name: "ca", namespace: where },
  data: { "ca.crt": pairs[at]?.certificate ?? "" },
});
const all = from("All");
const secured = { port: 443, protocol: "HTTPS", tls: { certificateRefs: [{ name: "cert" }] } };
const client = { tls: { backend: { clientCertificateRef: { name: "cert" } } } };
const both = { tls: { ...client.tls, frontend: { default: { validation: {
  caCertificateRefs: [{ group: "", kind: "ConfigMap", name: "ca", namespace: "infra" }] } } } } };
const parent = (name: string, rest: Json = {}): Json => ({ name, namespace: "infra", ...rest });
const set = (listeners: Json[], rest: Json = {}): Json => ({
  apiVersion: "gateway.networking.k8s.io/v1", kind: "ListenerSet",
  metadata: { name: "more", namespace: "default" },
  spec: { parentRef: parent("gw"), listeners, ...rest },
});
const tlsPolicy = (spec: Json = {}, targetRef: Json = {}): Json => ({
  apiVersion: "gateway.networking.k8s.io/v1", kind: "BackendTLSPolicy",
  metadata: { name: "secure", namespace: "default" },
  spec: {
    targetRefs: [{ group: "", kind: "Service", name: "a", ...targetRef }],
    validation: { hostname: "a.example.com",
      caCertificateRefs: [{ group: "", kind: "ConfigMap", name: "ca" }], ...spec },
  },
});
const path = (value: string, type = "PathPrefix", rest: Json = {}): Json =>
  ({ path: { type, value }, ...rest });
const to = (name: string, rest: Json = {}): Json => ({ name, port: 80, ...rest });
const mirror = (name: string): Json =>
  ({ type: "RequestMirror", requestMirror: { backendRef: { name, port: 80 } } });
const header = { type: "RequestHeaderModifier",
  requestHeaderModifier: { set: [{ name: "X-Set", value: "1" }] } };
const shop = (...rules: Json[]): Json =>
  ({ parentRefs: [parent("gw")], hostnames: ["shop.example.com"], rules });

const entry = (name: string, spec: Json): Json => ({
  apiVersion: "networking.istio.io/v1", kind: "ServiceEntry",
  metadata: { name, namespace: "default" },
  spec: {
    hosts: ["api.example.org"], ports: [{ number: 80, name: "http", protocol: "HTTP" }],
    location: "MESH_EXTERNAL", resolution: "STATIC", ...spec,
  },
});
const hostRef = (name: string): Json =>
  ({ group: "networking.istio.io", kind: "Hostname", name, port: 80 });
const standIn = (subset: string): Json => {
  const own = service("a-v1");
  return { ...own, metadata: { ...own.metadata, annotations: { "fairlead.dev/subset": subset } } };
};
const subsets = (...names: string[]): Json =>
  ({ host: "a", subsets: names.map((name) => ({ name, labels: { version: name } })) });

const gateways: readonly Json[][] = [
  [
    gateway("gw", [http("http", undefined, all), { name: "https", ...secured, ...all }],
      { namespace: "infra", ...both, allowedListeners: { namespaces: { from: "All" } } }),
    gateway("gw", [http("http", undefined, all)], { namespace: "infra" }),
    gateway("gw", [http("http", "*.example.com", all), http("shop", "shop.example.com", all)],
      { namespace: "infra" }),
    gateway("gw", [http("http", undefined, from("Selector", { matchLabels: { team: "x" } }))],
      { namespace: "infra" }),
    gateway("gw", [http("http", undefined, { port: 81, ...all })], { namespace: "infra" }),
  ],
  [
    gateway("other", [http("http", undefined, all)], { namespace: "infra" }),
    gateway("other", [http("http", undefined, all)], { namespace: "infra", ...client }),
    gateway("other", [{ name: "tcp", port: 9000, protocol: "TCP", ...all }],
      { namespace: "infra" }),
  ],
  [set([http("extra", "set.example.com", all)]), set([http("extra", "set.example.com", all),
    http("again", "shop.example.com", { port: 81, ...all })])],
];

const routes: readonly Json[][] = [
  [
    route("shop", shop({ matches: [path("/cart"), path("/old", "Exact")], backendRefs: [to("a"),
      to("b", { weight: 3, filters: [header] })] }, { matches: [path("/")],
      backendRefs: [to("d")] })),
    route("shop", shop({ matches: [path("/")], backendRefs: [to("a")] })),
    route("shop", shop({ matches: [path("/cart", "RegularExpression")], filters: [mirror("b")],
      backendRefs: [to("a")], timeouts: { request: "3s" } })),
    route("shop", { ...shop({ matches: [path("/")], backendRefs: [to("a")] }),
      parentRefs: [parent("gw"), parent("other")] }),
    route("shop", { ...shop({ backendRefs: [to("a", { namespace: "team" })] }),
      parentRefs: [parent("gw", { sectionName: "shop" })] }),
  ],
  [
    route("rival", shop({ matches: [path("/cart", "Exact"), path("/cart")],
      backendRefs: [to("b")] })),
    route("rival", { ...shop({ matches: [path("/cart")], backendRefs: [to("b")] }),
      hostnames: ["*.example.com", "shop.example.com"] }, { created: "2024-01-01T00:00:00Z" }),
    route("rival", { parentRefs: [parent("gw"), { kind: "ListenerSet", name: "more" }],
      rules: [{ matches: [path("/", "PathPrefix", { method: "GET" })], backendRefs: [to("a")] }] }),
    route("rival", { parentRefs: [{ name: "nowhere" }], rules: [{ backendRefs: [to("a")] }] }),
  ],
  [
    route("team", shop({ matches: [path("/team")], backendRefs: [to("a", {
      namespace: "default" })] }), { namespace: "team" }),
    route("team", { ...shop({ matches: [path("/team")], backendRefs: [to("c")] }),
      hostnames: ["team.example.com"] }, { namespace: "team" }),
  ],
  [
    route("calls", { parentRefs: [parent("gw")], hostnames: ["shop.example.com"],
      rules: [{ matches: [{ method: { service: "s", method: "m" } }], backendRefs: [to("b")] }] },
    { kind: "GRPCRoute" }),
    route("calls", { parentRefs: [parent("gw")], hostnames: ["calls.example.com"],
      rules: [{ backendRefs: [to("a"), to("b")] }] }, { kind: "GRPCRoute" }),
  ],
  [route("lost", shop({ matches: [path("/lost")], backendRefs: [to("d")] }))],
  [route("guest", shop({ matches: [path("/guest")],
    backendRefs: [to("a", { namespace: "team" })] }))],
  [
    route("entry", shop({ matches: [path("/entry")], backendRefs: [hostRef("api.example.org")] })),
    route("entry", shop({ matches: [path("/entry")], backendRefs: [hostRef("api.example.net")] })),
  ],
  [route("slip", shop({ matches: [path("/slip")], backendRefs: [hostRef("api.example.nex")] }))],
  [route("one", shop({ matches: [path("/one")], backendRefs: [to("a-v1")] }))],
  [route("two", shop({ matches: [path("/two")], backendRefs: [to("a-v1")] }))],
  [
    route("mesh", { parentRefs: [{ group: "", kind: "Service", name: "b" }],
      rules: [{ backendRefs: [to("a"), to("a-v1")] }] }),
    route("mesh", { parentRefs: [{ group: "", kind: "Service", name: "c" }, parent("gw")],
      rules: [{ backendRefs: [to("a")] }] }),
  ],
  [route("stream", { parentRefs: [parent("other")], rules: [{ backendRefs: [to("a")] }] },
    { kind: "TCPRoute" })],
];

const backends: readonly Json[][] = [
  [service("a"), service("a", { ports: [{ name: "web", port: 80, appProtocol: "http2" }] }),
    service("a", { ports: [{ port: 8080 }] }), service("a", { ports: [] , type: 7 })],
  [service("b"), service("b", { type: "ExternalName", externalName: "b.example.org" })],
  [service("c", { namespace: "team" }), service("a", { namespace: "team" })],
  [slice("a", "a-1", { endpoints: [{ addresses: ["10.0.0.1"] }], ports: [{ port: 8080 }] }),
    slice("a", "a-1", { endpoints: [{ addresses: ["10.0.0.2", "10.0.0.1"] }],
      ports: [{ port: 8080 }] }),
    slice("b", "a-1", { endpoints: [], ports: [{ port: 8080 }] })],
  [destinationRule("balance", { host: "a", trafficPolicy: {
    loadBalancer: { consistentHash: { httpHeaderName: "x-user" } } } }),
  destinationRule("balance", { host: "*.default.svc.cluster.local", trafficPolicy: {
    loadBalancer: { simple: "ROUND_ROBIN" }, outlierDetection: { consecutive5xxErrors: 3 } } }),
  destinationRule("balance", { host: "nobody" }),
  destinationRule("balance", { host: "b", trafficPolicy: { loadBalancer: {
    consistentHash: { httpCookie: { name: "c", ttl: "0s" } } } } })],
  [entry("api", { endpoints: [{ address: "10.1.0.1" }] }),
    entry("api", { endpoints: [{ address: "10.1.0.2", ports: { http: 8080 } }] }),
    entry("api", { ports: [{ number: 81, name: "http", protocol: "HTTP" }] })],
  [entry("older", { hosts: ["api.example.net"], resolution: "DNS" })],
  [standIn("a/v1"), standIn("a/v2"), standIn("wrong")],
  [destinationRule("versions", subsets("v1")), destinationRule("versions", subsets("v2", "v1"))],
  [tlsPolicy(), tlsPolicy({ hostname: "b.example.com" }), tlsPolicy({}, { name: "b" })],
  [authority(0, "default"), authority(1, "default")],
  [authority(0, "infra"), authority(1, "infra")],
  [secret(0), secret(1)],
];

const others: readonly Json[][] = [
  [grant("default", "team", { group: "", kind: "Service" }),
    grant("default", "team", { group: "", kind: "Service", name: "b" })],
  [grant("team", "default", { group: "", kind: "Service" }),
    { ...grant("team", "default", { group: "", kind: "Service" }), spec: { from: [] } }],
  [namespace("default", { team: "x" }), namespace("default", { team: "y" })],
  [namespace("team", { team: "x" })],
  [{ apiVersion: "gateway.networking.k8s.io/v1", kind: "GatewayClass", metadata: { name: "any" },
    spec: { controllerName: "example.com/one" } }],
];

/** By slot, then by what it says. */
export const slots: readonly (readonly string[])[] =
  [...gateways, ...routes, ...backends, ...others].map((sayings) =>
    sayings.map((document) => JSON.stringify(document, null, 2)));
