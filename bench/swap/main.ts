// `npm run bench:swap`: a thousand new tables under load. No request may fail, and memory has to be
// where it was.

import { parseArgs } from "node:util";

import { startEnvoy } from "../../runtime/envoy/process.ts";
import { upstreamBootstrap } from "../envoy/variants.ts";
import type { Goal } from "../goal.ts";
import { among, positive, say } from "../options.ts";
import { printReport } from "../report.ts";
import { editions } from "./editions.ts";
import { noiseBytes, soak, type Soaked } from "./soak.ts";
import { startSubject, subjectNames, type SubjectName } from "./subjects.ts";

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
      const subject = await startSubject(name, editionOf(0));
      const asked = { routes, swaps, connections, marks, editionOf, progress: say };
      try {
        found.push({ name, soaked: await soak(subject, asked) });
      } finally {
        await subject.stop();
      }
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
        "ms a swap"],
      body: found.map(({ name, soaked }) => [
        name, soaked.requests.toLocaleString("en-US"), String(soaked.failed.length),
        ...soaked.resident.map(mib), soaked.msPerSwap.toFixed(0)]),
    },
    goals: found.flatMap(goalsOf),
    notes: [
      "resident memory (VmRSS) of the serving process; ms until the new table is seen to serve",
    ],
  });
  if (found.some(({ soaked: { failed } }) => failed.length > 0)) process.exitCode = 1;
}

interface Found {
  readonly name: SubjectName;
  readonly soaked: Soaked;
}

function goalsOf({ name, soaked: { failed, resident } }: Found): readonly Goal[] {
  const grown = (resident.at(-1) ?? Number.NaN) - (resident[0] ?? Number.NaN);
  return [
    { what: `${name}: no failed request`, found: failed[0] ?? "none", holds: failed.length === 0 },
    {
      what: `${name}: memory is where it was, but for ${noiseBytes / 2 ** 20} MiB`,
      found: `${(grown / 2 ** 20).toFixed(1)} MiB more`, holds: grown <= noiseBytes,
    },
  ];
}

main().catch((error: unknown) => {
  say(error instanceof Error && "code" in error ? `${error.message}\n${usage}` : String(error));
  process.exitCode = 1;
});
