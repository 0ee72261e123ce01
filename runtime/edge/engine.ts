// A table at work: the core that holds it, the edits it names, and the clusters it leads to. A swap
// makes a new engine; requests under way keep theirs.

import { LOAD_OK } from "../../filters/core/format.ts";

import type { Observe } from "../health/event.ts";
import { startCluster, type LiveCluster } from "./cluster.ts";
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
}

export type EngineResult =
  | { readonly ok: true; readonly engine: Engine }
  /** One of LOAD_*. */
  | { readonly ok: false; readonly code: number };

/**
 * Clusters that `previous` has in just the same form go on with their state: a swap neither
 * forgets ejections nor doubles a limit. `observe` is told what happens to backends.
 */
export function createEngine(
  module: WebAssembly.Module,
  table: Uint8Array,
  config: EdgeConfig,
  previous?: Engine,
  observe?: Observe,
): EngineResult {
  const exports = instantiate(module);
  const code = loadTable(exports, table);
  if (code !== LOAD_OK) return { ok: false, code };
  const { names, editLists } = readFacts(table);
  const known = new Map(previous?.clusters.map((live) => [JSON.stringify(live.cluster), live]));
  const clusters = config.clusters.map((cluster) =>
    known.get(JSON.stringify(cluster)) ?? startCluster(cluster, Date.now(), observe));
  const mirrorTurns = config.routePolicies.map(({ mirrors }) => mirrors.map(() => 0));
  const core = createCore(exports, names);
  return { ok: true, engine: { config, core, editLists, clusters, mirrorTurns } };
}
