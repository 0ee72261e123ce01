// Resolved resources to the intermediate representation: one entry for each port that serves HTTP,
// its virtual hosts, the ports that pass streams on, and the clusters that all of them name. The
// order within a virtual host is `rank`'s.

import { sortDiagnostics, type Diagnostic } from "./diagnostic.ts";
import type { ClusterIndex, GatewayPort, Ir, RoutePolicy } from "./ir.ts";
import { makeClusters } from "./lower/clusters.ts";
import {
  destinations, type Destination, type Destinations, type Sender,
} from "./lower/destinations.ts";
import { slicesByService } from "./lower/endpoints.ts";
import { reportGaps } from "./lower/gaps.ts";
import { virtualHosts, type HiddenHost, type ServedRoute } from "./lower/hosts.ts";
import { pinOf } from "./lower/pin.ts";
import { lowerRoute, targetsOf, type RequestRoute } from "./lower/rules.ts";
import { streamPorts, type ServedStream } from "./lower/streams.ts";
import { clientOf, type Policies } from "./policy.ts";
import { keyText } from "./resolve/lookup.ts";
import { label, newReport, type Report } from "./resolve/report.ts";
import type {
  Attachment, Resolved, ResolvedGateway, ResolvedListener, ResolvedRoute, ResolvedStreamRoute,
  RouteKind, Target,
} from "./resolve/resolved.ts";

function carriesRequests(route: ResolvedRoute): route is RequestRoute {
  return route.kind === "HTTPRoute" || route.kind === "GRPCRoute";
}

/** A route on a listener that serves it. */
interface Serving {
  readonly gateway: ResolvedGateway;
  readonly attachment: Attachment;
}

function servings(
  route: ResolvedRoute, gateways: ReadonlyMap<string, ResolvedGateway>,
): readonly Serving[] {
  return route.parents.flatMap((parent) => {
    const gateway = gateways.get(keyText(parent.gateway));
    if (!gateway?.accepted) return [];
    return parent.attachments.filter((a) => a.listener.programmed)
      .map((attachment) => ({ gateway, attachment }));
  });
}

/** Follows routes to their destinations, and remembers those that there are. */
interface Finder {
  readonly found: Map<string, Destination>;
  readonly find: (target: Target, sender: Sender) => Destination | undefined;
  /** One sender for Gateways that make no difference to the route's destinations. */
  readonly senderOf: (route: RequestRoute, gateway: ResolvedGateway) => Sender;
}

function sender(kind: RouteKind, gateway: ResolvedGateway): Sender {
  const { resource, clientCertificate: certificate } = gateway;
  return {
    kind, gateway: resource, client: clientOf(resource), ...(certificate ? { certificate } : {}),
  };
}

function finder({ of, wayOf }: Destinations): Finder {
  const found = new Map<string, Destination>();
  const senders = new Map<RequestRoute, Map<string, Sender>>();
  return {
    found,
    find: (target, from) => {
      const destination = target.kind === "service" ? of(target, from) : undefined;
      if (destination) found.set(destination.key, destination);
      return destination;
    },
    senderOf: (route, gateway) => {
      const from = sender(route.kind, gateway);
      const ways = targetsOf(route)
        .map((target) => (target.kind === "service" ? wayOf(target, from) : ""));
      const known = senders.get(route) ?? new Map<string, Sender>();
      senders.set(route, known);
      const key = ways.join("\n");
      const same = known.get(key) ?? from;
      known.set(key, same);
      return same;
    },
  };
}

