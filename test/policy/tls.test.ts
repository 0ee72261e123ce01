import { describe, expect, test } from "vitest";
import type { ClusterTls } from "../../compiler/ir.ts";
import {
  build, destinationRule, from, gateway, http, route, service, to,
} from "../middle/build.ts";
import { makeCertificate } from "../middle/certificate.ts";
import type { Json } from "../middle/json.ts";

const host = "s.default.svc.cluster.local";
const pair = makeCertificate("b.io");
const encode = (text: string): string => Buffer.from(text).toString("base64");
const secret = (name: string, values: Record<string, string>, namespace = "default"): Json => ({
  apiVersion: "v1", kind: "Secret", metadata: { name, namespace },
  data: Object.fromEntries(Object.entries(values).map(([k, v]) => [k, encode(v)])),
});
const keys = { "tls.crt": pair.certificate, "tls.key": pair.key };
const ca = { "ca.crt": pair.certificate };
const gw = gateway("gw", [http("a", "", from("All"))]);
const s = service("s");
const r = route("r", { rules: [to("s")] });
const rule = (tls: Json, rest: Json = {}): Json =>
  destinationRule("d", { host, trafficPolicy: { tls } }, rest);
const backendPolicy = { apiVersion: "gateway.networking.k8s.io/v1", kind: "BackendTLSPolicy",
  metadata: { name: "p", namespace: "default" }, spec: { targetRefs: [
    { group: "", kind: "Service", name: "s" }],
  validation: { hostname: "p.io", wellKnownCACertificates: "System" } } };

interface Seen { readonly tls: ClusterTls | undefined; readonly said: readonly string[] }

function see(...objects: readonly Json[]): Seen {
  const { ir, said } = build([gw, s, r, ...objects]);
  return { tls: ir.clusters[0]?.tls, said: said.filter((line) => !line.startsWith("FL0407")) };
}

describe("`tls` of a DestinationRule", () => {
  test.each<[string, Json, object | undefined]>([
    ["DISABLE", { mode: "DISABLE" }, undefined],
    ["no mode is DISABLE", {}, undefined],
    ["SIMPLE: the request's host, the system's roots", { mode: "SIMPLE" },
      { hostname: host, autoSni: true, subjectAltNames: [] }],
    ["with `sni` alone any name will do", { mode: "SIMPLE", sni: "b.io" },
      { hostname: "b.io", anyName: true, subjectAltNames: [] }],
    ["names", { mode: "SIMPLE", sni: "b.io", subjectAltNames: ["b.io", "spiffe://x/y"] },
      { hostname: "b.io", subjectAltNames: [{ kind: "dns", value: "b.io" },
        { kind: "uri", value: "spiffe://x/y" }] }],
    ["no check at all", { mode: "SIMPLE", sni: "b.io", insecureSkipVerify: true },
      { hostname: "b.io", insecureSkipVerify: true, subjectAltNames: [] }],
    ["files", { mode: "MUTUAL", sni: "b.io", subjectAltNames: ["b.io"], caCertificates: "/ca",
      clientCertificate: "/c", privateKey: "/k", caCrl: "/crl" },
    { hostname: "b.io", subjectAltNames: [{ kind: "dns", value: "b.io" }], files: {
      caCertificates: "/ca", caCrl: "/crl", clientCertificate: "/c", privateKey: "/k" } }],
    ["the word for the system's roots", { mode: "SIMPLE", sni: "b.io", subjectAltNames: ["b.io"],
      caCertificates: "system" },
    { hostname: "b.io", subjectAltNames: [{ kind: "dns", value: "b.io" }] }],
    ["ISTIO_MUTUAL", { mode: "ISTIO_MUTUAL" },
      { hostname: host, autoSni: true, mesh: true, subjectAltNames: [] }],
  ])("%s", (_, tls, expected) => {
    expect(see(rule(tls))).toEqual({ tls: expected, said: [] });
  });

  test("a Secret holds authorities, and the key pair of MUTUAL", () => {
    const simple = see(secret("c", ca), rule({ mode: "SIMPLE", credentialName: "c" }));
    expect(simple.tls).toMatchObject({ caCertificates: pair.certificate });
    expect(simple.tls).not.toHaveProperty("client");
    const mutual = rule({ mode: "MUTUAL", credentialName: "kubernetes://c" });
    expect(see(secret("c", { ...keys, ...ca, "ca.crl": "revoked" }), mutual).tls).toMatchObject({
      caCertificates: pair.certificate, crl: "revoked",
      client: { secret: { namespace: "default", name: "c" }, key: pair.key } });
    expect(see(secret("c", keys), secret("c-cacert", { cacert: pair.certificate }), mutual).tls)
      .toMatchObject({ caCertificates: pair.certificate, client: { key: pair.key } });
  });

  test("the Secret is the Gateway's namespace's, so that Gateways may differ", () => {
    const other = gateway("gx", [http("a", "", from("All"))], { namespace: "edge" });
    const both = { ...r, spec: { ...r.spec,
      parentRefs: [{ name: "gw" }, { name: "gx", namespace: "edge" }] } };
    const { ir, said } = build([gw, other, s, both, secret("c", ca), secret("c", ca, "edge"),
      rule({ mode: "SIMPLE", credentialName: "c" })]);
    expect(said).toEqual([]);
    expect(ir.clusters.map((c) => c.name)).toEqual([`outbound|80||${host}|rules=default/d@default`,
      `outbound|80||${host}|rules=default/d@edge`]);
  });

  test.each<[string, Json[], string]>([
    ["it is not there", [], "no Secret `c` in namespace `default`, where the Gateway is"],
    ["it holds no authority", [secret("c", keys)], "Secret `default/c` holds no certificate "
      + "authority: neither `ca.crt` nor `cacert`"],
    ["its authority is none", [secret("c", { ...keys, "ca.crt": "x" })],
      "Secret `default/c` cannot be used: its `ca.crt` holds no PEM certificate"],
    ["it holds no key pair", [secret("c", ca)],
      "Secret `default/c` cannot be used: it has no key `tls.crt`"],
  ])("nobody goes to the backend in plain text where %s", (_, objects, title) => {
    const { ir, said } = build([gw, s, r, ...objects,
      rule({ mode: "MUTUAL", credentialName: "c" })]);
    expect(ir.clusters).toEqual([]);
    expect(said).toEqual([`FL0208 ${title}`]);
  });

  test("MUTUAL without a certificate of its own goes nowhere", () => {
    const { ir, said } = build([gw, s, r, rule({ mode: "MUTUAL" })]);
    expect([ir.clusters, said]).toEqual([[],
      ["FL0208 the mode is MUTUAL, and no client certificate is named"]]);
  });

  test("where it stands is known", () => {
    const { ir } = build([gw, s, r, rule({ mode: "SIMPLE" })]);
    expect(ir.clusters[0]?.policyOrigins?.tls).toMatchObject({
      resource: "DestinationRule default/d", path: "spec.trafficPolicy.tls" });
  });
});

