// A route policy as Envoy's own routes. The filter has chosen cluster and policy; what the policy
// asks for is then Envoy's to do. Each policy is a short list of routes of which the first that
// matches counts and the last always does.

import type { Cluster, HeaderEdits, Mirror, Retry, RoutePolicy } from "../../ir.ts";
import type { Json } from "../artifact.ts";
import { corsConfig, corsFilter, preflight } from "./cors.ts";
import { duration } from "./duration.ts";
import { fittingKey } from "./fitting.ts";
import { hashPolicy } from "./hash.ts";
import { clusterHeader, internalHeaders } from "./names.ts";
import { nativeEdits } from "./native/edits.ts";
import { pathSubstitution, regexRewrite } from "./native/path.ts";
import { sessionConfig, sessionFilter, sessionUnion } from "./session.ts";

type Fields = { readonly [key: string]: Json };

export interface RouteOptions {
  readonly clusters: readonly Cluster[];
  /** Headers of the host's own that no backend should see. */
  readonly alsoRemove?: readonly string[];
  /** Conditions under which any of the routes is taken at all. */
  readonly when?: readonly Fields[];
  /** Whether there are clusters for sessions over several backends; absent: there are. */
  readonly unions?: boolean;
}

/** The routes of one policy, in their order. */
export function policyRoutes(policy: RoutePolicy, options: RouteOptions): readonly Fields[] {
  const { cors } = policy;
  if (!cors) return [steeredRoute(policy, {}, [], options)];
  const cases = preflight(cors);
  return [
    // A preflight from an origin that is not allowed: an answer that allows nothing.
    {
      name: "fairlead-preflight",
      match: match([...cases.refused, ...options.when ?? []]),
      direct_response: { status: 204 },
    },
    ...cases.special.map(({ when, cors: special }) =>
      steeredRoute(policy, { [corsFilter]: corsConfig(special) }, when, options)),
    steeredRoute(policy, { [corsFilter]: corsConfig(cors) }, [], options),
  ];
}

function match(headers: readonly Fields[]): Fields {
  return { prefix: "/", headers: headers.length > 0 ? headers : undefined };
}

/** A route that takes its cluster from the filter's header. */
function steeredRoute(
  policy: RoutePolicy, filters: Fields, when: readonly Fields[], options: RouteOptions,
): Fields {
  const { responseHeaders, session, request } = policy;
  const edits = nativeEdits(request?.headers ?? []);
  const configs = session ? { ...filters, [sessionFilter]: sessionConfig(session) } : filters;
  return {
    name: "fairlead",
    match: match([...when, ...options.when ?? []]),
    route: routeAction(policy, options),
    request_headers_to_add: edits.add.length > 0 ? edits.add : undefined,
    request_headers_to_remove: [
      ...internalHeaders, ...options.alsoRemove ?? [], ...edits.remove,
    ],
    ...responseEdits(responseHeaders),
    typed_per_filter_config: Object.keys(configs).length > 0 ? configs : undefined,
  };
}

function rewrites({ request }: RoutePolicy): Fields {
  const { hostname, path } = request ?? {};
  return {
    host_rewrite_literal: hostname,
    regex_rewrite: path && regexRewrite(pathSubstitution(path.match, path.rewrite)),
  };
}

function routeAction(policy: RoutePolicy, options: RouteOptions): Fields {
  const { requestTimeoutMs = 0, mirrors } = policy;
  const hashKey = policy.hashKey && fittingKey(policy.hashKey);
  const union = options.unions === false
    ? undefined
    : sessionUnion(policy.session, options.clusters);
  const copied = mirrors.flatMap(({ cluster, ...share }) => {
    const target = options.clusters[cluster];
    return target && share.numerator > 0 ? [mirrorPolicy(target.name, share)] : [];
  });
  return {
    ...(union ? { cluster: union.name } : { cluster_header: clusterHeader }),
    ...rewrites(policy),
    // Envoy's default of 15 s is nothing a route asked for.
    timeout: duration(requestTimeoutMs),
    retry_policy: retryPolicy(policy),
    hash_policy: hashKey && [hashPolicy(hashKey)],
    request_mirror_policies: copied.length > 0 ? copied : undefined,
  };
}

