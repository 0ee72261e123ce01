// The connection manager around our filter.
//
// Two rules shape it. Steering is safe: what a client sends can never choose a cluster, whatever
// state the filter is in. And answers are portable: requests and responses look the same as behind
// the edge worker, so Envoy adds as little of its own as it can.

import type { RoutePolicy } from "../../ir.ts";
import type { Json } from "../artifact.ts";
import { corsHttpFilter } from "./cors.ts";
import { internalHeaders } from "./names.ts";
import { routeConfiguration, type Entrance, type RouteInput } from "./routes.ts";
import { sessionHttpFilter } from "./session.ts";

type Fields = { readonly [key: string]: Json };

export interface ManagerOptions {
  /** How the connection manager gets our filter: wasmHttpFilter(…) or a reference to discover. */
  readonly filter: Fields;
  /** Where routes come from that are not part of the listener. */
  readonly discoverRoutes?: (name: string) => Fields;
  /** All filters that a policy may need, not only those that one does. */
  readonly allFilters?: boolean;
}

const hcmType = "type.googleapis.com/envoy.extensions.filters.network."
  + "http_connection_manager.v3.HttpConnectionManager";
const earlyType = "type.googleapis.com/envoy.extensions.http.early_header_mutation."
  + "header_mutation.v3.HeaderMutation";
const routerType = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

export function connectionManager(
  entrance: Entrance, input: RouteInput, options: ManagerOptions,
): Fields {
  return {
    name: "envoy.filters.network.http_connection_manager",
    typed_config: {
      "@type": hcmType,
      stat_prefix: entrance.name,
      // HTTP/1.1 and, for gRPC, HTTP/2: by ALPN, or with prior knowledge on a port without TLS.
      codec_type: "AUTO",
      ...trust(),
      ...paths(),
      ...quiet(),
      upgrade_configs: [{ upgrade_type: "websocket" }],
      // Envoy's default ends streams and WebSockets that are silent for five minutes. Istio's does
      // not, and no route asked for it.
      stream_idle_timeout: "0s",
      // These run before the first route is chosen. A mutation in an ordinary filter would be too
      // late: the route, picked with the client's header, is already cached.
      early_header_mutation_extensions: [earlyMutation()],
      http_filters: [
        options.filter, ...policyFilters(input.policies, options.allFilters), router(),
      ],
      ...(options.discoverRoutes
        ? { rds: { config_source: options.discoverRoutes(entrance.name),
          route_config_name: entrance.name } }
        : { route_config: routeConfiguration(entrance, input) }),
    },
  };
}

/** They stand behind ours, and so find the route that it led to. */
function policyFilters(policies: readonly RoutePolicy[], all = false): readonly Fields[] {
  return [
    ...(all || policies.some(({ session }) => session) ? [sessionHttpFilter()] : []),
    ...(all || policies.some(({ cors }) => cors) ? [corsHttpFilter()] : []),
  ];
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
