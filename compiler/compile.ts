// The whole pipeline as one pure function: source files in, table and diagnostics out. It neither
// reads nor writes nor throws for bad input; whoever calls it decides what an error stops.

import { bake } from "./emit/bake.ts";
import { decode, judge, type Judged } from "./decode.ts";
import { sortDiagnostics, type Diagnostic } from "./diagnostic.ts";
import type { Ir, VirtualHost } from "./ir.ts";
import { lower, type Lowered, type LowerOptions } from "./lower.ts";
import type { Manifest } from "./manifest.ts";
import { memo } from "./memo.ts";
import { findShadowed, overlap, type Shadowed } from "./overlap.ts";
import { parse, type Parsed } from "./parse.ts";
import { policies } from "./policy.ts";
import { withoutEffect } from "./policy/effect.ts";
import { filterWasm } from "./prebuilt.ts";
import { counting, type OnProgress } from "./progress.ts";
import { rank, rankHost } from "./rank.ts";
import { resolve, type Resolution } from "./resolve/resolve.ts";
import type { Resolved } from "./resolve/resolved.ts";
import type { SourceFile } from "./source.ts";
import { encode } from "./table/encode.ts";
import { plan, type Plan } from "./table/plan.ts";

export interface Compilation {
  /** Everything found, sorted by place. With an error among them nothing should be published. */
  readonly diagnostics: readonly Diagnostic[];
  readonly resolved: Resolved;
  /** Ranked. */
  readonly ir: Ir;
  readonly plan: Plan;
  /**
   * The routing table (routes.flt). It exists in spite of errors, and means what a controller
   * would serve: refused documents are not there, a dangling backendRef's share gets a 500.
   */
  readonly table: Uint8Array;
  readonly memory: Memory;
}

/** What the stages leave to the next compilation. */
interface Memory {
  readonly parsed: ReadonlyMap<SourceFile, Parsed>;
  readonly judged: ReadonlyMap<Manifest, Judged>;
  readonly resolution: Resolution["memory"];
  readonly lowered: Lowered["memory"];
  readonly ranked: ReadonlyMap<VirtualHost, VirtualHost>;
  readonly shadowed: ReadonlyMap<VirtualHost, readonly Shadowed[]>;
}

/**
 * What was compiled before and would come out the same again is taken over from `previous`; the
 * outcome is that of a compilation without it. Files are known again by being the same objects.
 */
export function compile(
  files: readonly SourceFile[], previous?: Compilation, onProgress?: OnProgress,
  options: LowerOptions = {},
): Compilation {
  const last = previous?.memory;
  const parsing = memo(parse, last?.parsed);
  const parsed = files.map(counting("parsing files:", files.length, parsing.of, onProgress));
  const manifests = parsed.flatMap((p) => p.manifests);
  const judging = memo(judge, last?.judged);
  const decoded = decode(manifests,
    counting("checking documents:", manifests.length, judging.of, onProgress));
  const routes = decoded.inventory.httpRoutes.length + decoded.inventory.grpcRoutes.length;
  onProgress?.({ stage: "attaching routes", total: routes });
  const resolution = resolve(decoded.inventory, last?.resolution);
  const policy = policies(decoded.inventory);
  onProgress?.({ stage: "lowering routes", total: routes });
  const lowered = lower(resolution.resolved, policy, last?.lowered, options);
  const ranking = memo(rankHost, last?.ranked);
  const ir = rank(lowered.ir, ranking.of);
  onProgress?.({ stage: "planning the table" });
  const planned = plan(ir);
  onProgress?.({ stage: "comparing matches", total: planned.plan.matches.length });
  const shadowing = memo(findShadowed, last?.shadowed);
  return {
    diagnostics: sortDiagnostics([
      ...parsed.flatMap((p) => p.diagnostics), ...decoded.diagnostics, ...resolution.diagnostics,
      ...policy.diagnostics, ...lowered.diagnostics, ...planned.diagnostics,
      ...overlap(ir, shadowing.of), ...withoutEffect(ir),
    ]),
    resolved: resolution.resolved, ir, plan: planned.plan, table: encode(planned.plan),
    memory: {
      parsed: parsing.answers, judged: judging.answers, resolution: resolution.memory,
      lowered: lowered.memory, ranked: ranking.answers, shadowed: shadowing.answers,
    },
  };
}

/** The proxy-wasm filter with the compilation's table in it. */
export function bakeFilter(compilation: Pick<Compilation, "table">): Uint8Array<ArrayBuffer> {
  return bake(filterWasm(), compilation.table);
}
