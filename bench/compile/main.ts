// `npm run bench:compile`: what it takes to build all targets from YAML, by the number of rules,
// and how long `fairlead dev` takes from an edit to the next generation.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { cpuNs, interleave, median, spread } from "../measure.ts";
import { printReport, writeJson, type Report, type Row } from "../report.ts";
import { edited, writeManifests } from "./workload.ts";
import { positive, say } from "../options.ts";

const usage = `npm run bench:compile -- [--rules 1000,10000,100000] [--rounds 3]
  [--dev-rules 10000] [--edits 9] [--json PATH]
`;

interface Options {
  readonly rules: readonly number[];
  readonly rounds: number;
  readonly devRules: number;
  readonly edits: number;
  readonly json: string | undefined;
}

function options(): Options {
  const { values } = parseArgs({
    options: {
      rules: { type: "string", default: "1000,10000,100000" },
      rounds: { type: "string", default: "3" },
      "dev-rules": { type: "string", default: "10000" },
      edits: { type: "string", default: "9" },
      json: { type: "string" },
    },
  });
  return {
    rules: values.rules.split(",").map(positive),
    rounds: positive(values.rounds),
    devRules: positive(values["dev-rules"]),
    edits: positive(values.edits),
    json: values.json,
  };
}

const fairlead = fileURLToPath(new URL("../../dist/fairlead.mjs", import.meta.url));
const usageModule = new URL("./usage.ts", import.meta.url).href;

interface Figure {
  readonly wallMs: number;
  readonly cpuUs: number;
  readonly rssMib: number;
}

interface Subject {
  readonly rules: number;
  readonly manifests: string;
  readonly output: string;
}

/** The whole command, from the start of its process to the end. */
async function build({ manifests, output }: Subject): Promise<Figure> {
  const startMs = performance.now();
  const child = spawn(
    process.execPath,
    ["--import", usageModule, fairlead, "build", "-f", manifests, "-o", output],
    { stdio: ["ignore", "ignore", "pipe", "pipe"] },
  );
  const texts = ["", ""];
  child.stdio.slice(2, 4).forEach((stream, i) => {
    stream?.on("data", (part: Buffer) => { texts[i] += part.toString("utf8"); });
  });
  const [status]: (number | null)[] = await once(child, "close");
  const wallMs = performance.now() - startMs;
  if (status !== 0) throw new Error(`the build fails (${status}):\n${texts[0]?.slice(0, 2000)}`);
  const used: { cpuUs: number; rssKib: number } = JSON.parse(texts[1] ?? "");
  return { wallMs, cpuUs: used.cpuUs, rssMib: used.rssKib / 1024 };
}

/** From the write of one application's file to the ready file of the generation that has it. */
async function edits(folder: string, { devRules, edits: count }: Options): Promise<Figure[]> {
  const manifests = join(folder, "dev");
  const paths = writeManifests(manifests, devRules);
  const readyFile = join(folder, "ready.json");
  const child = spawn(
    process.execPath,
    [fairlead, "dev", "-f", manifests, "--port", "0", "--ready-file", readyFile],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  const figures: Figure[] = [];
  try {
    await generation(child, readyFile, 1);
    // The first edits run code that is not compiled for speed yet; nobody waits for one edit only.
    for (let edit = 1; edit <= count + 2; edit += 1) {
      await sleep(300);
      const path = paths[(edit * 97) % paths.length] ?? "";
      const text = edited(readFileSync(path, "utf8"), edit);
      const beforeNs = cpuNs(child.pid ?? 0);
      const startMs = performance.now();
      writeFileSync(path, text);
      await generation(child, readyFile, edit + 1);
      const wallMs = performance.now() - startMs;
      const cpuUs = (cpuNs(child.pid ?? 0) - beforeNs) / 1000;
      if (edit > 2) figures.push({ wallMs, cpuUs, rssMib: rssMib(child) });
    }
  } finally {
    child.kill("SIGTERM");
    if (child.exitCode === null) await once(child, "exit");
  }
  return figures;
}

function rssMib({ pid }: ChildProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) / 1024;
}

async function generation(child: ChildProcess, readyFile: string, number: number): Promise<void> {
  const endMs = performance.now() + 60_000;
  while (performance.now() < endMs && child.exitCode === null) {
    try {
      const ready: { generation: number } = JSON.parse(readFileSync(readyFile, "utf8"));
      if (ready.generation >= number) return;
    } catch {
      // Not there yet.
    }
    await sleep(2);
  }
  throw new Error(`fairlead dev serves no generation ${number}`);
}

