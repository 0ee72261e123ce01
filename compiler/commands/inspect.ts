// `fairlead inspect`: what a routing table holds, section by section.

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { LOAD_OK } from "../../filters/core/format.ts";
import { instantiate, loadTable } from "../../runtime/edge/core.ts";
import { coreWasm } from "../prebuilt.ts";
import { readTable } from "../table/read.ts";
import { stringOption, wrongUsage, type Run } from "./command.ts";

export const run: Run = async (options, io) => {
  const [path, ...more] = options.positionals;
  if (path === undefined || more.length > 0) return wrongUsage("name one table, routes.flt");
  let bytes: Uint8Array;
  try {
    bytes = await readFile(resolve(io.cwd, path));
  } catch {
    return { stdout: "", diagnostics: [], exitCode: 1, message: `\`${path}\` cannot be read` };
  }
  // The core itself is asked: a table it would not serve is not read any further.
  const refused = loadTable(instantiate(new WebAssembly.Module(coreWasm())), bytes);
  if (refused !== LOAD_OK) {
    const message = `\`${path}\` is no intact table: the core refuses it with code ${refused}`;
    return { stdout: "", diagnostics: [], exitCode: 1, message };
  }
  const table = readTable(bytes);
  if (stringOption(options, "output", "text") === "json") {
    return { stdout: `${JSON.stringify(table, null, 2)}\n`, diagnostics: [], exitCode: 0 };
  }
  const lines = Object.entries(table).flatMap(([name, value]) => {
    // As the filter says which table it runs.
    if (name === "checksum") return [`checksum: ${table.checksum.toString(16).padStart(8, "0")}`];
    if (!Array.isArray(value)) return [`${name}: ${String(value)}`];
    return [`${name}: ${value.length}`, ...value.map((v, i) => `  ${i}: ${JSON.stringify(v)}`)];
  });
  return { stdout: `${lines.join("\n")}\n`, diagnostics: [], exitCode: 0 };
};
