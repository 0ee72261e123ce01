// A real registry for the tests: Debian's `docker-registry`, from the PATH or unpacked into .cache
// from its package. Where there is neither, `registryBinary` says why the tests are left out.

import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

import { withLock } from "../../runtime/envoy/lock.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");
const cache = join(root, ".cache", "docker-registry");
const unpacked = join(cache, "usr", "bin", "docker-registry");

export type Binary = { readonly path: string } | { readonly reason: string };

export async function registryBinary(): Promise<Binary> {
  const named = (process.env["PATH"] ?? "").split(delimiter)
    .map((folder) => join(folder, "docker-registry")).find(existsSync);
  if (named !== undefined) return { path: named };
  await mkdir(cache, { recursive: true });
  return withLock(join(cache, "lock"), async () => {
    if (existsSync(unpacked)) return { path: unpacked };
    try {
      await unpack();
      return { path: unpacked };
    } catch (error) {
      const said = error instanceof Error ? error.message.split("\n")[0] : String(error);
      return { reason: `no docker-registry on the PATH, and none from a package: ${said}` };
    }
  });
}

/** Needs no rights: the package's files are only laid out. */
async function unpack(): Promise<void> {
  const options = { cwd: cache, timeout: 60_000 };
  await run("apt-get", ["download", "docker-registry"], options);
  const deb = (await readdir(cache)).find((name) => name.endsWith(".deb"));
  if (deb === undefined) throw new Error("apt-get left no package");
  await run("dpkg-deb", ["-x", deb, "."], options);
  await rm(join(cache, deb));
}

export interface Registry {
  /** `127.0.0.1:port` */
  readonly address: string;
  readonly port: number;
  readonly stop: () => Promise<void>;
}

export interface RegistryOptions {
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** A line of an htpasswd file, hashed with bcrypt. */
  readonly htpasswd?: string;
}

export async function startRegistry(
  binary: string, { tls, htpasswd }: RegistryOptions = {},
): Promise<Registry> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-registry-"));
  const port = await freePort();
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  const http = {
    addr: `127.0.0.1:${port}`,
    ...(tls && {
      tls: {
        certificate: await file("tls.crt", tls.certificate), key: await file("tls.key", tls.key),
      },
    }),
  };
  // JSON is YAML.
  const config = await file("config.yml", JSON.stringify({
    version: "0.1", log: { level: "error", accesslog: { disabled: true } }, http,
    storage: { filesystem: { rootdirectory: join(folder, "data") } },
    ...(htpasswd !== undefined && {
      auth: { htpasswd: { realm: "tests", path: await file("htpasswd", `${htpasswd}\n`) } },
    }),
  }));
  const child = spawn(binary, ["serve", config], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  await listening(port).catch(async (error) => {
    await stop();
    throw error;
  });
  return { address: `127.0.0.1:${port}`, port, stop };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const answer = await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined);
    if (answer !== undefined) return;
    await sleep(50);
  }
  throw new Error(`the registry does not listen on ${port}`);
}
