// Resolved resources to the intermediate representation: one entry for each port that serves HTTP,
// its virtual hosts, the ports that pass streams on, and the clusters that all of them name. The
// order within a virtual host is `rank`'s.

import { sortDiagnostics, type Diagnostic } from "./diagnostic.ts";
import type { Cluster, ClusterIndex, GatewayPort, Ir, RoutePolicy } from "./ir.ts";
import { makeClusters } from "./lower/clusters.ts";
import {
  destinations, type Destination, type Destinations, type Sender,
} from "./lower/destinations.ts";
import { findMesh, frontends, lowerMesh, type Frontend } from "./lower/mesh.ts";
import {
  virtualHosts, type GrownHost, type HiddenHost, type ServedRoute,
} from "./lower/hosts.ts";
import { lowerOnce, makeFacts, type LoweredRoute, type RouteFacts } from "./lower/route.ts";
import type { RequestRoute } from "./lower/rules.ts";
import { streamPorts, type ServedStream } from "./lower/streams.ts";
import { workloads } from "./lower/workloads.ts";
import { memo } from "./memo.ts";
import { clientOf, type Policies } from "./policy.ts";
import { keyText, lookup } from "./resolve/lookup.ts";
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
  readonly senderOf: (route: RequestRoute, gateway: ResolvedGateway) => RouteSender;
}

/** One for Gateways that make no difference to the route's destinations. */
interface RouteSender {
  readonly from: Sender;
  /** Tells it from others of the route. */
  readonly ways: string;
}

type FactsOf = (route: RequestRoute) => RouteFacts;

function sender(kind: RouteKind, gateway: ResolvedGateway): Sender {
  const { resource, clientCertificate: certificate } = gateway;
  return {
    kind, gateway: resource, client: clientOf(resource), ...(certificate ? { certificate } : {}),
  };
}

