// A cluster of the IR as Envoy's Cluster. What a DestinationRule leaves open is as Istio has it, so
// that a Service behaves the same whether Istio or this bootstrap configures the proxy. Where Istio
// and Envoy differ, the comment says which we follow and why.

import type { Cluster } from "../../ir.ts";
import type { Json } from "../artifact.ts";
import { balancing } from "./balancing.ts";
import { duration } from "./duration.ts";
import { discovery, unionDiscovery, type DiscoveryOptions, type Member } from "./endpoints.ts";
import { fittingPolicy } from "./fitting.ts";
import { circuitBreakers, connectionOptions, protocolOptions, transportSocket } from "./pool.ts";
import { upstreamTls, type KeyPairFiles } from "./tls.ts";

export interface ClusterOptions extends DiscoveryOptions {
  readonly keyPairs: KeyPairFiles;
  /** A file of PEM certificates: what is trusted where a policy says "system". */
  readonly systemRoots: string;
}

type Fields = { readonly [key: string]: Json };

export function envoyCluster(asked: Cluster, options: ClusterOptions): Fields {
  const policy = fittingPolicy(asked.policy);
  const cluster = { ...asked, policy };
  const { tls } = cluster;
  const secured = tls && !tls.mesh
    ? upstreamTls(tls, alpnOf(cluster), options.keyPairs, options.systemRoots) : undefined;
  return {
    name: cluster.name,
    ...discovery(cluster, options),
    connect_timeout: duration(policy.connectTimeoutMs ?? 10_000),
    ...balancing(policy),
    circuit_breakers: circuitBreakers(policy),
    upstream_connection_options: connectionOptions(policy),
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": protocolOptions(cluster),
    },
    transport_socket: transportSocket(secured, policy),
  };
}

/** Where the client's protocol is kept, Envoy offers each connection's own. */
function alpnOf({ protocol, policy }: Cluster): readonly string[] {
  if (policy.useClientProtocol) return [];
  return [protocol === "h2c" ? "h2" : "http/1.1"];
}

/** A cluster that has the endpoints of several, each with its share of the requests. */
export interface Union {
  readonly name: string;
  readonly members: readonly Member[];
}

/** In everything but its endpoints it is as the first of them. */
export function unionCluster(
  { name, members }: Union, first: Cluster, options: ClusterOptions,
): Fields {
  const like = envoyCluster({ ...first, name }, options);
  return {
    ...like,
    ...unionDiscovery(name, members, options),
    common_lb_config: { ...like["common_lb_config"] as Fields, locality_weighted_lb_config: {} },
  };
}
