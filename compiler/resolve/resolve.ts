// Typed resources to what they mean together: listeners, attached routes, references, conditions.
// A pure function: what it finds wrong it says in diagnostics, each cause once.

import { sortDiagnostics, type Diagnostic } from "../diagnostic.ts";
import type { Inventory, Resource } from "../resources.ts";
import { attach, indexParents, type Parents } from "./attach.ts";
import { firstInvalid, resolveRules, unsupportedValue } from "./backends.ts";
import type { Facets } from "./conditions.ts";
import { resolveClass, resolveGateways, type GatewaysResult } from "./gateways.ts";
import { lookup, type Lookup } from "./lookup.ts";
import { attachMesh, isMeshOnly } from "./mesh.ts";
import { joinReports, newReport, type Report } from "./report.ts";
import { settle } from "./settle.ts";
import type { Condition, Resolved, ResolvedRoute, ResolvedRule } from "./resolved.ts";
import { resolveTlsPolicies } from "./tls-policies.ts";
import { traced, type Traced } from "./trace.ts";

type Facts<Route> = Route extends ResolvedRoute ? Pick<Route, "kind" | "resource"> : never;
type Unresolved = Facts<ResolvedRoute>;

function facetsOf(
  rules: Parameters<typeof firstInvalid>[0], resolved: readonly ResolvedRule[],
): Facets {
  const bad = firstInvalid(rules, resolved);
  const type = "ResolvedRefs";
  const resolvedRefs: Condition = bad
    ? { type, status: "False", reason: bad.reason, message: bad.message }
    : { type, status: "True", reason: "ResolvedRefs", message: "all references are resolved" };
  const unsupported = unsupportedValue(rules);
  return { resolvedRefs, dropped: resolved.map((rule) => rule.dropped),
    ...(unsupported ? { unsupported } : {}) };
}

function resolveRoute(
  route: Unresolved, parents: Parents, look: Lookup, report: Report,
): ResolvedRoute {
  const written = route.resource.spec.rules ?? [];
  const { kind, resource } = route;
  const needsGrant = !isMeshOnly(route);
  const rules = resolveRules({ kind, resource, rules: written, needsGrant }, look, report);
  const facets = facetsOf(written, rules);
  return {
    ...route, rules, parents: attach(route, parents, facets, look, report),
    mesh: attachMesh(route, facets, look, report),
  } as ResolvedRoute;
}

export interface Resolution {
  readonly resolved: Resolved;
  readonly diagnostics: readonly Diagnostic[];
  /** What the next one can take over. */
  readonly memory: ResolveMemory;
}

interface ResolveMemory {
  readonly gateways: Traced<GatewaysResult>;
  /** Before they are settled. */
  readonly routes: ReadonlyMap<Resource, Traced<ResolvedRoute>>;
}

function routesOf(inventory: Inventory): readonly Unresolved[] {
  return [
    ...inventory.grpcRoutes.map((resource) => ({ kind: "GRPCRoute" as const, resource })),
    ...inventory.httpRoutes.map((resource) => ({ kind: "HTTPRoute" as const, resource })),
    ...inventory.tcpRoutes.map((resource) => ({ kind: "TCPRoute" as const, resource })),
    ...inventory.tlsRoutes.map((resource) => ({ kind: "TLSRoute" as const, resource })),
    ...inventory.udpRoutes.map((resource) => ({ kind: "UDPRoute" as const, resource })),
  ];
}

/** What was resolved before and would come out the same again is taken over from `last`. */
export function resolve(inventory: Inventory, last?: ResolveMemory): Resolution {
  const look = lookup(inventory);
  const report = newReport();
  const gatewayClasses = inventory.gatewayClasses.map((c) => resolveClass(c, look, report));
  const found = traced(look, last?.gateways, resolveGateways);
  const { gateways, listenerSets } = found.value;
  const parents = indexParents(gateways, listenerSets);
  const before = found === last?.gateways ? last.routes : undefined;
  const attached = routesOf(inventory).map((route) =>
    [route.resource, traced<ResolvedRoute>(look, before?.get(route.resource),
      (asked, own) => resolveRoute(route, parents, asked, own))] as const);
  const routes = settle(attached.map(([, { value }]) => value), report);
  const backendTlsPolicies = resolveTlsPolicies(routes, gateways, look, report);
  return {
    resolved: { inventory, gatewayClasses, gateways, listenerSets, routes, backendTlsPolicies },
    diagnostics: sortDiagnostics(joinReports([
      found.diagnostics, ...attached.map(([, { diagnostics }]) => diagnostics),
      report.diagnostics,
    ])),
    memory: { gateways: found, routes: new Map(attached) },
  };
}
