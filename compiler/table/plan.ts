// From ranked IR to the table's records: what stands in which section, before it is bytes. Every
// reference is an index; `encode.ts` lays the sections out.

import {
  CONDITION_HEADER_EXACT, CONDITION_HEADER_REGEX, CONDITION_QUERY_EXACT, CONDITION_QUERY_REGEX,
  CONDITION_SEGMENT_REGEX, LEFT, METHOD_ANY, NONE, PATH_EXACT, PATH_PREFIX,
} from "../../filters/core/format.ts";
import type { Diagnostic } from "../diagnostic.ts";
import type { Ir, RouteMatch, ValueMatch, VirtualHost } from "../ir.ts";
import { nameIndex, newDraft, type Draft } from "./draft.ts";
import {
  automatonIndex, expressionsHold, planExpressions, type PlanMatch, type SegmentPattern,
} from "./expressions.ts";
import { planPath } from "./paths.ts";
import type { Plan, PlannedVirtualHost } from "./planned.ts";
import { planRule } from "./rules.ts";

export type { Plan, TableOrigins } from "./planned.ts";

export const METHODS = [
  "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
] as const;

/** `ir` must be ranked. */
export function plan(ir: Ir): { readonly plan: Plan; readonly diagnostics: readonly Diagnostic[] } {
  const draft = newDraft(ir);
  for (const port of ir.gatewayPorts) {
    draft.gatewayPorts.push({
      name: gatewayPortName(port), port: port.port, tls: port.protocol === "HTTPS",
      wildcards: 0, exact: false,
    });
    for (const host of port.virtualHosts) planVirtualHost(draft, host);
  }
  return { plan: draft, diagnostics: draft.diagnostics };
}

/** `networking/shared-gateway:80`: how plugins and workers name the port they serve. */
export function gatewayPortName(
  { gateway, port }: Pick<Ir["gatewayPorts"][number], "gateway" | "port">,
): string {
  return `${gateway.namespace}/${gateway.name}:${port}`;
}

/**
 * Matches whose routes wrote another hostname rank lower as a whole, whatever their paths, so each
 * such group becomes a tier: a virtual host of its own that the one before leads to.
 */
function planVirtualHost(draft: Draft, host: VirtualHost): void {
  const carried = host.matches.filter((match) => expressionsHold(draft, match));
  const tiers: RouteMatch[][] = [];
  for (const match of carried) {
    const last = tiers.at(-1);
    if (last?.[0]?.routeHostname === match.routeHostname) last.push(match);
    else tiers.push([match]);
  }
  if (tiers.length === 0) tiers.push([]);
  tiers.forEach((matches, tier) => {
    const index = draft.virtualHosts.length;
    const next = tier + 1 < tiers.length ? index + 1 : host.leaves ? LEFT : NONE;
    planTier(draft, openVirtualHost(draft, host.hostname, tier === 0, next), matches, index);
  });
}

function openVirtualHost(
  draft: Draft, hostname: string, findable: boolean, next: number,
): PlannedVirtualHost {
  const wildcard = hostname.startsWith("*");
  const planned: PlannedVirtualHost = {
    gatewayPort: draft.gatewayPorts.length - 1, wildcard,
    name: wildcard ? hostname.slice(2) : hostname, firstPath: draft.paths.length,
    firstExpression: draft.expressions.length, firstShape: draft.shapes.length, findable,
    prefixes: 0, exact: 0, next,
  };
  draft.virtualHosts.push(planned);
  const port = draft.gatewayPorts[planned.gatewayPort];
  if (port && wildcard) port.wildcards = (port.wildcards | depthBit(labelsOf(planned.name))) >>> 0;
  else if (port) port.exact = true;
  return planned;
}

function planTier(
  draft: Draft, host: PlannedVirtualHost, matches: readonly RouteMatch[], index: number,
): void {
  const ranks = new Map(matches.map((match, rank) => [match, rank]));
  const rankOf = (match: RouteMatch): number => ranks.get(match) ?? 0;
  const planOne: PlanMatch = (match, parameters = []) =>
    planMatch(draft, match, rankOf(match), parameters);
  for (const kind of [PATH_EXACT, PATH_PREFIX]) {
    for (const [value, group] of byPath(matches, kind === PATH_EXACT ? "exact" : "prefix")) {
      const bit = depthBit(segmentsOf(value).length);
      if (kind === PATH_EXACT) host.exact = (host.exact | bit) >>> 0;
      else host.prefixes = (host.prefixes | bit) >>> 0;
      planPath(draft, index, kind, value, group, planOne);
    }
  }
  planExpressions(draft, index, byPath(matches, "regex"), planOne, rankOf);
}

/** Matches of one kind of path, by its value, in order of precedence. */
function byPath(
  matches: readonly RouteMatch[], kind: RouteMatch["path"]["kind"],
): ReadonlyMap<string, RouteMatch[]> {
  const groups = new Map<string, RouteMatch[]>();
  for (const match of matches) {
    if (match.path.kind !== kind) continue;
    const group = groups.get(match.path.value);
    if (group) group.push(match);
    else groups.set(match.path.value, [match]);
  }
  return groups;
}

function depthBit(depth: number): number {
  return 1 << Math.min(depth, 31);
}

/** "" has none, "example.com" two. */
export function labelsOf(name: string): number {
  return name === "" ? 0 : name.split(".").length;
}

/** "" has none, "/" one (empty), "/a/b" two. */
export function segmentsOf(path: string): readonly string[] {
  return path === "" ? [] : path.slice(1).split("/");
}

function planMatch(
  draft: Draft, match: RouteMatch, rank: number, parameters: readonly SegmentPattern[],
): void {
  const method = match.method === undefined
    ? METHOD_ANY : 1 + (METHODS as readonly string[]).indexOf(match.method);
  draft.origins.matches.push(match);
  draft.matches.push({
    rule: planRule(draft, match.rule), firstCondition: draft.conditions.length, method, rank,
  });
  for (const { segment, automaton } of parameters) {
    draft.conditions.push({ kind: CONDITION_SEGMENT_REGEX, name: segment, value: automaton });
  }
  for (const header of match.headers) {
    const kind = header.kind === "exact" ? CONDITION_HEADER_EXACT : CONDITION_HEADER_REGEX;
    planCondition(draft, kind, nameIndex(draft, header.name), header);
  }
  for (const parameter of match.queryParams) {
    const kind = parameter.kind === "exact" ? CONDITION_QUERY_EXACT : CONDITION_QUERY_REGEX;
    planCondition(draft, kind, parameter.name, parameter);
  }
}

function planCondition(
  draft: Draft, kind: number, name: number | string, match: ValueMatch,
): void {
  const value = match.kind === "exact" ? match.value : automatonIndex(draft, match.value);
  draft.conditions.push({ kind, name, value });
}
