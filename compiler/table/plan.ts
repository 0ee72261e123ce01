// From ranked IR to the table's records: what stands in which section, before it is bytes. Every
// reference is an index; `encode.ts` lays the sections out.

import {
  CONDITION_HEADER_EXACT, EDIT_ADD, EDIT_REMOVE, EDIT_SET, METHOD_ANY, NONE,
  REDIRECT_PATH_FULL, REDIRECT_PATH_PREFIX, REDIRECT_PATH_SAME, REDIRECT_SCHEME_HTTP,
  REDIRECT_SCHEME_HTTPS, REDIRECT_SCHEME_SAME, TARGET_CLUSTER, TARGET_REDIRECT, TARGET_SHIFT,
  TARGET_SPLIT, TARGET_STATUS,
} from "../../filters/core/format.ts";
import { diagnostic, type Diagnostic } from "../diagnostic.ts";
import type {
  Forward, HeaderEdits, Ir, Redirect, RouteMatch, Rule, VirtualHost, WeightedBackend,
} from "../ir.ts";

export interface PlannedGatewayPort {
  readonly name: string;
  readonly port: number;
  readonly tls: boolean;
  wildcards: number;
  exact: boolean;
}

export interface PlannedVirtualHost {
  readonly gatewayPort: number;
  readonly wildcard: boolean;
  /** Without "*."; empty for "*". */
  readonly name: string;
  readonly firstPath: number;
  /** Only the first tier is found by host name; `next` leads to the others. */
  readonly findable: boolean;
  prefixes: number;
  exact: boolean;
  next: number;
}

export interface PlannedPath {
  readonly virtualHost: number;
  readonly exact: boolean;
  readonly value: string;
  readonly firstMatch: number;
}

export interface PlannedMatch {
  readonly rule: number;
  readonly firstCondition: number;
  readonly method: number;
}

export interface PlannedCondition {
  readonly kind: number;
  readonly name: number;
  readonly value: string;
}

export interface PlannedRedirect {
  readonly status: number;
  readonly scheme: number;
  readonly host: string;
  readonly port: number;
  readonly pathKind: number;
  readonly path: string;
}

export interface PlannedEdit {
  readonly kind: number;
  readonly name: string;
  readonly value: string;
}

export interface Plan {
  readonly names: readonly string[];
  readonly gatewayPorts: readonly PlannedGatewayPort[];
  readonly virtualHosts: readonly PlannedVirtualHost[];
  readonly paths: readonly PlannedPath[];
  readonly matches: readonly PlannedMatch[];
  readonly conditions: readonly PlannedCondition[];
  readonly rules: readonly { readonly target: number; readonly edits: number }[];
  readonly splits: readonly { readonly firstBackend: number; readonly totalWeight: number }[];
  readonly backends: readonly {
    readonly target: number; readonly weight: number; readonly edits: number;
  }[];
  readonly clusters: readonly string[];
  readonly redirects: readonly PlannedRedirect[];
  /** List 0 is empty. */
  readonly editLists: readonly (readonly PlannedEdit[])[];
  /** What the table's indexes stand for, for `explain`, logs and metrics. */
  readonly origins: TableOrigins;
}

export interface TableOrigins {
  readonly matches: readonly RouteMatch[];
  readonly rules: readonly Rule[];
  /** By BACKENDS index. */
  readonly backends: readonly WeightedBackend[];
}

export const METHODS = [
  "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
] as const;

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };

interface Draft extends Omit<Mutable<Plan>, "origins"> {
  readonly origins: { matches: RouteMatch[]; rules: Rule[]; backends: WeightedBackend[] };
  readonly nameIndexes: Map<string, number>;
  readonly ruleIndexes: Map<Rule, number>;
  readonly editIndexes: Map<string, number>;
  readonly diagnostics: Diagnostic[];
}

