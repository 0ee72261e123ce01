// One gateway port as an Envoy listener: the connection manager with our filter and one route.
//
// Two rules shape the connection manager. Steering is safe: what a client sends can never choose a
// cluster, whatever state the filter is in. And answers are portable: requests and responses look
// the same as behind the edge worker, so Envoy adds as little of its own as it can.

import type { GatewayPort } from "../../ir.ts";
import type { Json } from "../artifact.ts";
import { clusterHeader, gatewayPortName, internalHeaders } from "./names.ts";

type Fields = { readonly [key: string]: Json };

/** Where Envoy reads the filter from: the bytes themselves (base64) or a file's path. */
export type FilterSource =
  | { readonly kind: "inline"; readonly base64: string }
  | { readonly kind: "file"; readonly path: string };

export interface ListenerOptions {
  readonly address: string;
  /** The port to listen on; 0 lets the system choose. */
  readonly port: number;
  /** How the connection manager gets our filter: wasmHttpFilter(…) or a reference to discover. */
  readonly filter: Fields;
  /** Whether several processes may listen on the port at once (Envoy's default). */
  readonly reusePort: boolean;
}

const hcmType = "type.googleapis.com/envoy.extensions.filters.network."
  + "http_connection_manager.v3.HttpConnectionManager";
const earlyType = "type.googleapis.com/envoy.extensions.http.early_header_mutation."
  + "header_mutation.v3.HeaderMutation";
const routerType = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
export const wasmType = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";

export function envoyListener(gatewayPort: GatewayPort, options: ListenerOptions): Fields {
  return {
    name: gatewayPortName(gatewayPort),
    address: { socket_address: { address: options.address, port_value: options.port } },
    enable_reuse_port: options.reusePort ? undefined : false,
    filter_chains: [{
      filters: [{
        name: "envoy.filters.network.http_connection_manager",
        typed_config: connectionManager(gatewayPort, options.filter),
      }],
    }],
  };
}

function connectionManager(gatewayPort: GatewayPort, filter: Fields): Fields {
  return {
    "@type": hcmType,
    stat_prefix: gatewayPortName(gatewayPort),
    // HTTP/1.1 and, for gRPC, HTTP/2 with prior knowledge on the same port.
    codec_type: "AUTO",
    ...trust(),
    ...paths(),
    ...quiet(),
    upgrade_configs: [{ upgrade_type: "websocket" }],
    // These run before the first route is chosen. A mutation in an ordinary filter would be too
    // late: the route, picked with the client's header, is already cached.
    early_header_mutation_extensions: [earlyMutation()],
    http_filters: [filter, router()],
    route_config: routeConfig(gatewayPort),
  };
}

/** Removes our headers from what clients send. Istio's patch uses the same extension. */
export function earlyMutation(): Fields {
  return {
    name: "fairlead-strip",
    typed_config: {
      "@type": earlyType,
      mutations: internalHeaders.map((name) => ({ remove: name })),
    },
  };
}

// These are functions because an object that stands in several places becomes an alias in YAML,
// which only the filter's bytes should be.

/**
 * The peer's address counts as the client's and is appended to x-forwarded-for. No peer counts as
 * internal (by default all private addresses do), so that nobody on the same network can send
 * x-envoy-* headers which set timeouts and retries. An empty list of ranges would mean the default
 * one; the broadcast address is nobody's.
 */
function trust(): Fields {
  const nobody = { address_prefix: "255.255.255.255", prefix_len: 32 };
  return { use_remote_address: true, internal_address_config: { cidr_ranges: [nobody] } };
}

/**
 * The same normal form that a URL parser makes of a path at the edge: dot segments are resolved
 * and backslashes turned, repeated slashes and escaped ones (%2F) stay as they are.
 */
function paths(): Fields {
  return {
    normalize_path: true,
    merge_slashes: false,
    path_with_escaped_slashes_action: "KEEP_UNCHANGED",
  };
}

/**
 * No header of Envoy's own: a backend's `server` passes through, and a client's x-request-id
 * stays as it is. We make none, because the edge could not make the same one, and because a random
 * number for each request is not free.
 */
function quiet(): Fields {
  return {
    server_header_transformation: "PASS_THROUGH",
    generate_request_id: false,
    preserve_external_request_id: true,
  };
}

function router(): Fields {
  return {
    name: "envoy.filters.http.router",
    typed_config: { "@type": routerType, suppress_envoy_headers: true },
  };
}

/**
 * One route for everything: the filter has decided. Where it has not run there is no header, the
 * cluster's name is empty, and Envoy answers 503 itself. The timeout is off because Envoy's
 * default of 15 s is nothing a route asked for.
 */
function routeConfig(gatewayPort: GatewayPort): Fields {
  // Envoy says where it took the client's address from; the edge has no such header.
  const route = steeredRoute({ prefix: "/" }, ["x-envoy-external-address"]);
  return {
    name: gatewayPortName(gatewayPort),
    virtual_hosts: [{ name: "fairlead", domains: ["*"], routes: [route] }],
    validate_clusters: false,
  };
}

/** The route that takes its cluster from the filter's header. */
export function steeredRoute(match: Fields, alsoRemove: readonly string[] = []): Fields {
  return {
    name: "fairlead",
    match,
    route: { cluster_header: clusterHeader, timeout: "0s" },
    request_headers_to_remove: [...internalHeaders, ...alsoRemove],
  };
}

/** The filter as an entry of http_filters, for a bootstrap that holds or names the wasm. */
export function wasmHttpFilter(gatewayPort: GatewayPort, code: Fields): Fields {
  return { name: "fairlead", typed_config: wasmConfig(gatewayPort, code) };
}

/** The `code` field. Give all listeners the same object: YAML then holds the bytes only once. */
export function filterCode(source: FilterSource): Fields {
  return {
    local: source.kind === "inline"
      ? { inline_bytes: source.base64 }
      : { filename: source.path },
  };
}

export function wasmConfig(gatewayPort: GatewayPort, code: Fields): Fields {
  const name = gatewayPortName(gatewayPort);
  return {
    "@type": wasmType,
    config: {
      name,
      // One VM serves every gateway port; each has its own root context, told apart by this.
      root_id: name,
      vm_config: { vm_id: "fairlead", runtime: "envoy.wasm.runtime.v8", code },
      // The filter looks up its gateway port in the table by this text.
      configuration: { "@type": "type.googleapis.com/google.protobuf.StringValue", value: name },
      // A trap costs its own request. The default would answer 503 until the next push; letting
      // requests pass without the filter would only lead them to the empty route.
      failure_policy: "FAIL_RELOAD",
      reload_config: { backoff: { base_interval: "0.1s" } },
    },
  };
}
