// Tells when files may have changed. It may tell too often (the caller compares contents) and waits
// until a burst of changes is over. Editors and tools replace files by renaming, so that it is the
// folders that are watched; where the system has no watch left to give, it looks every second.

import {
  existsSync, lstatSync, readdirSync, statSync, watch as watchFolder, type Dirent, type FSWatcher,
} from "node:fs";
import { basename, dirname, join } from "node:path";

export interface Watch {
  close(): void;
}

/** One file that was saved is whole when nothing has happened to it for this long. */
const settledMs = 20;
/**
 * A burst is over when nothing has happened for this long: a tool changes many files, or takes one
 * away to put another there, or empties it and then takes its time to write it.
 */
const quietMs = 100;
const pollMs = 1_000;

/** Something happened to that path; without one it is not known to what. */
type Notice = (path?: string) => void;

/** `paths` are files, folders or glob patterns; "-" is not watched. */
export function watchPaths(paths: readonly string[], onChange: () => void): Watch {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let changed = new Set<string>();
  let isBurst = false;
  const tell = (): void => {
    changed = new Set();
    isBurst = false;
    onChange();
  };
  const notice: Notice = (path) => {
    if (path !== undefined && (isManifest(path) || paths.includes(path))) {
      changed.add(path);
      isBurst ||= changed.size > 1 || !isWritten(path);
    }
    isBurst ||= path === undefined;
    clearTimeout(timer);
    timer = setTimeout(tell, isBurst ? quietMs : settledMs);
  };
  const closers = paths.filter((path) => path !== "-").map((path) => watchOne(path, notice));
  return {
    close: () => {
      clearTimeout(timer);
      for (const close of closers) close();
    },
  };
}

/** The others in a folder are what editors keep beside a file. */
function isManifest(path: string): boolean {
  return /^[^.].*\.(?:ya?ml|json)$/i.test(basename(path));
}

function isWritten(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

function watchOne(path: string, notice: Notice): () => void {
  const base = folderOfPattern(path);
  const folder = base ?? path;
  const isFolder = existsSync(folder) && statSync(folder).isDirectory();
  try {
    if (isFolder) return watchTree(folder, notice);
    const watcher = watchFolder(dirname(path), (_, name) => {
      if (name === basename(path)) notice(path);
      // A mounted ConfigMap changes by its `..data` link alone.
      else if (name === null || name.startsWith("..")) notice();
    });
    return closing(watcher, () => poll(path, notice));
  } catch {
    return poll(path, notice);
  }
}

/**
 * Watches a folder and each folder below it by itself: Node's own recursive watch on Linux follows
 * files, and loses one that another was renamed over.
 */
function watchTree(root: string, notice: Notice): () => void {
  const watchers = new Map<string, () => void>();
  const forget = (folder: string): void => {
    watchers.get(folder)?.();
    watchers.delete(folder);
  };
  const cover = (folder: string): void => {
    if (watchers.has(folder)) return;
    const watcher = watchFolder(folder, (_, name) => {
      const path = name === null ? undefined : join(folder, name);
      const isFile = path !== undefined && !watchers.has(path) && !isFolderNow(path);
      // What appeared may be a folder with files in it already.
      if (!isFile) coverAll();
      notice(isFile ? path : undefined);
    });
    watchers.set(folder, closing(watcher, () => poll(folder, notice)));
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

function isFolderNow(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
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

function poll(path: string, notice: Notice): () => void {
  let last = lookAt(path);
  const timer = setInterval(() => {
    const now = lookAt(path);
    // Whether something below a folder changed, its own times do not tell: the caller looks.
    if (now !== last || now.startsWith("folder")) notice();
    last = now;
  }, pollMs);
  return () => clearInterval(timer);
}

function lookAt(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return "nothing";
  return `${found.isDirectory() ? "folder" : "file"} ${found.mtimeMs} ${found.size} ${found.ino}`;
}
