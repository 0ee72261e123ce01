// Ports whose listeners pass on connections or datagrams: TLSRoutes by server name, TCPRoutes and
// UDPRoutes all of a port.

import type { ClusterIndex, StreamListener, StreamPort, StreamRoute } from "../ir.ts";
import { compareAge, compareText } from "../order.ts";
import { anyHost, compareSpecificity } from "../resolve/hostname.ts";
import { keyText } from "../resolve/lookup.ts";
import type {
  AttachedHost, ResolvedGateway, ResolvedListener, ResolvedStreamRoute, Target,
} from "../resolve/resolved.ts";

/** A TLSRoute, TCPRoute or UDPRoute on a listener. */
export interface ServedStream {
  readonly route: ResolvedStreamRoute;
  readonly hostnames: readonly AttachedHost[];
}

export type StreamClusterOf = (
  target: Target, route: ResolvedStreamRoute, listener: ResolvedListener,
) => ClusterIndex | undefined;

interface Placed {
  readonly route: ResolvedStreamRoute;
  readonly host: AttachedHost;
}

/** By the hostname as the route wrote it, then the age and the name of the route. */
function byPrecedence(a: Placed, b: Placed): number {
  const [left, right] = [a.route.resource.metadata, b.route.resource.metadata];
  return compareSpecificity(a.host.written, b.host.written)
    || compareAge(left.creationTimestamp, right.creationTimestamp)
    || compareText(keyText(left), keyText(right))
    || compareSpecificity(a.host.hostname, b.host.hostname)
    || compareText(a.host.hostname, b.host.hostname);
}

function streamRoute(
  { route, host }: Placed, listener: ResolvedListener, clusterOf: StreamClusterOf,
): StreamRoute {
  // No rule has a condition, so that the first of them takes everything.
  const [rule] = route.resource.spec.rules;
  return {
    hostnames: route.kind === "TLSRoute" ? [host.hostname] : [],
    backends: (rule?.backendRefs ?? []).flatMap((ref, index) => {
      if (ref.weight <= 0) return [];
      const target = route.rules[0]?.backends[index]?.target;
      const cluster = target && clusterOf(target, route, listener);
      return [{ weight: ref.weight, ...(cluster !== undefined ? { cluster } : {}) }];
    }),
    origin: route.resource.manifest.at(["spec", "rules", 0]),
  };
}

function streamListener(
  listener: ResolvedListener, served: readonly ServedStream[], clusterOf: StreamClusterOf,
): StreamListener {
  const everything = [{ hostname: anyHost, written: anyHost }];
  const placed = served.flatMap(({ route, hostnames }) =>
    (hostnames.length > 0 ? hostnames : everything).map((host) => ({ route, host })));
  return {
    name: listener.label,
    ...(listener.spec.hostname ? { hostname: listener.hostname } : {}),
    ...(listener.tls ? { tls: listener.tls } : {}),
    routes: placed.sort(byPrecedence).map((p) => streamRoute(p, listener, clusterOf)),
  };
}

const protocols = ["TLS", "TCP", "UDP"] as const;

export function streamPorts(
  gateway: ResolvedGateway, servedBy: ReadonlyMap<string, readonly ServedStream[]>,
  clusterOf: StreamClusterOf,
): readonly StreamPort[] {
  if (!gateway.accepted) return [];
  const { namespace, name } = gateway.resource.metadata;
  const found = protocols.flatMap((protocol) => {
    const able = gateway.allListeners
      .filter((l) => l.programmed && l.spec.protocol === protocol);
    const ports = [...new Set(able.map((l) => l.spec.port))];
    return ports.map((port): StreamPort => ({
      gateway: { namespace, name }, port, protocol,
      listeners: able.filter((l) => l.spec.port === port)
        .map((l) => streamListener(l, servedBy.get(l.id) ?? [], clusterOf)),
    }));
  });
  // TCP before UDP, where both have one number.
  return found.sort((a, b) => a.port - b.port || compareText(a.protocol, b.protocol));
}
