// `npm run bench`: all benchmarks, one after the other. With `--record` their tables and plots in
// docs/ are written anew.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { among } from "./options.ts";
import { benchNames, record, type BenchName, type Occasion } from "./record.ts";
import type { Recorded } from "./report.ts";

const usage = `npm run bench -- [--only ${benchNames.join(",")}] [--quick]
  [--record [--date YYYY-MM-DD]]
`;

/** To see that everything runs. The benchmarks' own defaults take half an hour together. */
const quick: Readonly<Record<BenchName, readonly string[]>> = {
  core: ["--routes", "100,1000", "--rounds", "9"],
  envoy: ["--quick"],
  edge: ["--quick"],
  compile: ["--rules", "1000,10000", "--dev-rules", "1000", "--rounds", "1", "--edits", "3"],
};

interface Options {
  readonly only: readonly BenchName[];
  readonly quick: boolean;
  readonly record: boolean;
  readonly date: string | undefined;
}

function options(): Options {
  const { values } = parseArgs({
    options: {
      only: { type: "string", default: benchNames.join(",") },
      quick: { type: "boolean", default: false },
      record: { type: "boolean", default: false },
      date: { type: "string" },
    },
  });
  const only = among(values.only, benchNames);
  if (values.date !== undefined && !/^\d{4}-\d\d-\d\d$/.test(values.date)) {
    throw new Error(`${values.date} is not a date like 2026-01-31`);
  }
  return { only, quick: values.quick, record: values.record, date: values.date };
}

/** A process of its own for each, as `npm run bench:NAME` is. */
async function run(name: BenchName, args: readonly string[], json: string): Promise<Recorded> {
  const script = fileURLToPath(new URL(`./${name}/main.ts`, import.meta.url));
  const child = spawn(process.execPath, [script, ...args, "--json", json], {
    stdio: "inherit",
    env: { ...process.env, npm_lifecycle_event: `bench:${name}` },
  });
  const [status]: (number | null)[] = await once(child, "exit");
  if (status !== 0) throw new Error(`bench:${name} fails`);
  const recorded: Recorded = JSON.parse(readFileSync(json, "utf8"));
  return recorded;
}

async function bench(asked: Options): Promise<void> {
  const { date } = asked;
  const occasion: Occasion = { date, load: loadavg()[0] ?? 0, cpus: availableParallelism() };
  const folder = mkdtempSync(join(tmpdir(), "fairlead-bench-"));
  try {
    for (const name of asked.only) {
      const args = asked.quick ? quick[name] : [];
      const recorded = await run(name, args, join(folder, `${name}.json`));
      if (asked.record) record(name, recorded, occasion);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  await bench(options());
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${message}\n\nusage: ${usage}`);
  process.exitCode = 1;
}
