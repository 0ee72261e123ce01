// Typed resources to what they mean together: listeners, attached routes, references, conditions.
// A pure function: what it finds wrong it says in diagnostics, each cause once.

import { sortDiagnostics, type Diagnostic } from "../diagnostic.ts";
import type { Inventory } from "../resources.ts";
import { attach, indexParents, type Facets, type Parents } from "./attach.ts";
import { firstInvalid, resolveRules, unsupportedValue } from "./backends.ts";
import { resolveClass, resolveGateways } from "./gateways.ts";
import { lookup, type Lookup } from "./lookup.ts";
import { newReport, type Report } from "./report.ts";
import { settle } from "./settle.ts";
import type { Condition, Resolved, ResolvedRoute, ResolvedRule } from "./resolved.ts";
import { resolveTlsPolicies } from "./tls-policies.ts";

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
  const rules = resolveRules(route.resource, route.kind, written, look, report);
  const attached = attach(route, parents, facetsOf(written, rules), look, report);
  return { ...route, rules, parents: attached } as ResolvedRoute;
}

export function resolve(
  inventory: Inventory,
): { readonly resolved: Resolved; readonly diagnostics: readonly Diagnostic[] } {
  const look = lookup(inventory);
  const report = newReport();
  const gatewayClasses = inventory.gatewayClasses.map((c) => resolveClass(c, look, report));
  const { gateways, listenerSets } = resolveGateways(look, report);
  const parents = indexParents(gateways, listenerSets);
  const unresolved: readonly Unresolved[] = [
    ...inventory.grpcRoutes.map((resource) => ({ kind: "GRPCRoute" as const, resource })),
    ...inventory.httpRoutes.map((resource) => ({ kind: "HTTPRoute" as const, resource })),
    ...inventory.tcpRoutes.map((resource) => ({ kind: "TCPRoute" as const, resource })),
    ...inventory.tlsRoutes.map((resource) => ({ kind: "TLSRoute" as const, resource })),
    ...inventory.udpRoutes.map((resource) => ({ kind: "UDPRoute" as const, resource })),
  ];
  const attached = unresolved.map((route) => resolveRoute(route, parents, look, report));
  const routes = settle(attached, report);
  const backendTlsPolicies = resolveTlsPolicies(routes, gateways, look, report);
  return {
    resolved: { inventory, gatewayClasses, gateways, listenerSets, routes, backendTlsPolicies },
    diagnostics: sortDiagnostics(report.diagnostics),
  };
}
