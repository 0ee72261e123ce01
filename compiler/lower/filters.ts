// What a rule's filters, or a backendRef's, do to a request, its copies and the response.

import type {
  Cors, HeaderEdits, Mirror, PathRewrite, Redirect, Rewrite, RoutePolicy,
} from "../ir.ts";
import type { Target } from "../resolve/resolved.ts";
import type {
  BackendRef, CorsFilter, GrpcRouteRule, HttpRouteRule, PathModifier, RequestMirror,
  RequestRedirect, RouteFilter,
} from "../resources.ts";
import { headerEdits } from "./headers.ts";

export type RouteRule = HttpRouteRule | GrpcRouteRule;
export type Filters = readonly RouteFilter[] | undefined;

function first<Type extends RouteFilter["type"]>(
  filters: Filters, type: Type,
): RouteFilter | undefined {
  return filters?.find((f) => f.type === type);
}

/** Must not be skipped: where one is not carried out the rule answers with an error. */
export function mustRefuse(filters: Filters): boolean {
  return (filters ?? []).some((f) => f.type === "ExtensionRef" || f.type === "ExternalAuth");
}

function pathRewrite(path: PathModifier): PathRewrite {
  return path.type === "ReplaceFullPath"
    ? { kind: "full", value: path.replaceFullPath ?? "" }
    : { kind: "prefix", value: path.replacePrefixMatch ?? "" };
}

export function redirect(
  { scheme, hostname, port, statusCode, path }: RequestRedirect,
): Redirect {
  return {
    kind: "redirect", statusCode,
    ...(scheme ? { scheme } : {}),
    ...(hostname ? { hostname: hostname.toLowerCase() } : {}),
    ...(port !== undefined ? { port } : {}),
    ...(path ? { path: pathRewrite(path) } : {}),
  };
}

export function rewriteOf(filters: Filters): Rewrite | undefined {
  const { hostname, path } = first(filters, "URLRewrite")?.urlRewrite ?? {};
  if (!hostname && !path) return undefined;
  return {
    ...(hostname ? { hostname: hostname.toLowerCase() } : {}),
    ...(path ? { path: pathRewrite(path) } : {}),
  };
}

/**
 * The filter of that type of the rule. One that all backendRefs have alike is as good as the
 * rule's own: there is no request for which it would not count.
 */
export function ruleFilter(
  rule: RouteRule, type: "CORS" | "RequestRedirect",
): RouteFilter | undefined {
  const own = first(rule.filters, type);
  if (own) return own;
  const [one, ...rest] = (rule.backendRefs ?? []).filter((ref) => ref.weight > 0);
  const shared = one && first(one.filters, type);
  if (!shared) return undefined;
  const text = JSON.stringify(shared);
  const isShared = rest.every((ref) => JSON.stringify(first(ref.filters, type)) === text);
  return isShared ? shared : undefined;
}

/** A backendRef's filters that ask for something other than to forward the request. */
export function refusesBackend(rule: RouteRule, { filters }: BackendRef): boolean {
  return mustRefuse(filters)
    || (first(filters, "RequestRedirect") !== undefined && !ruleFilter(rule, "RequestRedirect"));
}

function share({ percent, fraction }: RequestMirror): Omit<Mirror, "cluster"> {
  if (fraction) {
    return { numerator: fraction.numerator, denominator: fraction.denominator ?? 100 };
  }
  return percent === undefined
    ? { numerator: 1, denominator: 1 } : { numerator: percent, denominator: 100 };
}

/** Copies that go somewhere. `targets` stand beside the filters. */
export function mirrorsOf(
  filters: Filters, targets: readonly (Target | undefined)[],
): readonly (Omit<Mirror, "cluster"> & { readonly target: Target })[] {
  return (filters ?? []).flatMap((filter, index) => {
    const target = targets[index];
    if (filter.type !== "RequestMirror" || !filter.requestMirror || !target) return [];
    const part = share(filter.requestMirror);
    return part.numerator > 0 ? [{ ...part, target }] : [];
  });
}

function cors(filter: CorsFilter): Cors {
  return {
    allowOrigins: filter.allowOrigins ?? [],
    allowCredentials: filter.allowCredentials ?? false,
    allowMethods: filter.allowMethods ?? [],
    allowHeaders: filter.allowHeaders ?? [],
    exposeHeaders: filter.exposeHeaders ?? [],
    maxAgeSeconds: filter.maxAge || 5,
  };
}

export function corsOf(rule: RouteRule): Cors | undefined {
  const filter = ruleFilter(rule, "CORS")?.cors;
  return filter && cors(filter);
}

export function requestHeaderEdits(filters: Filters): HeaderEdits {
  return headerEdits(first(filters, "RequestHeaderModifier")?.requestHeaderModifier);
}

export function responseHeaderEdits(filters: Filters): HeaderEdits {
  return headerEdits(first(filters, "ResponseHeaderModifier")?.responseHeaderModifier);
}

/** Whether a policy asks for anything at all. */
export function asks(
  { responseHeaders: { set, add, remove }, mirrors, ...others }: RoutePolicy,
): boolean {
  return set.length + add.length + remove.length + mirrors.length > 0
    || Object.keys(others).length > 0;
}
