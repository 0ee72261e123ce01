// The manifests that `build --target istio` writes.

import { createHash } from "node:crypto";

import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";

import { emitIstio } from "../../compiler/emit/istio.ts";
import { internalHeaders } from "../../compiler/emit/envoy/names.ts";
import { cluster, filterFor, gatewayPort, ir, withRoutes } from "./world.ts";

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
        match: { prefix: "/", headers: [{ name: "x-fairlead-cluster", present_match: true }] },
        route: { cluster_header: "x-fairlead-cluster", timeout: "0s" },
      });
      // What else Istio adds is Istio's: others may rely on it.
      expect(patch.value["request_headers_to_remove"]).toEqual(["x-fairlead-cluster"]);
    }
  });
});
