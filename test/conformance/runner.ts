// Drives the conformance runner, which knows what each step of a test means, against the built
// `fairlead` command.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export type Plane = "compile" | "data";
export type RuntimeName = "envoy" | "edge";

export interface PlaneResult {
  readonly passed: number;
  readonly total: number;
  readonly fail: { readonly step?: string; readonly type?: string; readonly fact: string } | null;
}

/** As the runner writes it. */
export interface TestResult {
  readonly name: string;
  readonly features: readonly string[];
  readonly verdict: "pass" | "fail" | "skip";
  /** Of a skip. */
  readonly reason: string | null;
  readonly planes?: Readonly<Record<string, PlaneResult>>;
}

export interface RunOptions {
  /** The runner's run.mjs. */
  readonly runner: string;
  readonly data: string;
  /** Shell words that start `fairlead`, run in `root`. */
  readonly command: string;
  readonly root: string;
  readonly plane: Plane;
  readonly runtime: RuntimeName;
  readonly features: readonly string[];
  readonly only: readonly string[];
  readonly skip: readonly string[];
  readonly jobs: number;
  /** Gets each line of the runner's that is about one test. */
  readonly follow: (line: string) => void;
}

function argumentsOf(options: RunOptions, out: string): readonly string[] {
  const list = (name: string, values: readonly string[]): readonly string[] =>
    (values.length === 0 ? [] : [`--${name}`, values.join(",")]);
  return [
    options.runner, "--cmd", options.command, "--cwd", options.root, "--data", options.data,
    "--plane", options.plane, "--runtime", options.runtime, "--jobs", String(options.jobs),
    // Loopback is an address that a Gateway here can have, the documentation's range is not.
    "--usable-address", "127.0.0.1", "--unusable-address", "192.0.2.1", "--out", out,
    ...list("features", options.features), ...list("only", options.only),
    ...list("skip", options.skip),
  ];
}

/** Runs one plane of all tests on one runtime. Rejects where the runner itself fails. */
export async function runConformance(options: RunOptions): Promise<readonly TestResult[]> {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-conformance-"));
  const out = join(folder, "results.json");
  try {
    const child = spawn(process.execPath, argumentsOf(options, out), {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let complaint = "";
    child.stderr.on("data", (chunk: Buffer) => { complaint += chunk.toString("utf8"); });
    const lines = createInterface({ input: child.stdout });
    lines.on("line", (line) => {
      if (/^(PASS|FAIL|SKIP) |^ {6}/.test(line)) options.follow(line);
    });
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    // 1 means that some test failed, or that none ran: the results say which.
    if (status !== 0 && status !== 1) {
      throw new Error(`the runner ended with ${status}: ${complaint.trim()}`);
    }
    const { tests } = JSON.parse(readFileSync(out, "utf8")) as { tests: readonly TestResult[] };
    return tests;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
