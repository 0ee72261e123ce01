import { describe, expect, test } from "vitest";
import type { Cluster, Ir, Rule } from "../../compiler/ir.ts";
import { build, from, gateway, host, http, route, service, slice, to } from "./build.ts";
import { makeCertificate } from "./certificate.ts";
import type { Json } from "./json.ts";

const pair = makeCertificate("a.io");
const secret = (name: string, rest: Json = {}): Json => ({
  apiVersion: "v1", kind: "Secret", metadata: { name, namespace: "default" },
  type: "kubernetes.io/tls",
  stringData: { "tls.crt": pair.certificate, "tls.key": pair.key }, ...rest });
const bundle = (name: string, text = pair.certificate): Json => ({
  apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default" },
  data: { "ca.crt": text } });
const https = (name: string, hostname: string | undefined, refs: string[], rest: Json = {}): Json =>
  ({ name, port: 443, protocol: "HTTPS", ...(hostname ? { hostname } : {}),
    tls: { certificateRefs: refs.map((ref) => ({ name: ref })) }, ...rest });
const key = { certificate: pair.certificate, key: pair.key };

describe("listeners that end TLS", () => {
  test("certificates are PEM text, from stringData or from base64", () => {
    const base64 = (text: string): string => Buffer.from(text).toString("base64");
    const encoded = secret("two", { stringData: undefined, data: {
      "tls.crt": base64(pair.certificate), "tls.key": base64(pair.key) } });
    const { ir } = build([secret("one"), encoded,
      gateway("gw", [https("a", "a.io", ["one", "two"])])]);
    expect(ir.gatewayPorts[0]).toMatchObject({ port: 443, protocol: "HTTPS" });
    expect(ir.gatewayPorts[0]?.listeners).toEqual([{ name: "a", hostname: "a.io", tls: {
      certificates: [{ secret: { namespace: "default", name: "one" }, ...key },
        { secret: { namespace: "default", name: "two" }, ...key }] } }]);
  });

  test("of several certificates the usable ones are used", () => {
    const { ir } = build([secret("one"), gateway("gw", [https("a", "a.io", ["gone", "one"])])]);
    expect(ir.gatewayPorts[0]?.listeners[0]?.tls?.certificates.map((c) => c.secret.name))
      .toEqual(["one"]);
  });

  test("a listener without a usable certificate does not serve, its neighbours do", () => {
    const { ir } = build([secret("one"), service("s"), gateway("gw",
      [https("a", "a.io", ["gone"]), https("b", "b.io", ["one"]), http("c")]),
    route("r", { rules: [to("s")] })]);
    expect(ir.gatewayPorts.map((p) => [p.port, p.listeners.map((l) => l.name),
      p.virtualHosts.map((h) => h.listener)])).toEqual([[80, ["c"], ["c"]], [443, ["b"], ["b"]]]);
    expect(build([gateway("gw", [https("a", "a.io", ["gone"])])]).ir.gatewayPorts).toEqual([]);
  });

  const validation = (name: string, mode?: string): Json => ({ validation: {
    caCertificateRefs: [{ group: "", kind: "ConfigMap", name }], ...(mode ? { mode } : {}) } });
  const clients = (ir: Ir): unknown => ir.gatewayPorts.map((p) => p.listeners[0]?.tls?.clients);

  test("client certificates are asked for by port, or on all HTTPS ports", () => {
    const frontend = { default: validation("all"), perPort: [
      { port: 8443, tls: validation("one", "AllowInsecureFallback") },
      { port: 9443, tls: {} }] };
    const { ir } = build([secret("c"), bundle("all"), bundle("one", pair.certificate.trim()),
      gateway("gw", [https("a", "", ["c"]), https("b", "", ["c"], { port: 8443 }),
        https("d", "", ["c"], { port: 9443 }), http("e")], { tls: { frontend } })]);
    expect(clients(ir)).toEqual([undefined,
      { caCertificates: pair.certificate, required: true },
      { caCertificates: pair.certificate, required: false }, undefined]);
  });

  test("several authorities are one bundle", () => {
    const refs = ["x", "gone", "y"].map((name) => ({ group: "", kind: "ConfigMap", name }));
    const { ir } = build([secret("c"), bundle("x", pair.certificate.trim()), bundle("y"),
      gateway("gw", [https("a", "", ["c"])], { tls: { frontend: {
        default: { validation: { caCertificateRefs: refs } } } } })]);
    expect(clients(ir)).toEqual(
      [{ caCertificates: pair.certificate.repeat(2), required: true }]);
  });
});

