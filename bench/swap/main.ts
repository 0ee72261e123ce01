// `npm run bench:swap`: a thousand new tables under load. No request may fail, and memory has to be
// where it was.

import { parseArgs } from "node:util";

import { startEnvoy } from "../../runtime/envoy/process.ts";
import { upstreamBootstrap } from "../envoy/variants.ts";
import type { Goal } from "../goal.ts";
import { among, positive, say } from "../options.ts";
import { printReport } from "../report.ts";
import { editions } from "./editions.ts";
import { growthByRequests, soak, type Soaked, type SoakOptions } from "./soak.ts";
import { startSubject, subjectNames, type SubjectName, type Swapped } from "./subjects.ts";

const usage = `npm run bench:swap -- [--subjects ${subjectNames.join(",")}]
  [--swaps 1000] [--routes 1000] [--connections 4]
`;

interface Options {
  readonly subjects: readonly SubjectName[];
  readonly swaps: number;
  readonly routes: number;
  readonly connections: number;
}

function options(): Options {
  const { values } = parseArgs({
    options: {
      subjects: { type: "string", default: subjectNames.join(",") },
      swaps: { type: "string", default: "1000" },
      routes: { type: "string", default: "1000" },
      connections: { type: "string", default: "4" },
    },
  });
  return {
    subjects: among(values.subjects, subjectNames),
    swaps: positive(values.swaps),
    routes: positive(values.routes),
    connections: positive(values.connections),
  };
}

/** What the allocators of Envoy and workerd keep for themselves, more or less, from run to run. */
const noiseBytes = 24 * 2 ** 20;

async function main(): Promise<void> {
  const { subjects, swaps, routes, connections } = options();
  const marks = [10, 100, 1000, 10_000].filter((mark) => mark < swaps).concat(swaps);
  const upstream = await startEnvoy({ config: JSON.stringify(upstreamBootstrap()) });
  const found: Found[] = [];
  try {
    const [address] = [...(await upstream.admin.listeners()).values()];
    const editionOf = editions(routes, Number(address?.split(":").at(-1)));
    for (const name of subjects) {
      say(`${name} …`);
      found.push(await measure(name,
        { routes, swaps, connections, marks, editionOf, progress: say }));
    }
  } finally {
    await upstream.stop();
  }
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
  printReport({
    title: `${swaps.toLocaleString("en-US")} tables of ${routes.toLocaleString("en-US")} routes, `
      + `each swapped in under load by ${connections} connections`,
    rows: [],
    table: {
      head: ["subject", "requests", "failed", ...marks.map((mark) => `MiB after ${mark}`),
        "by requests", "ms a swap"],
      body: found.map(({ name, soaked, byRequests }) => [
        name, soaked.requests.toLocaleString("en-US"), String(soaked.failed.length),
        ...soaked.resident.map(mib), byRequests === undefined ? "" : `+${mib(byRequests)}`,
        soaked.msPerSwap.toFixed(0)]),
    },
    goals: found.flatMap(goalsOf),
    notes: [
      "resident memory (VmRSS) of the serving process; ms until the new table is seen to serve;",
      "by requests: how much more memory as many requests take without any swap, where that is",
      "not nothing: workerd keeps some kilobytes of each, whatever the worker",
    ],
  });
  if (found.some(({ soaked: { failed } }) => failed.length > 0)) process.exitCode = 1;
}

interface Found {
  readonly name: SubjectName;
  readonly soaked: Soaked;
  /** Bytes that the requests alone add. */
  readonly byRequests?: number;
}

async function measure(name: SubjectName, options: SoakOptions): Promise<Found> {
  const withSubject = async <T>(work: (subject: Swapped) => Promise<T>): Promise<T> => {
    const subject = await startSubject(name, options.editionOf(0));
    try {
      return await work(subject);
    } finally {
      await subject.stop();
    }
  };
  const soaked = await withSubject((subject) => soak(subject, options));
  if (name !== "dev-edge") return { name, soaked };
  return { name, soaked,
    byRequests: await withSubject((subject) => growthByRequests(subject, soaked, options)) };
}

function goalsOf({ name, soaked, byRequests = 0 }: Found): readonly Goal[] {
  const { failed, resident } = soaked;
  const grown = (resident.at(-1) ?? Number.NaN) - (resident[0] ?? Number.NaN) - byRequests;
  const what = byRequests > 0
    ? "memory is where requests alone bring it" : "memory is where it was";
  return [
    { what: `${name}: no failed request`, found: failed[0] ?? "none", holds: failed.length === 0 },
    {
      what: `${name}: ${what}, but for ${noiseBytes / 2 ** 20} MiB`,
      found: `${(grown / 2 ** 20).toFixed(1)} MiB more`, holds: grown <= noiseBytes,
    },
  ];
}

main().catch((error: unknown) => {
  say(error instanceof Error && "code" in error ? `${error.message}\n${usage}` : String(error));
  process.exitCode = 1;
});
