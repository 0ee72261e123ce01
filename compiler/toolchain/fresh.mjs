// The cheap question that every `npx fairlead` in a checkout asks: has a source changed since the
// last build? Paths, sizes and modification times only; the build itself compares contents.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { isInstalled } from "./install.mjs";
import { root } from "./progress.mjs";

const stampPath = join(root, "dist", ".fresh");
const folders = ["compiler", "filters", "runtime"];
const files = ["package.json", "package-lock.json", "asconfig.json", "tsconfig.json"];

export function isFresh() {
  return existsSync(stampPath) && isInstalled() && readFileSync(stampPath, "utf8") === stamp();
}

/** `asOf` is the stamp from before the build: what changed during it is still stale. */
export function markFresh(asOf) {
  writeFileSync(stampPath, asOf);
}

export function stamp() {
  const hash = createHash("sha256");
  for (const path of sourceFiles()) {
    const { mtimeMs, size } = statSync(join(root, path));
    hash.update(`${path}\0${mtimeMs}\0${size}\n`);
  }
  return hash.digest("hex");
}

/** Every file that a build may read, sorted, relative to the root. */
export function sourceFiles() {
  return [...files.filter((file) => existsSync(join(root, file))), ...folders.flatMap(walk)].sort();
}

function walk(folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === "node_modules" ? [] : walk(path);
    return entry.isFile() ? [path] : [];
  });
}
