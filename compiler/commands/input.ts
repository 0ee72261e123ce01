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

export async function compileInput(options: Options, io: Io): Promise<CompiledInput> {
  io.progress?.({ stage: "reading files" });
  const loaded = await load(options.inputs, io.cwd, io.readStdin);
  const compilation = compile(loaded.files, undefined, io.progress);
  return {
    files: loaded.files, compilation,
    diagnostics: sortDiagnostics([...loaded.diagnostics, ...compilation.diagnostics]),
  };
}
