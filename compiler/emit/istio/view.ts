// The IR as it is under Istio. The clusters are Istio's, by Istio's names; a hostname that is not
// ours to carry is left to Istio's own routes; requests change only after they were authorised. The
// filter for Istio gets a table of its own from this view, and only it: everywhere else there is
// nobody to leave a request to.

import { diagnostic, type Diagnostic } from "../../diagnostic.ts";
import type { Cluster, GatewayPort, Ir, VirtualHost } from "../../ir.ts";
import { nearest } from "../../schema/nearest.ts";
import { changesAfterwards } from "./authorised.ts";

export interface ViewOptions {
  /** The hostnames that the filter carries, as routes write them; absent: all of the table's. */
  readonly hostnames?: readonly string[];
  /** Hostnames that no route has are refused with a 404 instead of being left to Istio. */
  readonly refuseOthers?: boolean;
}

export interface View {
  readonly ir: Ir;
  readonly diagnostics: readonly Diagnostic[];
}

export function istioView(ir: Ir, options: ViewOptions): View {
  const clusters = ir.clusters.map((cluster) => ({ ...cluster, name: istioName(cluster) }));
  const afterwards = changesAfterwards();
  const gatewayPorts = carriedPorts(ir, options)
    .map((port) => ({
      ...port,
      virtualHosts: port.virtualHosts.map((host) =>
        ({ ...host, matches: host.matches.map(afterwards) })),
    }));
  return {
    ir: { ...ir, clusters, gatewayPorts },
    diagnostics: unknownHostnames(ir, options.hostnames ?? []),
  };
}

/** One name, however many ways of speaking to a port we tell apart: Istio has one cluster. */
function istioName({ port, subset = "", host }: Cluster): string {
  return `outbound|${port}|${subset}|${host}`;
}

/** Services of the mesh without a route of ours stay Istio's, whatever else it knows of them. */
function carriedMesh(port: GatewayPort): GatewayPort {
  const virtualHosts = port.virtualHosts.filter(({ matches }) =>
    matches.some(({ rule }) => rule.route.kind !== "Service"));
  const others: VirtualHost = {
    hostname: "*", listener: String(port.port), matches: [], leaves: true,
  };
  return { ...port, virtualHosts: [...virtualHosts, others] };
}

/** Hostnames that are not ours are left to whatever else routes there. */
export function carriedPorts(ir: Ir, options: ViewOptions): readonly GatewayPort[] {
  return ir.gatewayPorts.map((port) => carried(port, options));
}

function carried(port: GatewayPort, { hostnames, refuseOthers }: ViewOptions): GatewayPort {
  if (port.mesh) return carriedMesh(port);
  const virtualHosts = port.virtualHosts.map((host): VirtualHost => {
    const { matches } = host;
    const chosen = hostnames === undefined || hostnames.includes(host.hostname);
    if (!chosen) return { ...host, matches: [], leaves: true };
    const ours = matches.length > 0 || refuseOthers === true;
    return ours ? host : { ...host, leaves: true };
  });
  const [listener] = port.listeners;
  if (refuseOthers || !listener || virtualHosts.some((h) => h.hostname === "*")) {
    return { ...port, virtualHosts };
  }
  // Less specific than all others, and so the last of them.
  const others: VirtualHost = {
    hostname: "*", listener: listener.name, matches: [], leaves: true,
  };
  return { ...port, virtualHosts: [...virtualHosts, others] };
}

export function unknownHostnames(
  { gatewayPorts }: Ir, hostnames: readonly string[],
): readonly Diagnostic[] {
  const known = new Set(gatewayPorts.flatMap(({ virtualHosts }) =>
    virtualHosts.filter(({ matches }) => matches.length > 0).map(({ hostname }) => hostname)));
  return hostnames.filter((hostname) => !known.has(hostname)).map((hostname) => {
    const guess = nearest(hostname, [...known]);
    return diagnostic({
      code: "FL0414", title: `no route serves the hostname \`${hostname}\` of \`--hostname\``,
      effect: "the filter would carry nothing for it",
      help: guess === undefined ? `routes serve ${[...known].sort().join(", ")}`
        : `did you mean \`${guess}\`?`,
    });
  });
}
