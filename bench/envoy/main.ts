// `npm run bench:envoy`: CPU time a request costs Envoy, by the way it finds the route.

import { parseArgs } from "node:util";

import { findGenerator, type Generator } from "../load.ts";
import {
  interleavePairs, median, ownBytes, ratiosOf, spread, turnsOf, type Pair, type Turns,
} from "../measure.ts";
import { among, positive, roundSayer } from "../options.ts";
import { pin } from "../pin.ts";
import type { Report, Row } from "../report.ts";
import { run } from "../run.ts";
import { takeTurn, type Turn } from "../turn.ts";
import { goals } from "./goals.ts";
import { described } from "./hostcalls.ts";
import { withSubjects, type Missing, type Started, type Subject, type Table } from "./subjects.ts";
import { variants, type Variant } from "./variants.ts";
import { hostname, positions, workloads, type Position, type Workload } from "./workload.ts";

const usage = `npm run bench:envoy -- [--routes 10,1000,10000,100000]
  [--variants ${variants.join(",")}] [--positions ${positions.join(",")}]
  [--workloads ${workloads.join(",")}] [--seconds 1] [--rounds 7] [--quick] [--json PATH]

The prefixes are measured at all sizes and positions; the other workloads at 1,000 routes, the
last one matching. --quick: 10 and 1,000 routes, the last and the missing one, 3 rounds.
`;

/** Of the workloads other than prefixes. */
const otherRoutes = 1000;

interface Options {
  readonly routes: readonly number[];
  readonly variants: readonly Variant[];
  readonly positions: readonly Position[];
  readonly workloads: readonly Workload[];
  readonly seconds: number;
  readonly rounds: number;
  readonly json: string | undefined;
}

const connections = 16;
/** Where a request takes a millisecond, those that are cut off at a turn's end would count. */
const slowConnections = 2;
const slowUs = 1000;
const warmUpSeconds = 1;

function options(): Options {
  const { values } = parseArgs({
    options: {
      routes: { type: "string" },
      variants: { type: "string", default: variants.join(",") },
      positions: { type: "string" },
      workloads: { type: "string", default: workloads.join(",") },
      seconds: { type: "string", default: "1" },
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      json: { type: "string" },
    },
  });
  const { quick } = values;
  return {
    routes: (values.routes ?? (quick ? "10,1000" : "10,1000,10000,100000")).split(",")
      .map(positive),
    variants: among(values.variants, variants),
    positions: among(values.positions ?? (quick ? "last,missing" : positions.join(",")), positions),
    workloads: among(values.workloads, workloads),
    seconds: positive(values.seconds),
    rounds: positive(values.rounds ?? (quick ? "3" : "7")),
    json: values.json,
  };
}

function tablesOf(asked: Options): readonly Table[] {
  return asked.workloads.flatMap((workload): readonly Table[] => (workload === "prefix"
    ? asked.routes.map((routes) => ({ ...asked, workload, routes }))
    : [{ ...asked, workload, routes: otherRoutes, positions: ["last"] }]));
}

interface Effort {
  readonly seconds: number;
  readonly connections: number;
}

async function measure(
  { url, headers, status, pid }: Subject, effort: Effort, generator: Generator,
): Promise<Turn> {
  const load = { url, headers, status, hostname, ...effort };
  const turn = (): Promise<Turn> => takeTurn(pid, load, generator);
  // A busy machine may keep a turn from a single answer; a run of many minutes survives that.
  return turn().catch(turn);
}

/** Each subject beside its base; a 404 also beside a 404 of the baseline's. */
function pairsOf(subjects: readonly Subject[]): readonly Pair<Subject>[] {
  return subjects.flatMap((subject) =>
    [subject.base, subject.alike].filter((base) => base !== undefined)
      .map((base) => ({ subject, base })));
}

function rowOf(subject: Subject, turns: Turns<Subject, Turn>): Row {
  const against = (base: Subject | undefined): readonly number[] =>
    ratiosOf({ subject, base }, turns, ({ cpuUs }) => cpuUs);
  const isBase = subject.base === undefined;
  const own = turnsOf(subject, turns);
  const cpuUs = own.map((turn) => turn.cpuUs);
  return {
    variant: subject.variant,
    routes: subject.routes,
    position: subject.position,
    workload: subject.workload,
    cpu_us: median(cpuUs),
    ratio: isBase ? 1 : median(against(subject.base)),
    ...(subject.alike && { ratio_alike: median(against(subject.alike)) }),
    rps: median(own.map(({ rps }) => rps)),
    spread: spread(isBase ? cpuUs : against(subject.base)),
    ...(subject.hostcalls && { hostcalls: subject.hostcalls.length }),
  };
}

