// `npm run bench:edge`: CPU time that a request costs a raw `workerd serve`, by what its worker
// does.

import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";

import { startEnvoy } from "../../runtime/envoy/process.ts";
import { upstreamBootstrap } from "../envoy/variants.ts";
import { hostname, requestPath } from "../envoy/workload.ts";
import { atMost, type Figure, type Goal } from "../goal.ts";
import { findGenerator, type Generator } from "../load.ts";
import { cpuNs, interleavePairs, median, ratios, spread, turnsOf } from "../measure.ts";
import { pin } from "../pin.ts";
import type { Report, Row } from "../report.ts";
import { run } from "../run.ts";
import { startWorkerd, workerdPath, type RunningWorkerd } from "./workerd.ts";
import {
  empty, fairlead, forwardOnly, honoForward, redirectPath, type Worker,
} from "./workers.ts";
import { positive, say } from "../options.ts";

const usage = `npm run bench:edge -- [--routes 1000] [--seconds 1] [--rounds 11] [--quick]
  [--json PATH]
`;

interface Options {
  readonly routes: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly json: string | undefined;
}

interface Subject {
  readonly variant: string;
  readonly position: string;
  /** The subject that it is compared with. */
  readonly base: string;
  readonly workerd: RunningWorkerd;
  readonly path: string;
  readonly status: number;
}

interface Turn {
  readonly cpuUs: number;
  readonly rps: number;
}

const connections = 16;

function options(): Options {
  const { values } = parseArgs({
    options: {
      routes: { type: "string", default: "1000" },
      seconds: { type: "string", default: "1" },
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      json: { type: "string" },
    },
  });
  return {
    routes: positive(values.routes),
    seconds: positive(values.seconds),
    rounds: positive(values.rounds ?? (values.quick ? "3" : "11")),
    json: values.json,
  };
}

type Stop = () => Promise<void>;

interface Upstream {
  readonly pid: number;
  readonly port: number;
}

/** Everything that was started is stopped, however the work ends. */
async function withUpstream<T>(
  work: (upstream: Upstream, stops: Stop[]) => Promise<T>,
): Promise<T> {
  const stops: Stop[] = [];
  try {
    const envoy = await startEnvoy({ config: JSON.stringify(upstreamBootstrap()), concurrency: 1 });
    stops.push(() => envoy.stop());
    const [address] = [...(await envoy.admin.listeners()).values()];
    return await work({ pid: envoy.pid, port: Number(address?.split(":").at(-1)) }, stops);
  } finally {
    await Promise.all(stops.map((stop) => stop()));
  }
}

async function startSubjects(
  { routes }: Options, upstreamPort: number, stops: Stop[],
): Promise<readonly Subject[]> {
  const start = async (worker: Worker): Promise<RunningWorkerd> => {
    const running = await startWorkerd(worker);
    stops.push(() => running.stop());
    return running;
  };
  const origin = `http://localhost:${upstreamPort}`;
  const last = requestPath(routes, "last");
  const missing = requestPath(routes, "missing");
  const byAddress = await start(fairlead(routes, upstreamPort, "address"));
  const byName = await start(fairlead(routes, upstreamPort, "name"));
  const forwards = { base: "forward-only", path: last, status: 200 };
  const answers = { base: "empty", workerd: byName };
  return [
    {
      variant: "empty", position: "404", base: "empty", workerd: await start(empty), path: missing,
      status: 404,
    },
    { variant: "fairlead", position: "404", ...answers, path: missing, status: 404 },
    { variant: "fairlead", position: "redirect", ...answers, path: redirectPath, status: 301 },
    {
      variant: "forward-only", position: "fetch", ...forwards,
      workerd: await start(forwardOnly(origin)),
    },
    { variant: "fairlead", position: "fetch", ...forwards, workerd: byName },
    { variant: "fairlead", position: "socket", ...forwards, workerd: byAddress },
    {
      variant: "hono", position: "fetch", ...forwards,
      workerd: await start(await honoForward(origin, routes)),
    },
  ];
}

async function measure(
  { workerd: { pid, port }, path, status }: Subject, seconds: number, generator: Generator,
): Promise<Turn> {
  const url = `http://127.0.0.1:${port}${path}`;
  const beforeNs = cpuNs(pid);
  const { requests, rps } =
    await generator.generate({ url, status, hostname, connections, seconds });
  return { cpuUs: (cpuNs(pid) - beforeNs) / requests / 1000, rps };
}

async function rowsOf(
  asked: Options, subjects: readonly Subject[], generator: Generator,
): Promise<readonly Row[]> {
  let said = -1;
  const turn = async (subject: Subject, round: number): Promise<Turn> => {
    if (round !== said) say(`round ${round + 1} of ${asked.rounds}`);
    said = round;
    return measure(subject, asked.seconds, generator);
  };
  const pairs = subjects.flatMap((subject) => {
    const base = subjects.find(({ variant }) => variant === subject.base);
    return base === undefined || base === subject ? [] : [{ subject, base }];
  });
  const turns = await interleavePairs(pairs, asked.rounds, turn);
  return subjects.map((subject): Row => {
    const own = turnsOf(subject, turns);
    const found = [...turns].filter(([pair]) => pair.subject === subject).flatMap(([, both]) =>
      ratios(both.map((each) => each.own.cpuUs), both.map((each) => each.base.cpuUs)));
    const isBase = subject.variant === subject.base;
    const cpuUs = own.map((each) => each.cpuUs);
    return {
      variant: subject.variant,
      routes: isBase ? 1 : asked.routes,
      position: subject.position,
      cpu_us: median(cpuUs),
      ratio: isBase ? 1 : median(found),
      rps: median(own.map(({ rps }) => rps)),
      spread: spread(isBase ? cpuUs : found),
    };
  });
}

const answerMax = 1.12;
const forwardMax = 1.08;

function goals(rows: readonly Row[]): readonly Goal[] {
  const of = (...positions: readonly string[]): readonly Figure[] =>
    rows.filter(({ variant, position }) => variant === "fairlead" && positions.includes(position))
      .map(({ position, ratio }) => ({ of: position, value: ratio }));
  return [
    atMost("answers, of an empty worker", of("404", "redirect"), answerMax),
    atMost("forwarding, of a worker that only forwards", of("fetch"), forwardMax),
  ];
}

async function bench(asked: Options): Promise<Report> {
  const generator = findGenerator();
  return withUpstream(async (upstream, stops) => {
    const subjects = await startSubjects(asked, upstream.port, stops);
    const pids = new Set(subjects.map(({ workerd }) => workerd.pid));
    const pinned = pin([...pids], [upstream.pid]);
    for (const subject of subjects) await measure(subject, 2, generator);
    const rows = await rowsOf(asked, subjects, generator);
    const version = execFileSync(workerdPath, ["--version"], { encoding: "utf8" }).trim();
    return {
      title: "CPU time of a raw workerd process for each request, HTTP/1.1",
      rows,
      goals: goals(rows),
      notes: [
        `medians of ${asked.rounds} interleaved rounds of ${asked.seconds} s; ratio: answers to `
          + "the empty worker's, forwarded requests to forward-only's, asked at the same time on "
          + "the same CPU; spread: of the ratio (a base's: of its time), (highest - lowest) / "
          + "median",
        "fetch: the backend is a name; socket: it is an address, and the client's Host arrives",
        `${version}, Node ${process.versions.node}, load by ${generator.name} over `
          + `${connections} connections; upstream: an Envoy that answers by itself; ${pinned}`,
      ],
    };
  });
}

await run({ usage, options, bench });
