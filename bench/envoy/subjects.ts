// What is measured: an Envoy for each variant of each table, and the requests it is asked.

import { startEnvoy, type RunningEnvoy } from "../../runtime/envoy/process.ts";
import { say } from "../options.ts";
import { emitted } from "./emitted.ts";
import { hostcalls } from "./hostcalls.ts";
import { bootstrapFor, upstreamBootstrap, type Emitted, type Variant } from "./variants.ts";
import { requestPath, version, type Position, type Workload } from "./workload.ts";

export interface Subject {
  readonly variant: Variant;
  readonly workload: Workload;
  readonly routes: number;
  readonly position: Position;
  readonly pid: number;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** That each answer must have. */
  readonly status: number;
  /** Of the filter, for one such request. */
  readonly hostcalls: readonly string[] | undefined;
  /** The baseline that forwards, with the same headers; undefined in the baseline's own. */
  readonly base: Subject | undefined;
  /** Of a request that is not routed: the baseline asked the same. */
  readonly alike?: Subject | undefined;
}

export interface Table {
  readonly workload: Workload;
  readonly routes: number;
  readonly variants: readonly Variant[];
  readonly positions: readonly Position[];
}

/** A variant that Envoy did not load, and why. */
export interface Missing {
  readonly variant: Variant;
  readonly table: Table;
  readonly reason: string;
}

export interface Started {
  readonly subjects: readonly Subject[];
  readonly missing: readonly Missing[];
  readonly version: string;
  readonly upstreamPid: number;
}

type BaseOf = (table: Table, position: "first" | "missing") => Subject;

type Start = (config: object) => Promise<{ envoy: RunningEnvoy; address: string }>;

/** A tree of 100,000 routes takes Envoy a quarter of a minute where nothing else runs. */
const loadMsMax = 90_000;

/** Starts them all; they are stopped when `work` ends, however it ends. */
export async function withSubjects<T>(
  tables: readonly Table[], work: (started: Started) => Promise<T>,
): Promise<T> {
  const running: RunningEnvoy[] = [];
  const start: Start = async (config) => {
    const envoy = await startEnvoy({
      config: JSON.stringify(config), concurrency: 1, readyMs: loadMsMax,
    });
    running.push(envoy);
    const [address] = [...(await envoy.admin.listeners()).values()];
    if (address === undefined) throw new Error(`Envoy does not listen:\n${envoy.log()}`);
    return { envoy, address };
  };
  try {
    return await work(await startAll(tables, start));
  } finally {
    await Promise.all(running.map((envoy) => envoy.stop()));
  }
}

async function startAll(tables: readonly Table[], start: Start): Promise<Started> {
  const upstream = await start(upstreamBootstrap());
  const upstreamPort = Number(upstream.address.split(":").at(-1));
  say("starting the baseline");
  const one = emitted(1, "prefix", upstreamPort);
  const baseline = await start(bootstrapFor("baseline", 1, "prefix", one));
  const bases = new Map<string, Subject>();
  const baseOf: BaseOf = ({ workload: asked }, position) => {
    const workload = asked === "header" ? "header" : "prefix";
    const key = `${position} ${workload}`;
    const known = bases.get(key);
    if (known !== undefined) return known;
    const common = { variant: "baseline", workload, routes: 1, position } as const;
    const made: Subject = {
      ...common, pid: baseline.envoy.pid, hostcalls: undefined, base: undefined,
      ...request(baseline.address, common),
    };
    bases.set(key, made);
    return made;
  };
  const subjects: Subject[] = [];
  const missing: Missing[] = [];
  for (const table of tables) {
    const built = emitted(table.routes, table.workload, upstreamPort);
    for (const variant of table.variants) {
      if (variant === "baseline") continue;
      const found = await startOne(table, variant, built, start, baseOf);
      if (Array.isArray(found)) subjects.push(...found);
      else missing.push({ variant, table, reason: String(found) });
    }
  }
  return {
    subjects: [...bases.values(), ...subjects], missing,
    version: baseline.envoy.version, upstreamPid: upstream.envoy.pid,
  };
}

/** Its subjects, or why Envoy did not load it. */
async function startOne(
  table: Table, variant: Variant, built: Emitted, start: Start,
  baseOf: BaseOf,
): Promise<readonly Subject[] | string> {
  const { routes, workload, positions } = table;
  say(`starting ${variant} with ${routes} routes (${workload})`);
  let started: Awaited<ReturnType<Start>>;
  try {
    started = await start(bootstrapFor(variant, routes, workload, built));
  } catch (error) {
    return error instanceof Error ? error.message.split("\n", 1)[0] ?? "" : "it did not start";
  }
  const calls = variant === "filter" ? hostcalls(built.filterWasm) : undefined;
  return positions.map((position): Subject => {
    const asked = request(started.address, { routes, workload, position });
    return {
      variant, workload, routes, position, pid: started.envoy.pid, ...asked,
      hostcalls: calls?.(new URL(asked.url).pathname, asked.headers),
      base: baseOf(table, "first"),
      ...(position === "missing" && { alike: baseOf(table, position) }),
    };
  });
}

function request(
  address: string, { routes, workload, position }: Omit<Table, "variants" | "positions">
    & { readonly position: Position },
): Pick<Subject, "url" | "headers" | "status"> {
  return {
    url: `http://${address}${requestPath(routes, position)}`,
    headers: workload === "header" ? { [version.name]: version.value } : {},
    status: position === "missing" ? 404 : 200,
  };
}