const policy = (name: string, rest: Json = {}, targets: Json[] = [{}]): Json => ({
  apiVersion: "gateway.networking.k8s.io/v1", kind: "BackendTLSPolicy",
  metadata: { name, namespace: "default" },
  spec: { targetRefs: targets.map((t) => ({ group: "", kind: "Service", name: "s", ...t })),
    validation: { hostname: "B.io", wellKnownCACertificates: "System", ...rest } } });
const authority = (...names: string[]): Json => ({ wellKnownCACertificates: undefined,
  caCertificateRefs: names.map((name) => ({ group: "", kind: "ConfigMap", name })) });

describe("TLS to backends", () => {
  const gw = gateway("gw", [http("a")]);
  const s = service("s", { ports: [{ port: 80, name: "web" }, { port: 81, name: "more" }] });
  const both = { backendRefs: [{ name: "s", port: 80 }, { name: "s", port: 81 }] };
  const r = route("r", { rules: [both] });
  const tls = (...objects: Json[]): unknown[] =>
    build([gw, s, r, ...objects]).ir.clusters.map((c) => c.tls?.hostname);
  const only = (...objects: Json[]): Cluster["tls"] =>
    build([gw, s, r, ...objects]).ir.clusters[0]?.tls;

  test("a policy without certificates of its own trusts the system's", () => {
    expect(only(policy("p"))).toEqual({ hostname: "b.io", subjectAltNames: [] });
  });

  test("authorities and alternative names are carried out", () => {
    const subjectAltNames = [{ type: "Hostname", hostname: "C.io" },
      { type: "URI", uri: "spiffe://Td/x" }];
    expect(only(bundle("ca"), policy("p", { ...authority("ca"), subjectAltNames }))).toEqual({
      hostname: "b.io", caCertificates: pair.certificate, subjectAltNames: [
        { kind: "dns", value: "c.io" }, { kind: "uri", value: "spiffe://Td/x" }] });
  });

  test("a policy holds for all ports, one for a port's name only there and before the other",
    () => {
    expect(tls(policy("p"))).toEqual(["b.io", "b.io"]);
    expect(tls(policy("p", {}, [{ sectionName: "more" }]))).toEqual([undefined, "b.io"]);
    expect(tls(policy("a"), policy("p", { hostname: "c.io" }, [{ sectionName: "more" }])))
      .toEqual(["b.io", "c.io"]);
  });

  test("a policy that loses one target keeps the others", () => {
    const objects = [service("t"), route("r2", { rules: [to("t")] }), policy("a"),
      policy("b", { hostname: "c.io" }, [{}, { name: "t" }])];
    expect(tls(...objects)).toEqual(["b.io", "c.io", "b.io"]);
  });

  test.each<[string, Json[]]>([
    ["no authority is there", [policy("p", authority("gone"))]],
    ["the authority is malformed", [bundle("bad", "no PEM"), policy("p", authority("bad"))]],
    ["the set of certificates is unknown",
      [policy("p", { wellKnownCACertificates: "x.io/mine" })]],
  ])("nobody goes to the backend in plain text where %s", (_, objects) => {
    const { ir } = build([gw, s, r, ...objects]);
    expect(ir.clusters).toEqual([]);
    expect(host(ir, "*")?.matches[0]?.rule.action).toMatchObject(
      { backends: [{ weight: 1 }, { weight: 1 }] });
  });

  test("one of several authorities is enough", () => {
    expect(only(bundle("ca"), policy("p", authority("gone", "ca")))?.caCertificates)
      .toBe(pair.certificate);
  });

  test("copies of requests follow the same policy", () => {
    const mirror = { type: "RequestMirror", requestMirror: {
      backendRef: { name: "s", port: 80 } } };
    const objects = (validation: Json): Json[] => [gw, s, service("t"), policy("p", validation),
      route("m", { rules: [{ ...to("t"), filters: [mirror] }] })];
    expect(build(objects({})).ir.clusters.map((c) => c.tls?.hostname)).toEqual(["b.io", undefined]);
    const { ir } = build(objects(authority("gone")));
    expect(ir.clusters.map((c) => c.service.name)).toEqual(["t"]);
    expect(host(ir, "*")?.matches[0]?.rule.action).not.toHaveProperty("policy");
  });
});

