// The EnvoyFilter: what the filter needs of Istio's listeners and routes. Our headers are removed
// from what clients send, and each virtual host gets the routes that read them.

import { noPolicy, type Cluster, type GatewayPort, type RoutePolicy } from "../../ir.ts";
import { ownLabels } from "../../own.ts";
import type { ObjectKey } from "../../resources.ts";
import type { Json } from "../artifact.ts";
import { policyName } from "../../table/policy-name.ts";
import { earlyMutation } from "../envoy/manager.ts";
import { clusterHeader, policyHeader } from "../envoy/names.ts";
import { policyRoutes } from "../envoy/policy.ts";
import { sessionHttpFilter } from "../envoy/session.ts";
import { guards, type ServedListener } from "./guard.ts";
import { filterName } from "./names.ts";
import { target } from "./plugin.ts";
import type { Pods } from "./pods.ts";
import type { Release } from "./release.ts";

type Fields = { readonly [key: string]: Json };

export interface Routing {
  /** By Istio's names. */
  readonly clusters: readonly Cluster[];
  /** The plan's; index 0 asks for nothing. */
  readonly routePolicies: readonly RoutePolicy[];
  /** Of a port, in the order of the Gateway. */
  readonly listenersOf: (gatewayPort: GatewayPort) => readonly ServedListener[];
}

/** What others have to know of the resource. */
export type EnvoyFilter = Fields & { readonly metadata: ObjectKey & Fields };

const hcm = "envoy.filters.network.http_connection_manager";

/** `gatewayPorts` are one Gateway's. */
export function envoyFilter(
  gatewayPorts: readonly [GatewayPort, ...GatewayPort[]], pods: Pods, routing: Routing,
  release: Release,
): EnvoyFilter {
  const [first] = gatewayPorts;
  const { routePolicies } = routing;
  return {
    apiVersion: "networking.istio.io/v1alpha3",
    kind: "EnvoyFilter",
    metadata: {
      name: filterName(first.gateway), namespace: pods.namespace, labels: ownLabels,
    },
    spec: {
      ...target(first, pods, release.filterTargeting, "workloadSelector"),
      // Istio warns about patches relative to a filter in resources that leave their order open.
      priority: 10,
      configPatches: [
        ...listenerPatches("GATEWAY", routePolicies),
        ...gatewayPorts.flatMap((gatewayPort) => [
          ...routePatches("GATEWAY", { portNumber: gatewayPort.port }, routing),
          ...guards(gatewayPort, routing.listenersOf(gatewayPort)),
        ]),
      ],
    },
  };
}

/** Which of a proxy's listeners a patch is for: a gateway's, or those that workloads dial. */
export type Context = "GATEWAY" | "SIDECAR_OUTBOUND";

export function listenerPatches(
  context: Context, routePolicies: readonly RoutePolicy[],
): readonly Fields[] {
  const isSticky = routePolicies.some(({ session }) => session);
  return [stripPatch(context), ...(isSticky ? [sessionPatch(context)] : [])];
}

/** On every listener of the pods, whether we route there or not: the headers are ours alone. */
function stripPatch(context: Context): Fields {
  return {
    applyTo: "NETWORK_FILTER",
    match: { context, listener: { filterChain: { filter: { name: hcm } } } },
    patch: {
      operation: "MERGE",
      value: {
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.filters.network."
            + "http_connection_manager.v3.HttpConnectionManager",
          early_header_mutation_extensions: [earlyMutation()],
        },
      },
    },
  };
}

/**
 * By the Gateway's port number, which Istio traces to the port its pods listen on. The route
 * configuration's name holds the pods' port, and a wrong name would be ignored without a word.
 */
export function routePatches(
  context: Context, routeConfiguration: Fields,
  { clusters, routePolicies }: Pick<Routing, "clusters" | "routePolicies">,
): readonly Fields[] {
  // Istio makes the clusters: there a session holds within one backend of a split.
  const options = { clusters, unions: false };
  const steered = { name: clusterHeader, present_match: true };
  const plain = { name: policyHeader, present_match: false };
  const routes = [
    ...routePolicies.flatMap((policy) => {
      const exact = policyName(policy, (index) => clusters[index]?.name);
      if (exact === "") return [];
      const own = { name: policyHeader, string_match: { exact } };
      return policyRoutes(policy, { ...options, when: [steered, own] });
    }),
    ...policyRoutes(noPolicy, { ...options, when: [steered, plain] }),
  ];
  // Each is put before what is there, so that the last patch's route comes first.
  return routes.reverse().map((value) => routePatch(routeConfiguration, value, context));
}

export function routePatch(
  routeConfiguration: Fields, value: Fields, context: Context = "GATEWAY",
): Fields {
  return {
    applyTo: "HTTP_ROUTE",
    match: { context, routeConfiguration },
    patch: { operation: "INSERT_FIRST", value },
  };
}

/** Istio has its CORS filter on every listener, but this one only where a Service asks for it. */
function sessionPatch(context: Context): Fields {
  const subFilter = { name: "envoy.filters.http.router" };
  return {
    applyTo: "HTTP_FILTER",
    match: {
      context, listener: { filterChain: { filter: { name: hcm, subFilter } } },
    },
    patch: { operation: "INSERT_BEFORE", value: sessionHttpFilter() },
  };
}
