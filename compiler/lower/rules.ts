// A route's rules: what each does with a request, and the matches that lead to it.

import {
  noPolicy, type Action, type ClusterIndex, type Mirror, type Pin, type RoutePolicy, type RouteRef,
  type Rule, type Session, type WeightedBackend,
} from "../ir.ts";
import { durationMs } from "../policy/durations.ts";
import type {
  ResolvedGrpcRoute, ResolvedHttpRoute, ResolvedRule, Target,
} from "../resolve/resolved.ts";
import type { BackendRef, HttpRouteRule } from "../resources.ts";
import {
  asks, corsOf, mirrorsOf, mustRefuse, redirect, refusesBackend, requestHeaderEdits,
  responseHeaderEdits, rewriteOf, ruleFilter, type Filters, type RouteRule,
} from "./filters.ts";
import { grpcMatches, httpMatches, type HostlessMatch } from "./matches.ts";
import { sessionOf } from "./session.ts";

export type RequestRoute = ResolvedHttpRoute | ResolvedGrpcRoute;

export function writtenRules(route: RequestRoute): readonly RouteRule[] {
  return route.resource.spec.rules ?? [];
}

/** Where the rules may send requests and their copies. */
export function targetsOf(route: RequestRoute): readonly Target[] {
  return writtenRules(route).flatMap((rule, index): readonly Target[] => {
    const resolved = route.rules[index];
    if (!resolved || resolved.dropped !== undefined || mustRefuse(rule.filters)
      || ruleFilter(rule, "RequestRedirect")) return [];
    const backends = (rule.backendRefs ?? []).flatMap((ref, i) => {
      const backend = resolved.backends[i];
      if (!backend || ref.weight <= 0 || refusesBackend(rule, ref)) return [];
      return [backend.target, ...mirrorsOf(ref.filters, backend.mirrors).map((m) => m.target)];
    });
    return [...backends, ...mirrorsOf(rule.filters, resolved.mirrors).map((m) => m.target)];
  });
}

/** What lowering a rule needs to know beside the rule. */
interface Context {
  readonly route: RequestRoute;
  readonly ref: RouteRef;
  readonly clusterOf: (target: Target) => ClusterIndex | undefined;
  readonly hashKeyOf: (cluster: ClusterIndex) => RoutePolicy["hashKey"];
  readonly pin: Pin | undefined;
}

/** An invalid mirror "must be dropped"; it has been reported where it stands. */
function mirrors(
  filters: Filters, targets: ResolvedRule["mirrors"], { clusterOf }: Context,
): readonly Mirror[] {
  return mirrorsOf(filters, targets).flatMap(({ target, numerator, denominator }) => {
    const cluster = clusterOf(target);
    return cluster === undefined ? [] : [{ cluster, numerator, denominator }];
  });
}

/** A stanza without attempts asks for one. */
function retry({ codes = [], attempts = 1, backoff }: NonNullable<HttpRouteRule["retry"]>): {
  readonly retry: NonNullable<RoutePolicy["retry"]>;
} {
  const backoffMs = durationMs(backoff ?? "");
  return { retry: { codes, attempts, ...(backoffMs === undefined ? {} : { backoffMs }) } };
}

function limits(rule: RouteRule): Partial<RoutePolicy> {
  if (!("timeouts" in rule) && !("retry" in rule)) return {};
  const requestTimeoutMs = durationMs(rule.timeouts?.request ?? "");
  const backendRequestTimeoutMs = durationMs(rule.timeouts?.backendRequest ?? "");
  return {
    ...(requestTimeoutMs === undefined ? {} : { requestTimeoutMs }),
    ...(backendRequestTimeoutMs === undefined ? {} : { backendRequestTimeoutMs }),
    ...(rule.retry ? retry(rule.retry) : {}),
  };
}

function policyOf(
  rule: RouteRule, resolved: ResolvedRule, ruleIndex: number, split: Session["split"],
  context: Context,
): { readonly policy?: RoutePolicy } {
  const cors = corsOf(rule);
  const { sessionPersistence } = rule;
  const policy: RoutePolicy = {
    responseHeaders: responseHeaderEdits(rule.filters),
    mirrors: mirrors(rule.filters, resolved.mirrors, context),
    ...(cors ? { cors } : {}),
    ...limits(rule),
    ...(sessionPersistence
      ? {
        session: {
          ...sessionOf(sessionPersistence, context.ref, ruleIndex, rule.name),
          ...(split ? { split } : {}),
        },
      } : {}),
  };
  return asks(policy) ? { policy } : {};
}