describe("the certificate that a Gateway shows to backends", () => {
  const shows = (name: string): Json => ({ tls: { backend: { clientCertificateRef: { name } } } });
  const gw = (name: string, rest: Json = {}): Json =>
    gateway(name, [http("a", "", from("All"))], rest);
  const s = service("s");
  const r = route("r", { parentRefs: [{ name: "gw" }, { name: "gx" }], rules: [to("s")] });
  const clusters = (objects: Json[]): string[] => build([s, r, ...objects]).ir.clusters
    .map((c) => `${c.name.replace("outbound|80||s.default.svc.cluster.local", "s")} `
      + `${c.tls?.client?.secret.name ?? "none"}`);

  test("it is shown where TLS is spoken, and only there", () => {
    expect(clusters([secret("c"), gw("gw", shows("c")), policy("p")])).toEqual(["s c"]);
    expect(clusters([secret("c"), gw("gw", shows("c"))])).toEqual(["s none"]);
    expect(clusters([gw("gw", shows("gone")), policy("p")])).toEqual(["s none"]);
  });

  test("two Gateways with one certificate share a cluster", () => {
    expect(clusters([secret("c"), gw("gw", shows("c")), gw("gx", shows("c")), policy("p")]))
      .toEqual(["s c"]);
  });

  test("Gateways with different certificates have clusters of their own", () => {
    const objects = [secret("c"), secret("d"), gw("gw", shows("c")), policy("p")];
    expect(clusters([...objects, gw("gx")])).toEqual(["s none", "s|client=default/c c"]);
    expect(clusters([...objects, gw("gx", shows("d"))]))
      .toEqual(["s|client=default/c c", "s|client=default/d d"]);
    const { ir } = build([s, r, ...objects, gw("gx")]);
    const chosen = ir.gatewayPorts.map((p) => (p.virtualHosts[0]?.matches[0]?.rule as Rule)
      .action as Json).map((action) => ir.clusters[action.backends[0].cluster]?.name);
    expect(chosen).toEqual([...ir.clusters].reverse().map((c) => c.name));
  });

  test("a rule stays one object for Gateways that do not differ for it", () => {
    const { ir } = build([secret("c"), s, r, gw("gw", shows("c")), gw("gx")]);
    const [one, two] = ir.gatewayPorts.map((p) => p.virtualHosts[0]?.matches[0]?.rule);
    expect(one).toBeDefined();
    expect(one).toBe(two);
  });
});

const tlsListener = (name: string, hostname?: string, mode = "Passthrough"): Json => ({
  name, port: 443, protocol: "TLS", ...(hostname ? { hostname } : {}),
  tls: { mode, ...(mode === "Terminate" ? { certificateRefs: [{ name: "c" }] } : {}) } });
const tlsRoute = (name: string, hostnames: string[], rest: Json = {}): Json =>
  route(name, { hostnames, rules: [to("s")] }, { kind: "TLSRoute", ...rest });