function finder({ of, wayOf }: Destinations, factsOf: FactsOf): Finder {
  const found = new Map<string, Destination>();
  const { of: destinationsOf } = memo((from: Sender) => memo((target: Target) => {
    const destination = target.kind === "invalid" ? undefined : of(target, from);
    if (destination) found.set(destination.key, destination);
    return destination;
  }));
  const { of: sendersOf } = memo((route: RequestRoute) => {
    const known = new Map<string, RouteSender>();
    return memo((gateway: ResolvedGateway) => {
      const from = sender(route.kind, gateway);
      const ways = [...factsOf(route).targets]
        .map((target) => (target.kind === "invalid" ? "" : wayOf(target, from))).join("\n");
      const same = known.get(ways) ?? { from, ways };
      known.set(ways, same);
      return same;
    });
  });
  return {
    found,
    find: (target, from) => destinationsOf(from).of(target),
    senderOf: (route, gateway) => sendersOf(route).of(gateway),
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

/** The virtual hosts of each port by hostname, of the last time and of this. */
interface PortsMemory {
  readonly last: ReadonlyMap<string, ReadonlyMap<string, GrownHost>> | undefined;
  readonly now: Map<string, ReadonlyMap<string, GrownHost>>;
}

function gatewayPorts(
  gateway: ResolvedGateway, served: ReadonlyMap<string, readonly ServedRoute[]>, report: Report,
  { last, now }: PortsMemory,
): readonly GatewayPort[] {
  if (!gateway.accepted) return [];
  const { namespace, name } = gateway.resource.metadata;
  // One that cannot serve, for want of a certificate for instance, does not stop its neighbours.
  const able = gateway.allListeners.filter((l) => l.programmed
    && (l.spec.protocol === "HTTP" || l.spec.protocol === "HTTPS"));
  const ports = [...new Set(able.map((l) => l.spec.port))].sort((a, b) => a - b);
  return ports.map((port): GatewayPort => {
    const listeners = able.filter((l) => l.spec.port === port);
    const key = `${namespace}/${name}:${port}`;
    const hosts = virtualHosts(listeners, (l) => served.get(l.id) ?? [], last?.get(key));
    now.set(key, hosts.grown);
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
  { find, senderOf }: Finder, factsOf: FactsOf,
): void {
  for (const route of routes) {
    if (carriesRequests(route)) {
      const senders = new Set(servings(route, gateways)
        .map(({ gateway }) => senderOf(route, gateway)));
      if (senders.size === 0) continue;
      const { targets } = factsOf(route);
      for (const { from } of senders) targets.forEach((target) => find(target, from));
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

interface LowerMemory {
  readonly facts: ReadonlyMap<RequestRoute, RouteFacts>;
  /** By a sender's ways. */
  readonly routes: ReadonlyMap<RequestRoute, ReadonlyMap<string, LoweredRoute>>;
  readonly ports: ReadonlyMap<string, ReadonlyMap<string, GrownHost>>;
}

export interface Lowered {
  readonly ir: Ir;
  readonly diagnostics: readonly Diagnostic[];
  /** What the next one can take over. */
  readonly memory: LowerMemory;
}

export interface LowerOptions {
  /** Where the Gateways are, `region/zone/subzone`. */
  readonly locality?: string;
}

interface Placed {
  readonly clusters: readonly Cluster[];
  readonly indexOf: (target: Target, from: Sender) => ClusterIndex | undefined;
  readonly senderOf: Finder["senderOf"];
}

/** The clusters of all that is sent anywhere. */
function placeAll(
  resolved: Resolved, mesh: readonly Frontend[],
  gateways: ReadonlyMap<string, ResolvedGateway>, factsOf: FactsOf,
  { policies, locality, report }: LowerOptions & {
    readonly policies: Policies; readonly report: Report;
  },
): Placed {
  const { inventory, backendTlsPolicies, routes } = resolved;
  const look = lookup(inventory);
  const { found, find, senderOf } = finder(
    destinations({ backendTlsPolicies, policies, look, report }), factsOf);
  findAll(routes, gateways, { found, find, senderOf }, factsOf);
  findMesh(mesh, { find, factsOf });
  const clusters = makeClusters(
    found.values(), locality, { workloads: workloads(inventory), look, report });
  return {
    clusters: clusters.clusters, senderOf,
    indexOf: (target, from) => {
      const destination = find(target, from);
      return destination && clusters.indexOf(destination);
    },
  };
}

/** What was lowered before and would come out the same again is taken over from `last`. */
export function lower(
  resolved: Resolved, policies: Policies, last?: LowerMemory, options: LowerOptions = {},
): Lowered {
  const report = newReport();
  const facts = memo(makeFacts, last?.facts);
  const gateways = new Map(resolved.gateways.map((g) => [keyText(g.resource.metadata), g]));
  const mesh = frontends(resolved);
  const { clusters, indexOf, senderOf } = placeAll(
    resolved, mesh, gateways, facts.of, { ...options, policies, report });
  const hashKeyOf = (index: ClusterIndex): RoutePolicy["hashKey"] =>
    clusters[index]?.policy.consistentHash?.key;
  const served = new Map<string, ServedRoute[]>();
  const streams = new Map<string, ServedStream[]>();
  const routes = new Map<RequestRoute, ReadonlyMap<string, LoweredRoute>>();
  for (const route of resolved.routes) {
    const serving = servings(route, gateways);
    if (!carriesRequests(route)) {
      for (const { attachment: { listener, hostnames } } of serving) {
        collect(streams, listener.id, { route, hostnames });
      }
      continue;
    }
    const { pin } = facts.of(route);
    // Once for Gateways alike, so that a rule is one object however many listeners it has.
    const lowered = new Map<string, LoweredRoute>();
    routes.set(route, lowered);
    for (const { gateway, attachment: { listener, hostnames } } of serving) {
      const { from, ways } = senderOf(route, gateway);
      const places = { clusterOf: (target: Target) => indexOf(target, from), hashKeyOf };
      const one = lowered.get(ways)
        ?? lowerOnce(route, pin, places, last?.routes.get(route)?.get(ways));
      lowered.set(ways, one);
      collect(served, listener.id, { route, hostnames, matches: one.matches });
    }
  }
  const grown: PortsMemory = { last: last?.ports, now: new Map() };
  // Gateways are sorted by namespace and name already, ports within each.
  const ports = resolved.gateways.flatMap((g) => gatewayPorts(g, served, report, grown));
  const passing = resolved.gateways.flatMap((gateway) => streamPorts(gateway, streams,
    (target, route, listener) => indexOf(target, streamSender(route, listener, gateway))));
  return {
    ir: {
      gatewayPorts: [...ports, ...lowerMesh(mesh, { indexOf, hashKeyOf, factsOf: facts.of })],
      clusters, streamPorts: passing,
    },
    diagnostics: sortDiagnostics([
      ...[...facts.answers.values()].flatMap(({ diagnostics }) => diagnostics),
      ...report.diagnostics,
    ]),
    memory: { facts: facts.answers, routes, ports: grown.now },
  };
}
