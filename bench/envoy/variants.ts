// What is compared, each as a bootstrap for an Envoy of its own. All of them have the connection
// manager and the cluster that `fairlead build --target envoy` emits; they differ only in how a
// request finds its route.

import type { Json } from "../../compiler/emit/artifact.ts";
import { hostname, routePath } from "./workload.ts";

export type Fields = { readonly [key: string]: Json };

/** An emitted bootstrap: one listener, with one connection manager. */
export interface Emitted {
  readonly listener: Fields;
  /** The same one as `--routing native` emits it: Envoy's matcher tree instead of the filter. */
  readonly tree: Fields;
  readonly clusters: readonly Fields[];
  /** The cluster that every route leads to. */
  readonly cluster: string;
}

export type Variant = "baseline" | "native-list" | "native-tree" | "filter";

export const variants: readonly Variant[] = ["baseline", "native-list", "native-tree", "filter"];

export function bootstrapFor(variant: Variant, routes: number, emitted: Emitted): Fields {
  const { listener, tree, clusters, cluster } = emitted;
  switch (variant) {
    case "filter": return bootstrap(listener, clusters);
    case "native-tree": return bootstrap(tree, clusters);
    case "baseline": return bootstrap(withRoutes(listener, [toCluster("/", cluster)]), clusters);
    case "native-list": {
      const list = Array.from({ length: routes }, (_, i) => toCluster(routePath(i), cluster));
      return bootstrap(withRoutes(listener, list), clusters);
    }
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

/** As Envoy Gateway and Istio write a PathPrefix. */
function toCluster(prefix: string, cluster: string): Fields {
  const match = prefix === "/" ? { prefix } : { path_separated_prefix: prefix };
  return { match, route: { cluster, timeout: "0s" } };
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
