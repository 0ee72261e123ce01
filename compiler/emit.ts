// A compilation's artifacts for the targets asked for.

import { bakeFilter, type Compilation } from "./compile.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { Artifact } from "./emit/artifact.ts";
import { emitEdge } from "./emit/edge.ts";
import { emitEnvoy, type Routing } from "./emit/envoy.ts";
import { emitEnvoyGateway } from "./emit/envoy-gateway.ts";
import { emitIstio, type IstioOptions } from "./emit/istio.ts";
import type { TableCarrier } from "./emit/plugin-config.ts";
import { coreWasm, filterWasm as plainFilter, workerJs } from "./prebuilt.ts";

export const targets = ["envoy", "istio", "envoy-gateway", "edge"] as const;
/** Without a wish of the user's: those that need nothing but what `build` writes, or Istio. */
export const usualTargets = ["envoy", "istio", "edge"] as const;
export type Target = (typeof targets)[number];

export interface EmitOptions {
  readonly targets: readonly Target[];
  /** Where Envoy will find filter.wasm; absent: the bootstrap holds its bytes. */
  readonly filterPath?: string;
  /** Where Envoy will find key pairs, `<namespace>/<secret>/tls.crt` below it. */
  readonly tlsDir?: string;
  /** How Envoy routes; absent: by the filter. */
  readonly routing?: Routing;
  /** How the filter gets its table; absent: it is baked in. */
  readonly table?: TableCarrier;
  /** Isolates of the edge worker share ejections and limits through Durable Objects. */
  readonly sharedState?: boolean;
  readonly istio?: IstioOptions;
}

export interface Emission {
  /** Paths below the output folder, sorted. */
  readonly artifacts: readonly Artifact[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Refuses nothing itself: a caller that publishes looks for errors first. */
export function emit(compilation: Compilation, options: EmitOptions): Emission {
  const { ir, resolved, table, plan: { routePolicies } } = compilation;
  const isConfigured = options.table === "config";
  const filterWasm = isConfigured ? plainFilter() : bakeFilter(compilation);
  const carried = { filterWasm, ...(isConfigured && { configuredTable: table }) };
  const wanted = new Set(options.targets);
  const parts: Emission[] = [{
    artifacts: [
      { path: "routes.flt", bytes: table },
      ...(wanted.has("envoy") && options.routing !== "native"
        ? [{ path: "filter.wasm", bytes: filterWasm }] : []),
    ],
    diagnostics: [],
  }];
  if (wanted.has("envoy")) {
    const { filterPath, tlsDir, routing } = options;
    parts.push(emitEnvoy({
      ir, routePolicies, ...carried, ...(filterPath !== undefined && { filterPath }),
      ...(tlsDir !== undefined && { tlsDir }), ...(routing && { routing }),
    }));
  }
  if (wanted.has("istio")) {
    parts.push(emitIstio({
      ir, resolved, filterWasm: plainFilter(), ...(isConfigured && { carrier: "config" }),
      ...(options.istio && { options: options.istio }),
    }));
  }
  if (wanted.has("envoy-gateway")) {
    parts.push(emitEnvoyGateway({
      ir, resolved, filterWasm: plainFilter(), ...(isConfigured && { carrier: "config" }),
      ...(options.istio && { options: options.istio }),
    }));
  }
  if (wanted.has("edge")) {
    parts.push(emitEdge({
      ir, routePolicies, table, core: coreWasm(), worker: workerJs(),
      ...(options.sharedState === true && { sharedState: true }),
    }));
  }
  const byPath = (a: Artifact, b: Artifact): number => (a.path < b.path ? -1 : 1);
  return {
    artifacts: parts.flatMap((p) => p.artifacts).sort(byPath),
    diagnostics: parts.flatMap((p) => p.diagnostics),
  };
}
