// What is routed: n routes of one hostname, each with a path of its own, all to one Service. All
// variants carry out the same routes and are asked the same requests.

import { gateway, namespace, service } from "../manifests.ts";

export const hostname = "bench.example.com";

export type Position = "first" | "middle" | "last" | "missing";

export const positions: readonly Position[] = ["first", "middle", "last", "missing"];

/**
 * What a route asks for: its path as a prefix, by itself or with a method or a header that all
 * routes share, or a regular expression that begins with its path.
 */
export type Workload = "prefix" | "method" | "header" | "regex";

export const workloads: readonly Workload[] = ["prefix", "method", "header", "regex"];

/** The header of the workload of that name; its requests have it. */
export const version = { name: "x-version", value: "v2" };

/** All of one length, whatever their number, so that only the number differs. */
export function routePath(index: number): string {
  return `/team-${String(index % 100).padStart(2, "0")}/service-${String(index).padStart(6, "0")}`;
}

/** A request's path below the route's prefix. */
export function requestPath(routes: number, position: Position): string {
  const index = { first: 0, middle: routes >> 1, last: routes - 1, missing: 999_999 }[position];
  return `${routePath(index)}/items/42`;
}

export function routeExpression(index: number): string {
  return `${routePath(index)}/items/[0-9]+`;
}

/** The manifests: rules of 16 to an HTTPRoute, which is the most that its schema allows. */
export function manifests(
  routes: number, upstreamPort: number, workload: Workload = "prefix",
): string {
  const resources: object[] = [gateway, service, endpointSlice(upstreamPort)];
  for (let first = 0; first < routes; first += 16) {
    resources.push(httpRoute(first, Math.min(first + 16, routes), workload));
  }
  return resources.map((resource) => `${JSON.stringify(resource)}\n`).join("---\n");
}

function endpointSlice(port: number): object {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "upstream", namespace, labels: { "kubernetes.io/service-name": "upstream" } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["127.0.0.1"], conditions: { ready: true } }],
    ports: [{ name: "http", port, protocol: "TCP" }],
  };
}

function matchOf(index: number, workload: Workload): object {
  const path = { type: "PathPrefix", value: routePath(index) };
  switch (workload) {
    case "prefix": return { path };
    case "method": return { path, method: "GET" };
    case "header": return { path, headers: [version] };
    case "regex": return { path: { type: "RegularExpression", value: routeExpression(index) } };
  }
}

function httpRoute(from: number, to: number, workload: Workload): object {
  const rules = Array.from({ length: to - from }, (_, i) => ({
    matches: [matchOf(from + i, workload)],
    backendRefs: [{ name: "upstream", port: 80 }],
  }));
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: { name: `routes-${String(from).padStart(6, "0")}`, namespace },
    spec: { parentRefs: [{ name: "bench" }], hostnames: [hostname], rules },
  };
}
