// Fields of a DestinationRule that do nothing for the backends they stand for are named, and only
// those.

import { describe, expect, test } from "vitest";

import { compile } from "../../compiler/compile.ts";
import { destinationRule } from "../middle/build.ts";
import type { Json } from "../middle/json.ts";

const policy = (trafficPolicy: Json): Json =>
  destinationRule("r", { host: "s", trafficPolicy }, { namespace: "shop" }) as never;
const web = (fields: Json): Json => ({ connectionPool: { http: fields } });
const tcp = (fields: Json): Json => ({ connectionPool: { tcp: fields } });

interface World {
  /** Of the Service's port. */
  readonly appProtocol?: string;
  readonly endpoints?: number;
  readonly route?: "HTTPRoute" | "TCPRoute" | "UDPRoute";
}

function said(trafficPolicy: Json, world: World = {}): readonly string[] {
  const { appProtocol, endpoints = 0, route = "HTTPRoute" } = world;
  const protocol = { HTTPRoute: "HTTP", TCPRoute: "TCP", UDPRoute: "UDP" }[route];
  const text = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw, namespace: shop}
spec: {gatewayClassName: x, listeners: [{name: a, port: 80, protocol: ${protocol}}]}
---
apiVersion: gateway.networking.k8s.io/v1${route === "HTTPRoute" ? "" : "alpha2"}
kind: ${route}
metadata: {name: r, namespace: shop}
spec: {parentRefs: [{name: gw}], rules: [{backendRefs: [{name: s, port: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: s, namespace: shop}
spec:
  ports: [{name: p, port: 80, protocol: ${route === "UDPRoute" ? "UDP" : "TCP"}${
  appProtocol ? `, appProtocol: ${appProtocol}` : ""}}]
---
${endpoints > 0 ? `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: s, namespace: shop, labels: {kubernetes.io/service-name: s}}
addressType: IPv4
ports: [{name: p, port: 80}]
endpoints: [${Array.from({ length: endpoints }, (_, i) => `{addresses: [10.0.0.${i + 1}]}`)}]
---` : ""}
${JSON.stringify(policy(trafficPolicy))}
`;
  return compile([{ path: "a.yaml", text }]).diagnostics.map((d) => `${d.code} ${d.title}`);
}

const path = (field: string): string => `FL0604 \`trafficPolicy.${field}\` has no effect: `;

test.each<[string, Json, World, readonly string[]]>([
  ["HTTP/2 limits, HTTP/1.1", web({ maxConcurrentStreams: 5 }), {},
    [`${path("connectionPool.http.maxConcurrentStreams")}the backend is spoken to in HTTP/1.1`]],
  ["HTTP/2 limits, h2c", web({ maxConcurrentStreams: 5 }),
    { appProtocol: "kubernetes.io/h2c" }, []],
  ["HTTP/2 limits, upgraded", web({ maxConcurrentStreams: 5, h2UpgradePolicy: "UPGRADE" }), {}, []],
  ["HTTP/2 limits, the client's protocol",
    web({ http2KeepAlive: { interval: "1s", timeout: "1s" }, useClientProtocol: true }), {}, []],
  ["requests' limits, connections", web({ maxRetries: 2, idleTimeout: "1s" }),
    { route: "TCPRoute" },
    ["http.maxRetries", "http.idleTimeout"].map((field) =>
      `${path(`connectionPool.${field}`)}no HTTP request goes there`)],
  ["connections' limits, connections", tcp({ maxConnections: 3, idleTimeout: "1s" }),
    { route: "TCPRoute" }, []],
  ["connections' limits, datagrams", tcp({ maxConnections: 3, idleTimeout: "1s" }),
    { route: "UDPRoute" },
    [`${path("connectionPool.tcp.idleTimeout")}only datagrams go there`]],
  ["a header's hash, connections",
    { loadBalancer: { consistentHash: { httpHeaderName: "x" } } }, { route: "TCPRoute" },
    [`${path("loadBalancer.consistentHash")}of a connection only its source address can be`
      + " hashed"]],
  ["an address's hash, connections",
    { loadBalancer: { consistentHash: { useSourceIp: true } } }, { route: "TCPRoute" }, []],
])("%s", (_, trafficPolicy, world, expected) => {
  expect(said(trafficPolicy, world)).toEqual(expected);
});

describe("an outlier detection that ejects nobody", () => {
  const nobody = (count: number, percent: number): string =>
    `FL0607 outlier detection ejects nobody: one of ${count} endpoints is more than ${percent} %`
    + " of them";
  test.each<[number, Json, readonly string[]]>([
    [3, {}, [nobody(3, 10)]], [10, {}, []], [1, {}, []], [0, {}, []],
    [3, { maxEjectionPercent: 30 }, [nobody(3, 30)]], [3, { maxEjectionPercent: 34 }, []],
    [2, { maxEjectionPercent: 50 }, []],
  ])("%i endpoints, %o", (endpoints, outlierDetection, expected) => {
    expect(said({ outlierDetection }, { endpoints })).toEqual(expected);
  });
});
