// The route configurations of an HTTP(S) port. The filter has decided; what is left to Envoy's
// router is to find the policy's routes, by one lookup, and to refuse requests that came in on
// another listener's certificate.

import { noPolicy, type Cluster, type GatewayPort, type RoutePolicy } from "../../ir.ts";
import { canonicalHost } from "../../resolve/hostname.ts";
import { policyName } from "../../table/policy-name.ts";
import type { Json } from "../artifact.ts";
import { gatewayPortName } from "../../table/plan.ts";
import { clusterHeader, policyHeader } from "./names.ts";
import { policyRoutes, type RouteOptions } from "./policy.ts";

type Fields = { readonly [key: string]: Json };

/** Policies, and the clusters that they refer to by index. */
export interface Policies {
  readonly policies: readonly RoutePolicy[];
  readonly clusters: readonly Cluster[];
}

export interface RouteInput extends Policies {
  /** Those of another table, which a filter that is about to be replaced still asks for. */
  readonly retiring?: Policies;
  /** The name of our filter in the connection manager's list. */
  readonly filterName: string;
}

/** One way in: a listener's hostname on an HTTPS port, or the whole of an HTTP port. */
export interface Entrance {
  /** Of the route configuration; unique. */
  readonly name: string;
  /** "*" where the listener has none. */
  readonly hostname: string;
  /** Hostnames of the port's other listeners. */
  readonly others: readonly string[];
}

export function entrances(gatewayPort: GatewayPort): readonly Entrance[] {
  const name = gatewayPortName(gatewayPort);
  if (gatewayPort.protocol === "HTTP") return [{ name, hostname: "*", others: [] }];
  const secured = gatewayPort.listeners.filter(({ tls }) => tls !== undefined);
  const hostnames = [...new Set(secured.map((l) => canonicalHost(l.hostname)))];
  return hostnames.map((hostname) => ({
    name: `${name}/${hostname}`,
    hostname,
    others: hostnames.filter((other) => other !== hostname),
  }));
}

export function routeConfiguration(entrance: Entrance, input: RouteInput): Fields {
  const { name, hostname, others } = entrance;
  // A host that belongs to no listener is for the filter to refuse.
  const own = others.includes("*") ? domains(hostname) : ["*", ...domains(hostname)];
  return {
    name,
    virtual_hosts: [
      { name: "fairlead", domains: [...new Set(own)], ...steering(input) },
      ...(others.length > 0 ? [misdirected(others, input)] : []),
    ],
    validate_clusters: false,
    // Of `host:port` the host alone counts; the filter sees it the same way.
    ignore_port_in_host_matching: others.length > 0 ? true : undefined,
  };
}

/** An absolute name (with a dot at its end) is the same name. */
function domains(hostname: string): readonly string[] {
  return hostname === "*" ? ["*"] : [hostname, `${hostname}.`];
}

/**
 * HTTP/2 lets a browser send requests for another host on a connection that its certificate seems
 * to allow. A host of another listener has other rules about clients: 421 sends the browser there
 * (Gateway API, "misdirected requests"). Our filter is off here, because its own answer would come
 * first; a request that has its header was let in and had its host rewritten since.
 */
function misdirected(others: readonly string[], input: RouteInput): Fields {
  return {
    name: "misdirected",
    domains: others.flatMap(domains),
    typed_per_filter_config: {
      [input.filterName]: {
        "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig",
        disabled: true,
      },
    },
    ...steering(input, {
      when: [{ name: clusterHeader, present_match: true }],
      otherwise: {
        name: "fairlead-misdirected", match: { prefix: "/" }, direct_response: { status: 421 },
      },
    }),
  };
}

interface Guard {
  readonly when: readonly Fields[];
  readonly otherwise: Fields;
}

/** A virtual host's routes. A list would be walked through; the tree costs one lookup. */
function steering({ policies, clusters, retiring }: RouteInput, guard?: Guard): Fields {
  const options: RouteOptions = { clusters, alsoRemove: hostHeaders };
  const plain = guard
    ? [...policyRoutes(noPolicy, { ...options, when: guard.when }), guard.otherwise]
    : policyRoutes(noPolicy, options);
  const named = [
    ...retiring ? policyActions(retiring) : [], ...policyActions({ policies, clusters }),
  ];
  if (named.length === 0) return { routes: plain };
  return {
    matcher: {
      matcher_tree: {
        input: {
          name: policyHeader,
          typed_config: {
            "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
            header_name: policyHeader,
          },
        },
        exact_match_map: { map: Object.fromEntries(named) },
      },
      on_no_match: routesAction(plain),
    },
  };
}

/** Envoy says where it took the client's address from; the edge has no such header. */
const hostHeaders = ["x-envoy-external-address"];

/** By the policies' names: those of another table can stand beside them. */
function policyActions({ policies, clusters }: Policies): readonly (readonly [string, Fields])[] {
  const options: RouteOptions = { clusters, alsoRemove: hostHeaders };
  return policies.flatMap((policy): readonly (readonly [string, Fields])[] => {
    const name = policyName(policy, (index) => clusters[index]?.name);
    return name === "" ? [] : [[name, routesAction(policyRoutes(policy, options))]];
  });
}

function routesAction(routes: readonly Fields[]): Fields {
  return {
    action: {
      name: "routes",
      typed_config: { "@type": "type.googleapis.com/envoy.config.route.v3.RouteList", routes },
    },
  };
}
