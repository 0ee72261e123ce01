// One port of a Gateway as an Envoy listener. What a port's Gateway API listeners share or do not
// share becomes filter chains: of HTTPS and TLS listeners the server name chooses, and each name is
// one chain's alone.

import { compareText } from "../../order.ts";
import { canonicalHost } from "../../resolve/hostname.ts";
import type { GatewayPort, ListenerTls } from "../../ir.ts";
import type { Json } from "../artifact.ts";
import { connectionManager, type ManagerOptions } from "./manager.ts";
import type { ListenerPort } from "./ports.ts";
import { entrances, type RouteInput } from "./routes.ts";
import { tcpChain, tlsChains, udpProxy } from "./stream.ts";
import { downstreamTls, type KeyPairFiles } from "./tls.ts";

type Fields = { readonly [key: string]: Json };

export interface ListenerOptions {
  readonly address: string;
  /** The port to listen on; 0 lets the system choose. */
  readonly port: number;
  /** Whether several processes may listen on the port at once (Envoy's default). */
  readonly reusePort: boolean;
  readonly routes: RouteInput;
  /** Called for each filter chain with HTTP. */
  readonly manager: (gatewayPort: GatewayPort) => ManagerOptions;
  readonly keyPairs: KeyPairFiles;
}

/** The connections with a server name, or those that no other chain takes ("*"). */
export interface Chain {
  readonly serverName: string;
  readonly tls?: ListenerTls;
  readonly alpn: readonly string[];
  readonly filters: readonly Fields[];
}

export function envoyListener(listenerPort: ListenerPort, options: ListenerOptions): Fields {
  const { name, stream } = listenerPort;
  const { clusters } = options.routes;
  const protocol = stream?.protocol === "UDP" ? "UDP" : undefined;
  const socket = { protocol, address: options.address, port_value: options.port };
  const common = { name, address: { socket_address: socket } };
  if (stream?.protocol === "UDP") {
    return {
      ...common,
      udp_listener_config: { downstream_socket_config: {} },
      listener_filters: udpProxy(stream, name, clusters),
    };
  }
  const chains = [
    ...(listenerPort.http ? httpChains(listenerPort.http, options) : []),
    ...(stream?.protocol === "TLS" ? tlsChains(stream, name, clusters) : []),
    ...(stream?.protocol === "TCP" ? [tcpChain(stream, name, clusters)] : []),
  ];
  const needsName = stream?.protocol === "TLS" || listenerPort.http?.protocol === "HTTPS";
  return {
    ...common,
    enable_reuse_port: options.reusePort ? undefined : false,
    listener_filters: needsName ? [tlsInspector()] : undefined,
    filter_chains: unique(chains).map((chain) => filterChain(chain, options.keyPairs)),
  };
}

function httpChains(gatewayPort: GatewayPort, options: ListenerOptions): readonly Chain[] {
  const tlsOf = (hostname: string): ListenerTls | undefined =>
    gatewayPort.listeners.find((l) => l.tls && canonicalHost(l.hostname) === hostname)?.tls;
  return entrances(gatewayPort).map((entrance) => ({
    serverName: entrance.hostname,
    tls: tlsOf(entrance.hostname),
    alpn: ["h2", "http/1.1"],
    filters: [connectionManager(entrance, options.routes, options.manager(gatewayPort))],
  }));
}

/** Envoy refuses a listener with two chains for one name. Sorted: the input's order is no part. */
function unique(chains: readonly Chain[]): readonly Chain[] {
  const byName = new Map<string, Chain>();
  for (const chain of chains) {
    if (!byName.has(chain.serverName)) byName.set(chain.serverName, chain);
  }
  return [...byName.values()].sort((a, b) => compareText(a.serverName, b.serverName));
}

function filterChain({ serverName, tls, alpn, filters }: Chain, keyPairs: KeyPairFiles): Fields {
  return {
    // Lets a listener's other chains keep their connections when this one changes.
    name: serverName,
    filter_chain_match: serverName === "*" ? undefined : { server_names: [serverName] },
    filters,
    transport_socket: tls && downstreamTls(tls, alpn, keyPairs),
  };
}

function tlsInspector(): Fields {
  return {
    name: "envoy.filters.listener.tls_inspector",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3."
        + "TlsInspector",
    },
  };
}
