// `npm run bench:envoy`: CPU time a request costs Envoy, by the way it finds the route.

import { parseArgs } from "node:util";

import { startEnvoy, type RunningEnvoy } from "../../runtime/envoy/process.ts";
import { findGenerator, type Generator, type LoadResult } from "../load.ts";
import { cpuNs, interleave, median, medianRatio, ownBytes, spread } from "../measure.ts";
import { printReport, writeJson, type Report, type Row } from "../report.ts";
import { emitted } from "./emitted.ts";
import { bootstrapFor, upstreamBootstrap, variants, type Variant } from "./variants.ts";
import { hostname, positions, requestPath, type Position } from "./workload.ts";
import { among, positive, say } from "../options.ts";

const usage = `npm run bench:envoy -- [--routes 10,1000,10000] [--variants ${variants.join(",")}]
  [--positions last] [--seconds 1] [--rounds 9] [--json PATH]
`;

interface Options {
  readonly routes: readonly number[];
  readonly variants: readonly Variant[];
  readonly positions: readonly Position[];
  readonly seconds: number;
  readonly rounds: number;
  readonly json: string | undefined;
}

interface Subject {
  readonly variant: Variant;
  readonly routes: number;
  readonly position: Position;
  readonly envoy: RunningEnvoy;
  readonly url: string;
  readonly status: number;
}

interface Figure {
  readonly cpuUs: number;
  readonly rps: number;
}

const connections = 16;
const warmUpSeconds = 1;

function options(): Options {
  const { values } = parseArgs({
    options: {
      routes: { type: "string", default: "10,1000,10000" },
      variants: { type: "string", default: variants.join(",") },
      positions: { type: "string", default: "last" },
      seconds: { type: "string", default: "1" },
      rounds: { type: "string", default: "9" },
      json: { type: "string" },
    },
  });
  return {
    routes: values.routes.split(",").map(positive),
    variants: among(values.variants, variants),
    positions: among(values.positions, positions),
    seconds: positive(values.seconds),
    rounds: positive(values.rounds),
    json: values.json,
  };
}

/** Envoys that run; all are stopped at the end, however it comes. */
type Start = (config: object) => Promise<{ envoy: RunningEnvoy; address: string }>;

async function withEnvoys<T>(work: (start: Start) => Promise<T>): Promise<T> {
  const running: RunningEnvoy[] = [];
  try {
    return await work(async (config) => {
      const envoy = await startEnvoy({ config: JSON.stringify(config), concurrency: 1 });
      running.push(envoy);
      const [address] = [...(await envoy.admin.listeners()).values()];
      if (address === undefined) throw new Error(`Envoy does not listen:\n${envoy.log()}`);
      return { envoy, address };
    });
  } finally {
    await Promise.all(running.map((envoy) => envoy.stop()));
  }
}

/** One Envoy for each variant and size; the baseline is the same at all sizes. */
async function startSubjects(asked: Options, start: Start): Promise<readonly Subject[]> {
  const upstream = await start(upstreamBootstrap());
  const upstreamPort = Number(upstream.address.split(":").at(-1));
  const subjects: Subject[] = [];
  for (const routes of asked.routes) {
    const built = emitted(routes, upstreamPort);
    for (const variant of asked.variants) {
      if (variant === "baseline" && routes !== asked.routes[0]) continue;
      say(`starting ${variant}${variant === "baseline" ? "" : ` with ${routes} routes`}`);
      const { envoy, address } = await start(bootstrapFor(variant, routes, built));
      const isBaseline = variant === "baseline";
      for (const position of isBaseline ? asked.positions.slice(0, 1) : asked.positions) {
        const url = `http://${address}${requestPath(routes, position)}`;
        const status = position === "missing" && !isBaseline ? 404 : 200;
        subjects.push({ variant, routes, position, envoy, url, status });
      }
    }
  }
  return subjects;
}

async function measure(subject: Subject, seconds: number, generator: Generator): Promise<Figure> {
  const { url, status, envoy: { pid } } = subject;
  const load = (length: number): Promise<LoadResult> =>
    generator.generate({ url, status, hostname, connections, seconds: length });
  const beforeNs = cpuNs(pid);
  const { requests, rps } = await load(seconds);
  return { cpuUs: (cpuNs(pid) - beforeNs) / requests / 1000, rps };
}

function rowOf(subject: Subject, figures: readonly Figure[], base: readonly Figure[]): Row {
  const cpu = figures.map(({ cpuUs }) => cpuUs);
  return {
    variant: subject.variant,
    routes: subject.variant === "baseline" ? 1 : subject.routes,
    position: subject.position,
    cpu_us: median(cpu),
    ratio: medianRatio(cpu, base.map(({ cpuUs }) => cpuUs)),
    rps: median(figures.map(({ rps }) => rps)),
    spread: spread(cpu),
  };
}

async function bench(asked: Options): Promise<Report> {
  const generator = findGenerator();
  return withEnvoys(async (start) => {
    const subjects = await startSubjects(asked, start);
    for (const subject of subjects) await measure(subject, warmUpSeconds, generator);
    const figures = await interleave(subjects, asked.rounds, (subject, round) => {
      if (subject === subjects[round % subjects.length]) {
        say(`round ${round + 1} of ${asked.rounds}`);
      }
      return measure(subject, asked.seconds, generator);
    });
    const baseline = subjects.find(({ variant }) => variant === "baseline") ?? subjects[0];
    const base = (baseline && figures.get(baseline)) ?? [];
    const memory = subjects.map(({ variant, routes, envoy: { pid } }) => {
      const mebibytes = (ownBytes(pid) / 2 ** 20).toFixed(0);
      return `${variant}${variant === "baseline" ? "" : ` ${routes}`} ${mebibytes} MiB`;
    });
    return {
      title: "CPU time of the Envoy process for each request, HTTP/1.1, one worker thread",
      rows: subjects.map((subject) => rowOf(subject, figures.get(subject) ?? [], base)),
      notes: [
        `medians of ${asked.rounds} interleaved rounds of ${asked.seconds} s; `
          + "ratio: to the baseline of the same round; spread: (highest - lowest) / median",
        `memory at the end (RssAnon): ${[...new Set(memory)].join(", ")}`,
        `Envoy ${subjects[0]?.envoy.version}, Node ${process.versions.node}, load by `
          + `${generator.name} over ${connections} connections`,
      ],
    };
  });
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
