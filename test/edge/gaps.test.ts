// Every field of a DestinationRule is carried out on the edge, or named at its own line.

import { expect, test } from "vitest";

import { platformGaps } from "../../compiler/emit/edge/gaps.ts";
import type { ClusterPolicy } from "../../compiler/ir.ts";
import {
  build, destinationRule, from, gateway, http, route, service, slice, to,
} from "../middle/build.ts";
import type { Json } from "../middle/json.ts";

const connectionPool = {
  tcp: {
    maxConnections: 9, connectTimeout: "1s", idleTimeout: "1m", maxConnectionDuration: "1h",
    tcpKeepalive: { probes: 3, time: "60s" },
  },
  http: {
    http1MaxPendingRequests: 9, http2MaxRequests: 9, maxRequestsPerConnection: 9, maxRetries: 9,
    idleTimeout: "1m", maxConcurrentStreams: 9, useClientProtocol: true,
    http2KeepAlive: { interval: "10s", timeout: "1s" },
  },
};
const outlierDetection = { consecutive5xxErrors: 3 };
const everything = {
  connectionPool, outlierDetection,
  loadBalancer: { simple: "ROUND_ROBIN", warmup: { duration: "9s" } },
  retryBudget: { percent: 30, minRetryConcurrency: 4 },
};
const hashed = { loadBalancer: { consistentHash: { useSourceIp: true, maglev: {} } } };

/** Where the fields of a policy end up: here, nowhere, or nowhere behind a name. */
type Fate = "carried" | "reported" | "by name" | "by h2c";
const fates: Readonly<Record<keyof ClusterPolicy, Fate>> = {
  loadBalancer: "carried", consistentHash: "carried", localityWeights: "carried",
  warmup: "carried", maxConnections: "carried", http1MaxPendingRequests: "carried",
  http2MaxRequests: "carried", maxRetries: "carried", retryBudget: "carried",
  outlierDetection: "carried", proxyProtocol: "carried",
  tcpKeepalive: "reported", useClientProtocol: "reported",
  connectTimeoutMs: "by name", httpIdleTimeoutMs: "by name", maxConnectionDurationMs: "by name",
  maxRequestsPerConnection: "by name", maxConcurrentStreams: "by name",
  // Of TCP listeners, which are reported as a whole; HTTP takes it for its own.
  tcpIdleTimeoutMs: "carried",
  http2KeepAlive: "by h2c",
};

interface Told {
  readonly path: string | undefined;
  /** What stands at the place it is reported at. */
  readonly text: string | undefined;
  readonly title: string;
}

const host = "s.default.svc.cluster.local";
const gw = gateway("gw", [http("a", "", from("All"))]);

function told(trafficPolicy: Json, { isNamed = false, port = {} as Json } = {}): readonly Told[] {
  const { ir } = build([
    gw, service("s", { ports: [{ port: 80, name: "web", ...port }] }),
    route("r", { rules: [to("s")] }),
    destinationRule("d", { host, trafficPolicy }),
    ...(isNamed ? [] : [slice("s", "one", {
      ports: [{ name: "web", port: 80 }], endpoints: [{ addresses: ["10.0.0.1"] }],
    })]),
  ]);
  return platformGaps(ir).map(({ code, level, primary, resource, path, title }) => {
    expect([code, level]).toEqual(["FL0407", "warning"]);
    expect(resource).toBe("DestinationRule default/d");
    return {
      path, title, text: primary?.span.file.text.slice(primary.span.start, primary.span.end),
    };
  });
}

/** The last name of each path, sorted. */
const names = (all: readonly Told[]): string[] =>
  all.map(({ path = "" }) => path.slice(path.lastIndexOf(".") + 1)).sort();

