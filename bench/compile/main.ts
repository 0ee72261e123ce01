// `npm run bench:compile`: what it takes to build all targets from YAML, by the number of rules,
// and how long `fairlead dev` takes from an edit to the next generation.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { atMost, type Goal } from "../goal.ts";
import { interleave, median, spread } from "../measure.ts";
import type { Report, Row } from "../report.ts";
import { run } from "../run.ts";
import { measureEdits, type Figure } from "./edits.ts";
import { writeManifests } from "./workload.ts";
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
    const edits = await measureEdits({
      fairlead, folder, rules: asked.devRules, rounds: asked.edits,
    });
    const devs = [...edits].map(([position, figuresOf]): Measured =>
      ({ variant: "dev", rules: asked.devRules, position, figures: figuresOf }));
    return reportOf(asked, builds, devs);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The targets that the project has set itself, as far as these sizes were measured. */
function goals(measured: readonly Measured[]): readonly Goal[] {
  const of = (variant: string, rules: number, position?: string): Measured | undefined =>
    measured.find((m) => m.variant === variant && m.rules === rules
      && (position === undefined || m.position === position));
  const seconds = ({ figures }: Measured): number => median(figures.map((f) => f.wallMs)) / 1000;
  const edit = of("dev", 10_000, "one route");
  const small = of("build", 10_000);
  const large = of("build", 100_000);
  return [
    ...edit ? [atMost("one changed route under dev at 10,000 rules, seconds",
      [{ of: "", value: seconds(edit) }], 0.3)] : [],
    ...small ? [atMost("10,000 rules, seconds", [{ of: "", value: seconds(small) }], 4)] : [],
    ...large ? [
      atMost("100,000 rules, seconds", [{ of: "", value: seconds(large) }], 40),
      atMost("100,000 rules, MiB",
        [{ of: "", value: Math.max(...large.figures.map((f) => f.rssMib)) }], 2048),
    ] : [],
  ];
}

function reportOf(
  asked: Options, builds: readonly Measured[], devs: readonly Measured[],
): Report {
  const measured = [...builds, ...devs];
  const firstOf = (one: Measured): Measured =>
    measured.find(({ variant }) => variant === one.variant) ?? one;
  return {
    title: "From YAML to the artifacts of all targets, and from an edit to the next generation",
    rows: measured.map((m) => rowOf(m, firstOf(m))),
    table: tableOf(measured),
    goals: goals(measured),
    notes: [
      `medians of ${asked.rounds} interleaved builds, each a process of its own, and of `
        + `${asked.edits} edits of each kind, in turns; peak RSS: the highest; spread: of wall `
        + "time",
      `growth, wall time ~ rules^b: ${exponents(builds, (f) => f.wallMs)}; CPU time: `
        + exponents(builds, (f) => f.cpuUs),
      "dev: edge runtime; from the write on disk to the ready file of the generation that serves "
        + "it, the wait for a saved file to be whole (20 ms) included; a request then checks it",
      `Node ${process.versions.node}`,
    ],
  };
}

await run({ usage, options, bench });
