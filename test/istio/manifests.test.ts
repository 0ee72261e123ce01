// The manifests that `build --target istio` writes.

import { createHash } from "node:crypto";

import { expect, test } from "vitest";
import { parse } from "yaml";

import { internalHeaders } from "../../compiler/emit/envoy/names.ts";
import { filterImage } from "../../compiler/image/filter-image.ts";
import { fill } from "../../compiler/schema/fill.ts";
import { structureErrors } from "../../compiler/schema/structure.ts";
import { ruleProblems } from "../../compiler/schema/walk.ts";
import httpRoute
  from "../../compiler/schema/crds/gateway.networking.k8s.io_v1_HTTPRoute.json"
  with { type: "json" };
import envoyFilter from "./crds/networking.istio.io_v1alpha3_EnvoyFilter.json"
  with { type: "json" };
import trafficExtension from "./crds/extensions.istio.io_v1alpha1_TrafficExtension.json"
  with { type: "json" };
import wasmPlugin from "./crds/extensions.istio.io_v1alpha1_WasmPlugin.json"
  with { type: "json" };
import { readTable } from "../../compiler/table/read.ts";
import {
  build, gateway, http80, route, service, type Loose, type Manifest,
} from "./world.ts";

const ports = `${http80}, { name: alt, protocol: HTTP, port: 8080 }`;
const one = gateway("gw", http80) + service("a") + route("r", "a.example");
const two = gateway("gw", ports) + gateway("other", http80) + service("a")
  + route("r", "a.example") + route("s", "b.example", "", "other");
const policies = gateway("gw", http80) + service("a") + service("b")
  + route("r", "a.example", `timeouts: { request: 1s }, filters: [{ type: RequestMirror,
      requestMirror: { backendRef: { name: b, port: 80 } } }],
      backendRefs: [{ name: a, port: 80 }]`)
  + route("s", "b.example", `filters: [{ type: CORS, cors: { allowOrigins: ["https://a.example"],
      allowMethods: [GET], maxAge: 5 } }], backendRefs: [{ name: a, port: 80 }]`);

const twoPorts = "ports: [{ port: 80, name: http }, { port: 9000, name: admin }]";
const mesh = service("a") + service("b", twoPorts) + `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: producer, namespace: demo }
spec:
  parentRefs: [{ group: "", kind: Service, name: b }]
  rules: [{ backendRefs: [{ name: a, port: 80 }] }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: consumer, namespace: buyers }
spec:
  parentRefs: [{ group: "", kind: Service, name: b, namespace: demo, port: 80 }]
  rules: [{ timeouts: { request: 1s },
    backendRefs: [{ name: b, namespace: demo, port: 80 }] }]
---
apiVersion: v1
kind: Namespace
metadata: { name: others }
`;

const plugins = (text: string, options = {}): readonly Manifest[] =>
  build(text, options).of("WasmPlugin");

const schemas: Readonly<Record<string, Loose>> = {
  EnvoyFilter: envoyFilter, HTTPRoute: httpRoute, TrafficExtension: trafficExtension,
  WasmPlugin: wasmPlugin,
};

test.each([undefined, "1.22", "1.25", "1.28", "1.30", "1.32"])(
  "every manifest for release %s passes its published schema", (istioVersion) => {
    const images = [undefined, `oci://host.example/filter@sha256:${"0".repeat(64)}`,
      "https://host.example/filter.wasm"];
    for (const text of [one, two, policies, mesh]) {
      for (const image of images) {
        const { manifests } = build(text, { ...(istioVersion && { istioVersion }),
          ...(image && { image }), imagePullSecret: "credentials" });
        expect(manifests.length).toBeGreaterThan(2);
        for (const { kind, spec } of manifests) {
          const schema = schemas[kind].schema.properties.spec;
          const filled = fill(spec, schema);
          expect(structureErrors(filled, schema), kind).toBeUndefined();
          expect(ruleProblems(filled, schema, [], []), kind).toEqual([]);
        }
      }
    }
  });

