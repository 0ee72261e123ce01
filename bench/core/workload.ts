// What is matched: tables of routes in three shapes, and requests that hit a chosen one. All
// routers get the same routes and the same requests.

import { gateway, namespace, service } from "../manifests.ts";
import { github } from "./github.ts";

/** `path` of a pattern has parameters, `{name}`, each of which stands for one whole segment. */
export interface Route {
  readonly host: string;
  readonly method?: string;
  readonly kind: "exact" | "prefix" | "pattern";
  readonly path: string;
}

/** `hosts`: 50 routes a host. `one-host`: all on one. `github`: GitHub's REST API. */
export type Shape = "hosts" | "one-host" | "github";

export const shapes: readonly Shape[] = ["hosts", "one-host", "github"];

/** `any`: each request another route, so that the table's memory is touched all over. */
export type Position = "first" | "middle" | "last" | "missing" | "any";

export const positions: readonly Position[] = ["first", "middle", "last", "missing", "any"];

export interface Target {
  readonly host: string;
  readonly method: string;
  readonly path: string;
  /** Index of the route, −1 for none. */
  readonly route: number;
}

const routesPerHost = 50;

export function routesOf(shape: Shape, count: number): readonly Route[] {
  if (shape === "github") return github;
  return Array.from({ length: count }, (_, i) => route(shape, i));
}

function route(shape: Shape, index: number): Route {
  const host = shape === "hosts" ? Math.floor(index / routesPerHost) : 0;
  const path = `/team-${digits(index % 100, 2)}/service-${digits(index, 6)}`;
  // One route in four is exact, as in a gateway that has health checks and webhooks beside APIs.
  return {
    host: `shop-${digits(host, 5)}.example.com`,
    ...(index % 4 === 3
      ? { kind: "exact", path: `${path}/status` } : { kind: "prefix", path }),
  };
}

function digits(value: number, length: number): string {
  return String(value).padStart(length, "0");
}

const missing = "/team-99/service-999999/items/42";

export function targetsOf(
  routes: readonly Route[], position: Position, count: number,
): readonly Target[] {
  let random = 1;
  return Array.from({ length: count }, () => {
    if (position === "missing") return missingFrom(routes);
    // A linear congruential generator: the same requests in every run.
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
    const last = routes.length - 1;
    const index = { first: 0, middle: last >> 1, last, any: random % routes.length }[position];
    return targetOf(routes, position === "any" ? index : prefixBefore(routes, index));
  });
}

/** The figures of positions are comparable where all of them hit the same kind of route. */
function prefixBefore(routes: readonly Route[], index: number): number {
  return routes[index]?.kind === "exact" && index > 0 ? index - 1 : index;
}

function missingFrom(routes: readonly Route[]): Target {
  const host = routes[routes.length >> 1]?.host ?? "";
  return { host, method: "GET", path: missing, route: -1 };
}

function targetOf(routes: readonly Route[], index: number): Target {
  const { host = "", method = "GET", kind, path = "/" } = routes[index] ?? {};
  const asked = kind === "prefix" ? `${path}/items/42` : path.replace(/\{(\w+)\}/g, "my-$1-1");
  return { host, method, path: asked, route: index };
}

/** Rules of 16 to an HTTPRoute, which is the most that its schema allows. */
export function manifests(routes: readonly Route[]): string {
  const resources: object[] = [gateway, service];
  for (const [host, indexes] of byHost(routes)) {
    for (let first = 0; first < indexes.length; first += 16) {
      resources.push(httpRoute(host, indexes.slice(first, first + 16), routes));
    }
  }
  return resources.map((resource) => `${JSON.stringify(resource)}\n`).join("---\n");
}

export function byHost(routes: readonly Route[]): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  for (const [index, { host }] of routes.entries()) {
    const indexes = found.get(host);
    if (indexes === undefined) found.set(host, [index]);
    else indexes.push(index);
  }
  return found;
}

const pathTypes = { exact: "Exact", prefix: "PathPrefix", pattern: "RegularExpression" };

/** A rule's name is its route's index, so that a verdict can be compared with what was asked. */
function httpRoute(host: string, indexes: readonly number[], routes: readonly Route[]): object {
  const rules = indexes.map((index) => {
    const { kind = "exact", path = "", method } = routes[index] ?? {};
    const value = kind === "pattern"
      ? path.replace(/\{\w+\}|[.]/g, (found) => (found === "." ? "\\." : "[^/]+")) : path;
    return {
      name: `route-${index}`,
      matches: [{ path: { type: pathTypes[kind], value }, ...(method && { method }) }],
      backendRefs: [{ name: "upstream", port: 80 }],
    };
  });
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: { name: `routes-${digits(indexes[0] ?? 0, 6)}`, namespace },
    spec: { parentRefs: [{ name: "bench" }], hostnames: [host], rules },
  };
}
