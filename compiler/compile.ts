// The whole pipeline as one pure function: source files in, table and diagnostics out. It neither
// reads nor writes nor throws for bad input; whoever calls it decides what an error stops.

import { bake } from "./emit/bake.ts";
import { decode } from "./decode.ts";
import { sortDiagnostics, type Diagnostic } from "./diagnostic.ts";
import type { Ir } from "./ir.ts";
import { lower } from "./lower.ts";
import { overlap } from "./overlap.ts";
import { parse } from "./parse.ts";
import { policies } from "./policy.ts";
import { filterWasm } from "./prebuilt.ts";
import { rank } from "./rank.ts";
import { resolve } from "./resolve/resolve.ts";
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
}

export function compile(files: readonly SourceFile[]): Compilation {
  const parsed = files.map(parse);
  const decoded = decode(parsed.flatMap((p) => p.manifests));
  const resolution = resolve(decoded.inventory);
  const policy = policies(decoded.inventory);
  const lowered = lower(resolution.resolved, policy);
  const ir = rank(lowered.ir);
  const planned = plan(ir);
  return {
    diagnostics: sortDiagnostics([
      ...parsed.flatMap((p) => p.diagnostics), ...decoded.diagnostics, ...resolution.diagnostics,
      ...policy.diagnostics, ...lowered.diagnostics, ...planned.diagnostics,
      ...overlap(ir),
    ]),
    resolved: resolution.resolved, ir, plan: planned.plan, table: encode(planned.plan),
  };
}

/** The proxy-wasm filter with the compilation's table in it. */
export function bakeFilter(compilation: Pick<Compilation, "table">): Uint8Array<ArrayBuffer> {
  return bake(filterWasm(), compilation.table);
}