/** `ir` must be ranked. */
export function plan(ir: Ir): { readonly plan: Plan; readonly diagnostics: readonly Diagnostic[] } {
  const draft: Draft = {
    names: [], gatewayPorts: [], virtualHosts: [], paths: [], matches: [], conditions: [],
    rules: [], splits: [], backends: [], clusters: ir.clusters.map((c) => c.name), redirects: [],
    editLists: [[]], origins: { matches: [], rules: [], backends: [] }, nameIndexes: new Map(),
    ruleIndexes: new Map(), editIndexes: new Map([["[]", 0]]), diagnostics: [],
  };
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
export function gatewayPortName(port: Pick<Ir["gatewayPorts"][number], "gateway" | "port">): string {
  return `${port.gateway.namespace}/${port.gateway.name}:${port.port}`;
}

/**
 * Matches whose routes wrote another hostname rank lower as a whole, whatever their paths, so each
 * such group becomes a tier: a virtual host of its own that the one before leads to.
 */
function planVirtualHost(draft: Draft, host: VirtualHost): void {
  const carried = host.matches.filter((m) => isCarried(draft, m));
  const tiers: RouteMatch[][] = [];
  for (const match of carried) {
    const last = tiers.at(-1);
    if (last?.[0]?.routeHostname === match.routeHostname) last.push(match);
    else tiers.push([match]);
  }
  if (tiers.length === 0) tiers.push([]);
  tiers.forEach((matches, tier) => {
    planTier(draft, host.hostname, matches, tier, tier + 1 < tiers.length);
  });
}

function planTier(
  draft: Draft, hostname: string, matches: readonly RouteMatch[], tier: number, more: boolean,
): void {
  const index = draft.virtualHosts.length;
  const gatewayPort = draft.gatewayPorts.length - 1;
  const wildcard = hostname.startsWith("*");
  const planned: PlannedVirtualHost = {
    gatewayPort, wildcard, name: wildcard ? hostname.slice(2) : hostname,
    firstPath: draft.paths.length, findable: tier === 0, prefixes: 0, exact: false,
    next: more ? index + 1 : NONE,
  };
  draft.virtualHosts.push(planned);
  const port = draft.gatewayPorts[gatewayPort];
  if (port && wildcard) port.wildcards = (port.wildcards | depthBit(labelsOf(planned.name))) >>> 0;
  else if (port) port.exact = true;
  for (const [key, group] of groupByPath(matches)) {
    const exact = key.startsWith("=");
    const value = key.slice(1);
    if (exact) planned.exact = true;
    else planned.prefixes = (planned.prefixes | depthBit(segmentsOf(value).length)) >>> 0;
    draft.paths.push({ virtualHost: index, exact, value, firstMatch: draft.matches.length });
    for (const match of group) planMatch(draft, match);
  }
}

function groupByPath(matches: readonly RouteMatch[]): Map<string, RouteMatch[]> {
  const groups = new Map<string, RouteMatch[]>();
  for (const match of matches) {
    const key = `${match.path.kind === "exact" ? "=" : "^"}${match.path.value}`;
    const group = groups.get(key);
    if (group) group.push(match);
    else groups.set(key, [match]);
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

/** Reports a match the core cannot decide yet. It must not be left out in silence. */
function isCarried(draft: Draft, match: RouteMatch): boolean {
  const parts = [
    match.path.kind === "regex" ? "a path of type `RegularExpression`" : undefined,
    match.headers.some((h) => h.kind === "regex")
      ? "a header match of type `RegularExpression`" : undefined,
    match.queryParams.length > 0 ? "`queryParams`" : undefined,
  ].filter((part) => part !== undefined);
  for (const part of parts) {
    draft.diagnostics.push(diagnostic({
      code: "FL0402",
      title: `${part} cannot be matched yet`,
      primary: { span: match.origin },
      resource: `${match.rule.route.kind} ${match.rule.route.namespace}/${match.rule.route.name}`,
      path: `spec.rules[${match.rule.ruleIndex}].matches[${match.matchIndex}]`,
      effect: "requests it would take would go to another rule",
    }));
  }
  return parts.length === 0;
}

function planMatch(draft: Draft, match: RouteMatch): void {
  const method = match.method === undefined
    ? METHOD_ANY : 1 + (METHODS as readonly string[]).indexOf(match.method);
  draft.origins.matches.push(match);
  draft.matches.push({
    rule: planRule(draft, match.rule), firstCondition: draft.conditions.length, method,
  });
  for (const header of match.headers) {
    draft.conditions.push({
      kind: CONDITION_HEADER_EXACT, name: planName(draft, header.name), value: header.value,
    });
  }
}

function planName(draft: Draft, name: string): number {
  const known = draft.nameIndexes.get(name);
  if (known !== undefined) return known;
  draft.nameIndexes.set(name, draft.names.length);
  return draft.names.push(name) - 1;
}

function planRule(draft: Draft, rule: Rule): number {
  const known = draft.ruleIndexes.get(rule);
  if (known !== undefined) return known;
  const index = draft.rules.length;
  draft.ruleIndexes.set(rule, index);
  draft.origins.rules.push(rule);
  draft.rules.push(rule.action.kind === "redirect"
    ? { target: target(TARGET_REDIRECT, planRedirect(draft, rule.action)), edits: 0 }
    : planForward(draft, rule.action));
  return index;
}

function target(kind: number, value: number): number {
  return ((kind << TARGET_SHIFT) | value) >>> 0;
}

function planForward(draft: Draft, forward: Forward): { target: number; edits: number } {
  const [only, second] = forward.backends;
  // "If there are no entries in BackendRefs … the HTTP status code is 500"; so for weights of 0.
  if (!only) return { target: target(TARGET_STATUS, 500), edits: 0 };
  if (!second) {
    return {
      target: backendTarget(only),
      edits: planEdits(draft, [forward.requestHeaders, only.requestHeaders]),
    };
  }
  const firstBackend = draft.backends.length;
  let totalWeight = 0;
  for (const backend of forward.backends) {
    totalWeight += backend.weight;
    draft.origins.backends.push(backend);
    draft.backends.push({
      target: backendTarget(backend), weight: backend.weight,
      edits: planEdits(draft, [backend.requestHeaders]),
    });
  }
  const split = draft.splits.push({ firstBackend, totalWeight }) - 1;
  return { target: target(TARGET_SPLIT, split), edits: planEdits(draft, [forward.requestHeaders]) };
}

function backendTarget(backend: WeightedBackend): number {
  return backend.cluster === undefined
    ? target(TARGET_STATUS, 500) : target(TARGET_CLUSTER, backend.cluster);
}

/** Index of the list that carries out several edits one after the other. */
function planEdits(draft: Draft, edits: readonly HeaderEdits[]): number {
  const list: PlannedEdit[] = edits.flatMap((e) => [
    ...e.set.map(({ name, value }) => ({ kind: EDIT_SET, name, value })),
    ...e.add.map(({ name, value }) => ({ kind: EDIT_ADD, name, value })),
    ...e.remove.map((name) => ({ kind: EDIT_REMOVE, name, value: "" })),
  ]);
  const key = JSON.stringify(list);
  const known = draft.editIndexes.get(key);
  if (known !== undefined) return known;
  const index = draft.editLists.push(list) - 1;
  draft.editIndexes.set(key, index);
  return index;
}

function planRedirect(draft: Draft, redirect: Redirect): number {
  const scheme = redirect.scheme === undefined ? REDIRECT_SCHEME_SAME
    : redirect.scheme === "https" ? REDIRECT_SCHEME_HTTPS : REDIRECT_SCHEME_HTTP;
  const pathKind = redirect.path === undefined ? REDIRECT_PATH_SAME
    : redirect.path.kind === "full" ? REDIRECT_PATH_FULL : REDIRECT_PATH_PREFIX;
  return draft.redirects.push({
    status: redirect.statusCode, scheme, host: redirect.hostname ?? "",
    port: redirect.port ?? 0, pathKind, path: redirect.path?.value ?? "",
  }) - 1;
}
