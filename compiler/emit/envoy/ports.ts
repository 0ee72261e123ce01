// Which Envoy listeners there are: one for each port of a Gateway. HTTPS and TLS listeners of the
// Gateway API may share a port; the server name in the client's hello then tells them apart. UDP
// ports are others than the TCP ports of the same number.

import { compareText } from "../../order.ts";
import type { GatewayPort, Ir, StreamPort } from "../../ir.ts";
import type { ObjectKey } from "../../resources.ts";
import { gatewayPortName } from "../../table/plan.ts";
import { entrances } from "./routes.ts";

export interface ListenerPort {
  /** Unique. Without a UDP port this is the gateway port's name in the table. */
  readonly name: string;
  readonly gateway: ObjectKey;
  readonly port: number;
  readonly http?: GatewayPort;
  readonly stream?: StreamPort;
}

/** Sorted like the IR: by Gateway, port, and TCP before UDP. */
export function listenerPorts({ gatewayPorts, streamPorts = [] }: Ir): readonly ListenerPort[] {
  const found = new Map<string, ListenerPort>();
  for (const http of gatewayPorts) {
    // Without a certificate there is nothing to answer with.
    if (entrances(http).length === 0) continue;
    const { gateway, port } = http;
    const name = gatewayPortName(http);
    found.set(name, { name, gateway, port, http });
  }
  for (const stream of streamPorts) {
    const { gateway, port } = stream;
    const name = streamPortName(stream);
    found.set(name, { ...found.get(name), name, gateway, port, stream });
  }
  return [...found.values()].sort((a, b) =>
    compareText(a.gateway.namespace, b.gateway.namespace)
    || compareText(a.gateway.name, b.gateway.name)
    || a.port - b.port
    || compareText(a.name, b.name));
}

export function streamPortName({ gateway, port, protocol }: StreamPort): string {
  const name = `${gateway.namespace}/${gateway.name}:${port}`;
  return protocol === "UDP" ? `${name}/udp` : name;
}

/** The first port that two Gateways share, by name only: one process cannot listen there twice. */
export function sharedPort(ports: readonly ListenerPort[]): number | undefined {
  const seen = new Set<string>();
  for (const { port, stream } of ports) {
    const key = `${port}/${stream?.protocol === "UDP" ? "udp" : "tcp"}`;
    if (seen.has(key)) return port;
    seen.add(key);
  }
  return undefined;
}
