// The law of precedence: which of the matches of one virtual host takes a request that several of
// them fit. It is one list of comparators, tried in order; the first that differs decides.
// Gateway API v1.7, HTTPRouteRule.matches, GRPCRouteRule.matches and HTTPRouteSpec.hostnames.

import type { Ir, PathMatch, RouteMatch, VirtualHost } from "./ir.ts";
import { compareAge, compareText } from "./order.ts";
import { compareSpecificity } from "./resolve/hostname.ts";

export interface Comparator {
  /** What `explain` prints when this one decided. */
  readonly name: string;
  /** Below zero where `a` comes first. */
  readonly compare: (a: RouteMatch, b: RouteMatch) => number;
}

/**
 * The spec leaves the place of regular expressions open. We put them between exact paths and
 * prefixes, as Envoy Gateway, NGINX and Contour do: a regular expression is usually written to
 * carve something out of a prefix, and below the prefix it would never be reached.
 */
const pathKinds: Readonly<Record<PathMatch["kind"], number>> = { exact: 0, regex: 1, prefix: 2 };

/**
 * Only prefixes have a length that says something: two exact paths that fit one request are equal,
 * and the length of a regular expression is an accident of how it is written.
 */
function prefixLength({ path }: RouteMatch): number {
  return path.kind === "prefix" ? path.value.length : 0;
}

function routeName({ rule: { route } }: RouteMatch): string {
  return `${route.namespace}/${route.name}`;
}

export const comparators: readonly Comparator[] = [
  // "Characters in a matching non-wildcard hostname", then "characters in a matching hostname", of
  // the hostname as the route wrote it (GatewayRouteHostnameIntersectionPrecedence).
  { name: "hostname", compare: (a, b) => compareSpecificity(a.routeHostname, b.routeHostname) },
  // "Characters in a matching service", then "in a matching method". Only GRPCRoutes have them, and
  // a virtual host's matches are all of GRPCRoutes or none of them are (`resolve/settle.ts`).
  {
    name: "length of the gRPC service",
    compare: (a, b) => (b.grpc?.service ?? 0) - (a.grpc?.service ?? 0),
  },
  {
    name: "length of the gRPC method",
    compare: (a, b) => (b.grpc?.method ?? 0) - (a.grpc?.method ?? 0),
  },
  { name: "path type", compare: (a, b) => pathKinds[a.path.kind] - pathKinds[b.path.kind] },
  { name: "path length", compare: (a, b) => prefixLength(b) - prefixLength(a) },
  {
    name: "method",
    compare: (a, b) => Number(b.method !== undefined) - Number(a.method !== undefined),
  },
  { name: "number of headers", compare: (a, b) => b.headers.length - a.headers.length },
  {
    name: "number of query parameters",
    compare: (a, b) => b.queryParams.length - a.queryParams.length,
  },
  {
    name: "age of the route",
    compare: (a, b) => compareAge(a.rule.route.creationTimestamp, b.rule.route.creationTimestamp),
  },
  { name: "name of the route", compare: (a, b) => compareText(routeName(a), routeName(b)) },
  // A GRPCRoute and an HTTPRoute of one name: the spec says nothing, and some order there must be.
  {
    name: "kind of the route",
    compare: (a, b) => compareText(a.rule.route.kind, b.rule.route.kind),
  },
  { name: "order of rules", compare: (a, b) => a.rule.ruleIndex - b.rule.ruleIndex },
  { name: "order of matches", compare: (a, b) => a.matchIndex - b.matchIndex },
];

export function compareMatches(a: RouteMatch, b: RouteMatch): number {
  for (const { compare } of comparators) {
    const order = compare(a, b);
    if (order !== 0) return order;
  }
  return 0;
}

/** The name of the comparator that puts one before the other; "nothing" for a match and itself. */
export function deciding(a: RouteMatch, b: RouteMatch): string {
  return comparators.find(({ compare }) => compare(a, b) !== 0)?.name ?? "nothing";
}

/** Puts the matches of a virtual host in order, highest precedence first. */
export function rankHost(host: VirtualHost): VirtualHost {
  return { ...host, matches: [...host.matches].sort(compareMatches) };
}

/** Every virtual host in order. `ranked` answers as `rankHost` does. */
export function rank(ir: Ir, ranked: (host: VirtualHost) => VirtualHost = rankHost): Ir {
  return {
    ...ir,
    gatewayPorts: ir.gatewayPorts.map((port) => ({
      ...port,
      virtualHosts: port.virtualHosts.map(ranked),
    })),
  };
}
