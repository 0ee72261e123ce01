// One raw `workerd serve`: without miniflare, whose own worker stands before the user's.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";

import { configuration, type Worker } from "./workers.ts";

export interface RunningWorkerd {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

/** The binary itself: where no install script ran, `bin/workerd` is Node, which starts it. */
export const workerdPath = (createRequire(import.meta.url)("workerd") as { default: string })
  .default;

export async function startWorkerd(worker: Worker): Promise<RunningWorkerd> {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-workerd-"));
  for (const { name, content } of worker.modules) writeFileSync(join(folder, name), content);
  writeFileSync(join(folder, "workerd.capnp"), configuration(worker));
  const child = spawn(
    workerdPath, ["serve", "workerd.capnp", "--control-fd=3"],
    { cwd: folder, stdio: ["ignore", "inherit", "inherit", "pipe"] },
  );
  const exited = once(child, "exit");
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const port = await Promise.race([
      listening(child.stdio[3] as Readable),
      exited.then(() => { throw new Error("workerd ends at once"); }),
    ]);
    return { pid: child.pid ?? 0, port, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** It tells on the control descriptor what it listens on, a line of JSON each. */
async function listening(control: Readable): Promise<number> {
  let text = "";
  for await (const part of control) {
    text += String(part);
    const found = /^\{"event":"listen".*"port":(\d+)/m.exec(text)?.[1];
    if (found !== undefined) return Number(found);
  }
  throw new Error("workerd does not listen");
}
