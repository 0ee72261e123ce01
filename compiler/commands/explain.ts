// `fairlead explain`: which route takes a request, and why. The reasons are the reference
// matcher's; the compiled core decides the same request, and if the two differ that is our defect.

import { NONE } from "../../filters/core/format.ts";
import { createCore, instantiate, loadTable, type Core } from "../../runtime/edge/core.ts";
import type { Compilation } from "../compile.ts";
import { hasError } from "../diagnostic.ts";
import { explain, type Explanation } from "../explain/explain.ts";
import { explanationJson, explanationText } from "../explain/print.ts";
import { parseRequest, portsFor, type AskedRequest } from "../explain/request.ts";
import { coreWasm } from "../prebuilt.ts";
import { headerValue } from "../reference.ts";
import { stringOption, stringsOption, wrongUsage, type Run } from "./command.ts";
import { compileInput } from "./input.ts";

export const run: Run = async (options, io) => {
  if (options.inputs.length === 0) return wrongUsage("name the manifests with `-f`");
  const asked = parseRequest(options.positionals, stringsOption(options, "header"));
  if (typeof asked === "string") return wrongUsage(asked);
  const { compilation, diagnostics } = await compileInput(options, io);
  const gateway = stringOption(options, "gateway", "");
  const from = stringOption(options, "from", "");
  const ports = portsFor(compilation.ir, asked, {
    ...(gateway !== "" && { gateway }), ...(from !== "" && { from }),
  });
  if (ports.length === 0) {
    const message = from !== "" ? "no route in the input has a Service for a parent"
      : gateway === "" ? "no Gateway in the input serves HTTP"
      : `no Gateway \`${gateway}\` in the input serves HTTP`;
    return { stdout: "", diagnostics, exitCode: 1, message };
  }
  const core = openCore(compilation);
  const explanations = ports.map(({ index, gatewayPort }) => {
    const explanation = explain(compilation.ir, gatewayPort, asked.request);
    hold(explanation, core, index, asked, compilation);
    return explanation;
  });
  const stdout = stringOption(options, "output", "text") === "json"
    ? `${JSON.stringify(explanationJson(asked, explanations), null, 2)}\n`
    : explanationText(asked, explanations);
  return { stdout, diagnostics, exitCode: hasError(diagnostics) ? 1 : 0 };
};

function openCore({ table, plan }: Compilation): Core {
  const exports = instantiate(new WebAssembly.Module(coreWasm()));
  const refused = loadTable(exports, table);
  if (refused !== 0) throw new Error(`the core refuses the table it was compiled to: ${refused}`);
  return createCore(exports, plan.names);
}

/** What is shipped must decide as what is explained. */
function hold(
  explanation: Explanation, core: Core, gatewayPort: number, { request }: AskedRequest,
  { plan }: Compilation,
): void {
  const verdict = core.decide({
    gatewayPort, authority: request.authority ?? "", target: request.target,
    method: request.method, header: (name) => headerValue(request, name) ?? null,
  });
  const match = verdict.match === NONE ? undefined : plan.origins.matches[verdict.match];
  if (match !== explanation.chosen) {
    throw new Error("the compiled table and the reference matcher choose different routes");
  }
}
