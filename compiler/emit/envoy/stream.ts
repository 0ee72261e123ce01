// TLS, TCP and UDP listeners: Envoy passes bytes on, by itself. A share of connections that has no
// valid backend is closed, and so is a server name that no route asks for: both lead to a cluster
// that does not exist.

import { canonicalHost, compareSpecificity, intersect } from "../../resolve/hostname.ts";
import type { Cluster, ClusterPolicy, StreamListener, StreamPort, StreamRoute } from "../../ir.ts";
import type { Json } from "../artifact.ts";
import type { Chain } from "./listener.ts";
import { optionalDuration } from "./duration.ts";
import { fittingPolicy } from "./fitting.ts";
import { datagramHash, streamHash } from "./hash.ts";
import { fraction } from "./policy.ts";

type Fields = { readonly [key: string]: Json };
type Backends = StreamRoute["backends"];

/** No cluster has this name. */
const nowhere = "fairlead-closed";

export function tcpChain(
  stream: StreamPort, statPrefix: string, clusters: readonly Cluster[],
): Chain {
  const [route] = stream.listeners.flatMap(({ routes }) => routes);
  return {
    serverName: "*", alpn: [], filters: [tcpProxy(route?.backends ?? [], statPrefix, clusters)],
  };
}

/** The chains of all TLS listeners of a port. */
export function tlsChains(
  stream: StreamPort, statPrefix: string, clusters: readonly Cluster[],
): readonly Chain[] {
  // The most specific listener owns a name, whatever the routes of the others ask for.
  const listeners = [...stream.listeners].sort((a, b) =>
    compareSpecificity(canonicalHost(a.hostname), canonicalHost(b.hostname)));
  return listeners.flatMap((listener) =>
    [...names(listener)].map(([serverName, backends]) => ({
      serverName, tls: listener.tls, alpn: [],
      filters: [tcpProxy(backends, statPrefix, clusters)],
    })));
}

/**
 * Server names and where they go. The listener's own name is always among them: without a chain
 * its connections would be another listener's, or nobody's.
 */
function names(listener: StreamListener): ReadonlyMap<string, Backends> {
  const own = canonicalHost(listener.hostname);
  const found = new Map<string, Backends>();
  for (const { hostnames, backends } of listener.routes) {
    for (const hostname of hostnames) {
      const name = intersect(own, canonicalHost(hostname));
      if (name !== undefined && !found.has(name)) found.set(name, backends);
    }
  }
  if (!found.has(own)) found.set(own, []);
  return found;
}

function nameOf(cluster: number | undefined, clusters: readonly Cluster[]): string {
  return (cluster === undefined ? undefined : clusters[cluster]?.name) ?? nowhere;
}

function policiesOf(
  backends: Backends, clusters: readonly Cluster[],
): readonly ClusterPolicy[] {
  return backends.flatMap(({ cluster = -1 }) => {
    const policy = clusters[cluster]?.policy;
    return policy ? [fittingPolicy(policy)] : [];
  });
}

function tcpProxy(
  backends: Backends, statPrefix: string, clusters: readonly Cluster[],
): Fields {
  const [first] = backends;
  const policies = policiesOf(backends, clusters);
  const [idleMs] = policies.flatMap(({ tcpIdleTimeoutMs }) => tcpIdleTimeoutMs ?? []);
  const [endMs] = policies.flatMap(({ maxConnectionDurationMs }) => maxConnectionDurationMs ?? []);
  return {
    name: "envoy.filters.network.tcp_proxy",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
      stat_prefix: statPrefix,
      // Of the backends' policies the first that has one: the proxy knows no other for each.
      idle_timeout: optionalDuration(idleMs),
      max_downstream_connection_duration: optionalDuration(endMs),
      hash_policy: streamHash(policies),
      ...(backends.length < 2
        ? { cluster: nameOf(first?.cluster, clusters) }
        : { weighted_clusters: { clusters: backends.map(({ cluster, weight }) =>
          ({ name: nameOf(cluster, clusters), weight })) } }),
    },
  };
}

// --- UDP -----------------------------------------------------------------------------------------

const matchers = "type.googleapis.com/envoy.extensions.matching";

export function udpProxy(
  stream: StreamPort, statPrefix: string, clusters: readonly Cluster[],
): readonly Fields[] {
  const [route] = stream.listeners.flatMap(({ routes }) => routes);
  const policies = policiesOf(route?.backends ?? [], clusters);
  return [{
    name: "envoy.filters.udp_listener.udp_proxy",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig",
      stat_prefix: statPrefix,
      matcher: { on_no_match: pick(route?.backends ?? [], clusters) },
      hash_policies: datagramHash(policies),
    },
  }];
}

/**
 * Envoy has no weights for datagrams, but a condition that holds for a share of all source ports.
 * The first backend takes its share, the next one its share of what is left, and so on: each asks
 * with a seed of its own. The datagrams of one client's socket stay together.
 */
function pick(backends: Backends, clusters: readonly Cluster[]): Fields {
  const [first, ...rest] = backends;
  const here = udpRoute(nameOf(first?.cluster, clusters));
  if (!first || rest.length === 0) return here;
  const total = backends.reduce((sum, { weight }) => sum + weight, 0);
  return {
    matcher: {
      matcher_list: {
        matchers: [{
          predicate: { single_predicate: share(first.weight, total, backends.length) },
          on_match: here,
        }],
      },
      on_no_match: pick(rest, clusters),
    },
  };
}

function share(weight: number, total: number, seed: number): Fields {
  return {
    input: {
      name: "source-port",
      typed_config: { "@type": `${matchers}.common_inputs.network.v3.SourcePortInput` },
    },
    custom_match: {
      name: "share",
      typed_config: {
        "@type": `${matchers}.input_matchers.runtime_fraction.v3.RuntimeFraction`,
        runtime_fraction: {
          default_value: fraction(weight, total), runtime_key: "fairlead.udp",
        },
        seed,
      },
    },
  };
}

function udpRoute(cluster: string): Fields {
  return {
    action: {
      name: "route",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.filters.udp.udp_proxy.v3.Route", cluster,
      },
    },
  };
}
