import { describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import type { Cluster, Endpoints } from "../../compiler/ir.ts";
import {
  build, destinationRule, from, gateway, host as virtualHost, http, route, service, slice,
  type Built,
} from "../middle/build.ts";
import type { Json } from "../middle/json.ts";

const gw = gateway("gw", [http("a", "", from("All"))]);
const toHost = (name: string, rest: Json = {}): Json =>
  ({ backendRefs: [{ group: "networking.istio.io", kind: "Hostname", name, port: 443, ...rest }] });
const r = route("r", { rules: [toHost("api.x.io")] });
const istio = (kind: string, name: string, spec: Json, rest: Json = {}): Json => ({
  apiVersion: "networking.istio.io/v1", kind, metadata: { name, namespace: "default", ...rest },
  spec });
const entry = (spec: Json, rest: Json = {}, name = "e"): Json => istio("ServiceEntry", name, {
  hosts: ["api.x.io"], ports: [{ number: 443, name: "https", protocol: "HTTPS" }],
  location: "MESH_EXTERNAL", resolution: "STATIC", ...spec }, rest);

const cluster = ({ ir }: Built): Cluster | undefined => ir.clusters[0];
const endpoints = (...objects: Json[]): Endpoints | undefined =>
  cluster(build([gw, r, ...objects]))?.endpoints;
const addresses = (...objects: Json[]): readonly string[] => {
  const found = endpoints(...objects);
  return found?.kind === "static" ? found.addresses.map((a) => `${a.address}:${a.port}`) : [];
};

describe("a backendRef of kind Hostname", () => {
  test("leads to the ServiceEntry's host by Istio's name for the cluster", () => {
    const built = build([gw, r, entry({ endpoints: [{ address: "10.0.0.1" }] })]);
    expect(built.said).toEqual([]);
    expect(cluster(built)).toMatchObject({ name: "outbound|443||api.x.io", host: "api.x.io",
      service: { namespace: "default", name: "e" }, port: 443, protocol: "http1" });
    expect(built.status("HTTPRoute/default/r").parents[0].conditions).toContainEqual(
      expect.objectContaining({ type: "ResolvedRefs", status: "True" }));
  });

  test("a Service's own host will do, in the route's namespace", () => {
    const own = route("r", { rules: [toHost("s.default.svc.cluster.local", { port: 80 })] });
    expect(cluster(build([gw, own, service("s")]))).toMatchObject({
      name: "outbound|80||s.default.svc.cluster.local", service: { name: "s" } });
  });

  test.each<[string, Json, Json[], string]>([
    ["no entry has it", {}, [], "FL0204 no ServiceEntry or Service of namespace `default` has the "
      + "host `api.x.io`"],
    ["only another namespace has it, as in Istio", {}, [entry({}, { namespace: "other" })],
      "FL0204 no ServiceEntry or Service of namespace `default` has the host `api.x.io`"],
    ["it names a namespace", { namespace: "other" }, [entry({})],
      "FL0206 a backendRef of kind `Hostname` has no namespace of its own"],
    ["the entry lacks the port", { port: 80 }, [entry({})],
      "FL0207 host `api.x.io` has no port `80`"],
    ["it names no port", { port: undefined }, [entry({})],
      "FL0207 the reference to host `api.x.io` names no port"],
  ])("leads nowhere where %s", (_, rest, objects, expected) => {
    const bad = route("r", { rules: [toHost("api.x.io", rest)] });
    const { ir, said } = build([gw, bad, ...objects]);
    expect(said).toEqual([expected]);
    expect(virtualHost(ir, "*")?.matches[0]?.rule.action).toMatchObject(
      { backends: [{ weight: 1 }] });
  });

  test("an entry that is not exported to the Gateway's namespace is not there for it", () => {
    const far = gateway("gw", [http("a", "", from("All"))], { namespace: "infra" });
    const across = route("r", { parentRefs: [{ name: "gw", namespace: "infra" }],
      rules: [toHost("api.x.io")] });
    const seen = (exportTo: string[]): Built =>
      build([far, across, entry({ exportTo, endpoints: [{ address: "10.0.0.1" }] })]);
    expect(seen(["."]).said).toEqual(["FL0610 ServiceEntry default/e is not exported to namespace "
      + "`infra`, where a Gateway is that routes to it"]);
    expect(seen(["."]).ir.clusters).toEqual([]);
    expect(seen([".", "infra"]).ir.clusters.length).toBe(1);
    expect(seen(["*"]).said).toEqual([]);
  });
});

describe("what a ServiceEntry gives to dial", () => {
  const at = (address: string, rest: Json = {}): Json => ({ address, ...rest });
  test("STATIC: its endpoints; a port by the endpoint, the entry's target, its number", () => {
    const ports = [{ number: 443, name: "https", targetPort: 8443 }];
    expect(addresses(entry({ endpoints: [at("10.0.0.1")] }))).toEqual(["10.0.0.1:443"]);
    expect(addresses(entry({ ports, endpoints: [at("10.0.0.1"), at("10.0.0.2",
      { ports: { https: 9443 } })] }))).toEqual(["10.0.0.1:8443", "10.0.0.2:9443"]);
  });

  test("DNS: its host where it has no endpoints, else their names", () => {
    const ports = [{ number: 443, name: "https", targetPort: 8443 }];
    expect(endpoints(entry({ resolution: "DNS", ports })))
      .toEqual({ kind: "dns", hostname: "api.x.io", port: 8443 });
    expect(endpoints(entry({ resolution: "DNS", endpoints: [at("eu.x.io")] })))
      .toEqual({ kind: "dns", hostname: "eu.x.io", port: 443 });
    expect(addresses(entry({ resolution: "DNS", endpoints: [at("eu.x.io"), at("10.0.0.1")] })))
      .toEqual(["10.0.0.1:443", "eu.x.io:443"]);
    expect(endpoints(entry({ resolution: "DNS_ROUND_ROBIN" })))
      .toEqual({ kind: "dns", hostname: "api.x.io", port: 443, isLogical: true });
  });

  test("weights come along", () => {
    expect(endpoints(entry({ endpoints: [at("10.0.0.1", { weight: 7 })] }))).toEqual(
      { kind: "static", addresses: [{ address: "10.0.0.1", port: 443, weight: 7 }] });
  });

  test("what its selector chooses: WorkloadEntries and Pods", () => {
    const chosen = entry({ workloadSelector: { labels: { app: "a" } } });
    const objects = [chosen,
      istio("WorkloadEntry", "w", { address: "10.0.0.1", labels: { app: "a" },
        ports: { https: 1443 } }),
      istio("WorkloadEntry", "x", { address: "10.0.0.2", labels: { app: "b" } }),
      { apiVersion: "v1", kind: "Pod",
        metadata: { name: "p", namespace: "default", labels: { app: "a" } } },
      slice("s", "s-x", { ports: [{ port: 80 }], endpoints: [
        { addresses: ["10.0.0.3"], targetRef: { kind: "Pod", name: "p" } }] })];
    expect(addresses(...objects)).toEqual(["10.0.0.1:1443", "10.0.0.3:443"]);
  });

  test("entries of one host and namespace are taken together", () => {
    expect(addresses(entry({ endpoints: [at("10.0.0.1")] }),
      entry({ endpoints: [at("10.0.0.2")] }, {}, "f"))).toEqual(["10.0.0.1:443", "10.0.0.2:443"]);
  });

  test("an entry for a Service's own host adds to its port of the same name", () => {
    const host = "s.default.svc.cluster.local";
    const { ir } = build([gw, route("r", { rules: [{ backendRefs: [{ name: "s", port: 80 }] }] }),
      service("s", { ports: [{ port: 80, name: "http" }] }),
      slice("s", "s-x", { ports: [{ port: 8080, name: "http" }],
        endpoints: [{ addresses: ["10.0.0.1"] }] }),
      entry({ hosts: [host], ports: [{ number: 81, name: "http" }],
        endpoints: [at("10.0.0.2")] })]);
    expect(ir.clusters[0]?.endpoints).toMatchObject({ addresses: [
      { address: "10.0.0.1", port: 8080 }, { address: "10.0.0.2", port: 81 }] });
  });

  test.each<[string, Json, string]>([
    ["NONE", { resolution: "NONE" }, "ServiceEntry default/e gives a Gateway nothing to dial: its "
      + "resolution is NONE"],
    ["no endpoints", {}, "ServiceEntry default/e has no endpoints"],
  ])("%s: said, and answered with 503", (_, spec, title) => {
    const built = build([gw, r, entry(spec)]);
    expect(built.said).toEqual([`FL0610 ${title}`]);
    expect(cluster(built)?.endpoints).toEqual({ kind: "static", addresses: [] });
  });

  test("an endpoint that cannot be dialled is left out, and said", () => {
    const built = build([gw, r, entry({ endpoints: [at("10.0.0.1"), at("unix:///s"),
      at("a.x.io")] })]);
    expect(built.said).toEqual(["a name, and `resolution` is not DNS",
      "a socket of the proxy's machine"].map((why) =>
      `FL0610 an endpoint of ServiceEntry default/e cannot be dialled: ${why}`));
    expect(cluster(built)?.endpoints).toMatchObject({ addresses: [{ address: "10.0.0.1" }] });
  });
});

describe("how it is spoken to", () => {
  const endpoint = { endpoints: [{ address: "10.0.0.1" }] };
  test("HTTP/2 where the port's protocol says so", () => {
    const of = (protocol: string): string | undefined => cluster(build([gw, r, entry({
      ...endpoint, ports: [{ number: 443, name: "p", protocol }] })]))?.protocol;
    expect([of("GRPC"), of("HTTP2"), of("HTTP")]).toEqual(["h2c", "h2c", "http1"]);
  });

  test("DestinationRules apply to its host; the entry's names count where they have none", () => {
    const tls = (rest: Json): Json => destinationRule("d", { host: "api.x.io",
      trafficPolicy: { tls: { mode: "SIMPLE", sni: "api.x.io", ...rest } } });
    const named = entry({ ...endpoint, subjectAltNames: ["a.x.io"] });
    const names = (...objects: Json[]): Json =>
      cluster(build([gw, r, ...objects]))?.tls?.subjectAltNames;
    expect(names(named, tls({}))).toEqual([{ kind: "dns", value: "a.x.io" }]);
    expect(names(named, tls({ subjectAltNames: ["b.x.io"] })))
      .toEqual([{ kind: "dns", value: "b.x.io" }]);
    expect(cluster(build([gw, r, entry(endpoint), tls({})]))?.tls).toEqual(
      { hostname: "api.x.io", anyName: true, subjectAltNames: [] });
  });
});

test("an edit is a new compilation's outcome, whatever of the last one was taken over", () => {
  const alias = { ...service("s-v1", { ports: [{ port: 443 }] }) };
  const annotated = (text: string): Json => ({ ...alias, metadata: { ...alias.metadata,
    annotations: { "fairlead.dev/subset": text } } });
  const both = route("r", { rules: [toHost("api.x.io"),
    { backendRefs: [{ name: "s-v1", port: 443 }] }] });
  const rule = destinationRule("d", { host: "api.x.io", subsets: [
    { name: "v1", labels: { version: "v1" } }, { name: "v2", labels: { version: "v2" } }] });
  const at = (address: string, version: string): Json => ({ address, labels: { version } });
  const file = (path: string, ...objects: Json[]): { path: string; text: string } =>
    ({ path, text: objects.map((o) => JSON.stringify(o)).join("\n---\n") });
  const fixed = file("a.yaml", gw, both, rule);
  const first = [fixed, file("b.yaml", entry({ endpoints: [at("10.0.0.1", "v1")] }),
    annotated("api.x.io/v1"))];
  const edits = [
    [fixed, file("b.yaml", entry({ endpoints: [at("10.0.0.2", "v1")] }),
      annotated("api.x.io/v1"))],
    [fixed, file("b.yaml", entry({ endpoints: [at("10.0.0.2", "v2")] }),
      annotated("api.x.io/v2"))],
    [fixed, file("b.yaml", entry({ hosts: ["b.x.io"] }), annotated("b.x.io/v2"))],
    [fixed, file("b.yaml", annotated("nothing"))],
  ];
  let last = compile(first);
  for (const files of [...edits, first]) {
    const again = compile(files, last);
    const fresh = compile(files);
    expect(again.ir.clusters).toEqual(fresh.ir.clusters);
    expect(again.diagnostics).toEqual(fresh.diagnostics);
    expect([...again.table]).toEqual([...fresh.table]);
    last = again;
  }
});