test("each port of a Gateway has a plugin that knows its name", () => {
  expect(plugins(two).map(({ metadata, spec }) => [metadata.name, spec.pluginName, spec.match]))
    .toEqual([
      ["fairlead-gw-80", "demo/gw:80", [{ ports: [{ number: 80 }] }]],
      ["fairlead-gw-8080", "demo/gw:8080", [{ ports: [{ number: 8080 }] }]],
      ["fairlead-other-80", "demo/other:80", [{ ports: [{ number: 80 }] }]],
    ]);
  for (const { spec } of plugins(two)) {
    expect(spec).toMatchObject({ phase: "AUTHN", failStrategy: "FAIL_CLOSE" });
  }
});

test("since 1.30 a TrafficExtension takes a WasmPlugin's place, with the same content", () => {
  const [plugin] = build(one, { istioVersion: "1.29" }).of("WasmPlugin");
  const [extension] = build(one, { istioVersion: "1.30" }).of("TrafficExtension");
  const { targetRefs, phase, match, ...wasm } = plugin!.spec;
  expect(extension!.spec).toEqual({ targetRefs, phase, match, wasm });
  expect(build(one, { istioVersion: "1.30" }).of("WasmPlugin")).toEqual([]);
  const kustomization = (version: string): Loose =>
    parse(new TextDecoder().decode(
      build(one, { istioVersion: version }).files.get("istio/kustomization.yaml")));
  expect(kustomization("1.29").resources)
    .toEqual(["envoyfilter.yaml", "httproute.yaml", "wasmplugin.yaml"]);
  expect(kustomization("1.30").resources)
    .toEqual(["envoyfilter.yaml", "httproute.yaml", "trafficextension.yaml"]);
});

test("a resource names its Gateway where the release does it right, else the pods' labels", () => {
  const refs = [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: "gw" }];
  const labels = { "gateway.networking.k8s.io/gateway-name": "gw" };
  const targets = (istioVersion?: string): Loose => {
    const { manifests } = build(one, istioVersion ? { istioVersion } : {});
    return manifests.filter(({ kind }) => kind !== "HTTPRoute")
      .map(({ spec: { targetRefs, selector, workloadSelector } }) =>
        ({ targetRefs, selector, workloadSelector }));
  };
  expect(targets("1.22")).toEqual(
    [{ workloadSelector: { labels } }, { selector: { matchLabels: labels } }]);
  expect(targets("1.26")).toEqual([{ workloadSelector: { labels } }, { targetRefs: refs }]);
  expect(targets("1.27")).toEqual([{ targetRefs: refs }, { targetRefs: refs }]);
  expect(targets()).toEqual([{ workloadSelector: { labels } }, { targetRefs: refs }]);
});

test.each(["1.21", "1.33", "2.0", "1", "latest"])(
  "release %s is refused, and those that are supported are named", (istioVersion) => {
    const { diagnostics, files } = build(one, { istioVersion });
    expect(files.size).toBe(0);
    expect(diagnostics).toMatchObject(
      [{ code: "FL0412", level: "error", help: expect.stringContaining("1.22 to 1.32") }]);
  });

test("everything of ours has the label by which it is found again", () => {
  for (const { metadata, kind } of build(two).manifests) {
    expect(metadata.namespace, kind).toBe("demo");
    expect(metadata.labels, kind).toEqual({ "app.kubernetes.io/managed-by": "fairlead" });
  }
});

test("where no image is given the url is a registry that cannot exist, tagged by content", () => {
  const { of, files, codes } = build(one);
  const hash = createHash("sha256").update(files.get("istio/filter.wasm")!).digest("hex");
  expect(codes).toContain("FL0419");
  const [{ spec, metadata }] = of("WasmPlugin") as [Manifest];
  expect(spec.url).toBe(`oci://registry.example/fairlead/filter:${hash.slice(0, 12)}`);
  expect(metadata.annotations).toEqual({ "fairlead.dev/filter-sha256": hash });
  const named = build(one, { image: "oci://host.example/f:1" }).codes;
  expect(named.filter((code) => code === "FL0419" || code === "FL0421")).toEqual(["FL0421"]);
});

