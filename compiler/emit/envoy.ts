// The Envoy target: a complete static bootstrap that a stock Envoy starts with, the filter inside.

import { stringify } from "yaml";

import { diagnostic, type Diagnostic } from "../diagnostic.ts";
import type { Ir, RoutePolicy } from "../ir.ts";
import { compareText } from "../order.ts";
import { byGateway } from "./by-gateway.ts";
import { gatewaysOnly, meshGaps } from "./mesh-gaps.ts";
import { textArtifact, type Artifact, type Json } from "./artifact.ts";
import { clusterGaps } from "./envoy/cluster-gaps.ts";
import { envoyClusters } from "./envoy/clusters.ts";
import { filterCode, tableConfiguration, wasmHttpFilter, type FilterSource }
  from "./envoy/filter.ts";
import { envoyListener } from "./envoy/listener.ts";
import { nativeDiagnostics, nativeListener, nativeRuntime, placeholder } from "./envoy/native.ts";
import { listenerPorts, sharedPort, type ListenerPort } from "./envoy/ports.ts";
import { defaultSystemRoots, keyPairsBelow, usedCertificates } from "./envoy/tls.ts";

export interface EnvoyInput {
  readonly ir: Ir;
  /** The plan's; index 0 asks for nothing. */
  readonly routePolicies?: readonly RoutePolicy[];
  readonly filterWasm: Uint8Array;
  /** The table as the plugin's configuration, for a filter into which none is baked. */
  readonly configuredTable?: Uint8Array;
  /** Where Envoy will find filter.wasm. Absent: the bytes are put into the bootstrap. */
  readonly filterPath?: string;
  /** Where Envoy will find key pairs: `<folder>/<namespace>/<secret>/tls.crt` and `tls.key`. */
  readonly tlsDir?: string;
  /** `native`: Envoy's own virtual hosts and routes, without the filter. */
  readonly routing?: Routing;
}

export const routings = ["filter", "native"] as const;
export type Routing = (typeof routings)[number];

export const defaultTlsDir = "/etc/fairlead/tls";

export interface Emitted {
  readonly artifacts: readonly Artifact[];
  readonly diagnostics: readonly Diagnostic[];
}

type Fields = { readonly [key: string]: Json };

export function emitEnvoy(given: EnvoyInput): Emitted {
  const input = { ...given, ir: gatewaysOnly(given.ir) };
  const parts = sharedParts(input);
  const ports = listenerPorts(input.ir);
  const write = (path: string, served: readonly ListenerPort[]): Artifact =>
    textArtifact(path, yamlText(bootstrapFor(served, input, parts), Object.values(parts)));
  const notes = [
    ...meshGaps(given.ir, "an Envoy of its own"),
    ...keyFiles(input), ...clusterGaps(input.ir, input.routePolicies ?? []),
    ...(input.routing === "native" ? nativeDiagnostics(input.ir) : []),
  ];
  const shared = sharedPort(ports);
  if (shared === undefined) {
    return { artifacts: [write("envoy/envoy.yaml", ports)], diagnostics: notes };
  }
  const artifacts = byGateway(ports).map(([first, ...rest]) =>
    write(`envoy/${first.gateway.namespace}.${first.gateway.name}.yaml`, [first, ...rest]));
  return { artifacts, diagnostics: [onePerGateway(shared), ...notes] };
}

function sourceOf({ filterWasm, filterPath }: EnvoyInput): FilterSource {
  return filterPath === undefined
    ? { kind: "inline", base64: Buffer.from(filterWasm).toString("base64") }
    : { kind: "file", path: filterPath };
}

/** What is large, stands once in the file, and is referred to by every listener. */
interface SharedParts {
  readonly code: Fields;
  readonly configuration?: Fields;
}

function sharedParts(input: EnvoyInput): SharedParts {
  const { configuredTable } = input;
  return {
    code: filterCode(sourceOf(input)),
    ...(configuredTable && { configuration: tableConfiguration(configuredTable) }),
  };
}

/** The bootstrap for all ports, as plain data. */
export function bootstrap(input: EnvoyInput): Fields {
  return bootstrapFor(listenerPorts(input.ir), input, sharedParts(input));
}

function bootstrapFor(
  ports: readonly ListenerPort[],
  { ir: { clusters }, routePolicies = [], tlsDir, routing }: EnvoyInput,
  { code, configuration }: SharedParts,
): Fields {
  const keyPairs = keyPairsBelow(tlsDir ?? defaultTlsDir);
  const isNative = routing === "native";
  const routes = { policies: routePolicies, clusters, filterName: "fairlead" };
  const listenerOf = (listenerPort: ListenerPort): Fields => {
    const listener = envoyListener(listenerPort, {
      address: "0.0.0.0",
      port: listenerPort.port,
      reusePort: true,
      routes,
      manager: (gatewayPort) =>
        ({ filter: isNative ? placeholder : wasmHttpFilter(gatewayPort, code, configuration) }),
      keyPairs,
    });
    return isNative ? nativeListener(listener, listenerPort.http, routes) : listener;
  };
  return {
    // Loopback: whoever reaches this interface can stop the proxy.
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: 9901 } } },
    layered_runtime: isNative ? nativeRuntime() : undefined,
    static_resources: {
      listeners: ports.map(listenerOf),
      // All of them in each file: the one table that is baked into the filter knows them all.
      clusters: envoyClusters(clusters, routePolicies,
        { waitForDns: true, keyPairs, systemRoots: defaultSystemRoots }),
    },
  };
}

/**
 * Only the filter's and the table's bytes stand once and are referred to: another value that
 * several places share is written out in each. Lines are not folded: a megabyte of base64 in pieces
 * would be no easier to read.
 */
function yamlText(value: Fields, shared: readonly Json[]): string {
  return stringify(unshared(value, shared), { lineWidth: 0, aliasDuplicateObjects: true });
}

function unshared(value: Json, shared: readonly Json[]): Json {
  if (shared.includes(value) || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((element: Json) => unshared(element, shared));
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [key, unshared(field, shared)]));
}

/** Which Secrets Envoy wants as files: the keys themselves are in no artifact. */
function keyFiles({ ir, tlsDir }: EnvoyInput): readonly Diagnostic[] {
  const secrets = usedCertificates(ir).map(({ secret }) => `${secret.namespace}/${secret.name}`);
  const sorted = [...new Set(secrets)].sort(compareText);
  if (sorted.length === 0) return [];
  return [diagnostic({
    code: "FL0406",
    title: `certificates and private keys are read from files below \`${tlsDir ?? defaultTlsDir}\``,
    effect: "Envoy does not start without `tls.crt` and `tls.key` of each Secret there, as in "
      + `\`<namespace>/<name>/tls.key\`: ${sorted.join(", ")}`,
  })];
}

function onePerGateway(port: number): Diagnostic {
  return diagnostic({
    code: "FL0403",
    title: `several Gateways listen on port ${port}, so each gets an Envoy bootstrap of its own`,
    effect: "there is no `envoy/envoy.yaml`; start one Envoy with each file of `envoy/`",
  });
}
