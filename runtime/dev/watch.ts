// Tells when files may have changed. It may tell too often (the caller compares contents) and waits
// until a burst of changes is over. Editors and tools replace files by renaming, so that it is the
// folders that are watched; where the system has no watch left to give, it looks every second.

import {
  existsSync, readdirSync, statSync, watch as watchFolder, type Dirent, type FSWatcher,
} from "node:fs";
import { basename, dirname, join } from "node:path";

export interface Watch {
  close(): void;
}

/** A burst is over when nothing has happened for this long. */
const quietMs = 100;
const pollMs = 1_000;

/** `paths` are files, folders or glob patterns; "-" is not watched. */
export function watchPaths(paths: readonly string[], onChange: () => void): Watch {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(onChange, quietMs);
  };
  const closers = paths.filter((path) => path !== "-").map((path) => watchOne(path, soon));
  return {
    close: () => {
      clearTimeout(timer);
      for (const close of closers) close();
    },
  };
}

function watchOne(path: string, soon: () => void): () => void {
  const base = folderOfPattern(path);
  const folder = base ?? path;
  const isFolder = existsSync(folder) && statSync(folder).isDirectory();
  try {
    if (isFolder) return watchTree(folder, soon);
    const watcher = watchFolder(dirname(path), (_, name) => {
      // A mounted ConfigMap changes by its `..data` link alone.
      if (name === null || name === basename(path) || name.startsWith("..")) soon();
    });
    return closing(watcher, () => poll(path, soon));
  } catch {
    return poll(path, soon);
  }
}

/**
 * Watches a folder and each folder below it by itself: Node's own recursive watch on Linux follows
 * files, and loses one that another was renamed over.
 */
function watchTree(root: string, soon: () => void): () => void {
  const watchers = new Map<string, () => void>();
  const forget = (folder: string): void => {
    watchers.get(folder)?.();
    watchers.delete(folder);
  };
  const cover = (folder: string): void => {
    if (watchers.has(folder)) return;
    const watcher = watchFolder(folder, () => {
      // What appeared may be a folder with files in it already.
      coverAll();
      soon();
    });
    watchers.set(folder, closing(watcher, () => poll(folder, soon)));
  };
  const coverAll = (): void => {
    const folders = new Set(foldersBelow(root));
    for (const folder of folders) cover(folder);
    for (const folder of watchers.keys()) {
      if (!folders.has(folder) && folder !== root) forget(folder);
    }
  };
  coverAll();
  return () => {
    for (const folder of [...watchers.keys()]) forget(folder);
  };
}

/** Those that `load` would look into. */
function foldersBelow(root: string): readonly string[] {
  const found = [root];
  for (const folder of found) {
    for (const entry of readdirOf(folder)) {
      const skipped = entry.name === "node_modules" || /^\.[^.]/.test(entry.name);
      if (entry.isDirectory() && !skipped) found.push(join(folder, entry.name));
    }
  }
  return found;
}

/** Nothing where the folder is gone by now. */
function readdirOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** A watch that fails later on, for instance since its folder is gone, goes on by looking. */
function closing(watcher: FSWatcher, instead: () => () => void): () => void {
  let close = (): void => watcher.close();
  watcher.on("error", () => {
    watcher.close();
    close = instead();
  });
  return () => close();
}

/** The folder that a glob pattern is about, or undefined where `path` is none. */
function folderOfPattern(path: string): string | undefined {
  const parts = path.split("/");
  const first = parts.findIndex((part) => /[*?[\]{}!]/.test(part));
  if (first < 0 || existsSync(path)) return undefined;
  return parts.slice(0, first).join("/") || (path.startsWith("/") ? "/" : ".");
}

function poll(path: string, soon: () => void): () => void {
  let last = lookAt(path);
  const timer = setInterval(() => {
    const now = lookAt(path);
    // Whether something below a folder changed, its own times do not tell: the caller looks.
    if (now !== last || now.startsWith("folder")) soon();
    last = now;
  }, pollMs);
  return () => clearInterval(timer);
}

function lookAt(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return "nothing";
  return `${found.isDirectory() ? "folder" : "file"} ${found.mtimeMs} ${found.size} ${found.ino}`;
}
