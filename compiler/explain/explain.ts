// Why a request goes where it goes: every candidate of its virtual host, and what set it aside. The
// reasons come from the reference matcher; the caller holds the result against the core.

import type {
  Cluster, GatewayPort, Ir, RouteMatch, Rule, VirtualHost,
} from "../ir.ts";
import { deciding } from "../rank.ts";
import {
  findMatch, findVirtualHost, hostnameMatches, invalidBackendStatus, obstacle, pathMatches,
  requestHost, type Obstacle, type ReferenceRequest,
} from "../reference.ts";
import type { Span } from "../source.ts";

export interface Explanation {
  readonly gatewayPort: GatewayPort;
  /** Absent: no listener takes the host name. */
  readonly virtualHost?: VirtualHost;
  /** Absent: no match takes the request, and it gets a 404. */
  readonly chosen?: RouteMatch;
  /** Matches of the virtual host whose path takes the request, in order of precedence. */
  readonly candidates: readonly Candidate[];
  /** How many more matches of the virtual host ask for another path. */
  readonly otherPaths: number;
  readonly outcome: Outcome;
  /** A match of a wider host name that would have taken the request, had it been let through. */
  readonly wider?: { readonly virtualHost: VirtualHost; readonly match: RouteMatch };
}

export interface Candidate {
  readonly match: RouteMatch;
  readonly state: "chosen" | "outranked" | "no-match";
  /** One clause: what does not match, or which criterion of precedence decided. */
  readonly reason?: string;
}

export type Outcome =
  | { readonly kind: "no-match"; readonly status: 404 }
  | { readonly kind: "respond"; readonly status: number; readonly reason: string }
  | { readonly kind: "redirect"; readonly status: number }
  | { readonly kind: "forward"; readonly backends: readonly BackendShare[] };

export interface BackendShare {
  /** Absent: the reference is invalid, and its share gets `status`. */
  readonly cluster?: Cluster;
  readonly status?: number;
  readonly weight: number;
  /** 0 to 1. */
  readonly share: number;
  readonly origin: Span;
}

export function explain(ir: Ir, gatewayPort: GatewayPort, request: ReferenceRequest): Explanation {
  const virtualHost = findVirtualHost(gatewayPort, request.authority);
  const chosen = virtualHost && findMatch(virtualHost, request);
  const onPath = (virtualHost?.matches ?? []).filter((m) => pathMatches(m.path, request.target));
  const wider = chosen ? undefined : findWider(gatewayPort, virtualHost, request);
  return {
    gatewayPort, candidates: onPath.map((match) => candidate(match, chosen, request)),
    otherPaths: (virtualHost?.matches.length ?? 0) - onPath.length,
    outcome: chosen ? outcome(ir, chosen.rule) : { kind: "no-match", status: 404 },
    ...(virtualHost && { virtualHost }), ...(chosen && { chosen }), ...(wider && { wider }),
  };
}

function candidate(
  match: RouteMatch, chosen: RouteMatch | undefined, request: ReferenceRequest,
): Candidate {
  if (match === chosen) return { match, state: "chosen" };
  const problem = obstacle(match, request);
  if (problem) return { match, state: "no-match", reason: describeObstacle(problem, match) };
  return { match, state: "outranked", reason: chosen && `decided by ${deciding(chosen, match)}` };
}

function describeObstacle(problem: Obstacle, match: RouteMatch): string {
  if (problem.kind === "method") return `the method is not ${match.method}`;
  if (problem.kind === "path") return "the path does not match";
  const { name, value, kind } = problem.match;
  const wanted = kind === "exact" ? `\`${value}\`` : `a match of \`${value}\``;
  return problem.value === undefined
    ? `${problem.kind} \`${name}\` is absent, ${wanted} is asked for`
    : `${problem.kind} \`${name}\` is \`${problem.value}\`, not ${wanted}`;
}

/** A wider virtual host is never fallen back on; that it would have matched is worth a word. */
function findWider(
  port: GatewayPort, virtualHost: VirtualHost | undefined, request: ReferenceRequest,
): Explanation["wider"] {
  const host = requestHost(request.authority);
  for (const other of port.virtualHosts) {
    if (other === virtualHost || !hostnameMatches(other.hostname, host)) continue;
    const match = findMatch(other, request);
    if (match) return { virtualHost: other, match };
  }
  return undefined;
}

function outcome(ir: Ir, rule: Rule): Outcome {
  const { action } = rule;
  if (action.kind === "redirect") return { kind: "redirect", status: action.statusCode };
  if (action.backends.length === 0) {
    const status = invalidBackendStatus(rule);
    return { kind: "respond", status, reason: "the rule has no backendRef with a weight" };
  }
  const total = action.backends.reduce((sum, b) => sum + b.weight, 0);
  return {
    kind: "forward",
    backends: action.backends.map(({ cluster, weight, origin }) => {
      const target = cluster === undefined ? undefined : ir.clusters[cluster];
      const end = target ? { cluster: target } : { status: invalidBackendStatus(rule) };
      return { weight, share: weight / total, origin, ...end };
    }),
  };
}
