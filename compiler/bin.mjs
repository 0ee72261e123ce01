#!/usr/bin/env node
// The `fairlead` command. In an installed package everything is built; in a checkout it is brought
// up to date first, which costs milliseconds when nothing has changed.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";

const here = (path) => new URL(path, import.meta.url);

if (existsSync(here("toolchain/setup.mjs"))) {
  const { setup } = await import("./toolchain/setup.mjs");
  try {
    await setup();
  } catch (error) {
    process.stderr.write(`fairlead: ${error.message}\n`);
    process.exit(70);
  }
  await handOver();
}

await import("../dist/fairlead.mjs");

/**
 * A checkout carries its own Node, which miniflare needs where the machine's is older. `npx` finds
 * it by itself, but not on the very first call, when set-up had yet to put it there.
 */
async function handOver() {
  const node = here("../node_modules/.bin/node");
  if (Number.parseInt(process.versions.node, 10) >= 22 || !existsSync(node)) return;
  const args = [here("bin.mjs"), ...process.argv.slice(2)].map((arg) =>
    arg instanceof URL ? decodeURIComponent(arg.pathname) : arg);
  const child = spawn(decodeURIComponent(node.pathname), args, { stdio: "inherit" });
  // On Ctrl-C the terminal tells the child too; this process only waits for it.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  const status = await new Promise((resolve) => child.on("close", resolve));
  process.exit(status ?? 70);
}
