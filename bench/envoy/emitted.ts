// The workload as `fairlead build --target envoy` makes it, with the filter and without.

import { bakeFilter, compile } from "../../compiler/compile.ts";
import { hasError } from "../../compiler/diagnostic.ts";
import { bootstrap } from "../../compiler/emit/envoy.ts";
import type { Emitted, Fields } from "./variants.ts";
import { manifests, type Workload } from "./workload.ts";

export function emitted(routes: number, workload: Workload, upstreamPort: number): Emitted {
  const text = manifests(routes, upstreamPort, workload);
  const compilation = compile([{ path: "bench.yaml", text }]);
  const { ir, diagnostics } = compilation;
  const [cluster, ...others] = ir.clusters;
  if (hasError(diagnostics) || cluster === undefined || others.length > 0) {
    throw new Error(`the workload does not compile: ${diagnostics[0]?.title ?? "no cluster"}`);
  }
  const filterWasm = bakeFilter(compilation);
  const filtered = bootstrap({ ir, filterWasm });
  const native = bootstrap({ ir, filterWasm: new Uint8Array(), routing: "native" });
  const { listeners: [listener], clusters } = resources(filtered);
  return {
    listener, clusters, cluster: cluster.name, filterWasm,
    tree: resources(native).listeners[0],
    treeRuntime: native["layered_runtime"] as Fields,
  };
}

function resources(whole: Fields): Resources {
  return whole["static_resources"] as unknown as Resources;
}

interface Resources {
  readonly listeners: readonly [Fields];
  readonly clusters: readonly Fields[];
}
