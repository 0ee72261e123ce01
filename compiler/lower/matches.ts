// What a rule matches, as paths, methods, headers and query parameters. A gRPC call is an HTTP
// request for `/service/method`.

import type { PathMatch, RouteMatch, Rule } from "../ir.ts";
import type { ResolvedGrpcRoute, ResolvedHttpRoute } from "../resolve/resolved.ts";
import type { GrpcRouteRule, HttpRouteMatch, Resource } from "../resources.ts";
import { valueMatches } from "./headers.ts";

/** A match before it is given to a virtual host. */
export type HostlessMatch = Omit<RouteMatch, "routeHostname">;

function httpPath({ type, value }: HttpRouteMatch["path"]): PathMatch {
  if (type === "Exact") return { kind: "exact", value };
  if (type === "RegularExpression") return { kind: "regex", value };
  // "When specified, a trailing `/` is ignored."
  return { kind: "prefix", value: value.replace(/\/+$/, "") };
}

type MethodMatch = NonNullable<NonNullable<GrpcRouteRule["matches"]>[number]["method"]>;

/** A name as a regular expression that takes it alone. */
function literal(name: string): string {
  return name.replace(/[.*+?()|[\]{}^$\\]/g, "\\$&");
}

/** Services and methods have no slash in their names. */
const anyName = "[^/]+";

function grpcPath({ type, service, method }: MethodMatch): PathMatch {
  if (type === "RegularExpression") {
    const part = (pattern: string | undefined): string => (pattern ? `(?:${pattern})` : anyName);
    return { kind: "regex", value: `/${part(service)}/${part(method)}` };
  }
  if (service && method) return { kind: "exact", value: `/${service}/${method}` };
  if (service) return { kind: "prefix", value: `/${service}` };
  return { kind: "regex", value: `/${anyName}/${literal(method ?? "")}` };
}

/** Of a regular expression the length says nothing, so that it ranks behind every exact name. */
function grpcLengths({ type, service = "", method = "" }: MethodMatch): RouteMatch["grpc"] {
  return type === "Exact" ? { service: service.length, method: method.length }
    : { service: 0, method: 0 };
}

/**
 * The paths of a service and of its methods as regular expressions. The matcher asks regular
 * expressions before prefixes; where a virtual host has some for gRPC, a service on its own has to
 * stand among them, because it outranks a method on its own.
 */
export function serviceAsExpression(match: HostlessMatch): HostlessMatch {
  if (!match.grpc || match.path.kind !== "prefix" || match.path.value === "") return match;
  return { ...match, path: { kind: "regex", value: `${literal(match.path.value)}/${anyName}` } };
}

function common(
  resource: Resource, rule: Rule, matchIndex: number,
): Pick<RouteMatch, "rule" | "matchIndex" | "origin"> {
  const path = ["spec", "rules", rule.ruleIndex, "matches", matchIndex];
  return { rule, matchIndex, origin: resource.manifest.at(path) };
}

export function httpMatches(route: ResolvedHttpRoute, rule: Rule): readonly HostlessMatch[] {
  const matches = route.resource.spec.rules[rule.ruleIndex]?.matches ?? [];
  return matches.map((match, matchIndex) => ({
    path: httpPath(match.path),
    ...(match.method ? { method: match.method } : {}),
    headers: valueMatches(match.headers, "headers"),
    queryParams: valueMatches(match.queryParams, "queryParams"),
    ...common(route.resource, rule, matchIndex),
  }));
}

export function grpcMatches(route: ResolvedGrpcRoute, rule: Rule): readonly HostlessMatch[] {
  const written = route.resource.spec.rules?.[rule.ruleIndex]?.matches ?? [];
  // "If no matches are specified, the implementation MUST match every gRPC request."
  const matches = written.length > 0 ? written : [{}];
  return matches.map(({ method, headers }, matchIndex) => ({
    path: method ? grpcPath(method) : { kind: "prefix", value: "" },
    headers: valueMatches(headers, "headers"),
    queryParams: [],
    grpc: method ? grpcLengths(method) : { service: 0, method: 0 },
    ...common(route.resource, rule, matchIndex),
  }));
}
