// `fairlead dev`: serves the manifests on this machine and swaps in what their edits mean.
//
// What a Kubernetes API server would accept is served as a controller would serve it, whatever else
// is wrong with it: a dangling backendRef gets 500s. At the start documents that it would refuse
// are left out. An edit that it would refuse never reaches a controller, so that the last table
// stays.

import { rename, rm, writeFile } from "node:fs/promises";

import { compile, type Compilation } from "../../compiler/compile.ts";
import type { Diagnostic } from "../../compiler/diagnostic.ts";
import type { Ir } from "../../compiler/ir.ts";
import type { Routing } from "../../compiler/emit/envoy.ts";
import { platformGaps } from "../../compiler/emit/edge/gaps.ts";
import { nativeDiagnostics } from "../../compiler/emit/envoy/native.ts";
import { filterWasm } from "../../compiler/prebuilt.ts";
import { gatewayPortName } from "../../compiler/table/plan.ts";
import type { OnProgress } from "../../compiler/progress.ts";
import type { SourceFile } from "../../compiler/source.ts";
import {
  PortInUse, SetupProblem, type Runtime, type RuntimeInput, type Served,
} from "./contract.ts";
import { openHealth, type Health } from "./health.ts";
import { openRuntime, type RuntimeName } from "./runtimes.ts";
import { summary } from "./summary.ts";
import { watchPaths } from "./watch.ts";

export interface DevOptions {
  /** What `-f` names: files, folders or patterns. */
  readonly inputs: readonly string[];
  /** Reads them as they are now. What has not changed had better be the same object as before. */
  readonly load: () => Promise<LoadedFiles>;
  readonly report: (diagnostics: readonly Diagnostic[]) => void;
  /** How far the first compilation is; `report` follows it. */
  readonly progress?: OnProgress;
  readonly runtime: RuntimeName;
  /** How Envoy routes; absent: by the filter. */
  readonly routing?: Routing;
  /** Where the Gateways are, `region/zone/subzone`; absent: localities do not count. */
  readonly locality?: string;
  /** The local port of the first gateway port; 0: the system chooses, as for all further ones. */
  readonly port: number;
  /** The local port of the health view; absent or 0: the system chooses. */
  readonly healthPort?: number;
  readonly readyFile?: string;
  /** To a user's eyes, as it stands. */
  readonly print: (text: string) => void;
  /** One remark, without a line end. */
  readonly warn: (text: string) => void;
  /** Ends it all. */
  readonly signal: AbortSignal;
  /** Where the runtime comes from, if not from what was built. */
  readonly open?: typeof openRuntime;
}

export interface LoadedFiles {
  readonly files: readonly SourceFile[];
  readonly diagnostics: readonly Diagnostic[];
}

/** `input`: nothing can be served; the diagnostics were reported. `setup`: see `message`. */
export type DevEnd =
  | { readonly kind: "stopped" }
  | { readonly kind: "input" }
  | { readonly kind: "setup"; readonly message: string };

interface Read {
  readonly files: readonly SourceFile[];
  readonly compilation: Compilation;
  readonly diagnostics: readonly Diagnostic[];
}

export async function dev(options: DevOptions): Promise<DevEnd> {
  const { readyFile, signal } = options;
  if (readyFile !== undefined) await rm(readyFile, { force: true });
  const opening = (options.open ?? openRuntime)(options.runtime, options.warn);
  opening.catch(() => undefined);
  options.progress?.({ stage: "reading files" });
  const first = compileInput(options, await options.load());
  options.report(first.diagnostics);
  const runtime = await opening;
  let health: Health | undefined;
  try {
    if (servesNothing(first.compilation.ir)) return { kind: "input" };
    if (first.diagnostics.some(({ code }) => code === inexpressible)) {
      const message = "Envoy's own routes cannot carry out all rules: leave out `--routing native`";
      return { kind: "setup", message };
    }
    if (signal.aborted) return { kind: "stopped" };
    const ports = localPorts(options, first.compilation);
    const served = await runtime.start(inputOf(options, first.compilation, ports));
    health = await openHealthPort(options, runtime);
    const session: Session = { options, runtime, health, ports };
    await announce(session, 1, first.compilation, served);
    await follow(session, first);
    return { kind: "stopped" };
  } catch (error) {
    const message = setupText(error);
    if (message === undefined) throw error;
    return { kind: "setup", message };
  } finally {
    await health?.close();
    await runtime.stop();
    if (readyFile !== undefined) await rm(readyFile, { force: true });
  }
}

function openHealthPort(
  { healthPort: port = 0, runtime: name, print }: DevOptions,
  runtime: Runtime,
): Promise<Health> {
  return openHealth({ runtime: name, source: runtime.health, port, print })
    .catch((error: unknown) => {
      if (!(error instanceof PortInUse)) throw error;
      const message = `${error.message}; choose another with --health-port N (0: any free one)`;
      throw new SetupProblem(message, { cause: error });
    });
}

