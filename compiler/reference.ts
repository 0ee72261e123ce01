// The slow, obvious matcher over ranked IR: what the specification says, sentence by sentence. The
// core must agree with it on every request (property tests), and `explain` tells its reasons.

import type {
  GatewayPort, PathMatch, RouteMatch, Rule, ValueMatch, VirtualHost,
} from "./ir.ts";
import { matchesWhole } from "./regex/whole.ts";

export interface ReferenceRequest {
  /** The Host header or :authority, as received. */
  readonly authority?: string;
  /** The request target with its query, as received. */
  readonly target: string;
  readonly method: string;
  /** In the order received; names in any case, repeated or not. */
  readonly headers: readonly (readonly [string, string])[];
}

/** The host name that decides: lower case, without port and trailing dot; undefined for none. */
export function requestHost(authority: string | undefined): string | undefined {
  const host = (authority ?? "").replace(/:\d*$/, "").replace(/\.$/, "").toLowerCase();
  // IP literals are no host names (RFC 1123), and no DNS name is longer than 255 bytes.
  return host === "" || host.length > 255 || host.endsWith("]") ? undefined : host;
}

/** Whether `hostname` ("a.example.com", "*.example.com" or "*") takes in `host`. */
export function hostnameMatches(hostname: string, host: string | undefined): boolean {
  if (hostname === "*") return true;
  if (host === undefined) return false;
  // "*.example.com" matches "test.example.com" and "foo.test.example.com", not "example.com".
  return hostname.startsWith("*.") ? host.endsWith(hostname.slice(1)) : host === hostname;
}

/** The most specific virtual host for the request: exact before wildcard, longer before shorter. */
export function findVirtualHost(
  port: GatewayPort, authority: string | undefined,
): VirtualHost | undefined {
  const host = requestHost(authority);
  const specificity = (h: VirtualHost): number =>
    (h.hostname.startsWith("*") ? 0 : 1000) + h.hostname.length;
  return port.virtualHosts
    .filter((h) => hostnameMatches(h.hostname, host))
    .reduce<VirtualHost | undefined>(
      (best, h) => (best && specificity(best) >= specificity(h) ? best : h), undefined);
}

/** The path without query and fragment; undefined where the target is no absolute path. */
export function requestPath(target: string): string | undefined {
  return target.startsWith("/") ? (target.split(/[?#]/, 1)[0] ?? "") : undefined;
}

export function pathMatches(match: PathMatch, target: string): boolean {
  const path = requestPath(target);
  // "If no matches are specified, the default is a prefix path match on '/', which has the effect
  // of matching every HTTP request": also those without an absolute path.
  if (match.kind === "prefix" && match.value === "") return true;
  if (path === undefined) return false;
  // RE2, over the whole path without its query, as Envoy's safe_regex.
  if (match.kind === "regex") return matchesWhole(match.value, path);
  if (match.kind === "exact") return path === match.value;
  // "Matching is case-sensitive and done on a path element by element basis."
  return path === match.value || path.startsWith(`${match.value}/`);
}

/** All values of a header as one list (RFC 9110 §5.3), or undefined. */
export function headerValue(request: ReferenceRequest, name: string): string | undefined {
  const values = request.headers.filter(([n]) => n.toLowerCase() === name).map(([, v]) => v);
  return values.length === 0 ? undefined : values.join(", ");
}

/**
 * The value of the first query parameter of that name, undecoded, or undefined. "If a query param
 * is repeated … implementations should match against the first value."
 */
export function queryValue(target: string, name: string): string | undefined {
  const [beforeFragment = ""] = target.split("#", 1);
  const question = beforeFragment.indexOf("?");
  if (question < 0) return undefined;
  for (const parameter of beforeFragment.slice(question + 1).split("&")) {
    const equals = parameter.indexOf("=");
    const own = equals < 0 ? parameter : parameter.slice(0, equals);
    if (own === name) return equals < 0 ? "" : parameter.slice(equals + 1);
  }
  return undefined;
}

function valueMatches(match: ValueMatch, value: string | undefined): boolean {
  if (value === undefined) return false;
  return match.kind === "exact" ? value === match.value : matchesWhole(match.value, value);
}

/** Why a match does not take the request; undefined where it does. */
export type Obstacle =
  | { readonly kind: "path" }
  | { readonly kind: "method" }
  | {
    readonly kind: "header" | "query parameter";
    readonly match: ValueMatch;
    readonly value: string | undefined;
  };

export function obstacle(match: RouteMatch, request: ReferenceRequest): Obstacle | undefined {
  if (!pathMatches(match.path, request.target)) return { kind: "path" };
  if (match.method !== undefined && match.method !== request.method) return { kind: "method" };
  for (const header of match.headers) {
    const value = headerValue(request, header.name);
    if (!valueMatches(header, value)) return { kind: "header", match: header, value };
  }
  for (const parameter of match.queryParams) {
    const value = queryValue(request.target, parameter.name);
    if (!valueMatches(parameter, value)) {
      return { kind: "query parameter", match: parameter, value };
    }
  }
  return undefined;
}

/**
 * What a rule answers whose backend is invalid, or that has none: 500, and for a GRPCRoute the 503
 * that a gRPC client is shown as UNAVAILABLE.
 */
export function invalidBackendStatus({ route }: Rule): number {
  return route.kind === "GRPCRoute" ? 503 : 500;
}

/** The match that takes the request, of the virtual host's matches in order of precedence. */
export function findMatch(host: VirtualHost, request: ReferenceRequest): RouteMatch | undefined {
  return host.matches.find((match) => obstacle(match, request) === undefined);
}