test("a file's hash is the file's, an image's the digest of its own reference", () => {
  const { files } = build(one);
  const hash = createHash("sha256").update(files.get("istio/filter.wasm")!).digest("hex");
  const digest = "ab".repeat(32);
  const sha256 = (image: string): Loose => plugins(one, { image })[0]!.spec.sha256;
  expect(sha256("https://host.example/filter.wasm")).toBe(hash);
  const made = filterImage({ filterWasm: files.get("istio/filter.wasm")! }).manifest.digest;
  expect(`sha256:${sha256("oci://host.example/filter:1")}`).toBe(made);
  expect(sha256(`oci://host.example/filter@sha256:${digest}`)).toBe(digest);
  // The agent does not fetch a file, and so has nothing to compare.
  expect(sha256("file:///etc/filter.wasm")).toBeUndefined();
});

test("a pull secret goes with an image only", () => {
  const secret = (image: string): Loose =>
    plugins(one, { image, imagePullSecret: "s" })[0]!.spec.imagePullSecret;
  expect(secret("oci://host.example/f:1")).toBe("s");
  expect(secret("https://host.example/f.wasm")).toBeUndefined();
});

test("every internal header is stripped early on all listeners of the Gateway", () => {
  for (const { spec } of build(two).of("EnvoyFilter")) {
    const [strip] = spec.configPatches;
    expect(strip).toMatchObject({ applyTo: "NETWORK_FILTER", patch: { operation: "MERGE" } });
    expect(strip.match).toEqual({ context: "GATEWAY", listener: { filterChain: { filter:
      { name: "envoy.filters.network.http_connection_manager" } } } });
    const text = JSON.stringify(strip.patch.value);
    for (const header of internalHeaders) expect(text).toContain(`{"remove":"${header}"}`);
  }
});

test("each port gets the one route, only for requests that the filter has steered", () => {
  const routes = build(two).of("EnvoyFilter").map(({ spec }) => spec.configPatches.slice(1));
  expect(routes.map((patches: Loose) => patches.map(({ match }: Loose) => match))).toEqual([
    [{ context: "GATEWAY", routeConfiguration: { portNumber: 80 } },
      { context: "GATEWAY", routeConfiguration: { portNumber: 8080 } }],
    [{ context: "GATEWAY", routeConfiguration: { portNumber: 80 } }],
  ]);
  for (const { applyTo, patch } of routes.flat()) {
    expect([applyTo, patch.operation]).toEqual(["HTTP_ROUTE", "INSERT_FIRST"]);
    expect(patch.value).toMatchObject({
      match: { prefix: "/", headers: [{ name: "x-fairlead-cluster", present_match: true },
        { name: "x-fairlead-policy", present_match: false }] },
      route: { cluster_header: "x-fairlead-cluster", timeout: "0s" },
    });
    // What else Istio adds is Istio's: others may rely on it.
    expect(patch.value.request_headers_to_remove)
      .toEqual(["x-fairlead-cluster", "x-fairlead-policy"]);
  }
});

test("each policy has its routes, found by its name, and special cases come first", () => {
  const [{ spec }] = build(policies).of("EnvoyFilter") as [Manifest];
  // Every patch puts its route before the others: this is the order that Envoy sees.
  const seen = spec.configPatches.filter(({ applyTo }: Loose) => applyTo === "HTTP_ROUTE")
    .map(({ patch }: Loose) => patch.value).reverse();
  const policyOf = ({ match }: Loose): string | undefined => match.headers.find(
    (h: Loose) => h.name === "x-fairlead-policy")?.string_match?.exact;
  const names = [...new Set(seen.map(policyOf))];
  expect(names).toEqual([expect.any(String), expect.any(String), undefined]);
  expect(seen.map((one: Loose) => [one.name, one.route?.timeout, names.indexOf(policyOf(one))]))
    .toEqual([["fairlead", "1s", 0], ["fairlead-preflight", undefined, 1], ["fairlead", "0s", 1],
      ["fairlead", "0s", 2]]);
  // The filter has the same names in its table.
  const table = new TextDecoder("latin1").decode(build(policies).files.get("istio/routes.flt"));
  for (const name of names.slice(0, 2)) expect(table).toContain(name);
  expect(seen[0].route.request_mirror_policies[0].cluster)
    .toBe("outbound|80||b.demo.svc.cluster.local");
});

