// A route's rules: what each does with a request, and the matches that lead to it.

import type { Action, PathMatch, Redirect, RouteMatch, Rule, WeightedBackend } from "../ir.ts";
import type { ResolvedHttpRoute, ResolvedRule } from "../resolve/resolved.ts";
import type { HttpRouteMatch, HttpRouteRule, RequestRedirect } from "../resources.ts";
import type { Clusters } from "./clusters.ts";
import { mustRefuse } from "./gaps.ts";
import { requestHeaderEdits, valueMatches } from "./headers.ts";

/** A match before it is given to a virtual host. */
export type HostlessMatch = Omit<RouteMatch, "routeHostname">;

function pathMatch({ type, value }: HttpRouteMatch["path"]): PathMatch {
  if (type === "Exact") return { kind: "exact", value };
  if (type === "RegularExpression") return { kind: "regex", value };
  return { kind: "prefix", value: value.replace(/\/+$/, "") };
}

function redirect({ scheme, hostname, port, statusCode, path }: RequestRedirect): Redirect {
  return {
    kind: "redirect", statusCode,
    ...(scheme ? { scheme } : {}),
    ...(hostname ? { hostname: hostname.toLowerCase() } : {}),
    ...(port !== undefined ? { port } : {}),
    ...(path?.type === "ReplaceFullPath"
      ? { path: { kind: "full", value: path.replaceFullPath ?? "" } } : {}),
    ...(path?.type === "ReplacePrefixMatch"
      ? { path: { kind: "prefix", value: path.replacePrefixMatch ?? "" } } : {}),
  };
}

export function redirectOf(rule: HttpRouteRule): RequestRedirect | undefined {
  return rule.filters?.find((f) => f.type === "RequestRedirect")?.requestRedirect;
}

function actionOf(
  route: ResolvedHttpRoute, rule: HttpRouteRule, resolved: ResolvedRule, ruleIndex: number,
  clusters: Clusters,
): Action {
  const to = redirectOf(rule);
  const requestHeaders = requestHeaderEdits(rule.filters);
  if (mustRefuse(rule.filters)) return { kind: "forward", backends: [], requestHeaders };
  if (to) return redirect(to);
  const backends = (rule.backendRefs ?? []).flatMap((ref, index): readonly WeightedBackend[] => {
    if (ref.weight <= 0) return [];
    const target = resolved.backends[index]?.target;
    const cluster = target?.kind === "service" && !mustRefuse(ref.filters)
      ? clusters.indexOf(target) : undefined;
    return [{
      weight: ref.weight,
      ...(cluster !== undefined ? { cluster } : {}),
      requestHeaders: requestHeaderEdits(ref.filters),
      origin: route.resource.manifest.at(["spec", "rules", ruleIndex, "backendRefs", index]),
    }];
  });
  return { kind: "forward", backends, requestHeaders };
}

function matchesOf(
  route: ResolvedHttpRoute, written: HttpRouteRule, rule: Rule,
): readonly HostlessMatch[] {
  return written.matches.map((match, matchIndex) => ({
    path: pathMatch(match.path),
    ...(match.method ? { method: match.method } : {}),
    headers: valueMatches(match.headers, "headers"),
    queryParams: valueMatches(match.queryParams, "queryParams"),
    rule, matchIndex,
    origin: route.resource.manifest.at(["spec", "rules", rule.ruleIndex, "matches", matchIndex]),
  }));
}

/** Every match of the route; those of one rule share one rule object. */
export function lowerRoute(route: ResolvedHttpRoute, clusters: Clusters): readonly HostlessMatch[] {
  const { namespace, name, creationTimestamp } = route.resource.metadata;
  const ref = { kind: route.kind, namespace, name,
    ...(creationTimestamp ? { creationTimestamp } : {}) };
  return route.resource.spec.rules.flatMap((written, ruleIndex) => {
    const resolved = route.rules[ruleIndex];
    if (!resolved || resolved.dropped !== undefined) return [];
    const rule: Rule = {
      route: ref, ruleIndex,
      ...(written.name ? { ruleName: written.name } : {}),
      action: actionOf(route, written, resolved, ruleIndex, clusters),
      origin: route.resource.manifest.at(["spec", "rules", ruleIndex]),
    };
    return matchesOf(route, written, rule);
  });
}
