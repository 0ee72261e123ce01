// A table at work: the core that holds it, the edits it names, and the clusters it leads to. A swap
// makes a new engine; requests under way keep theirs.

import { LOAD_OK } from "../../filters/core/format.ts";

import type { Observe } from "../health/event.ts";
import { startCluster, type LiveCluster } from "./balancing/cluster.ts";
import type { EdgeConfig } from "./config.ts";
import { createCore, instantiate, loadTable, type Core } from "./core.ts";
import { readFacts } from "./facts.ts";
import type { Edit } from "./headers.ts";

export interface Engine {
  readonly config: EdgeConfig;
  readonly core: Core;
  /** The table's EDIT_LISTS. */
  readonly editLists: readonly (readonly Edit[])[];
  /** The index is the table's cluster index. */
  readonly clusters: readonly LiveCluster[];
  /** By policy and mirror, where the mirror's share of requests stands. */
  readonly mirrorTurns: readonly number[][];
  /** The address of a request's client. */
  readonly clientOf: ClientOf;
}

export type ClientOf = (request: Request) => string | undefined;

export type EngineResult =
  | { readonly ok: true; readonly engine: Engine }
  /** One of LOAD_*. */
  | { readonly ok: false; readonly code: number };

/**
 * Clusters that `previous` has by the same name go on with their state: a swap neither forgets
 * ejections nor doubles a limit. `observe` is told what happens to backends.
 */
export function createEngine(
  module: WebAssembly.Module,
  table: Uint8Array,
  config: EdgeConfig,
  clientOf: ClientOf,
  previous?: Engine,
  observe?: Observe,
): EngineResult {
  const exports = instantiate(module);
  const code = loadTable(exports, table);
  if (code !== LOAD_OK) return { ok: false, code };
  const { names, editLists } = readFacts(table);
  const known = new Map(previous?.clusters.map((live) => [live.cluster.name, live]));
  const clusters = config.clusters.map((cluster) => {
    const old = known.get(cluster.name);
    return old !== undefined && JSON.stringify(old.cluster) === JSON.stringify(cluster)
      ? old
      : startCluster(cluster, Date.now(), observe, old);
  });
  const mirrorTurns = config.routePolicies.map(({ mirrors }) => mirrors.map(() => 0));
  const core = createCore(exports, names);
  return { ok: true, engine: { config, core, editLists, clusters, mirrorTurns, clientOf } };
}