test("a session brings Envoy's filter for it, which Istio does not have everywhere", () => {
  const session = gateway("gw", http80) + service("a") + route("r", "a.example",
    "sessionPersistence: { type: Cookie, cookie: { name: s } }, "
    + "backendRefs: [{ name: a, port: 80 }]");
  const patches = build(session).of("EnvoyFilter")[0]!.spec.configPatches;
  expect(patches.filter(({ applyTo }: Loose) => applyTo === "HTTP_FILTER")
    .map(({ patch }: Loose) => [patch.operation, patch.value.name]))
    .toEqual([["INSERT_BEFORE", "envoy.filters.http.stateful_session"]]);
});

test("an HTTPRoute makes room for hostnames that no applied route names", () => {
  const [place] = build(one).of("HTTPRoute");
  expect(place!.metadata.name).toBe("fairlead-gw");
  expect(place!.spec).not.toHaveProperty("hostnames");
  expect(place!.spec.parentRefs).toEqual(
    [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: "gw" }]);
  // It asks for a header that is removed from whatever clients send, and so takes nothing.
  expect(place!.spec.rules).toEqual([{ matches: [{
    path: { type: "PathPrefix", value: "/" },
    headers: [{ type: "Exact", name: "x-fairlead-cluster", value: "none" }] }] }]);
});

test("the output does not depend on the order of the input", () => {
  const parts = two.split("---").filter((part) => part.trim() !== "");
  const text = (order: readonly string[]): string =>
    JSON.stringify([...build(order.map((p) => `${p}\n---`).join("")).files]
      .map(([path, bytes]) => [path, Buffer.from(bytes).toString("base64")]));
  expect(text(parts.toReversed())).toBe(text(parts));
});

test("routes of the mesh become plugins on the clients' side, by namespace and port", () => {
  const { of, codes, diagnostics } = build(mesh);
  expect(of("WasmPlugin").map(({ metadata, spec }) =>
    [metadata.namespace, metadata.name, spec.pluginName, spec.match])).toEqual(
    ["buyers", "demo", "others"].flatMap((namespace) => [80, 9000].map((number) => [
      namespace, `fairlead-mesh-clients-${number}`,
      `${namespace === "others" ? "*" : namespace}/(mesh):${number}`,
      [{ mode: "CLIENT", ports: [{ number }] }],
    ])));
  expect(codes).toContain("FL0420");
  expect(diagnostics.find((d) => d.code === "FL0420")?.title)
    .toMatch(/`buyers`, `demo`, `others`/);
});

test("the clients' headers are removed, and their routes read by number or guessed name", () => {
  const filters = build(mesh).of("EnvoyFilter");
  expect(filters.map((f) => f.metadata.namespace)).toEqual(["buyers", "demo", "others"]);
  for (const { spec: { configPatches } } of filters) {
    const [strip, ...routes] = configPatches;
    expect(strip).toMatchObject({
      applyTo: "NETWORK_FILTER", match: { context: "SIDECAR_OUTBOUND" },
    });
    const places = new Set(routes.map((p: Loose) =>
      JSON.stringify([p.applyTo, p.match.context, p.match.routeConfiguration])));
      // Istio guesses the protocol of a port whose name does not say it.
    expect([...places]).toEqual([
      { portNumber: 80 }, { portNumber: 9000 }, { name: "b.demo.svc.cluster.local:9000" },
    ].map((where) => JSON.stringify(["HTTP_ROUTE", "SIDECAR_OUTBOUND", where])));
  }
});

test("a Service of the mesh without routes is left to Istio", () => {
  const { files } = build(mesh);
  const { gatewayPorts, virtualHosts } = readTable(files.get("istio/routes.flt")!);
  expect(gatewayPorts.map(({ name }) => name)).toContain("demo/(mesh):80");
  const hosts = new Set(virtualHosts.map(({ hostname }) => hostname));
  expect(hosts).toContain("b.demo");
  expect(hosts).not.toContain("a.demo");
});