function absentRows({ variant, table, reason }: Missing): readonly Row[] {
  const nothing = { cpu_us: NaN, ratio: NaN, rps: NaN, spread: NaN };
  return table.positions.map((position) => ({
    variant, routes: table.routes, position, workload: table.workload, ...nothing, absent: reason,
  }));
}

/** Subjects that make the same calls stand together. */
function hostcallNotes(subjects: readonly Subject[]): readonly string[] {
  const byCalls = new Map<string, Set<string>>();
  for (const { hostcalls, workload, position } of subjects) {
    if (hostcalls === undefined) continue;
    const calls = `${hostcalls.length} (${described(hostcalls)})`;
    const who = `${workload} ${position === "missing" ? "missing" : "hit"}`;
    byCalls.set(calls, (byCalls.get(calls) ?? new Set<string>()).add(who));
  }
  return [...byCalls].map(([calls, who]) =>
    `hostcalls a request: ${[...who].join(", ")}: ${calls}`);
}

function memoryNote(subjects: readonly Subject[]): string {
  const all = subjects.map(({ variant, workload, routes, pid }) => {
    const kind = workload === "prefix" ? "" : ` ${workload}`;
    return `${variant}${variant === "baseline" ? "" : ` ${routes}${kind}`} `
      + `${(ownBytes(pid) / 2 ** 20).toFixed(0)} MiB`;
  });
  return `memory at the end (RssAnon): ${[...new Set(all)].join(", ")}`;
}

function alike(rows: readonly Row[]): string {
  return rows.flatMap(({ variant, routes, ratio_alike: ratio }) =>
    (ratio === undefined ? [] : [`${variant} ${routes} ${ratio.toFixed(2)}`])).join(", ");
}

async function rowsOf(
  asked: Options, { subjects, missing }: Started, generator: Generator,
): Promise<readonly Row[]> {
  const efforts = new Map<Subject, Effort>();
  for (const subject of subjects) {
    const { cpuUs } = await measure(subject, { seconds: warmUpSeconds, connections }, generator);
    const { seconds } = asked;
    efforts.set(subject, { seconds, connections: cpuUs > slowUs ? slowConnections : connections });
  }
  const sayRound = roundSayer(asked.rounds);
  const turn = async (subject: Subject, round: number): Promise<Turn> => {
    sayRound(round);
    const effort = efforts.get(subject) ?? { seconds: asked.seconds, connections };
    return measure(subject, effort, generator);
  };
  const turns = await interleavePairs(pairsOf(subjects), asked.rounds, turn);
  // What only other 404s are compared with, the baseline's own, is no row.
  const isShown = (subject: Subject): boolean =>
    subject.position !== "missing" || subject.base !== undefined;
  return [
    ...subjects.filter(isShown).map((subject) => rowOf(subject, turns)),
    ...missing.flatMap(absentRows),
  ];
}

async function bench(asked: Options): Promise<Report> {
  const generator = findGenerator();
  return withSubjects(tablesOf(asked), async (started) => {
    const { subjects, version, upstreamPid } = started;
    const pinned = pin([...new Set(subjects.map(({ pid }) => pid))], [upstreamPid]);
    const rows = await rowsOf(asked, started, generator);
    return {
      title: "CPU time of the Envoy process for each request, HTTP/1.1, one worker thread",
      rows,
      goals: goals(rows),
      notes: [
        `medians of ${asked.rounds} interleaved rounds of ${asked.seconds} s; ratio: to one native `
          + "route without a filter, asked at the same time on the same CPU; spread: of the ratio "
          + "(the baseline's: of its time), (highest - lowest) / median",
        "a missing route is answered by Envoy itself, for half the cost of a forwarded request; "
          + `against the baseline's own 404 they are: ${alike(rows)}`,
        ...hostcallNotes(subjects),
        memoryNote(subjects),
        `Envoy ${version}, Node ${process.versions.node}, load by ${generator.name} over `
          + `${connections} connections (${slowConnections} where a request takes more than `
          + `a millisecond); ${pinned}`,
      ],
    };
  });
}

// Each Envoy that runs is to be ended with this process.
process.setMaxListeners(0);
await run({ usage, options, bench });
