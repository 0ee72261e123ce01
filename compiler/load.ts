// Files, folders, globs and the standard input → SourceFiles. The system is asked synchronously:
// with many small files waiting for each would take ten times as long as reading it.

import { readdirSync, readFileSync, statSync, type Stats } from "node:fs";
import { join, resolve, sep } from "node:path";
import { diagnostic, type Diagnostic } from "./diagnostic.ts";
import type { SourceFile } from "./source.ts";

export interface Loaded {
  /** Sorted by path, each file once however many inputs lead to it. */
  readonly files: readonly SourceFile[];
  readonly diagnostics: readonly Diagnostic[];
  /** By absolute path, for the next load: it need not read again what has not changed since. */
  readonly read: ReadonlyMap<string, ReadFile>;
}

interface ReadFile {
  readonly file: SourceFile;
  /** What the system knew of the file before it was read; absent where that proves nothing. */
  readonly stamp?: string;
}

/** `shown` is the path in the user's words. */
interface Found {
  readonly shown: string;
  readonly absolute: string;
}

interface Search {
  readonly cwd: string;
  readonly found: Map<string, Found>;
  readonly diagnostics: Diagnostic[];
}

const manifestName = /^[^.].*\.(?:ya?ml|json)$/i;
const globCharacter = /[*?[{]/;
export const stdinPath = "<stdin>";

/** A file that says what it said in `previous` is the same object as there. */
export async function load(
  inputs: readonly string[], cwd: string, stdin: () => Promise<string>,
  previous?: Pick<Loaded, "read">,
): Promise<Loaded> {
  const search: Search = { cwd, found: new Map(), diagnostics: [] };
  const files: SourceFile[] = [];
  const read = new Map<string, ReadFile>();
  for (const input of inputs) if (input !== "-") findInput(input, search);
  if (inputs.includes("-")) {
    // It can be read to its end once only.
    const piped = previous?.read.get(stdinPath)
      ?? { file: { path: stdinPath, text: await stdin() } };
    read.set(stdinPath, piped);
    files.push(piped.file);
  }
  for (const found of search.found.values()) {
    try {
      const now = readOnce(found, previous?.read.get(found.absolute));
      read.set(found.absolute, now);
      files.push(now.file);
    } catch (error) {
      refuse(search, `cannot read \`${found.shown}\`: ${reason(error)}`);
    }
  }
  files.sort((a, b) => compareText(a.path, b.path));
  return { files, diagnostics: search.diagnostics, read };
}

/** Two writes within this time may leave a file with one and the same stamp. */
const stampGranularityMs = 2_000;

function readOnce({ absolute, shown }: Found, before: ReadFile | undefined): ReadFile {
  const { dev, ino, size, mtimeNs, ctimeNs, mtimeMs, ctimeMs } =
    statSync(absolute, { bigint: true });
  const stamp = `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  const isSame = before?.file.path === shown;
  if (isSame && before.stamp === stamp) return before;
  const ageMs = Date.now() - Number(mtimeMs > ctimeMs ? mtimeMs : ctimeMs);
  const text = readFileSync(absolute, "utf8");
  return {
    file: isSame && before.file.text === text ? before.file : { path: shown, text },
    ...(ageMs > stampGranularityMs && { stamp }),
  };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function refuse(search: Search, title: string, help?: string): void {
  search.diagnostics.push(
    diagnostic({ code: "FL0001", title, ...(help !== undefined && { help }) }),
  );
}

function reason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  switch (code) {
    case "ENOENT": return "it does not exist";
    case "EACCES":
    case "EPERM": return "permission denied";
    case "ELOOP": return "its symbolic links form a circle";
    default: return error instanceof Error ? error.message : String(error);
  }
}

function add(search: Search, shown: string): void {
  const absolute = resolve(search.cwd, shown);
  const known = search.found.get(absolute);
  // Of two ways to say one path, the lesser counts, so that the order of inputs does not show.
  if (!known || shown < known.shown) search.found.set(absolute, { shown, absolute });
}

function findInput(input: string, search: Search): void {
  const absolute = resolve(search.cwd, input);
  try {
    const info = statSync(absolute);
    if (!info.isDirectory()) {
      add(search, input);
      return;
    }
    const inside = filesBelow(absolute);
    for (const path of inside) {
      if (manifestName.test(baseName(path))) add(search, join(input, path));
    }
    if (!inside.some((path) => manifestName.test(baseName(path)))) {
      refuse(search, `the folder \`${input}\` has no .yaml, .yml or .json file`);
    }
  } catch (error) {
    if (globCharacter.test(input)) {
      findGlob(input, search);
      return;
    }
    refuse(search, `cannot read \`${input}\`: ${reason(error)}`);
  }
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Nothing where the link leads nowhere. */
function linkedTo(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** Paths with `/` below `folder`, without dot-folders and node_modules, sorted. */
function filesBelow(folder: string): readonly string[] {
  const paths: string[] = [];
  const entries = readdirSync(folder, { withFileTypes: true });
  entries.sort((a, b) => compareText(a.name, b.name));
  for (const entry of entries) {
    const inside = join(folder, entry.name);
    const linked = entry.isSymbolicLink() ? linkedTo(inside) : undefined;
    if (entry.isDirectory()) {
      if (entry.name.startsWith(".") || entry.name === "node_modules") continue;
      for (const path of filesBelow(inside)) paths.push(`${entry.name}/${path}`);
    } else if (entry.isFile() || linked?.isFile()) {
      // A link to a folder is not followed: it could lead back here.
      paths.push(entry.name);
    }
  }
  return paths;
}

function findGlob(input: string, search: Search): void {
  const pattern = input.split(sep).join("/");
  const parts = pattern.split("/");
  const fixed = parts.findIndex((part) => globCharacter.test(part));
  const base = parts.slice(0, fixed).join("/");
  const root = base === "" ? (pattern.startsWith("/") ? "/" : ".") : base;
  const expression = globExpression(parts.slice(fixed).join("/"));
  const hiddenWanted = baseName(pattern).startsWith(".");
  let matched = 0;
  try {
    for (const path of filesBelow(resolve(search.cwd, root))) {
      if (!expression.test(path) || (baseName(path).startsWith(".") && !hiddenWanted)) continue;
      add(search, base === "" && !pattern.startsWith("/") ? path : `${base}/${path}`);
      matched++;
    }
  } catch (error) {
    refuse(search, `cannot read \`${root}\`: ${reason(error)}`);
    return;
  }
  if (matched === 0) refuse(search, `no file matches \`${input}\``);
}

/** `*` and `?` within a name, `**` over folders, `[a-z]`, `{a,b}`. */
export function globExpression(glob: string): RegExp {
  let source = "";
  let braces = 0;
  for (let i = 0; i < glob.length; i++) {
    const c = glob.charAt(i);
    if (glob.startsWith("**/", i)) {
      source += "(?:[^/]+/)*";
      i += 2;
    } else if (glob.startsWith("**", i)) {
      source += ".*";
      i += 1;
    } else if (c === "*") source += "[^/]*";
    else if (c === "?") source += "[^/]";
    else if (c === "[" && glob.indexOf("]", i + 2) > 0) {
      const end = glob.indexOf("]", i + 2);
      const set = glob.slice(i + 1, end).replace(/^!/, "^").replaceAll("\\", "\\\\");
      source += `[${set}]`;
      i = end;
    } else if (c === "{") {
      braces++;
      source += "(?:";
    } else if (c === "}" && braces > 0) {
      braces--;
      source += ")";
    } else if (c === "," && braces > 0) source += "|";
    else source += c.replace(/[\\^$.|+()[\]{}]/, "\\$&");
  }
  return new RegExp(`^${source}${")".repeat(braces)}$`);
}
