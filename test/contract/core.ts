// The wasm core in node, with the table of the whole world and the worker's own binding.

import { VERDICT_FORWARD, VERDICT_NO_MATCH, VERDICT_REDIRECT } from "../../filters/core/format.ts";
import type { Compilation } from "../../compiler/compile.ts";
import { coreWasm } from "../../compiler/prebuilt.ts";
import { readTable } from "../../compiler/table/read.ts";
import { createCore, instantiate, loadTable, type Core } from "../../runtime/edge/core.ts";
import { isSplit, type Observation } from "./judge.ts";
import { answerOf, referenceRequest } from "./reference.ts";
import type { Exchange, Split, Scenario } from "./scenario.ts";
import { gatewayPortOf } from "./world.ts";

export function openCore({ table }: Compilation): Core {
  const exports = instantiate(new WebAssembly.Module(coreWasm()));
  const refused = loadTable(exports, table);
  if (refused !== 0) throw new Error(`the core refuses the table: ${refused}`);
  return createCore(exports, readTable(table).names);
}

export function askCore(
  core: Core, compilation: Compilation, scenario: Scenario, request: Exchange | Split,
): readonly Observation[] {
  const { authority = "", target, method, headers } = referenceRequest(request);
  const gatewayPort = gatewayPortOf(compilation, scenario, request);
  const header = (name: string): string | null => {
    const values = headers.filter(([n]) => n.toLowerCase() === name).map(([, v]) => v);
    return values.length > 0 ? values.join(", ") : null;
  };
  const ask = (): Observation => {
    const verdict = core.decide({ gatewayPort, authority, target, method, header });
    if (verdict.kind === VERDICT_NO_MATCH) return { status: 404 };
    if (verdict.kind === VERDICT_FORWARD) {
      return answerOf(compilation.ir.clusters[verdict.cluster]);
    }
    const { status } = verdict;
    return verdict.kind === VERDICT_REDIRECT ? { status, location: verdict.text } : { status };
  };
  return Array.from({ length: isSplit(request) ? request.times : 1 }, ask);
}
