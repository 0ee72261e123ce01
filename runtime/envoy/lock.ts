// A lock between processes: a file that only one can create. It holds its owner's process id, so
// that what a killed process left behind does not lock out the others.

import { readFile, rm, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** Runs `work` while no other process holds the lock at `path`. Waits ten minutes at most. */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  for (let tries = 0; !(await acquire(path)); tries += 1) {
    if (tries >= 3000) throw new Error(`another process holds ${path}`);
    await sleep(200);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function acquire(path: string): Promise<boolean> {
  try {
    await writeFile(path, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const owner = Number(await readFile(path, "utf8").catch(() => ""));
    // An empty file is one whose owner has not written its id yet.
    if (owner > 0 && !isAlive(owner)) await rm(path, { force: true });
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
