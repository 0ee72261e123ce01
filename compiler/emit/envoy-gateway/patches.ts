// The EnvoyPatchPolicy of a Gateway. Its patches name Envoy Gateway's own listeners and route
// configurations: `namespace/gateway/listener`, by the port's first listener, and where listeners
// have certificates route configurations by each of them.

import { noPolicy, type Cluster, type GatewayPort, type RoutePolicy } from "../../ir.ts";
import { policyName } from "../../table/policy-name.ts";
import type { Json } from "../artifact.ts";
import { envoyCluster } from "../envoy/cluster.ts";
import { earlyMutation } from "../envoy/manager.ts";
import { clusterHeader, policyHeader } from "../envoy/names.ts";
import { policyRoutes } from "../envoy/policy.ts";
import { defaultSystemRoots, keyPairsBelow } from "../envoy/tls.ts";
import { ownLabels } from "../../own.ts";
import { filterName, gatewayGroup } from "../istio/names.ts";
import { extensionApi } from "./policies.ts";

type Fields = { readonly [key: string]: Json };

const types = {
  cluster: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
  listener: "type.googleapis.com/envoy.config.listener.v3.Listener",
  routes: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
} as const;

export interface Patched {
  readonly clusters: readonly Cluster[];
  /** The plan's; index 0 asks for nothing. */
  readonly routePolicies: readonly RoutePolicy[];
}

/** `gatewayPorts` are one Gateway's. */
export function patchPolicy(
  gatewayPorts: readonly [GatewayPort, ...GatewayPort[]], patched: Patched,
): Fields {
  const [{ gateway }] = gatewayPorts;
  return {
    apiVersion: extensionApi,
    kind: "EnvoyPatchPolicy",
    metadata: { name: filterName(gateway), namespace: gateway.namespace, labels: ownLabels },
    spec: {
      targetRef: { group: gatewayGroup, kind: "Gateway", name: gateway.name },
      type: "JSONPatch",
      jsonPatches: [
        ...clustersOf(gatewayPorts, patched).map(addCluster),
        ...gatewayPorts.flatMap((port) => [
          stripHeaders(port),
          ...routeConfigurations(port).flatMap((name) => steer(name, patched)),
        ]),
      ],
    },
  };
}

/** Only those that the Gateway's routes lead to: a cluster is added once in a proxy. */
function clustersOf(
  gatewayPorts: readonly GatewayPort[], { clusters }: Patched,
): readonly Cluster[] {
  const used = new Set<number>();
  const rules = new Set(gatewayPorts.flatMap(({ virtualHosts }) =>
    virtualHosts.flatMap(({ matches }) => matches.map(({ rule }) => rule))));
  for (const { action } of rules) {
    if (action.kind !== "forward") continue;
    const policies = [action.policy, ...action.backends.map(({ policy }) => policy)];
    for (const { cluster } of action.backends) if (cluster !== undefined) used.add(cluster);
    for (const policy of policies) policy?.mirrors.forEach(({ cluster }) => used.add(cluster));
  }
  return clusters.filter((_, index) => used.has(index));
}

function addCluster(cluster: Cluster): Fields {
  const value = envoyCluster(cluster, {
    waitForDns: true, systemRoots: defaultSystemRoots,
    keyPairs: keyPairsBelow("/etc/fairlead/tls"),
  });
  return { type: types.cluster, name: cluster.name, operation: { op: "add", path: "", value } };
}

function listenerName({ namespace, name }: GatewayPort["gateway"], listener: string): string {
  return `${namespace}/${name}/${listener}`;
}

function routeConfigurations({ gateway, protocol, listeners }: GatewayPort): readonly string[] {
  const named = protocol === "HTTPS" ? listeners : listeners.slice(0, 1);
  return named.map(({ name }) => listenerName(gateway, name));
}

/** Before the first route is chosen, hence not by a filter. */
function stripHeaders({ gateway, listeners: [first] }: GatewayPort): Fields {
  return {
    type: types.listener,
    name: listenerName(gateway, first?.name ?? ""),
    operation: {
      op: "add",
      jsonPath: "..filters[?(@.name=='envoy.filters.network.http_connection_manager')]"
        + ".typed_config",
      path: "/early_header_mutation_extensions",
      value: [earlyMutation()],
    },
  };
}

/** Each route goes before what is there, so that the last patch's comes first. */
function steer(name: string, { clusters, routePolicies }: Patched): readonly Fields[] {
  const options = { clusters, unions: false };
  const steered = { name: clusterHeader, present_match: true };
  const routes = [
    ...routePolicies.flatMap((policy) => {
      const exact = policyName(policy, (index) => clusters[index]?.name);
      if (exact === "" || policy.cors || policy.session) return [];
      const own = { name: policyHeader, string_match: { exact } };
      return policyRoutes(policy, { ...options, when: [steered, own] });
    }),
    // A policy that needs filters of its own is left out, and said to be (gaps.ts).
    ...policyRoutes(noPolicy, { ...options, when: [steered] }),
  ];
  return routes.reverse().map((value) => ({
    type: types.routes, name,
    operation: { op: "add", jsonPath: "$.virtual_hosts[*]", path: "/routes/0", value },
  }));
}
