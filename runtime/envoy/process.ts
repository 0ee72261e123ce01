// Runs one Envoy as a child: its files in a folder of its own, its output kept for errors, and
// gone for good when stopped.

import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { adminClient, type Admin } from "./admin.ts";
import { findEnvoy } from "./binary.ts";

export interface EnvoyOptions {
  /** The bootstrap: YAML or JSON text, or a function of the folder that Envoy's files are in. */
  readonly config: string | ((folder: string) => string | Promise<string>);
  /** Worker threads. */
  readonly concurrency?: number;
  readonly logLevel?: "trace" | "debug" | "info" | "warning" | "error" | "off";
  readonly extraArgs?: readonly string[];
  /** Gets each piece of Envoy's output as it comes. */
  readonly onLog?: (text: string) => void;
  /** How long it may take until it serves; half a minute where nothing is said. */
  readonly readyMs?: number;
  /** An Envoy to use instead of what findEnvoy() finds. */
  readonly path?: string;
}

export interface RunningEnvoy {
  readonly pid: number;
  readonly version: string;
  /** Holds the bootstrap; removed by stop(). */
  readonly folder: string;
  readonly admin: Admin;
  /** What it wrote so far (the last 256 KB). */
  log(): string;
  /** Resolves when the process ends, by itself or by stop(). */
  readonly exited: Promise<void>;
  stop(): Promise<void>;
}

const logLimit = 256 * 1024;
/** Envoy compiles wasm before it is ready; a slow machine with a large table needs a while. */
const readyMsDefault = 30_000;
const pause = 25;

/** Starts Envoy and waits until it serves. Rejects with the end of its log where it does not. */
export async function startEnvoy(options: EnvoyOptions): Promise<RunningEnvoy> {
  const binary = options.path ? { path: options.path, version: "" } : await findEnvoy();
  const folder = await mkdtemp(join(tmpdir(), "fairlead-envoy-"));
  try {
    const config = typeof options.config === "string"
      ? options.config
      : await options.config(folder);
    const configPath = join(folder, "bootstrap.yaml");
    await writeFile(configPath, config);
    const child = spawn(binary.path, argumentsFor(options, folder, configPath), {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    return await supervise(child, binary.version, folder, options);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

function argumentsFor(options: EnvoyOptions, folder: string, configPath: string): string[] {
  return [
    "-c", configPath,
    "--concurrency", String(options.concurrency ?? 1),
    "--log-level", options.logLevel ?? "warning",
    "--admin-address-path", join(folder, "admin"),
    // It would claim shared memory by a number that two Envoys on one machine cannot both have.
    "--disable-hot-restart",
    "--drain-time-s", "1",
    ...options.extraArgs ?? [],
  ];
}

async function supervise(
  child: ChildProcess, version: string, folder: string,
  { onLog, readyMs = readyMsDefault }: EnvoyOptions,
): Promise<RunningEnvoy> {
  let log = "";
  const collect = (chunk: Buffer): void => {
    log = (log + chunk.toString("utf8")).slice(-logLimit);
    onLog?.(chunk.toString("utf8"));
  };
  child.stdout?.on("data", collect);
  child.stderr?.on("data", collect);
  const state: { ended?: string } = {};
  const exited = new Promise<void>((resolve) => {
    child.on("error", (error) => {
      state.ended = error.message;
      resolve();
    });
    // "close" comes after the output is read to its end, "exit" may come before.
    child.on("close", (code, signal) => {
      state.ended ??= signal ? `signal ${signal}` : `exit code ${code}`;
      resolve();
    });
  });
  // A developer's Ctrl-C may end us without any stop(); the child must not outlive us.
  const killAtExit = (): void => void child.kill("SIGKILL");
  process.once("exit", killAtExit);
  const stop = async (): Promise<void> => {
    process.off("exit", killAtExit);
    await end(child, state, exited);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const admin = await ready(join(folder, "admin"), state, () => log, readyMs);
    return { pid: child.pid ?? -1, version, folder, admin, log: () => log, exited, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function end(
  child: ChildProcess, state: { readonly ended?: string }, exited: Promise<void>,
): Promise<void> {
  if (state.ended !== undefined) return;
  child.kill("SIGTERM");
  const force = setTimeout(() => child.kill("SIGKILL"), 5_000);
  await exited;
  clearTimeout(force);
}

async function ready(
  addressPath: string, state: { readonly ended?: string }, log: () => string, readyMs: number,
): Promise<Admin> {
  for (let waitedMs = 0; waitedMs < readyMs; waitedMs += pause) {
    if (state.ended !== undefined) {
      throw new Error(`Envoy ended (${state.ended}):\n${lastLines(log())}`);
    }
    const address = await readFile(addressPath, "utf8").catch(() => "");
    if (address) {
      const admin = adminClient(address.trim());
      if (await admin.isReady()) return admin;
    }
    await sleep(pause);
  }
  throw new Error(`Envoy is not ready after ${readyMs / 1000} s:\n${lastLines(log())}`);
}

/** Envoy prints its command line's help and a long start-up report before the cause. */
export function lastLines(log: string): string {
  const telling = log.split("\n").filter((line) => /\[(error|critical|warning)\]/.test(line));
  const lines = telling.length > 0 ? telling : log.trim().split("\n");
  return lines.slice(-12).map((line) => line.slice(0, 2000)).join("\n");
}