/** Whoever ends the client's TLS begins it anew where the backend has a policy for it. */
function streamSender(
  { kind }: ResolvedStreamRoute, listener: ResolvedListener, gateway: ResolvedGateway,
): Sender {
  return { ...sender(kind, gateway), passesThrough: !listener.tls };
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
  // One that cannot serve, for want of a certificate for instance, does not stop its neighbours.
  const able = gateway.allListeners.filter((l) => l.programmed
    && (l.spec.protocol === "HTTP" || l.spec.protocol === "HTTPS"));
  const ports = [...new Set(able.map((l) => l.spec.port))].sort((a, b) => a - b);
  return ports.map((port): GatewayPort => {
    const listeners = able.filter((l) => l.spec.port === port);
    const hosts = virtualHosts(listeners, (l) => served.get(l.id) ?? []);
    for (const hidden of hosts.hidden) reportHidden(hidden, report);
    return {
      gateway: { namespace, name }, port,
      protocol: listeners[0]?.spec.protocol === "HTTPS" ? "HTTPS" : "HTTP",
      listeners: listeners.map((l) => ({
        name: l.label, ...(l.spec.hostname ? { hostname: l.hostname } : {}),
        ...(l.tls ? { tls: l.tls } : {}),
      })),
      virtualHosts: hosts.virtualHosts,
    };
  });
}

function collect<Item>(lists: Map<string, Item[]>, key: string, item: Item): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
}

/** Before any rule is lowered: an index of a cluster is known only once all of them are. */
function findAll(
  routes: readonly ResolvedRoute[], gateways: ReadonlyMap<string, ResolvedGateway>,
  { find, senderOf }: Finder,
): void {
  for (const route of routes) {
    if (carriesRequests(route)) {
      const senders = new Set(servings(route, gateways)
        .map(({ gateway }) => senderOf(route, gateway)));
      if (senders.size === 0) continue;
      const targets = targetsOf(route);
      for (const from of senders) targets.forEach((target) => find(target, from));
    } else {
      for (const { gateway, attachment: { listener } } of servings(route, gateways)) {
        const from = streamSender(route, listener, gateway);
        route.rules[0]?.backends.forEach(({ target }, index) => {
          const weight = route.resource.spec.rules[0]?.backendRefs[index]?.weight ?? 0;
          if (weight > 0) find(target, from);
        });
      }
    }
  }
}

export interface Lowered {
  readonly ir: Ir;
  readonly diagnostics: readonly Diagnostic[];
}

export function lower(resolved: Resolved, policies: Policies): Lowered {
  const report = newReport();
  const gateways = new Map(resolved.gateways.map((g) => [keyText(g.resource.metadata), g]));
  const { found, find, senderOf } = finder(destinations(resolved, policies, report));
  findAll(resolved.routes, gateways, { found, find, senderOf });
  const slices = slicesByService(resolved.inventory.endpointSlices);
  const clusters = makeClusters(found.values(), slices, report);
  const indexOf = (target: Target, from: Sender): ClusterIndex | undefined => {
    const destination = find(target, from);
    return destination && clusters.indexOf(destination);
  };
  const hashKeyOf = (index: ClusterIndex): RoutePolicy["hashKey"] =>
    clusters.clusters[index]?.policy.consistentHash?.key;
  const served = new Map<string, ServedRoute[]>();
  const streams = new Map<string, ServedStream[]>();
  for (const route of resolved.routes) {
    const serving = servings(route, gateways);
    if (!carriesRequests(route)) {
      for (const { attachment: { listener, hostnames } } of serving) {
        collect(streams, listener.id, { route, hostnames });
      }
      continue;
    }
    reportGaps(route, report);
    const pin = pinOf(route.resource, report);
    // Once for Gateways alike, so that a rule is one object however many listeners it has.
    const lowered = new Map<Sender, ServedRoute["matches"]>();
    for (const { gateway, attachment: { listener, hostnames } } of serving) {
      const from = senderOf(route, gateway);
      const matches = lowered.get(from)
        ?? lowerRoute(route, { clusterOf: (target) => indexOf(target, from), hashKeyOf, pin });
      lowered.set(from, matches);
      collect(served, listener.id, { route, hostnames, matches });
    }
  }
  // Gateways are sorted by namespace and name already, ports within each.
  const ports = resolved.gateways.flatMap((g) => gatewayPorts(g, served, report));
  const passing = resolved.gateways.flatMap((gateway) => streamPorts(gateway, streams,
    (target, route, listener) => indexOf(target, streamSender(route, listener, gateway))));
  return {
    ir: { gatewayPorts: ports, clusters: clusters.clusters, streamPorts: passing },
    diagnostics: sortDiagnostics(report.diagnostics),
  };
}
