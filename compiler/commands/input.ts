// What every command that reads manifests does first: load and compile them.

import { compile, type Compilation } from "../compile.ts";
import { sortDiagnostics, type Diagnostic } from "../diagnostic.ts";
import { load } from "../load.ts";
import type { SourceFile } from "../source.ts";
import type { Io, Options } from "./command.ts";

export interface CompiledInput {
  readonly files: readonly SourceFile[];
  readonly compilation: Compilation;
  /** Of loading and compiling, sorted. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Where the Gateways are, if the command line says. */
export function localityOption({ values: { locality } }: Options): { readonly locality?: string } {
  return typeof locality === "string" && locality !== "" ? { locality } : {};
}

/** What is wrong with it, in one line. */
export function localityProblem(options: Options): string | undefined {
  const { locality } = localityOption(options);
  if (locality === undefined || /^[^/*]+(\/[^/*]+){0,2}$/.test(locality)) return undefined;
  return "`--locality` takes a region, a zone and a subzone with slashes: `eu-west-1/eu-west-1a`";
}

export async function compileInput(options: Options, io: Io): Promise<CompiledInput> {
  io.progress?.({ stage: "reading files" });
  const loaded = await load(options.inputs, io.cwd, io.readStdin);
  const compilation = compile(loaded.files, undefined, io.progress, localityOption(options));
  return {
    files: loaded.files, compilation,
    diagnostics: sortDiagnostics([...loaded.diagnostics, ...compilation.diagnostics]),
  };
}
