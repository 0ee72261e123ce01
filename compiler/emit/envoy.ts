// The Envoy target: a complete static bootstrap that a stock Envoy starts with, the filter inside.

import { stringify } from "yaml";

import { diagnostic, type Diagnostic } from "../diagnostic.ts";
import type { GatewayPort, Ir } from "../ir.ts";
import { textArtifact, type Artifact, type Json } from "./artifact.ts";
import { envoyCluster } from "./envoy/cluster.ts";
import { envoyListener, filterCode, wasmHttpFilter, type FilterSource } from "./envoy/listener.ts";
import { byGateway } from "./envoy/names.ts";

export interface EnvoyInput {
  readonly ir: Ir;
  readonly filterWasm: Uint8Array;
  /** Where Envoy will find filter.wasm. Absent: the bytes are put into the bootstrap. */
  readonly filterPath?: string;
}

export interface Emitted {
  readonly artifacts: readonly Artifact[];
  readonly diagnostics: readonly Diagnostic[];
}

type Fields = { readonly [key: string]: Json };

export function emitEnvoy({ ir, filterWasm, filterPath }: EnvoyInput): Emitted {
  const source: FilterSource = filterPath === undefined
    ? { kind: "inline", base64: Buffer.from(filterWasm).toString("base64") }
    : { kind: "file", path: filterPath };
  const served = ir.gatewayPorts.filter((gatewayPort) => gatewayPort.protocol === "HTTP");
  const diagnostics = ir.gatewayPorts.filter((g) => g.protocol === "HTTPS").map(withoutTls);
  const write = (path: string, gatewayPorts: readonly GatewayPort[]): Artifact =>
    textArtifact(path, yamlText(bootstrap(gatewayPorts, ir, source)));
  const shared = sharedPort(served);
  if (shared === undefined) {
    return { artifacts: [write("envoy/envoy.yaml", served)], diagnostics };
  }
  const artifacts = byGateway(served).map(([first, ...rest]) =>
    write(`envoy/${first.gateway.namespace}.${first.gateway.name}.yaml`, [first, ...rest]));
  return { artifacts, diagnostics: [...diagnostics, onePerGateway(shared)] };
}

/** The bootstrap for these gateway ports, as plain data. */
export function bootstrap(
  gatewayPorts: readonly GatewayPort[], ir: Ir, source: FilterSource,
): Fields {
  const code = filterCode(source);
  return {
    // Loopback: whoever reaches this interface can stop the proxy.
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: 9901 } } },
    static_resources: {
      listeners: gatewayPorts.map((gatewayPort) => envoyListener(gatewayPort, {
        address: "0.0.0.0",
        port: gatewayPort.port,
        filter: wasmHttpFilter(gatewayPort, code),
        reusePort: true,
      })),
      // All of them in each file: the one table that is baked into the filter knows them all.
      clusters: ir.clusters.map((cluster) => envoyCluster(cluster, { waitForDns: true })),
    },
  };
}

/** Lines are not folded: a megabyte of base64 in pieces would be no easier to read. */
function yamlText(value: Fields): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: true });
}

function sharedPort(gatewayPorts: readonly GatewayPort[]): number | undefined {
  const seen = new Set<number>();
  for (const { port } of gatewayPorts) {
    if (seen.has(port)) return port;
    seen.add(port);
  }
  return undefined;
}

function onePerGateway(port: number): Diagnostic {
  return diagnostic({
    code: "FL0403",
    title: `several Gateways listen on port ${port}, so each gets an Envoy bootstrap of its own`,
    effect: "there is no `envoy/envoy.yaml`; start one Envoy with each file of `envoy/`",
  });
}

function withoutTls({ gateway, port }: GatewayPort): Diagnostic {
  return diagnostic({
    code: "FL0401",
    title: `the Envoy target does not terminate TLS yet: port ${port} is left out`,
    resource: `Gateway ${gateway.namespace}/${gateway.name}`,
    effect: "nothing answers on this port",
  });
}