/** What a user can mend, in one line; undefined for a defect of ours. */
function setupText(error: unknown): string | undefined {
  if (error instanceof SetupProblem) return error.message;
  if (!(error instanceof PortInUse)) return undefined;
  return `${error.message}; choose another with --port N (0: any free one)`;
}

function compileInput(
  { runtime, routing, progress, locality }: DevOptions, { files, diagnostics }: LoadedFiles,
  previous?: Compilation,
): Read {
  // What follows an edit is over before it could be read.
  const compilation = compile(files, previous, previous ? undefined : progress,
    locality === undefined ? {} : { locality });
  return {
    files, compilation,
    diagnostics: [
      ...diagnostics, ...compilation.diagnostics,
      ...(routing === "native" ? nativeDiagnostics(compilation.ir) : []),
      ...(runtime === "edge" ? platformGaps(compilation.ir) : []),
    ],
  };
}

function saysTheSame(a: readonly SourceFile[], b: readonly SourceFile[]): boolean {
  return a.length === b.length
    && a.every(({ path, text }, i) => path === b[i]?.path && text === b[i].text);
}

function servesNothing({ gatewayPorts, streamPorts }: Ir): boolean {
  return gatewayPorts.length + (streamPorts?.length ?? 0) === 0;
}

type Ports = (compilation: Compilation, index: number) => number;

/** `--port` is for the gateway port that came first at the start, also where others come later. */
function localPorts({ port }: DevOptions, { ir }: Compilation): Ports {
  const first = ir.gatewayPorts.find((p) => p.protocol === "HTTP") ?? ir.gatewayPorts[0];
  const name = first && gatewayPortName(first);
  return (compilation, index) => {
    const own = compilation.ir.gatewayPorts[index];
    return own !== undefined && gatewayPortName(own) === name ? port : 0;
  };
}

function inputOf(
  { runtime, routing = "filter" }: DevOptions,
  compilation: Compilation,
  ports: Ports,
): RuntimeInput {
  return {
    ir: compilation.ir,
    routePolicies: compilation.plan.routePolicies,
    table: compilation.table,
    filterWasm: runtime === "envoy" && routing === "filter"
      ? filterWasm() : new Uint8Array(),
    routing,
    ports: (index) => ports(compilation, index),
  };
}

/** What stays the same through all swaps. */
interface Session {
  readonly options: DevOptions;
  readonly runtime: Runtime;
  readonly health: Health;
  readonly ports: Ports;
}

async function announce(
  { options: { runtime, readyFile, print }, health }: Session,
  generation: number,
  { ir }: Compilation,
  served: Served,
): Promise<void> {
  health.adopt(ir, generation);
  if (readyFile !== undefined) {
    const content = {
      generation, runtime, listeners: served.listeners, health: health.url,
    };
    // Whoever waits for the file never sees half of it.
    const made = `${readyFile}.${process.pid}`;
    await writeFile(made, `${JSON.stringify(content, null, 2)}\n`)
      .then(() => rename(made, readyFile))
      .catch((cause: unknown) => {
        const reason = `cannot write the ready file ${readyFile}: ${messageOf(cause)}`;
        throw new SetupProblem(reason, { cause });
      });
  }
  print(generation === 1
    ? `serving on ${runtime}\n\n${summary(ir, served)}\nhealth: ${health.url}\n\n`
    : `serving generation ${generation}\n`);
}

/** Swaps after each change, one at a time, until it is told to stop. */
async function follow(session: Session, first: Read): Promise<void> {
  const { options, runtime, ports } = session;
  let generation = 1;
  let last = first;
  const swap = async (): Promise<void> => {
    const input = await options.load();
    if (saysTheSame(input.files, last.files) || options.signal.aborted) return;
    const next = compileInput(options, input, last.compilation);
    last = next;
    options.report(next.diagnostics);
    if (next.diagnostics.some(isRefused) || servesNothing(next.compilation.ir)) {
      options.warn("the last good routes are still served");
      return;
    }
    const served = await runtime.update(inputOf(options, next.compilation, ports));
    generation += 1;
    await announce(session, generation, next.compilation, served);
  };
  let swaps: Promise<void> = Promise.resolve();
  const watch = watchPaths(options.inputs, () => {
    swaps = swaps.then(swap).catch((error: unknown) => {
      options.warn(`the last good routes are still served: ${messageOf(error)}`);
    });
  });
  // Something may have changed between reading and watching.
  swaps = swaps.then(swap).catch((error: unknown) => options.warn(messageOf(error)));
  await new Promise<void>((resolve) => {
    if (options.signal.aborted) resolve();
    options.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  watch.close();
  await swaps;
}

/** A rule that Envoy cannot carry out by itself. */
const inexpressible = "FL0408";

/** Errors of reading, YAML and schema: no cluster would have taken the document in. */
function isRefused({ code, level }: Diagnostic): boolean {
  return code === inexpressible
    || (level === "error" && (code.startsWith("FL00") || code.startsWith("FL01")));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
