// `fairlead dev`: serves the manifests on this machine until it is stopped.

import { dev } from "../../runtime/dev/dev.ts";
import { load, type Loaded } from "../load.ts";
import { localityOption, localityProblem } from "./input.ts";
import { stringOption, wrongUsage, type Options, type Run } from "./command.ts";

export const run: Run = async (options, io) => {
  if (options.inputs.length === 0) return wrongUsage("name the manifests with `-f`");
  const port = portOption(options, "port", "8080");
  if (port === undefined) return wrongUsage("`--port` takes a number from 0 to 65535");
  const healthPort = portOption(options, "health-port", "0");
  if (healthPort === undefined) {
    return wrongUsage("`--health-port` takes a number from 0 to 65535");
  }
  const runtime = stringOption(options, "runtime", "edge") === "envoy" ? "envoy" : "edge";
  const routing = stringOption(options, "routing", "filter") === "native" ? "native" : "filter";
  if (routing === "native" && runtime !== "envoy") {
    return wrongUsage("`--routing native` needs `--runtime envoy`");
  }
  const problem = localityProblem(options);
  if (problem !== undefined) return wrongUsage(problem);
  const readyFile = options.values["ready-file"];
  let last: Loaded | undefined;
  const end = await dev({
    inputs: options.inputs, runtime, routing, port, healthPort, signal: io.signal,
    report: io.report, print: io.write, ...localityOption(options),
    load: async () => {
      last = await load(options.inputs, io.cwd, io.readStdin, last);
      return last;
    },
    warn: io.warn,
    ...(io.progress && { progress: io.progress }),
    ...(typeof readyFile === "string" && { readyFile }),
  });
  if (end.kind === "stopped") return { stdout: "", diagnostics: [], exitCode: 0 };
  const message = end.kind === "setup" ? end.message
    : "there is nothing to serve: no Gateway with a valid listener is in the input";
  return { stdout: "", diagnostics: [], exitCode: 1, message };
};

function portOption(options: Options, name: string, fallback: string): number | undefined {
  const port = Number(stringOption(options, name, fallback));
  return Number.isInteger(port) && port >= 0 && port <= 65535 ? port : undefined;
}
