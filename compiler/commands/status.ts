// `fairlead status`: every Gateway API resource with the status that a conforming controller would
// write.

import { stringify } from "yaml";
import { hasError } from "../diagnostic.ts";
import { status } from "../status.ts";
import { stringOption, wrongUsage, type Run } from "./command.ts";
import { compileInput } from "./input.ts";

export const run: Run = async (options, io) => {
  if (options.inputs.length === 0) return wrongUsage("name the manifests with `-f`");
  const { compilation, diagnostics } = await compileInput(options, io);
  const resources = status(compilation.resolved);
  const stdout = stringOption(options, "output", "yaml") === "json"
    ? `${JSON.stringify({ apiVersion: "v1", kind: "List", items: resources }, null, 2)}\n`
    : resources.map((r) => stringify(r, { aliasDuplicateObjects: false })).join("---\n");
  return { stdout, diagnostics, exitCode: hasError(diagnostics) ? 1 : 0 };
};
