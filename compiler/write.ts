// Artifacts to disk: the compiler's other end. An output folder always holds exactly one build. New
// bytes are written beside the old ones first and put in their place by rename; then what the build
// before had and this one has not is removed. Files that no build wrote are left alone.

import { mkdir, readFile, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { compareText } from "./order.ts";
import type { Artifact } from "./emit/artifact.ts";

/** Lists the files of the build that stands in the folder, one path a line. */
const listing = ".fairlead-build";

export async function write(folder: string, artifacts: readonly Artifact[]): Promise<void> {
  const before = await listed(folder);
  const paths = artifacts.map((a) => a.path).sort(compareText);
  const all = [...artifacts, {
    path: listing, bytes: new TextEncoder().encode(paths.map((p) => `${p}\n`).join("")),
  }];
  const staged: string[] = [];
  try {
    for (const { path, bytes } of all) {
      const target = join(folder, path);
      await mkdir(dirname(target), { recursive: true });
      staged.push(target);
      await writeFile(stagingPath(target), bytes);
    }
  } catch (error) {
    await Promise.all(staged.map((target) => rm(stagingPath(target), { force: true })));
    throw error;
  }
  for (const target of staged) await rename(stagingPath(target), target);
  const current = new Set(paths);
  for (const path of before) if (!current.has(path)) await removeStale(folder, path);
}

function stagingPath(target: string): string {
  return join(dirname(target), `.${target.slice(dirname(target).length + 1)}.new`);
}

async function listed(folder: string): Promise<readonly string[]> {
  const text = await readFile(join(folder, listing), "utf8").catch(() => "");
  // Only what could be one of ours: a path that leads out of the folder is not.
  return text.split("\n").filter((path) => path !== "" && !path.startsWith("/")
    && !path.split("/").includes(".."));
}

async function removeStale(folder: string, path: string): Promise<void> {
  await rm(join(folder, path), { force: true });
  // A folder that held nothing else goes too; rmdir refuses the others.
  for (let at = dirname(path); at !== "."; at = dirname(at)) {
    try {
      await rmdir(join(folder, at));
    } catch {
      return;
    }
  }
}
