// The manifests that `build --target istio` writes.

import { createHash } from "node:crypto";

import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments, stringify } from "yaml";

import { noPolicy, type RoutePolicy } from "../../compiler/ir.ts";
import { emitIstio } from "../../compiler/emit/istio.ts";
import { internalHeaders } from "../../compiler/emit/envoy/names.ts";
import { policyName } from "../../compiler/table/policy-name.ts";
import { startEnvoy } from "../../runtime/envoy/process.ts";
import { envoyOrReason } from "./binary.ts";
import { buildToy, pickingSource } from "./toy.ts";
import { ask, cluster, filterFor, gatewayPort, ir, startBackend, staticConfig, withRoutes }
  from "./world.ts";

const { reason } = await envoyOrReason();

interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly annotations?: object;
  };
  // Each test looks at the fields it is about.
  readonly spec: Record<string, unknown> & { readonly configPatches: readonly Patch[] };
}

interface Patch {
  readonly applyTo: string;
  readonly match: object;
  readonly patch: { readonly operation: string; readonly value: Record<string, unknown> };
}

const routed = ir(
  [gatewayPort("left", 80), gatewayPort("left", 8080), gatewayPort("right", 80)]
    .map((g) => withRoutes(g, { "": [[0, 1]] })),
  [cluster("a", [])],
);
const filterWasm = filterFor(routed);
const hash = createHash("sha256").update(filterWasm).digest("hex");

function manifests(image?: string): readonly Manifest[] {
  return emitIstio({ ir: routed, filterWasm, image }).flatMap(({ bytes }) =>
    parseAllDocuments(new TextDecoder().decode(bytes)).map((d) => d.toJS() as Manifest));
}

const plugins = (image?: string): readonly Manifest[] =>
  manifests(image).filter(({ kind }) => kind === "WasmPlugin");
const filters = manifests().filter(({ kind }) => kind === "EnvoyFilter");

