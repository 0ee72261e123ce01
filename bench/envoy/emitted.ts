// The workload as `fairlead build --target envoy` makes it, with the filter and without.

import { bakeFilter, compile } from "../../compiler/compile.ts";
import { hasError } from "../../compiler/diagnostic.ts";
import { bootstrap } from "../../compiler/emit/envoy.ts";
import type { Emitted, Fields } from "./variants.ts";
import { manifests } from "./workload.ts";

export function emitted(routes: number, upstreamPort: number): Emitted {
  const compilation = compile([{ path: "bench.yaml", text: manifests(routes, upstreamPort) }]);
  const { ir, diagnostics } = compilation;
  const [cluster, ...others] = ir.clusters;
  if (hasError(diagnostics) || cluster === undefined || others.length > 0) {
    throw new Error(`the workload does not compile: ${diagnostics[0]?.title ?? "no cluster"}`);
  }
  const filtered = resources(bootstrap({ ir, filterWasm: bakeFilter(compilation) }));
  const native = resources(bootstrap({ ir, filterWasm: new Uint8Array(), routing: "native" }));
  return {
    listener: filtered.listeners[0], tree: native.listeners[0], clusters: filtered.clusters,
    cluster: cluster.name,
  };
}

function resources(whole: Fields): Resources {
  return whole["static_resources"] as unknown as Resources;
}

interface Resources {
  readonly listeners: readonly [Fields];
  readonly clusters: readonly Fields[];
}