test("behind addresses only what no socket can do is reported, at its line", () => {
  const all = told(everything);
  expect(names(all)).toEqual(["tcpKeepalive", "useClientProtocol"]);
  expect(all.find(({ path }) => path?.endsWith("tcpKeepalive"))).toMatchObject({
    path: "spec.trafficPolicy.connectionPool.tcp.tcpKeepalive",
    title: "the edge platform sets no keepalive on its sockets",
  });
  expect(all.every(({ text }) => text !== undefined && text.length > 1)).toBe(true);
});

test("behind a name the platform keeps the connections, and connects in its own time", () => {
  expect(names(told(everything, { isNamed: true }))).toEqual([
    "connectTimeout", "idleTimeout", "maxConcurrentStreams", "maxConnectionDuration",
    "maxRequestsPerConnection", "tcpKeepalive", "useClientProtocol",
  ]);
});

test("pings are missed only where HTTP/2 is spoken", () => {
  const port = { appProtocol: "kubernetes.io/h2c" };
  expect(names(told(everything, { port }))).toContain("http2KeepAlive");
  expect(names(told(everything, { port, isNamed: true }))).not.toContain("maxConcurrentStreams");
});

test("each field of a policy has its fate, and what is reported is what has none", () => {
  const reported = Object.values(fates).filter((fate) => fate !== "carried");
  const port = { appProtocol: "kubernetes.io/h2c" };
  const seen = new Set([
    ...names(told(everything, { isNamed: true })), ...names(told(everything, { port })),
  ]);
  expect(seen.size).toBe(reported.length);
});

test("hashing, ejection and the PROXY protocol are carried out", () => {
  expect(told({ ...hashed, outlierDetection, proxyProtocol: { version: "V2" } })).toEqual([]);
});

test("a budget's interval is not", () => {
  expect(names(told({ retryBudget: { percent: 30, budgetInterval: "10s" } })))
    .toEqual(["retryBudget"]);
});

test.each([
  ["SIMPLE, by address", { mode: "SIMPLE" }, false, "can only ask for the name that it dials"],
  ["SIMPLE, by name", { mode: "SIMPLE" }, true, undefined],
  ["the dialled name as SNI", { mode: "SIMPLE", sni: host }, true, undefined],
  ["another SNI", { mode: "SIMPLE", sni: "other.example" }, true, "not other.example"],
  ["other names", { mode: "SIMPLE", sni: host, subjectAltNames: ["spiffe://a/b"] }, true,
    "for its hostname only"],
  ["files of authorities", { mode: "SIMPLE", sni: host, caCertificates: "/ca.pem" }, true,
    "public certificate authorities only"],
  ["no check at all", { mode: "SIMPLE", sni: host, insecureSkipVerify: true }, true,
    "verifies every certificate"],
  ["MUTUAL", { mode: "MUTUAL", clientCertificate: "/c", privateKey: "/k" }, true,
    "shows no client certificate"],
  ["ISTIO_MUTUAL", { mode: "ISTIO_MUTUAL" }, true, "no part of the mesh"],
] as const)("tls, %s", (_, tls, isNamed, title) => {
  const all = told({ tls }, { isNamed });
  expect(all).toEqual(title === undefined ? [] : [expect.objectContaining({
    path: "spec.trafficPolicy.tls", title: expect.stringContaining(title) as string,
  })]);
});

test("TLS leaves no room for the PROXY protocol", () => {
  const tls = { mode: "SIMPLE", sni: host };
  expect(told({ tls, proxyProtocol: { version: "V1" } }, { isNamed: true })[0]?.title)
    .toContain("nothing can be sent before TLS begins");
});

test("what several clusters take from one line is reported once", () => {
  const { ir } = build([
    gw, service("s", { ports: [{ port: 80, name: "a" }, { port: 81, name: "b" }] }),
    route("r", { rules: [to("s"), { backendRefs: [{ name: "s", port: 81 }] }] }),
    destinationRule("d", { host, trafficPolicy: { connectionPool: {
      tcp: { tcpKeepalive: { probes: 1 } } } } }),
  ]);
  expect(ir.clusters).toHaveLength(2);
  expect(platformGaps(ir)).toHaveLength(1);
});