describe("the Istio manifests", () => {
  test("each port of a Gateway has a plugin that knows its name", () => {
    const found = plugins()
      .map(({ metadata, spec }) => [metadata.name, spec["pluginName"], spec["match"]]);
    expect(found).toEqual([
      ["fairlead-left-80", "demo/left:80", [{ ports: [{ number: 80 }] }]],
      ["fairlead-left-8080", "demo/left:8080", [{ ports: [{ number: 8080 }] }]],
      ["fairlead-right-80", "demo/right:80", [{ ports: [{ number: 80 }] }]],
    ]);
    for (const { spec } of plugins()) {
      expect(spec).toMatchObject({ phase: "AUTHN", failStrategy: "FAIL_CLOSE" });
    }
  });

  test("plugins and patches attach to their Gateway, in its namespace", () => {
    for (const { metadata, spec } of manifests()) {
      const name = /^fairlead-([a-z]+)/.exec(metadata.name)![1];
      expect(metadata.namespace).toBe("demo");
      expect(spec["targetRefs"])
        .toEqual([{ group: "gateway.networking.k8s.io", kind: "Gateway", name }]);
    }
  });

  test("where no image is given the url is a registry that cannot exist, tagged by content", () => {
    for (const { spec, metadata } of plugins()) {
      expect(spec["url"]).toBe(`oci://registry.example/fairlead/filter:${hash.slice(0, 12)}`);
      expect(metadata.annotations).toEqual({ "fairlead/filter-sha256": hash });
    }
  });

  test("the file's hash is given for a file, and not as the digest of an image", () => {
    expect(plugins("https://host.example/filter.wasm")[0]!.spec).toMatchObject({ sha256: hash });
    expect(plugins("oci://host.example/filter:1")[0]!.spec).not.toHaveProperty("sha256");
  });

  test("every internal header is stripped early on all listeners of the Gateway", () => {
    for (const { spec } of filters) {
      const [strip] = spec.configPatches;
      expect(strip).toMatchObject({ applyTo: "NETWORK_FILTER", patch: { operation: "MERGE" } });
      expect(strip!.match).toEqual({ context: "GATEWAY", listener: { filterChain: { filter:
        { name: "envoy.filters.network.http_connection_manager" } } } });
      const text = JSON.stringify(strip!.patch.value);
      for (const header of internalHeaders) expect(text).toContain(`{"remove":"${header}"}`);
    }
  });

  test("each port gets the one route, only for requests that the filter has steered", () => {
    const routes = filters.map(({ spec }) => spec.configPatches.slice(1));
    expect(routes.map((patches) => patches.map(({ match }) => match))).toEqual([
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
      expect(patch.value["request_headers_to_remove"])
        .toEqual(["x-fairlead-cluster", "x-fairlead-policy"]);
    }
  });

  test("each policy has its routes, found by its name, and special cases come first", () => {
    const cors = { allowOrigins: ["https://a.example"], allowCredentials: false,
      allowMethods: ["GET"], allowHeaders: [], exposeHeaders: [], maxAgeSeconds: 5 };
    const routePolicies: readonly RoutePolicy[] = [
      noPolicy, { ...noPolicy, requestTimeoutMs: 1000 }, { ...noPolicy, cors,
        session: { kind: "header", name: "x-s", path: "/", permanent: false,
          split: [{ cluster: 0, weight: 1 }, { cluster: 0, weight: 1 }] } },
    ];
    const [, one, two] = routePolicies.map((p) =>
      policyName(p, (index) => routed.clusters[index]?.name));
    const [, envoyFilter] = emitIstio({ ir: routed, filterWasm, routePolicies });
    const [left] = parseAllDocuments(new TextDecoder().decode(envoyFilter!.bytes))
      .map((d) => d.toJS() as Manifest);
    const patches = left!.spec.configPatches;
    expect(patches.filter(({ applyTo }) => applyTo === "HTTP_FILTER").map(({ patch }) =>
      [patch.operation, patch.value["name"]]))
      .toEqual([["INSERT_BEFORE", "envoy.filters.http.stateful_session"]]);
    // Every patch puts its route before the others: this is the order that Envoy sees.
    const seen = patches
      .filter(({ applyTo }) => applyTo === "HTTP_ROUTE")
      .filter(({ match }) => JSON.stringify(match).includes(":80}"))
      .map(({ patch: { value } }) => value as unknown as {
        name: string; match: { headers: { name: string; string_match?: { exact: string } }[] };
        route?: { timeout: string; cluster_header: string };
      })
      .reverse();
    expect(seen.map(({ name, match, route }) => [name, route?.timeout, match.headers.find(
      (h) => h.name === "x-fairlead-policy")?.string_match?.exact])).toEqual([
      ["fairlead", "1s", one], ["fairlead-preflight", undefined, two], ["fairlead", "0s", two],
      ["fairlead", "0s", undefined],
    ]);
    for (const { route, match } of seen) {
      expect(route?.cluster_header ?? "x-fairlead-cluster").toBe("x-fairlead-cluster");
      expect(match.headers.map((h) => h.name)).toContain("x-fairlead-cluster");
    }
  });
});

test.skipIf(reason)(`a real Envoy takes the patched routes${reason}`, async () => {
  const backend = await startBackend("a");
  const answered = ir([withRoutes(gatewayPort("left", 80), { "": [[0, 1]] })],
    [cluster("a", [backend.address])]);
  const set = [{ name: "x-policy", value: "one" }];
  const routePolicies: readonly RoutePolicy[] = [
    noPolicy, { ...noPolicy, responseHeaders: { set, add: [], remove: [] } },
    { ...noPolicy, cors: { allowOrigins: ["https://a.example"], allowCredentials: false,
      allowMethods: ["GET"], allowHeaders: [], exposeHeaders: [], maxAgeSeconds: 5 } },
  ];
  const [, one = "", two = ""] = routePolicies.map((p) =>
    policyName(p, (index) => answered.clusters[index]?.name));
  const [, patched] = emitIstio({ ir: answered, filterWasm, routePolicies });
  const [filter] = parseAllDocuments(new TextDecoder().decode(patched!.bytes))
    .map((d) => d.toJS() as Manifest);
  const inserted = filter!.spec.configPatches
    .filter(({ applyTo }) => applyTo === "HTTP_ROUTE").map(({ patch }) => patch.value).reverse();
  const config = parse(staticConfig(answered, await buildToy(pickingSource), { routePolicies }),
    { maxAliasCount: -1 });
  const manager = config.static_resources.listeners[0].filter_chains[0].filters[0].typed_config;
  // What Istio itself has there comes after ours.
  const own = { match: { prefix: "/" }, direct_response: { status: 418 } };
  manager.route_config.virtual_hosts = [
    { name: "istio", domains: ["*"], routes: [...inserted, own] }];
  const envoy = await startEnvoy({ config: stringify(config) });
  try {
    const address = (await envoy.admin.listeners()).get("demo/left:80")!;
    const steered = { "x-pick-cluster": cluster("a", []).name };
    expect((await ask(address)).status).toBe(418);
    expect(await ask(address, { headers: steered })).toMatchObject({ status: 200, body: "a" });
    const withPolicy = { ...steered, "x-pick-policy": one };
    expect((await ask(address, { headers: withPolicy })).headers).toMatchObject(
      { "x-policy": "one" });
    const preflight = (origin: string) => ask(address, { method: "OPTIONS", headers: {
      ...steered, "x-pick-policy": two, origin, "access-control-request-method": "GET" } });
    expect(await preflight("https://a.example")).toMatchObject({ status: 200,
      headers: { "access-control-allow-origin": "https://a.example" } });
    expect(await preflight("https://b.example")).toMatchObject({ status: 204 });
  } finally {
    await envoy.stop();
    await backend.close();
  }
}, 60_000);