function backendOf(
  rule: RouteRule, ref: BackendRef, index: number, ruleIndex: number, context: Context,
): WeightedBackend {
  const { route, clusterOf, hashKeyOf } = context;
  const resolved = route.rules[ruleIndex]?.backends[index];
  const cluster = resolved && !refusesBackend(rule, ref) ? clusterOf(resolved.target) : undefined;
  const rewrite = rewriteOf(ref.filters);
  const hashKey = cluster === undefined ? undefined : hashKeyOf(cluster);
  const policy = {
    responseHeaders: responseHeaderEdits(ref.filters),
    mirrors: mirrors(ref.filters, resolved?.mirrors ?? [], context),
    ...(hashKey ? { hashKey } : {}),
  };
  return {
    weight: ref.weight,
    ...(cluster !== undefined ? { cluster } : {}),
    requestHeaders: requestHeaderEdits(ref.filters),
    ...(rewrite ? { rewrite } : {}),
    ...(asks(policy) ? { policy } : {}),
    origin: route.resource.manifest.at(["spec", "rules", ruleIndex, "backendRefs", index]),
  };
}

/** What a session needs to find its endpoint again in any of several backends. */
function sessionSplit(backends: readonly WeightedBackend[]): Session["split"] {
  const members = backends.flatMap(({ weight, cluster }) =>
    (cluster === undefined ? [] : [{ weight, cluster }]));
  return members.length > 1 && backends.every(isPlain) ? members : undefined;
}

/**
 * Whether a backend asks for nothing of its own, so that it differs from others in weight only. A
 * hash says where to go without a session; it does not stand in a session's way.
 */
function isPlain({ requestHeaders, rewrite, policy }: WeightedBackend): boolean {
  const { set, add, remove } = requestHeaders;
  const { hashKey: _, ...asked } = policy ?? noPolicy;
  return set.length + add.length + remove.length === 0 && !rewrite && !asks(asked);
}

function actionOf(
  rule: RouteRule, resolved: ResolvedRule, ruleIndex: number, context: Context,
): Action {
  const requestHeaders = requestHeaderEdits(rule.filters);
  if (mustRefuse(rule.filters)) return { kind: "forward", backends: [], requestHeaders };
  const to = ruleFilter(rule, "RequestRedirect")?.requestRedirect;
  if (to) return redirect(to);
  const rewrite = rewriteOf(rule.filters);
  const backends = (rule.backendRefs ?? []).flatMap((ref, index) =>
    (ref.weight > 0 ? [backendOf(rule, ref, index, ruleIndex, context)] : []));
  return {
    kind: "forward",
    backends,
    requestHeaders,
    ...(rewrite ? { rewrite } : {}),
    ...policyOf(rule, resolved, ruleIndex, sessionSplit(backends), context),
    ...(context.pin ? { pin: context.pin } : {}),
  };
}

/** Every match of the route; those of one rule share one rule object. */
export function lowerRoute(
  route: RequestRoute, places: Pick<Context, "clusterOf" | "hashKeyOf" | "pin">,
): readonly HostlessMatch[] {
  const { namespace, name, creationTimestamp } = route.resource.metadata;
  const ref = { kind: route.kind, namespace, name,
    ...(creationTimestamp ? { creationTimestamp } : {}) };
  const context = { route, ref, ...places };
  return writtenRules(route).flatMap((written, ruleIndex) => {
    const resolved = route.rules[ruleIndex];
    if (!resolved || resolved.dropped !== undefined) return [];
    const rule: Rule = {
      route: ref, ruleIndex,
      ...(written.name ? { ruleName: written.name } : {}),
      action: actionOf(written, resolved, ruleIndex, context),
      origin: route.resource.manifest.at(["spec", "rules", ruleIndex]),
    };
    return route.kind === "HTTPRoute" ? httpMatches(route, rule) : grpcMatches(route, rule);
  });
}
