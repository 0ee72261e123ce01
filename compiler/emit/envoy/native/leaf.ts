// A match and its rule as Envoy's own routes: what they take is the match's, what becomes of it
// is the rule's. Several routes are needed where what becomes of a request depends on more than
// Envoy's one action can say; the first that fits counts, and the last always fits.

import type {
  Cluster, Forward, GatewayPort, RouteMatch, ValueMatch, WeightedBackend,
} from "../../../ir.ts";
import { invalidBackendStatus } from "../../../reference.ts";
import { policyOf } from "../../../table/rules.ts";
import type { Json } from "../../artifact.ts";
import { nativeEdits } from "./edits.ts";
import { expression, pathSpecifier, pathSubstitution, regexRewrite } from "./path.ts";
import { redirectRoutes } from "./redirect.ts";
import { fraction, policyRoutes } from "../policy.ts";

type Fields = { readonly [key: string]: Json };

/** The path as the tree looks at it; no backend sees it. */
export const pathHeader = "x-fairlead-path";

export interface LeafInput {
  readonly clusters: readonly Cluster[];
  readonly listener: Pick<GatewayPort, "port" | "protocol">;
}

export function matchRoutes(match: RouteMatch, input: LeafInput): readonly Fields[] {
  const { rule: { action } } = match;
  const name = routeName(match);
  if (action.kind === "redirect") {
    return redirectRoutes(action, match.path, input.listener).map(({ when, route }) =>
      ({ ...route, name, match: conditions(match, when) }));
  }
  return forwardRoutes(match, action, input).map((route) => ({ ...route, name }));
}

/** `HTTPRoute shop/checkout rules[0]`, for access logs (`%ROUTE_NAME%`). */
function routeName({ rule: { route, ruleIndex } }: RouteMatch): string {
  return `${route.kind} ${route.namespace}/${route.name} rules[${ruleIndex}]`;
}

/** Envoy's `match`: the match's own conditions and further ones. */
function conditions(
  { path, method, headers, queryParams }: RouteMatch, when: readonly Fields[], share?: Fields,
): Fields {
  const all = [
    ...(method === undefined ? [] : [exactly(":method", method)]),
    ...headers.map(valueMatcher), ...when,
  ];
  return {
    ...pathSpecifier(path),
    headers: all.length > 0 ? all : undefined,
    query_parameters: queryParams.length > 0 ? queryParams.map(valueMatcher) : undefined,
    runtime_fraction: share && { default_value: share },
  };
}

function valueMatcher({ kind, name, value }: ValueMatch): Fields {
  const string_match = kind === "exact" ? { exact: value } : { safe_regex: expression(value) };
  return { name, string_match };
}

function exactly(name: string, value: string): Fields {
  return valueMatcher({ kind: "exact", name, value });
}

// --- Forwarding ----------------------------------------------------------------------------------

function forwardRoutes(
  match: RouteMatch, forward: Forward, input: LeafInput,
): readonly Fields[] {
  const { backends } = forward;
  const [first] = backends;
  if (!first) return [invalidRoute(match, undefined)];
  if (isEven(forward)) return backendRoutes(match, forward, backends, first, undefined, input);
  const total = sum(backends);
  return backends.flatMap((backend, index) => {
    // One number is drawn for a request, and each backend has all below its own upper end that the
    // backends before it have left.
    const upper = sum(backends.slice(0, index + 1));
    const share = upper < total ? fraction(upper, total) : undefined;
    return backend.cluster === undefined
      ? [invalidRoute(match, share)]
      : backendRoutes(match, forward, [backend], backend, share, input);
  });
}

function sum(backends: readonly WeightedBackend[]): number {
  return backends.reduce((total, { weight }) => total + weight, 0);
}

/** Whether one route does: the backends differ in no more than a weighted cluster can say. */
function isEven({ backends, rewrite }: Forward): boolean {
  const common = ({ policy, rewrite: own }: WeightedBackend): string =>
    JSON.stringify([policy, { ...rewrite, ...own }.path]);
  const [first] = backends;
  return first !== undefined && backends.every((backend) =>
    backend.cluster !== undefined && common(backend) === common(first));
}

function invalidRoute(match: RouteMatch, share: Fields | undefined): Fields {
  return {
    match: conditions(match, [], share),
    direct_response: { status: invalidBackendStatus(match.rule) },
  };
}

/** The routes to some backends that are alike but for cluster, weight, header edits and host. */
function backendRoutes(
  match: RouteMatch, forward: Forward, backends: readonly WeightedBackend[],
  first: WeightedBackend, share: Fields | undefined, { clusters }: LeafInput,
): readonly Fields[] {
  const path = { ...forward.rewrite, ...first.rewrite }.path;
  const routes = policyRoutes(policyOf(forward, first), { clusters });
  return routes.map((route) => {
    const { headers } = route["match"] as { readonly headers?: readonly Fields[] };
    const at = { ...route, match: conditions(match, headers ?? [], share) };
    if (route["route"] === undefined) return at;
    const { cluster_header: steered, ...action } = route["route"] as Fields;
    const single = steered === undefined || backends.length === 1;
    const edits = single ? nativeEdits([forward.requestHeaders, first.requestHeaders]) : undefined;
    return {
      ...at,
      request_headers_to_add: edits && edits.add.length > 0 ? edits.add : undefined,
      // Our own headers are removed for all routes together.
      request_headers_to_remove: edits && edits.remove.length > 0 ? edits.remove : undefined,
      route: {
        ...action,
        ...(steered === undefined ? {} : target(forward, backends, first, clusters)),
        host_rewrite_literal: single ? hostOf(forward, first) : undefined,
        regex_rewrite: path && regexRewrite(pathSubstitution(match.path, path)),
      },
    };
  });
}

function hostOf(forward: Forward, backend: WeightedBackend): string | undefined {
  return { ...forward.rewrite, ...backend.rewrite }.hostname;
}

function target(
  forward: Forward, backends: readonly WeightedBackend[], first: WeightedBackend,
  clusters: readonly Cluster[],
): Fields {
  const nameOf = ({ cluster }: WeightedBackend): string =>
    (cluster === undefined ? undefined : clusters[cluster]?.name) ?? "";
  if (backends.length === 1) return { cluster: nameOf(first) };
  return {
    weighted_clusters: {
      clusters: backends.map((backend) => {
        const { add, remove } = nativeEdits([forward.requestHeaders, backend.requestHeaders]);
        return {
          name: nameOf(backend),
          weight: backend.weight,
          request_headers_to_add: add.length > 0 ? add : undefined,
          request_headers_to_remove: remove.length > 0 ? remove : undefined,
          host_rewrite_literal: hostOf(forward, backend),
        };
      }),
    },
  };
}
