// Something that asks as fast as it is answered, in a process of its own: wrk where it is
// installed, else a small one in Node. Neither is measured; the CPU time is the proxy's.

import { execFile, execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface Load {
  /** `http://127.0.0.1:40123/path` */
  readonly url: string;
  readonly hostname: string;
  /** More request headers, by name. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly seconds: number;
  readonly connections: number;
  /** The status that each answer must have. */
  readonly status: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly rps: number;
}

export interface Generator {
  /** With its version, for the report. */
  readonly name: string;
  generate(load: Load): Promise<LoadResult>;
}

export function findGenerator(): Generator {
  try {
    // It prints its version with the usage text, and fails for want of a URL.
    execFileSync("wrk", ["-v"], { stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    const { code, stdout } = error as { code?: string; stdout?: Buffer };
    if (code === "ENOENT") {
      return { name: "node (install wrk for more load)", generate: withNode };
    }
    const version = /^wrk (?:debian\/)?(\S+)/m.exec(stdout?.toString("utf8") ?? "")?.[1] ?? "";
    return { name: `wrk ${version}`.trim(), generate: withWrk };
  }
  return { name: "wrk", generate: withWrk };
}

async function withWrk(load: Load): Promise<LoadResult> {
  const headers = Object.entries({ Host: load.hostname, ...load.headers });
  const { stdout } = await run("wrk", [
    "--threads", "1", "--connections", String(load.connections), "--duration", `${load.seconds}s`,
    ...headers.flatMap(([name, value]) => ["--header", `${name}: ${value}`]), load.url,
  ]);
  const number = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? 0);
  const requests = number(/(\d+) requests in/);
  const unlike = number(/Non-2xx or 3xx responses: (\d+)/);
  const wanted = load.status < 400 ? requests - unlike : unlike;
  if (requests === 0 || wanted !== requests || /Socket errors/.test(stdout)) {
    throw new Error(`not every answer of ${load.url} was a ${load.status}:\n${stdout}`);
  }
  return { requests, rps: number(/Requests\/sec:\s+([\d.]+)/) };
}

async function withNode(load: Load): Promise<LoadResult> {
  const script = fileURLToPath(new URL("./requests.ts", import.meta.url));
  const { stdout } = await run(process.execPath, [script, JSON.stringify(load)]);
  const result: LoadResult = JSON.parse(stdout);
  return result;
}
