// The manifests that `build --target envoy-gateway` writes.

import { describe, expect, test } from "vitest";

import { compile } from "../../compiler/compile.ts";
import { emitEnvoyGateway } from "../../compiler/emit/envoy-gateway.ts";
import { filterImage } from "../../compiler/image/filter-image.ts";
import { filterWasm } from "../../compiler/prebuilt.ts";
import { readTable } from "../../compiler/table/read.ts";
import { documents, route, service, type Loose, type Manifest } from "../istio/world.ts";

const moved = (after: string): string =>
  `{ name: envoy.filters.http.wasm, after: envoy.filters.http.${after} }`;
const order = ["rbac", "local_ratelimit", "ratelimit"].map(moved).join(", ");
const gateway = (listeners: string): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: gw, namespace: demo }
spec:
  gatewayClassName: eg
  listeners: [${listeners}]
  infrastructure: { parametersRef: { group: gateway.envoyproxy.io, kind: EnvoyProxy, name: own } }
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyProxy
metadata: { name: own, namespace: demo }
spec: { logging: { level: { default: warn } }, filterOrder: [${order}] }
---`;
const http = "{ name: http, protocol: HTTP, port: 80 }";
const two = `${http}, { name: alt, protocol: HTTP, port: 8080 }, { name: more, protocol: HTTP,
    port: 8080, hostname: more.example }`;

interface Built {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly of: (kind: string) => readonly Manifest[];
  readonly said: readonly string[];
}

function build(text: string, options = {}, carrier?: "config"): Built {
  const { ir, resolved } = compile([{ path: "in.yaml", text }]);
  const { artifacts, diagnostics } = emitEnvoyGateway({
    ir, resolved, filterWasm: filterWasm(), options, ...(carrier && { carrier }),
  });
  const all = artifacts.filter(({ path }) => path.endsWith(".yaml"))
    .flatMap(({ bytes }) => documents(bytes));
  return {
    files: new Map(artifacts.map(({ path, bytes }) => [path, bytes])),
    of: (kind) => all.filter((m) => m.kind === kind),
    said: diagnostics.map(({ code, title }) => `${code} ${title}`),
  };
}

const plain = gateway(http) + service("a") + service("b") + route("r", "a.example");
const image = "oci://host.example/shop/filter:1";

test("the filter is fetched by digest, and told which of the table's ports it stands for", () => {
  const { of, files, said } = build(plain, { image, imagePullSecret: "credentials" });
  const [{ spec, metadata }] = of("EnvoyExtensionPolicy") as [Manifest];
  const made = files.get("envoy-gateway/filter.wasm")!;
  expect(metadata.namespace).toBe("demo");
  expect(spec.targetRefs).toEqual([{
    group: "gateway.networking.k8s.io", kind: "Gateway", name: "gw", sectionName: "http",
  }]);
  const table = readTable(files.get("envoy-gateway/routes.flt")!);
  expect(spec.wasm).toEqual([{
    name: table.gatewayPorts[0]?.name, rootID: table.gatewayPorts[0]?.name, failOpen: false,
    code: {
      type: "Image",
      image: {
        url: "host.example/shop/filter:1",
        sha256: filterImage({ filterWasm: made }).manifest.digest.slice("sha256:".length),
        pullSecretRef: { name: "credentials" },
      },
    },
  }]);
  expect(said).toEqual([]);
});

test("a table may come as configuration", () => {
  const { of } = build(plain, { image }, "config");
  expect(of("EnvoyExtensionPolicy")[0]?.spec.wasm[0].config.table).toMatch(/^[A-Za-z0-9+/]+=*$/);
});

test("each port has a filter of its own, for all of its listeners", () => {
  const { of } = build(gateway(two) + service("a") + route("r", "more.example"), { image });
  expect(of("EnvoyExtensionPolicy").map(({ metadata, spec }) =>
    [metadata.name, spec.targetRefs.map((r: Loose) => r.sectionName)]))
    .toEqual([["fairlead-gw-80", ["http"]], ["fairlead-gw-8080", ["alt", "more"]]]);
});

const patchesOf = ({ of }: Built): Loose[] => of("EnvoyPatchPolicy")[0]!.spec.jsonPatches;
const typeOf = ({ type }: Loose): string => type.split(".").at(-1);

test("patches name what Envoy Gateway has: a port's first listener", () => {
  const patches = patchesOf(build(gateway(two) + service("a") + route("r", "a.example")));
  const named = patches.filter((p) => typeOf(p) !== "Cluster").map((p) => [typeOf(p), p.name]);
  expect(new Set(named.map(String))).toEqual(new Set([
    "Listener,demo/gw/http", "RouteConfiguration,demo/gw/http",
    "Listener,demo/gw/alt", "RouteConfiguration,demo/gw/alt",
  ]));
});

test("only clusters that a route leads to are brought, and dial Services by name", () => {
  const mirrored = gateway(http) + service("a") + service("b") + service("c")
    + route("r", "a.example", `filters: [{ type: RequestMirror,
        requestMirror: { backendRef: { name: b, port: 80 } } }],
        backendRefs: [{ name: a, port: 80 }]`);
  const clusters = patchesOf(build(mirrored)).filter((p) => typeOf(p) === "Cluster");
  expect(clusters.map((p) => [p.name, p.operation.path,
    p.operation.value.load_assignment.endpoints[0].lb_endpoints[0].endpoint.address
      .socket_address.address])).toEqual(["a", "b"].map((name) =>
    [`outbound|80||${name}.demo.svc.cluster.local`, "", `${name}.demo.svc.cluster.local`]));
});

test("routes with a policy come before the one without, whichever way patches are put in", () => {
  const timed = gateway(http) + service("a") + route("r", "a.example",
    "timeouts: { request: 3s }, backendRefs: [{ name: a, port: 80 }]");
  const values = patchesOf(build(timed)).filter((p) => typeOf(p) === "RouteConfiguration")
    .map((p) => p.operation);
  // Each is inserted before those of the patches before it.
  const routes = values.map(({ value }) => value).reverse();
  expect(values.every(({ path, jsonPath }) =>
    path === "/routes/0" && jsonPath === "$.virtual_hosts[*]")).toBe(true);
  expect(routes.map(({ route: r, match }) => [r.timeout, match.headers.length]))
    .toEqual([["3s", 2], ["0s", 1]]);
});

test("something is there for the filter to run on, and answers 404", () => {
  const { of } = build(plain);
  const [{ spec, metadata }] = of("HTTPRoute") as [Manifest];
  const [{ spec: answer, metadata: named }] = of("HTTPRouteFilter") as [Manifest];
  expect(spec.hostnames).toBeUndefined();
  expect(spec.rules[0].filters[0].extensionRef.name).toBe(named.name);
  expect([metadata.namespace, named.namespace]).toEqual(["demo", "demo"]);
  expect(answer).toEqual({ directResponse: { statusCode: 404 } });
});

test("what patches cannot bring is said", () => {
  const cors = gateway(http) + service("a") + route("r", "a.example",
    `filters: [{ type: CORS, cors: { allowOrigins: ["https://a.example"] } }],
     backendRefs: [{ name: a, port: 80 }]`);
  expect(build(cors, { image }).said)
    .toEqual(["FL0407 CORS of a rule cannot be brought into Envoy Gateway"]);
  expect(build(plain).said).toEqual(["FL0419 the manifests name an image that is not there"]);
  expect(build(plain, { image, hostnames: ["b.example"] }).said[0]).toMatch(/^FL0414/);
});

test("a Gateway of another class is said not to be Envoy Gateway's", () => {
  const foreign = plain.replace("gatewayClassName: eg", "gatewayClassName: istio");
  expect(build(foreign, { image }).said[0]).toMatch(/^FL0415/);
});

describe("a filter before Envoy Gateway's own authorization and rate limits is said to be", () => {
  const said = (text: string): readonly string[] => build(text, { image }).said;
  const first = "FL0423 the filter runs before Envoy Gateway's own authorization and rate limits: ";
  const own = / *infrastructure: .*\n/;
  const gatewayClass = (name: string): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: eg }
spec:
  controllerName: gateway.envoyproxy.io/gatewayclass-controller
  parametersRef: { group: gateway.envoyproxy.io, kind: EnvoyProxy, namespace: demo, name: ${name} }
---`;

  test.each([
    ["without an EnvoyProxy", plain.replace(own, ""), "it has no EnvoyProxy that says otherwise"],
    ["with one that is not in the input", plain.replace(own, own.exec(plain)![0]
      .replace("own", "other")), "its EnvoyProxy `demo/other` is not in the input"],
    ["with the class's, not in the input", gatewayClass("other") + plain.replace(own, ""),
      "its EnvoyProxy `demo/other` is not in the input"],
    ["without an order", plain.replace(order, ""),
      "its EnvoyProxy `demo/own` does not say otherwise"],
    ["with a part of the order", plain.replace(`${moved("rbac")}, `, ""),
      "its EnvoyProxy `demo/own` does not say otherwise"],
    ["moved on again", plain.replace(order, `${order}, ${moved("lua")}`),
      "its EnvoyProxy `demo/own` does not say otherwise"],
  ])("%s", (_, text, why) => expect(said(text)).toEqual([first + why]));

  test.each([
    ["with the order", plain],
    ["with the class's order", gatewayClass("own") + plain.replace(own, "")],
    ["with an earlier move", plain.replace(order, `${moved("lua")}, ${order}`)],
  ])("not %s", (_, text) => expect(said(text)).toEqual([]));
});
