// What is compared, each as a bootstrap for an Envoy of its own. All of them have the connection
// manager and the cluster that `fairlead build --target envoy` emits; they differ only in how a
// request finds its route.

import type { Json } from "../../compiler/emit/artifact.ts";
import { hostname, routeExpression, routePath, version, type Workload } from "./workload.ts";

export type Fields = { readonly [key: string]: Json };

/** An emitted bootstrap: one listener, with one connection manager. */
export interface Emitted {
  readonly listener: Fields;
  /** The same one as `--routing native` emits it: Envoy's matcher tree instead of the filter. */
  readonly tree: Fields;
  /** What it sets for the whole of Envoy. */
  readonly treeRuntime: Fields;
  readonly clusters: readonly Fields[];
  /** The cluster that every route leads to. */
  readonly cluster: string;
  /** The filter that `listener` holds. */
  readonly filterWasm: Uint8Array<ArrayBuffer>;
}

export type Variant = "baseline" | "native-list" | "native-tree" | "filter";

export const variants: readonly Variant[] = ["baseline", "native-list", "native-tree", "filter"];

export function bootstrapFor(
  variant: Variant, routes: number, workload: Workload, emitted: Emitted,
): Fields {
  const { listener, tree, treeRuntime, clusters, cluster } = emitted;
  const list = (count: number): readonly Fields[] => Array.from({ length: count }, (_, i) =>
    ({ match: nativeMatch(i, workload), route: { cluster, timeout: "0s" } }));
  switch (variant) {
    case "filter": return bootstrap(listener, clusters);
    case "native-tree":
      return { ...bootstrap(tree, clusters), layered_runtime: treeRuntime };
    case "native-list": return bootstrap(withRoutes(listener, list(routes)), clusters);
    case "baseline": return bootstrap(withRoutes(listener, list(1)), clusters);
  }
}

/** As Envoy Gateway and Istio write it. */
function nativeMatch(index: number, workload: Workload): Fields {
  const path = { path_separated_prefix: routePath(index) };
  const header = (name: string, value: string): Fields =>
    ({ ...path, headers: [{ name, string_match: { exact: value } }] });
  switch (workload) {
    case "prefix": return path;
    case "method": return header(":method", "GET");
    case "header": return header(version.name, version.value);
    case "regex": return { safe_regex: { regex: routeExpression(index) } };
  }
}

/** A second Envoy that answers everything itself: fast enough not to be what limits the first. */
export function upstreamBootstrap(): Fields {
  const answer = { status: 200, body: { inline_string: "ok\n" } };
  const route = { match: { prefix: "/" }, direct_response: answer };
  return bootstrap({
    name: "upstream",
    address: loopback(),
    filter_chains: [{
      filters: [{
        name: "envoy.filters.network.http_connection_manager",
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.filters.network."
            + "http_connection_manager.v3.HttpConnectionManager",
          stat_prefix: "upstream",
          generate_request_id: false,
          http_filters: [router],
          route_config: { virtual_hosts: [{ name: "all", domains: ["*"], routes: [route] }] },
        },
      }],
    }],
  }, []);
}

const router: Fields = {
  name: "envoy.filters.http.router",
  typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
};

function bootstrap(listener: Fields, clusters: readonly Fields[]): Fields {
  return {
    admin: { address: loopback() },
    static_resources: { listeners: [{ ...listener, address: loopback() }], clusters },
  };
}

function loopback(): Fields {
  return { socket_address: { address: "127.0.0.1", port_value: 0 } };
}

function isRouter(filter: Fields): boolean {
  return filter["name"] === "envoy.filters.http.router";
}

/** The listener without the filter and what serves it alone, with these routes instead. */
function withRoutes(listener: Fields, routes: readonly Fields[]): Fields {
  const [chain] = listener["filter_chains"] as readonly [Fields];
  const [network] = chain["filters"] as readonly [Fields];
  const manager = network["typed_config"] as Fields;
  const native: Fields = {
    ...manager,
    early_header_mutation_extensions: undefined,
    http_filters: (manager["http_filters"] as readonly Fields[]).filter(isRouter),
    route_config: { virtual_hosts: [{ name: "bench", domains: [hostname], routes }] },
  };
  const filters = [{ ...network, typed_config: native }];
  return { ...listener, filter_chains: [{ ...chain, filters }] };
}
