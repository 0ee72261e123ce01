// `npm run bench:edge`: CPU time that a request costs a raw `workerd serve`, by what its worker
// does.

import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";

import { startEnvoy } from "../../runtime/envoy/process.ts";
import { upstreamBootstrap } from "../envoy/variants.ts";
import { hostname, requestPath } from "../envoy/workload.ts";
import { atMost, type Figure, type Goal } from "../goal.ts";
import { findGenerator, type Generator } from "../load.ts";
import { interleavePairs, median, ratiosOf, spread, turnsOf } from "../measure.ts";
import { pin } from "../pin.ts";
import type { Report, Row } from "../report.ts";
import { run } from "../run.ts";
import { takeTurn, type Turn } from "../turn.ts";
import { startWorkerd, workerdPath } from "./workerd.ts";
import {
  answerOnly, fairlead, forwardAll, honoForward, redirectPath, redirectTarget, type Worker,
} from "./workers.ts";
import { positive, roundSayer } from "../options.ts";

const usage = `npm run bench:edge -- [--routes 1000] [--seconds 4] [--rounds 9] [--quick]
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
  readonly routes: number;
  readonly position: string;
  /** The subject that it is compared with. */
  readonly base: Subject | undefined;
  readonly worker: Worker;
  readonly path: string;
  readonly status: number;
}

const connections = 16;
/**
 * Until then workers with more code than others are still being compiled, on half a CPU: V8 takes
 * 40,000 requests to optimise the last function of ours (seen with --trace-opt).
 */
const warmUpSeconds = 15;

function options(): Options {
  const { values } = parseArgs({
    options: {
      routes: { type: "string", default: "1000" },
      seconds: { type: "string", default: "4" },
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      json: { type: "string" },
    },
  });
  return {
    routes: positive(values.routes),
    seconds: positive(values.seconds),
    rounds: positive(values.rounds ?? (values.quick ? "3" : "9")),
    json: values.json,
  };
}

interface Upstream {
  readonly pid: number;
  readonly port: number;
}

async function withUpstream<T>(work: (upstream: Upstream) => Promise<T>): Promise<T> {
  const envoy = await startEnvoy({ config: JSON.stringify(upstreamBootstrap()), concurrency: 1 });
  try {
    const [address] = [...(await envoy.admin.listeners()).values()];
    return await work({ pid: envoy.pid, port: Number(address?.split(":").at(-1)) });
  } finally {
    await envoy.stop();
  }
}

async function subjectsFor(
  { routes }: Options, upstreamPort: number,
): Promise<readonly Subject[]> {
  const origin = `http://localhost:${upstreamPort}`;
  const byName = fairlead(routes, upstreamPort, "name");
  const nothing = { path: requestPath(routes, "missing"), status: 404 };
  const redirect = { path: redirectPath, status: 301 };
  const forward = { path: requestPath(routes, "last"), status: 200 };
  const bare = (variant: string, position: string, worker: Worker, asked: Asked): Subject =>
    ({ variant, routes: 1, position, base: undefined, worker, ...asked });
  const empty = bare("empty", "404", answerOnly(404), nothing);
  const redirectOnly = {
    ...bare("redirect-only", "redirect", answerOnly(301, redirectTarget), redirect), base: empty,
  };
  const forwardOnly = bare("forward-only", "fetch", forwardAll(origin), forward);
  const on = (base: Subject, worker: Worker, position = base.position): Subject =>
    ({ ...base, variant: "fairlead", routes, position, base, worker });
  return [
    empty, on(empty, byName), redirectOnly, on(redirectOnly, byName),
    forwardOnly, on(forwardOnly, byName),
    on(forwardOnly, fairlead(routes, upstreamPort, "address"), "socket"),
    { ...on(forwardOnly, await honoForward(origin, routes)), variant: "hono" },
  ];
}

type Asked = Pick<Subject, "path" | "status">;

/**
 * A workerd of its own for each turn: what a request costs depends on how full the heap is, and so
 * on all that the process has answered before.
 */
async function turn(
  { worker, path, status }: Subject, seconds: number, generator: Generator,
): Promise<Turn> {
  const { pid, port, stop } = await startWorkerd(worker);
  try {
    pin([pid], []);
    const load = { url: `http://127.0.0.1:${port}${path}`, status, hostname, connections, seconds };
    await generator.generate({ ...load, seconds: warmUpSeconds });
    return await takeTurn(pid, load, generator);
  } finally {
    await stop();
  }
}

async function rowsOf(
  asked: Options, subjects: readonly Subject[], generator: Generator,
): Promise<readonly Row[]> {
  const sayRound = roundSayer(asked.rounds);
  const pairs = subjects.flatMap((subject) =>
    (subject.base === undefined ? [] : [{ subject, base: subject.base }]));
  const turns = await interleavePairs(pairs, asked.rounds, (subject, round) => {
    sayRound(round);
    return turn(subject, asked.seconds, generator);
  });
  return subjects.map((subject): Row => {
    const { variant, routes, position, base } = subject;
    const own = turnsOf(subject, turns);
    const found = ratiosOf({ subject, base }, turns, (each) => each.cpuUs);
    const cpuUs = own.map((each) => each.cpuUs);
    return {
      variant, routes, position,
      cpu_us: median(cpuUs),
      ratio: base === undefined ? 1 : median(found),
      rps: median(own.map(({ rps }) => rps)),
      spread: spread(base === undefined ? cpuUs : found),
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
    atMost("answers, of a worker that only answers so", of("404", "redirect"), answerMax),
    atMost("forwarding, of a worker that only forwards", of("fetch"), forwardMax),
  ];
}

async function bench(asked: Options): Promise<Report> {
  const generator = findGenerator();
  return withUpstream(async (upstream) => {
    const subjects = await subjectsFor(asked, upstream.port);
    const pinned = pin([], [upstream.pid]);
    const rows = await rowsOf(asked, subjects, generator);
    const version = execFileSync(workerdPath, ["--version"], { encoding: "utf8" }).trim();
    return {
      title: "CPU time of a raw workerd process for each request, HTTP/1.1",
      rows,
      goals: goals(rows),
      notes: [
        `medians of ${asked.rounds} interleaved rounds, each worker in a new process, warm after `
          + `${warmUpSeconds} s and measured for ${asked.seconds} s; ratio: to the worker that `
          + "does only that (404: empty, redirect: redirect-only, of which the ratio is to empty; "
          + "fetch and socket: forward-only), asked at the same time on the same CPU; spread: of "
          + "the ratio (a base's: of its time), (highest - lowest) / median",
        "fetch: the backend is a name; socket: it is an address, and the client's Host arrives",
        `${version}, Node ${process.versions.node}, load by ${generator.name} over `
          + `${connections} connections; upstream: an Envoy that answers by itself; ${pinned}`,
      ],
    };
  });
}

await run({ usage, options, bench });
