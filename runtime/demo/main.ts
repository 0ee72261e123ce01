// `npm start`: the canary example on this machine. Starts two backends and `fairlead dev` in front
// of them; what follows `npm start --` is passed on to it. Runs from the checkout as dist/demo.mjs.

import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
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
  return `\nTry it:\n  curl -H 'Host: ${host}' http://${at}\n`
    + `  for i in {1..10}; do curl -s -H 'Host: ${host}' ${at}; done\n\nCtrl-C stops it.\n`;
}

/** Calls back once, when the gateway has written where it listens. */
function whenReady(folder: string, name: string, then: (ready: Ready) => void): void {
  const path = join(folder, name);
  const watcher = watch(folder, () => {
    if (!existsSync(path)) return;
    try {
      const ready: Ready = JSON.parse(readFileSync(path, "utf8"));
      watcher.close();
      then(ready);
    } catch {
      // Not written to its end yet; there will be another event.
    }
  });
  watcher.unref();
}

function gateway(args: readonly string[]): ChildProcess {
  const command = join(root, "compiler", "bin.mjs");
  return spawn(process.execPath, [command, "dev", ...args], { cwd: root, stdio: "inherit" });
}

async function main(): Promise<void> {
  const given = process.argv.slice(2);
  const folder = mkdtempSync(join(tmpdir(), "fairlead-demo-"));
  const backends = await startBackends();
  const slices = join(folder, "endpoints.yaml");
  writeFileSync(slices, endpointSlices(backends));
  const port = given.some((arg) => /^--port(=|$)/.test(arg)) ? [] : ["--port", "8080"];
  const ready = given.some((arg) => /^--ready-file(=|$)/.test(arg));
  if (!ready) {
    whenReady(folder, "ready.json", ({ listeners: [first] }) => {
      if (first !== undefined) process.stdout.write(hint(first.address));
    });
  }
  const readyFile = ready ? [] : ["--ready-file", join(folder, "ready.json")];
  const child = gateway(["-f", "examples/canary", "-f", slices, ...port, ...readyFile, ...given]);
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
