// `npm run bench:core`: CPU time of one match, for our core and for what one would run in its
// place, on the same routes and the same requests.

import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { median, medianRatio } from "../measure.ts";
import { pin } from "../pin.ts";
import type { Report, Row } from "../report.ts";
import { run } from "../run.ts";
import type { Answer, Ask } from "./child.ts";
import { goals } from "./goals.ts";
import { routerNames, type RouterName } from "./routers.ts";
import { middleSpread, takeTurns } from "./turns.ts";
import { positions, routesOf, shapes, type Position, type Shape } from "./workload.ts";
import { among, positive, say } from "../options.ts";

const usage = `npm run bench:core -- [--routes 10,100,1000,10000,100000]
  [--shapes ${shapes.join(",")}] [--routers ${routerNames.join(",")}]
  [--positions ${positions.join(",")}] [--ms 3] [--rounds 61] [--json PATH]
`;

interface Options {
  readonly routes: readonly number[];
  readonly shapes: readonly Shape[];
  readonly routers: readonly RouterName[];
  readonly positions: readonly Position[];
  readonly cpuMs: number;
  readonly rounds: number;
  readonly json: string | undefined;
}

/** A router that takes longer to build is left out, and the report says so. */
const buildSecondsMax = 60;

/** One pattern after the other: more would only show the same, for hours. */
const urlPatternRoutesMax = 100;

function options(): Options {
  const { values } = parseArgs({
    options: {
      routes: { type: "string", default: "10,100,1000,10000,100000" },
      shapes: { type: "string", default: shapes.join(",") },
      routers: { type: "string", default: routerNames.join(",") },
      positions: { type: "string", default: positions.join(",") },
      ms: { type: "string", default: "3" },
      rounds: { type: "string", default: "61" },
      json: { type: "string" },
    },
  });
  return {
    routes: values.routes.split(",").map(positive),
    shapes: among(values.shapes, shapes),
    routers: among(values.routers, routerNames),
    positions: among(values.positions, positions),
    cpuMs: positive(values.ms),
    rounds: positive(values.rounds),
    json: values.json,
  };
}

interface Contender {
  readonly router: RouterName;
  readonly child: ChildProcess;
}

/** Fails, in its answer, where none comes in time or the process ends. */
async function ask(child: ChildProcess, question: Ask, seconds: number): Promise<Answer> {
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, AbortSignal.timeout(seconds * 1000)]);
  const answered = once(child, "message", { signal }).then(([answer]) => answer as Answer);
  const gone = once(child, "exit", { signal })
    .then((): Answer => ({ kind: "failed", reason: "its process ended" }));
  child.send(question);
  try {
    return await Promise.race([answered, gone]);
  } catch {
    return { kind: "failed", reason: `not within ${seconds} s` };
  } finally {
    over.abort();
    await Promise.allSettled([answered, gone]);
  }
}

interface Field {
  readonly shape: Shape;
  readonly routes: number;
  readonly asked: Options;
}

interface Outcome {
  readonly rows: readonly Row[];
  readonly notes: readonly string[];
}

/** All contenders on one table. */
async function compete({ shape, routes, asked }: Field): Promise<Outcome> {
  const children: ChildProcess[] = [];
  const notes: string[] = [];
  const contenders: Contender[] = [];
  const title = shape === "github" ? "GitHub's routes" : `${routes} routes, ${shape}`;
  try {
    for (const router of asked.routers) {
      if (router === "urlpattern" && routes > urlPatternRoutesMax && shape !== "github") continue;
      if (router === "maps" && shape === "github") continue;
      const child = fork(fileURLToPath(new URL("./child.ts", import.meta.url)));
      children.push(child);
      const built = await ask(child, { kind: "build", router, shape, routes }, buildSecondsMax);
      say(`${title}: ${router} ${built.kind === "built" ? `built in ${built.ms.toFixed(0)} ms`
        : built.kind === "failed" ? built.reason : ""}`);
      if (built.kind === "built") contenders.push({ router, child });
      else if (built.kind === "failed") {
        child.kill("SIGKILL");
        notes.push(`${title}: ${router} left out: ${built.reason}`);
      }
    }
    notes.push(pin(contenders.flatMap(({ child }) => child.pid ?? []), []));
    const rows = await measure({ shape, routes, asked }, contenders);
    return { rows, notes };
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
}

/** GitHub's routes are one kind each; only a mixture of all of them tells anything. */
function positionsFor({ shape, asked }: Field): readonly Position[] {
  return shape === "github" ? ["any", "missing"] : asked.positions;
}

/** Position by position: the turns that are compared are to be near each other in time. */
async function measure(field: Field, contenders: readonly Contender[]): Promise<readonly Row[]> {
  const [core, ...peers] = contenders;
  if (core === undefined) return [];
  const { cpuMs, rounds } = field.asked;
  const rows: Row[] = [];
  for (const position of positionsFor(field)) {
    const figures = await takeTurns(core, peers, rounds, async ({ child }) => {
      const answer = await ask(child, { kind: "turn", position, cpuMs }, 60);
      if (answer.kind !== "figure") throw new Error(`a turn failed: ${JSON.stringify(answer)}`);
      return answer.ns / 1000;
    });
    rows.push(...[...figures].map(([{ router }, { own, base }]): Row => ({
      variant: router,
      routes: field.routes,
      position: field.shape === "hosts" ? position : `${field.shape}, ${position}`,
      cpu_us: median(own),
      ratio: medianRatio(own, base),
      rps: 1e6 / median(own),
      spread: middleSpread(own),
    })));
  }
  return rows;
}

function versionOf(name: string): string {
  const path = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  const { version }: { version: string } = JSON.parse(readFileSync(path, "utf8"));
  return `${name} ${version}`;
}

async function bench(asked: Options): Promise<Report> {
  const rows: Row[] = [];
  const notes: string[] = [];
  for (const shape of asked.shapes) {
    const sizes = shape === "github" ? [routesOf("github", 0).length] : asked.routes;
    for (const routes of sizes) {
      const outcome = await compete({ shape, routes, asked });
      rows.push(...outcome.rows);
      notes.push(...outcome.notes);
    }
  }
  return {
    title: "CPU time of one match: host, method and path as texts of a new request each time",
    unit: "ns",
    rows,
    goals: goals(rows),
    notes: [
      `medians of ${asked.rounds} rounds of turns of ${asked.cpuMs} ms CPU; ratio: to `
        + `${asked.routers[0]} in the turns before and after; spread: of the middle half of all `
        + "turns, as a share of the median",
      "shapes: 50 routes a host unless the position says one-host or github; any: requests over "
        + "all routes, so that host and path change each time; the other positions: one request "
        + "over and over, which finds all caches warm",
      "each router in a process of its own, peers behind a map of hosts; "
        + `every router's answers checked before`,
      ...new Set(notes),
      `Node ${process.versions.node} (V8 ${process.versions.v8}), `
        + ["hono", "find-my-way", "rou3"].map(versionOf).join(", "),
    ],
  };
}

await run({ usage, options, bench });
