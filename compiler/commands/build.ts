// `fairlead build`: the artifacts of every target asked for, or none: an error anywhere leaves the
// output folder as it was.

import { resolve } from "node:path";
import { diagnostic, hasError, type Diagnostic } from "../diagnostic.ts";
import { emit, usualTargets } from "../emit.ts";
import type { IstioOptions } from "../emit/istio.ts";
import type { Ir } from "../ir.ts";
import { write } from "../write.ts";
import { stringOption, stringsOption, wrongUsage, type Options, type Run } from "./command.ts";
import { compileInput, localityProblem } from "./input.ts";
import { targetsOption } from "./targets.ts";

export const run: Run = async (options, io) => {
  if (options.inputs.length === 0) return wrongUsage("name the manifests with `-f`");
  const folder = stringOption(options, "output", "");
  if (folder === "") return wrongUsage("name the output folder with `-o`");
  const asked = targetsOption(options, usualTargets);
  if (asked.kind === "wrong") return wrongUsage(asked.message);
  const wanted = asked.targets;
  const problem = localityProblem(options);
  if (problem !== undefined) return wrongUsage(problem);
  const { compilation, diagnostics: found } = await compileInput(options, io);
  const diagnostics = [...found, ...nothingToServe(compilation.ir, found)];
  if (hasError(diagnostics)) return { stdout: "", diagnostics, exitCode: 1 };
  io.progress?.({ stage: `making artifacts for ${wanted.join(", ")}` });
  const emission = emit(compilation, {
    targets: wanted, ...text(options, "filter-path", "filterPath"),
    ...text(options, "tls-dir", "tlsDir"), istio: istioOptions(options),
    routing: stringOption(options, "routing", "filter") === "native" ? "native" : "filter",
    table: stringOption(options, "table", "baked") === "config" ? "config" : "baked",
    sharedState: options.values["shared-state"] === true,
  });
  const all = [...diagnostics, ...emission.diagnostics];
  if (hasError(all)) return { stdout: "", diagnostics: all, exitCode: 1 };
  io.progress?.({ stage: "writing artifacts", total: emission.artifacts.length });
  await write(resolve(io.cwd, folder), emission.artifacts);
  const rows = emission.artifacts.map(({ path, bytes }) =>
    `${String(bytes.length).padStart(10)}  ${folder}/${path}\n`);
  return { stdout: rows.join(""), diagnostics: all, exitCode: 0 };
};

function text<Key extends string>(
  options: Options, name: string, key: Key,
): { readonly [K in Key]?: string } {
  const value = options.values[name];
  return typeof value === "string" ? { [key]: value } as { readonly [K in Key]?: string } : {};
}

function istioOptions(options: Options): IstioOptions {
  const hostnames = stringsOption(options, "hostname").map((name) => name.toLowerCase());
  return {
    ...text(options, "image", "image"),
    ...text(options, "image-pull-secret", "imagePullSecret"),
    ...text(options, "istio-version", "istioVersion"),
    ...(hostnames.length > 0 && { hostnames }),
    refuseOthers: stringOption(options, "other-hosts", "istio") === "404",
  };
}

/** Said only where nothing else explains it. */
function nothingToServe(ir: Ir, found: readonly Diagnostic[]): readonly Diagnostic[] {
  if (ir.gatewayPorts.length + (ir.streamPorts?.length ?? 0) > 0 || hasError(found)) return [];
  return [diagnostic({
    code: "FL0002", title: "no Gateway with a valid listener is in the input",
    help: "add the Gateway's manifest to the files named with `-f`",
  })];
}