describe("stream ports", () => {
  const s = service("s");
  const port = ({ streamPorts }: Ir): unknown => streamPorts?.map((p) =>
    [p.port, p.protocol, p.listeners.map((l) => [l.name, l.routes.length])]);
  const sni = ({ streamPorts }: Ir, listener = 0): unknown[] =>
    streamPorts?.[0]?.listeners[listener]?.routes.flatMap((r) => r.hostnames) ?? [];

  test("there is always a list", () => {
    expect(build([]).ir.streamPorts).toEqual([]);
  });

  test("server names are what listener and route share, by the hostname as written", () => {
    const { ir } = build([s, gateway("gw", [tlsListener("l", "*.a.io")]),
      tlsRoute("a-wide", ["*.io"]), tlsRoute("any", ["x.a.io", "b.io"]),
      route("more", { hostnames: ["*.x.a.io", "*.a.io"], rules: [to("gone")] },
        { kind: "TLSRoute" })]);
    expect(sni(ir)).toEqual(["x.a.io", "*.x.a.io", "*.a.io", "*.a.io"]);
    expect(ir.streamPorts?.[0]?.listeners[0]?.routes.map((r) => r.backends[0]?.cluster))
      .toEqual([0, undefined, undefined, 0]);
  });

  test("of routes that wrote the same hostname the older counts, then the first by name", () => {
    const { ir } = build([service("s"), service("t"), service("u"),
      gateway("gw", [tlsListener("l")]),
      ...["s", "t", "u"].map((name) => route(name, { hostnames: ["a.io"], rules: [to(name)] },
        { kind: "TLSRoute", ...(name === "u" ? { created: "2026-01-01T00:00:00Z" } : {}) }))]);
    expect(ir.streamPorts?.[0]?.listeners[0]?.routes.map((r) =>
      ir.clusters[r.backends[0]!.cluster!]?.service.name)).toEqual(["u", "s", "t"]);
  });

  test("HTTPS and TLS listeners share a port, and each ends TLS or passes it on", () => {
    const { ir } = build([secret("c"), s, gateway("gw", [https("h", "h.io", ["c"]),
      tlsListener("p", "p.io"), tlsListener("t", "t.io", "Terminate")]),
    tlsRoute("r", ["p.io", "t.io"])]);
    expect(ir.gatewayPorts.map((p) => [p.port, p.listeners.map((l) => l.name)]))
      .toEqual([[443, ["h"]]]);
    expect(ir.streamPorts).toMatchObject([{ gateway: { namespace: "default", name: "gw" },
      port: 443, protocol: "TLS", listeners: [{ name: "p", hostname: "p.io" },
        { name: "t", hostname: "t.io", tls: { certificates: [{ key: pair.key }] } }] }]);
    expect(ir.streamPorts?.[0]?.listeners[0]).not.toHaveProperty("tls");
    expect([sni(ir), sni(ir, 1)]).toEqual([["p.io"], ["t.io"]]);
  });

  test("TLS begins anew only where it was ended", () => {
    const objects = [secret("c"), s, policy("p"), tlsRoute("r", ["p.io"])];
    const clusters = (...listeners: Json[]): string[] =>
      build([...objects, gateway("gw", listeners)]).ir.clusters.map((c) =>
        `${c.name.split("cluster.local")[1]} ${c.tls?.hostname ?? "none"}`);
    expect(clusters(tlsListener("l"))).toEqual([" none"]);
    expect(clusters(tlsListener("l", "", "Terminate"))).toEqual([" b.io"]);
    expect(clusters(tlsListener("l", "*.io"), tlsListener("m", "p.io", "Terminate")))
      .toEqual([" b.io", "|bare none"]);
  });

  test("backends have weights, and an invalid one keeps its share", () => {
    const weights = { backendRefs: [{ name: "s", port: 80, weight: 3 },
      { name: "gone", port: 80, weight: 1 }, { name: "s", port: 80, weight: 0 }] };
    const { ir } = build([s, gateway("gw", [{ name: "l", port: 9000, protocol: "TCP" }]),
      route("r", { rules: [weights] }, { kind: "TCPRoute" })]);
    expect(ir.streamPorts?.[0]?.listeners[0]?.routes[0]).toMatchObject(
      { hostnames: [], backends: [{ weight: 3, cluster: 0 }, { weight: 1 }] });
    expect(ir.streamPorts?.[0]?.listeners[0]?.routes[0]?.backends[1]).toEqual({ weight: 1 });
  });

  test("TCP and UDP may have one number, and one Service both", () => {
    const dns = service("s", { ports: [{ port: 53, name: "t", targetPort: 5301 },
      { port: 53, name: "u", protocol: "UDP", targetPort: 5302 }] });
    const rule = { backendRefs: [{ name: "s", port: 53 }] };
    const ports = [{ name: "t", port: 5301 }, { name: "u", port: 5302, protocol: "UDP" }];
    const { ir } = build([dns, slice("s", "x", { ports, endpoints: [{ addresses: ["1.1.1.1"] }] }),
      gateway("gw", [{ name: "u", port: 53, protocol: "UDP" },
        { name: "t", port: 53, protocol: "TCP" }]),
      route("rt", { rules: [rule] }, { kind: "TCPRoute" }),
      route("ru", { rules: [rule] }, { kind: "UDPRoute" })]);
    expect(port(ir)).toEqual([[53, "TCP", [["t", 1]]], [53, "UDP", [["u", 1]]]]);
    expect(ir.clusters.map((c) => [c.name.split("cluster.local")[1],
      (c.endpoints as Json).addresses[0].port])).toEqual([["", 5301], ["|udp", 5302]]);
  });

  test("a Gateway's client certificate makes no difference where no TLS is spoken", () => {
    const tcp = [{ name: "l", port: 9000, protocol: "TCP" }];
    const { ir } = build([secret("c"), s, gateway("gx", tcp), gateway("gw", tcp, {
      tls: { backend: { clientCertificateRef: { name: "c" } } } }),
    route("r", { parentRefs: [{ name: "gw" }, { name: "gx" }], rules: [to("s")] },
      { kind: "TCPRoute" })]);
    expect(ir.clusters.map((c) => c.name)).toEqual(["outbound|80||s.default.svc.cluster.local"]);
  });

  test("of several routes the one that comes first stands first", () => {
    const { ir } = build([s, service("t"),
      gateway("gw", [{ name: "l", port: 9000, protocol: "TCP" }]),
      route("a", { rules: [to("s")] }, { kind: "TCPRoute" }),
      route("b", { rules: [to("t")] }, { kind: "TCPRoute", created: "2026-01-01T00:00:00Z" })]);
    expect(ir.streamPorts?.[0]?.listeners[0]?.routes.map((r) => r.backends[0]?.cluster))
      .toEqual([1, 0]);
  });

  test("a listener that cannot serve is not there", () => {
    const { ir } = build([gateway("gw", [tlsListener("l", "", "Terminate")])]);
    expect(ir.streamPorts).toEqual([]);
  });
});