interface Measured {
  readonly variant: string;
  readonly rules: number;
  readonly position: string;
  readonly figures: readonly Figure[];
}

function rowOf({ variant, rules, position, figures }: Measured, first: Measured): Row {
  const cpu = figures.map(({ cpuUs }) => cpuUs);
  const perRule = (of: Measured): number => median(of.figures.map((f) => f.cpuUs)) / of.rules;
  const wallMs = median(figures.map((f) => f.wallMs));
  return {
    variant, routes: rules, position,
    cpu_us: median(cpu),
    ratio: perRule({ variant, rules, position, figures }) / perRule(first),
    rps: 1000 / wallMs,
    spread: spread(figures.map((f) => f.wallMs)),
  };
}

/** `b` in time ~ rules^b, between one size and the next: 1 is linear. */
function exponents(measured: readonly Measured[], of: (figure: Figure) => number): string {
  const middle = (m: Measured): number => median(m.figures.map(of));
  return measured.slice(1).map((large, i) => {
    const small = measured[i] ?? large;
    const growth = Math.log(middle(large) / middle(small)) / Math.log(large.rules / small.rules);
    return `${small.rules} → ${large.rules}: ${growth.toFixed(2)}`;
  }).join(", ");
}

function tableOf(measured: readonly Measured[]): Report["table"] {
  const body = measured.map(({ variant, rules, position, figures }) => {
    const wall = figures.map((f) => f.wallMs);
    return [
      variant, rules.toLocaleString("en-US"), position,
      (median(wall) / 1000).toFixed(3),
      (median(figures.map((f) => f.cpuUs)) / 1e6).toFixed(3),
      Math.max(...figures.map((f) => f.rssMib)).toFixed(0),
      `${(spread(wall) * 100).toFixed(1)}%`,
    ];
  });
  const head = ["variant", "rules", "what", "wall s", "CPU s", "peak RSS MiB", "spread"];
  return { head, body };
}

async function bench(asked: Options): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-bench-"));
  try {
    const subjects = asked.rules.map((rules): Subject => {
      const manifests = join(folder, `rules-${rules}`);
      say(`writing manifests with ${rules} rules`);
      writeManifests(manifests, rules);
      return { rules, manifests, output: join(folder, `out-${rules}`) };
    });
    const figures = await interleave(subjects, asked.rounds, async (subject, round) => {
      const figure = await build(subject);
      say(`round ${round + 1}: ${subject.rules} rules in ${(figure.wallMs / 1000).toFixed(1)} s`);
      return figure;
    });
    const builds = subjects.map((subject): Measured => ({
      variant: "build", rules: subject.rules, position: "all targets",
      figures: figures.get(subject) ?? [],
    }));
    say(`editing under fairlead dev with ${asked.devRules} rules`);
    const dev: Measured = {
      variant: "dev", rules: asked.devRules, position: "one edit",
      figures: await edits(folder, asked),
    };
    return reportOf(asked, builds, dev);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function reportOf(asked: Options, builds: readonly Measured[], dev: Measured): Report {
  const measured = [...builds, dev];
  const first = builds[0] ?? dev;
  return {
    title: "From YAML to the artifacts of all targets, and from an edit to the next generation",
    rows: measured.map((m) => rowOf(m, m === dev ? dev : first)),
    table: tableOf(measured),
    notes: [
      `medians of ${asked.rounds} interleaved builds, each a process of its own, and of `
        + `${asked.edits} edits; peak RSS: the highest; spread: of wall time`,
      `growth, wall time ~ rules^b: ${exponents(builds, (f) => f.wallMs)}; CPU time: `
        + exponents(builds, (f) => f.cpuUs),
      "dev: edge runtime; the time holds the 20 ms it waits for a saved file to be whole",
      `Node ${process.versions.node}`,
    ],
  };
}

try {
  const asked = options();
  const report = await bench(asked);
  printReport(report);
  if (asked.json !== undefined) writeJson(asked.json, report);
} catch (error) {
  say(`${error instanceof Error ? error.message : String(error)}\n\nusage: ${usage}`);
  process.exitCode = 1;
}
