// `npm start`: the canary example on this machine. Starts two backends and `fairlead dev` in front
// of them; what follows `npm start --` is passed on to it. Runs from the checkout as dist/demo.mjs.

import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { endpointSlices, startBackends, stopBackends } from "./backends.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const host = "test.devopscube.com";
const graceMs = 5000;

interface Ready {
  readonly listeners: readonly { readonly address: string }[];
}

function hint(address: string): string {
  const at = address.replace(/^127\.0\.0\.1:/, "localhost:");
  return "\nten requests, five for each backend:\n"
    + `  for i in {1..10}; do curl -s -H 'Host: ${host}' ${at}; done\n\nCtrl-C stops it.\n`;
}

/** What the gateway prints, then, once it has said where it listens, the hint. */
function show(child: ChildProcess, readyFile: string): void {
  let hinted = false;
  child.stdout?.on("data", (chunk: Buffer) => {
    process.stdout.write(chunk);
    if (hinted || !existsSync(readyFile)) return;
    hinted = true;
    const { listeners: [first] }: Ready = JSON.parse(readFileSync(readyFile, "utf8"));
    if (first !== undefined) process.stdout.write(hint(first.address));
  });
}

function gateway(args: readonly string[]): ChildProcess {
  const command = join(root, "compiler", "bin.mjs");
  const stdio = ["inherit", "pipe", "inherit"] as const;
  return spawn(process.execPath, [command, "dev", ...args], { cwd: root, stdio: [...stdio] });
}

async function main(): Promise<void> {
  const given = process.argv.slice(2);
  const folder = mkdtempSync(join(tmpdir(), "fairlead-demo-"));
  const backends = await startBackends();
  const slices = join(folder, "endpoints.yaml");
  writeFileSync(slices, endpointSlices(backends));
  const port = given.some((arg) => /^--port(=|$)/.test(arg)) ? [] : ["--port", "8080"];
  const readyFile = join(folder, "ready.json");
  const child = gateway([
    "-f", "examples/canary", "-f", slices, ...port, "--ready-file", readyFile, ...given,
  ]);
  show(child, readyFile);
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    // On Ctrl-C the terminal tells the gateway too, and being told twice would cut its end short.
    if (signal !== "SIGINT") child.kill(signal);
    if (stopping) return;
    stopping = true;
    setTimeout(() => child.kill("SIGTERM"), graceMs).unref();
    setTimeout(() => child.kill("SIGKILL"), 2 * graceMs).unref();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  stopBackends(backends);
  rmSync(folder, { recursive: true, force: true });
  process.exitCode = stopping ? 0 : code ?? 70;
}

await main();
