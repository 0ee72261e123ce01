// `fairlead check`: everything that is wrong with the input, and nothing else. With `--target` also
// what those targets do not carry out.

import { hasError, sortDiagnostics } from "../diagnostic.ts";
import { emit } from "../emit.ts";
import { render } from "../render.ts";
import { stringOption, wrongUsage, type Run } from "./command.ts";
import { compileInput, localityProblem } from "./input.ts";
import { targetsOption } from "./targets.ts";

export const run: Run = async (options, io) => {
  if (options.inputs.length === 0) return wrongUsage("name the files to check with `-f`");
  const problem = localityProblem(options);
  if (problem !== undefined) return wrongUsage(problem);
  const asked = targetsOption(options, []);
  if (asked.kind === "wrong") return wrongUsage(asked.message);
  const { files, compilation, diagnostics: found } = await compileInput(options, io);
  const ofTargets = asked.targets.length === 0 || hasError(found)
    ? []
    : emit(compilation, { targets: asked.targets }).diagnostics;
  const diagnostics = sortDiagnostics([...found, ...ofTargets]);
  const exitCode = hasError(diagnostics) ? 1 : 0;
  if (stringOption(options, "output", "text") === "json") {
    // Here the diagnostics are what was asked for, so they are the output.
    const stdout = render(diagnostics, { color: false, style: "json" });
    return { stdout, diagnostics: [], exitCode };
  }
  const count = files.length;
  const fine = `checked ${count} file${count === 1 ? "" : "s"}: no errors\n`;
  return { stdout: exitCode === 0 ? fine : "", diagnostics, exitCode };
};