describe("who counts", () => {
  test("a DestinationRule's `tls` before a BackendTLSPolicy, and both are named", () => {
    const { ir, diagnostics } = build([gw, s, r, backendPolicy,
      rule({ mode: "SIMPLE", sni: "d.io" })]);
    expect(ir.clusters[0]?.tls?.hostname).toBe("d.io");
    expect(diagnostics).toMatchObject([{ code: "FL0605", resource: "BackendTLSPolicy default/p",
      title: "`tls` of DestinationRule default/d counts in place of BackendTLSPolicy default/p",
      secondary: [{ text: "this one counts" }] }]);
    const plain = build([gw, s, r, backendPolicy, rule({ mode: "DISABLE" })]);
    expect(plain.ir.clusters[0]).not.toHaveProperty("tls");
    expect(plain.diagnostics).toMatchObject([{ code: "FL0605",
      effect: "the backend is spoken to in plain text" }]);
  });

  test("a rule that says nothing of TLS leaves it to the BackendTLSPolicy", () => {
    const pool = destinationRule("d", { host,
      trafficPolicy: { connectionPool: { tcp: { maxConnections: 1 } } } });
    expect(see(backendPolicy, pool)).toMatchObject({ tls: { hostname: "p.io" }, said: [] });
  });

  test("MUTUAL's own certificate before the Gateway's; SIMPLE shows the Gateway's", () => {
    const shows = gateway("gw", [http("a", "", from("All"))],
      { tls: { backend: { clientCertificateRef: { name: "g" } } } });
    const objects = [shows, s, r, secret("g", keys), secret("c", { ...keys, ...ca })];
    const mutual = build([...objects, rule({ mode: "MUTUAL", credentialName: "c" })]);
    expect(mutual.ir.clusters[0]?.tls?.client?.secret.name).toBe("c");
    expect(mutual.diagnostics).toMatchObject([{ code: "FL0606", title: "DestinationRule default/d "
      + "brings its own client certificate in place of the one of Gateway default/gw" }]);
    const simple = build([...objects, rule({ mode: "SIMPLE", credentialName: "c" })]);
    expect(simple.ir.clusters[0]?.tls?.client?.secret.name).toBe("g");
    expect(simple.said).toEqual([]);
  });
});

describe("h2UpgradePolicy", () => {
  const upgrade = (h2UpgradePolicy: string, rest: Json = {}): Json => destinationRule("d", { host,
    trafficPolicy: { connectionPool: { http: { h2UpgradePolicy, ...rest } } } });
  const protocol = (...objects: Json[]): string | undefined =>
    build([gw, r, ...objects]).ir.clusters[0]?.protocol;
  const port = (appProtocol: string): Json =>
    service("s", { ports: [{ port: 80, appProtocol }] });

  test.each<[string, string | undefined, Json[]]>([
    ["UPGRADE speaks HTTP/2", "h2c", [s, upgrade("UPGRADE")]],
    ["unless the client's protocol counts", "http1", [s, upgrade("UPGRADE",
      { useClientProtocol: true })]],
    ["DO_NOT_UPGRADE leaves HTTP/1.1", "http1", [s, upgrade("DO_NOT_UPGRADE")]],
    ["and the port's own protocol", "h2c", [port("kubernetes.io/h2c"),
      upgrade("DO_NOT_UPGRADE")]],
    ["a WebSocket needs HTTP/1.1", "websocket", [port("kubernetes.io/ws"), upgrade("UPGRADE")]],
  ])("%s", (_, expected, objects) => {
    expect(protocol(...objects)).toBe(expected);
  });
});
