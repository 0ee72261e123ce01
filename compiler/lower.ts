// Resolved resources to the intermediate representation: one entry for each port that serves HTTP,
// its virtual hosts, and the clusters that their rules name. The order within a virtual host is
// `rank`'s.

import { sortDiagnostics, type Diagnostic } from "./diagnostic.ts";
import type { GatewayPort, Ir } from "./ir.ts";
import { makeClusters, slicesByService, type ServiceTarget } from "./lower/clusters.ts";
import { reportKindGap, reportPolicyGap, reportRuleGaps } from "./lower/gaps.ts";
import { virtualHosts, type HiddenHost, type ServedRoute } from "./lower/hosts.ts";
import { lowerRoute, redirectOf } from "./lower/rules.ts";
import type { Policies } from "./policy.ts";
import { label, newReport, type Report } from "./resolve/report.ts";
import type {
  Resolved, ResolvedGateway, ResolvedHttpRoute, ResolvedListener,
} from "./resolve/resolved.ts";

function isHttp(listener: ResolvedListener): boolean {
  return listener.spec.protocol === "HTTP" || listener.spec.protocol === "HTTPS";
}

/** Routes that some listener serves. */
function servedRoutes(resolved: Resolved): readonly ResolvedHttpRoute[] {
  const accepted = new Set(resolved.gateways.filter((g) => g.accepted)
    .map((g) => `${g.resource.metadata.namespace}/${g.resource.metadata.name}`));
  return resolved.routes.filter((route): route is ResolvedHttpRoute =>
    route.kind === "HTTPRoute" && route.parents.some((p) =>
      accepted.has(`${p.gateway.namespace}/${p.gateway.name}`)
      && p.attachments.some((a) => a.listener.programmed)));
}

/** The Services that the routes' rules may send requests to. */
function targetsOf(routes: readonly ResolvedHttpRoute[]): readonly ServiceTarget[] {
  return routes.flatMap(({ resource, rules }) => rules.flatMap((rule, ruleIndex) => {
    const written = resource.spec.rules[ruleIndex];
    if (!written || rule.dropped !== undefined || redirectOf(written)) return [];
    return rule.backends.flatMap(({ target }, index) => {
      const weight = written.backendRefs?.[index]?.weight ?? 0;
      return target.kind === "service" && weight > 0 ? [target] : [];
    });
  }));
}

/** A hostname that the route's own listener does not get to see. */
function reportHidden({ route, hostname, listener, owner }: HiddenHost, report: Report): void {
  const index = (route.resource.spec.hostnames ?? [])
    .findIndex((h) => h.toLowerCase() === hostname);
  report.say(route.resource, index < 0 ? ["spec"] : ["spec", "hostnames", index], {
    code: "FL0302",
    title: `hostname \`${hostname}\` belongs to listener \`${owner.label}\`, not to `
      + `\`${listener.label}\``,
    secondary: [label(owner.owner, ["spec", "listeners", owner.index, "name"],
      `more specific: \`${owner.hostname}\``)],
    effect: "the route takes no requests for it",
  });
}

function gatewayPorts(
  gateway: ResolvedGateway, served: ReadonlyMap<string, readonly ServedRoute[]>, report: Report,
): readonly GatewayPort[] {
  if (!gateway.accepted) return [];
  const { namespace, name } = gateway.resource.metadata;
  const able = gateway.allListeners.filter((l) => isHttp(l) && l.accepted);
  const ports = [...new Set(able.map((l) => l.spec.port))].sort((a, b) => a - b);
  return ports.flatMap((port): readonly GatewayPort[] => {
    const listeners = able.filter((l) => l.spec.port === port);
    if (!listeners.some((l) => l.programmed)) return [];
    const hosts = virtualHosts(listeners, (l) => served.get(l.id) ?? []);
    for (const hidden of hosts.hidden) reportHidden(hidden, report);
    return [{
      gateway: { namespace, name }, port,
      protocol: listeners[0]?.spec.protocol === "HTTPS" ? "HTTPS" : "HTTP",
      listeners: listeners.map((l) => ({
        name: l.label, ...(l.spec.hostname ? { hostname: l.hostname } : {}),
      })),
      virtualHosts: hosts.virtualHosts,
    }];
  });
}

export interface Lowered {
  readonly ir: Ir;
  readonly diagnostics: readonly Diagnostic[];
}

export function lower(resolved: Resolved, policies: Policies): Lowered {
  const report = newReport();
  const routes = servedRoutes(resolved);
  const targets = targetsOf(routes);
  const slices = slicesByService(resolved.inventory.endpointSlices);
  const clusters = makeClusters(targets, slices, policies, report);
  const served = new Map<string, ServedRoute[]>();
  for (const route of routes) {
    const matches = lowerRoute(route, clusters);
    for (const { listener, hostnames } of route.parents.flatMap((p) => p.attachments)) {
      const list = served.get(listener.id);
      if (list) list.push({ route, hostnames, matches });
      else served.set(listener.id, [{ route, hostnames, matches }]);
    }
  }
  for (const route of resolved.routes) {
    if (route.kind === "HTTPRoute") {
      route.resource.spec.rules.forEach((rule, i) => reportRuleGaps(route, rule, i, report));
    } else if (route.parents.some((p) => p.attachments.length > 0)) {
      reportKindGap(route, report);
    }
  }
  const used = new Set(targets.map((t) => t.service));
  for (const policy of resolved.backendTlsPolicies) reportPolicyGap(policy, used, report);
  // Gateways are sorted by namespace and name already, ports within each.
  const ports = resolved.gateways.flatMap((g) => gatewayPorts(g, served, report));
  return {
    ir: { gatewayPorts: ports, clusters: clusters.clusters },
    diagnostics: sortDiagnostics(report.diagnostics),
  };
}