/**
 * Retried is what the Gateway API says should be: a connection that could not be made, and what
 * the backend refused before it began. A connection that is lost after the request was sent is
 * not, with one exception: Envoy tries again after backendRequest has run out only where it may
 * also try again after a reset. Whoever sets both a retry and that timeout asks for the former.
 */
function retryPolicy(policy: RoutePolicy): Fields | undefined {
  const { retry, backendRequestTimeoutMs = 0 } = policy;
  const per_try_timeout = backendRequestTimeoutMs > 0
    ? duration(backendRequestTimeoutMs)
    : undefined;
  if (!retry || retry.attempts === 0) {
    // Without any condition nothing is tried again; the one attempt is still limited.
    return per_try_timeout === undefined ? undefined : { per_try_timeout, num_retries: 0 };
  }
  return {
    retry_on: conditions(retry, per_try_timeout !== undefined).join(","),
    retriable_status_codes: retry.codes.length > 0 ? retry.codes : undefined,
    num_retries: retry.attempts,
    per_try_timeout,
    retry_back_off: retry.backoffMs === undefined || retry.backoffMs === 0
      ? undefined
      : { base_interval: duration(retry.backoffMs) },
    ...(policy.hashKey ? {} : elsewhere()),
  };
}

/**
 * Another endpoint, where there is one: after some tries the same one will do. Not where a key
 * names the endpoint: there Istio, too, stays with it.
 */
function elsewhere(): Fields {
  return {
    retry_host_predicate: [{
      name: "envoy.retry_host_predicates.previous_hosts",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3."
          + "PreviousHostsPredicate",
      },
    }],
    host_selection_retry_max_attempts: 5,
  };
}

function conditions({ codes }: Retry, triesAreTimed: boolean): readonly string[] {
  return [
    "connect-failure", "refused-stream", "reset-before-request", "unavailable",
    ...(codes.length > 0 ? ["retriable-status-codes"] : []),
    ...(triesAreTimed ? ["reset"] : []),
  ];
}

function mirrorPolicy(
  cluster: string, { numerator, denominator }: Omit<Mirror, "cluster">,
): Fields {
  return {
    cluster,
    runtime_fraction: numerator < denominator
      ? { default_value: fraction(numerator, denominator) }
      : undefined,
    // The copy is the same request: Envoy would put "-shadow" after its host.
    disable_shadow_host_suffix_append: true,
  };
}

const denominators = [[100, "HUNDRED"], [10_000, "TEN_THOUSAND"], [1_000_000, "MILLION"]] as const;

/** Exact where Envoy has a denominator for it, else to the millionth. */
export function fraction(numerator: number, denominator: number): Fields {
  for (const [size, name] of denominators) {
    const count = numerator * size / denominator;
    if (Number.isInteger(count)) return { numerator: count, denominator: name };
  }
  return { numerator: Math.round(numerator * 1_000_000 / denominator), denominator: "MILLION" };
}

/**
 * Envoy removes first and then adds. Removing is the API's last step, so that nothing is set or
 * added under a name that is to be removed.
 */
function responseEdits({ set, add, remove }: HeaderEdits): Fields {
  const removed = new Set(remove);
  const kept = ({ name }: { readonly name: string }): boolean => !removed.has(name);
  const added = [
    ...set.filter(kept).map((edit) => header(edit, "OVERWRITE_IF_EXISTS_OR_ADD")),
    ...add.filter(kept).map((edit) => header(edit, "APPEND_IF_EXISTS_OR_ADD")),
  ];
  return {
    response_headers_to_add: added.length > 0 ? added : undefined,
    response_headers_to_remove: remove.length > 0 ? remove : undefined,
  };
}

function header(
  { name, value }: { readonly name: string; readonly value: string }, append_action: string,
): Fields {
  // A percent sign would begin a command of Envoy's.
  return {
    header: { key: name, value: value.replaceAll("%", "%%") }, append_action,
    keep_empty_value: true,
  };
}
