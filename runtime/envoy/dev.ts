// `fairlead dev --runtime envoy`: a local Envoy whose table, clusters and listeners are swapped
// while it serves. The order of a swap is what keeps requests from failing: first the clusters the
// new table may choose are added, then the filters change, then the clusters that only the old
// table chose are removed. Envoy's workers carry the steps out in the order they were taken.

import { createHash } from "node:crypto";
import { readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { gatewayPortName } from "../../compiler/emit/envoy/names.ts";
import type { Cluster } from "../../compiler/ir.ts";
import { PortInUse, servedListeners, type Runtime, type RuntimeInput, type Served }
  from "../dev/contract.ts";
import { clustersFile, clustersResponse, dynamicBootstrap, filterFile, filterResponse,
  listenersFile, listenersResponse, type LocalListener } from "./files.ts";
import { lastLines, startEnvoy, type EnvoyOptions, type RunningEnvoy } from "./process.ts";

export interface EnvoyRuntimeOptions extends Pick<EnvoyOptions, "logLevel" | "onLog" | "path"> {
  /** Called with the end of the log where Envoy ends and nobody has stopped it. */
  readonly onCrash?: (log: string) => void;
}

/** What one table asks of Envoy. */
interface Wanted {
  readonly clusters: readonly Cluster[];
  readonly listeners: readonly LocalListener[];
  readonly filterWasm: Uint8Array;
  /** The filter's file name, made of its content. */
  readonly filterName: string;
}

interface Session {
  readonly envoy: RunningEnvoy;
  current: Wanted;
  /** Counts the files written; each is a version of its own to Envoy. */
  version: number;
}

export function envoyRuntime(options: EnvoyRuntimeOptions = {}): Runtime {
  let session: Session | undefined;
  // One swap at a time, whatever the caller does.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work, work);
    last = result.catch(() => undefined);
    return result;
  };
  return {
    start: (input) => inTurn(async () => {
      if (session) throw new Error("this runtime has been started already");
      const started = await launch(input, options);
      session = started;
      void started.envoy.exited.then(() => {
        if (session === started) options.onCrash?.(lastLines(started.envoy.log()));
      });
      return served(started, input);
    }),
    update: (input) => inTurn(async () => {
      if (!session) throw new Error("this runtime has not been started");
      await swap(session, wanted(input, session.current.listeners));
      return served(session, input);
    }),
    stop: () => inTurn(async () => {
      const stopped = session;
      session = undefined;
      await stopped?.envoy.stop();
    }),
  };
}

function wanted(input: RuntimeInput, known: readonly LocalListener[]): Wanted {
  const ports = new Map(known.map((l) => [gatewayPortName(l.gatewayPort), l.localPort]));
  const hash = createHash("sha256").update(input.filterWasm).digest("hex").slice(0, 16);
  return {
    clusters: input.ir.clusters,
    // A listener keeps the port it was asked for: another one would be another listener.
    listeners: input.ir.gatewayPorts.flatMap((gatewayPort, index) => {
      if (gatewayPort.protocol !== "HTTP") return [];
      const localPort = ports.get(gatewayPortName(gatewayPort)) ?? input.ports(index);
      return [{ gatewayPort, localPort }];
    }),
    filterWasm: input.filterWasm,
    filterName: `filter-${hash}.wasm`,
  };
}

async function launch(input: RuntimeInput, options: EnvoyRuntimeOptions): Promise<Session> {
  const first = wanted(input, []);
  const envoy = await startEnvoy({
    ...options,
    // The filter's counters are each worker's own: with one worker, ten requests to a split of
    // two halves are five and five.
    concurrency: 1,
    config: async (folder) => {
      await place(folder, first.filterName, first.filterWasm);
      await place(folder, clustersFile, clustersResponse("0", first.clusters));
      for (const { gatewayPort } of first.listeners) {
        const response = filterResponse("0", gatewayPort, join(folder, first.filterName));
        await place(folder, filterFile(gatewayPort), response);
      }
      await place(folder, listenersFile, listenersResponse("0", folder, first.listeners));
      return dynamicBootstrap(folder);
    },
  });
  const session: Session = { envoy, current: first, version: 0 };
  try {
    await clustersApplied(session, "0", 0);
    await listenersApplied(session, "0", 0);
    for (const listener of first.listeners) await filterApplied(session, listener, "0", 0);
    return session;
  } catch (error) {
    await envoy.stop();
    throw error;
  }
}

async function swap(session: Session, next: Wanted): Promise<void> {
  const before = session.current;
  try {
    await apply(session, before, next);
    session.current = next;
  } catch (error) {
    // Put back what was served. What Envoy refused it has not taken, so nothing has to be awaited.
    await writeAll(session, before).catch(() => undefined);
    throw error;
  }
  await sweep(session, next);
}

async function apply(session: Session, before: Wanted, next: Wanted): Promise<void> {
  const { envoy } = session;
  await place(envoy.folder, next.filterName, next.filterWasm);
  const names = new Set(next.clusters.map(({ name }) => name));
  const leaving = before.clusters.filter(({ name }) => !names.has(name));
  await changeClusters(session, [...next.clusters, ...leaving]);

  const served = new Set(before.listeners.map((l) => gatewayPortName(l.gatewayPort)));
  const isServed = (l: LocalListener): boolean => served.has(gatewayPortName(l.gatewayPort));
  for (const listener of next.listeners.filter(isServed)) {
    if (next.filterName !== before.filterName) await changeFilter(session, listener, next);
  }
  await changeListeners(session, before, next, next.listeners.filter((l) => !isServed(l)));
  if (leaving.length > 0) await changeClusters(session, next.clusters);
}

async function changeClusters(session: Session, clusters: readonly Cluster[]): Promise<void> {
  const rejected = await rejections(session, clustersStat);
  const version = nextVersion(session);
  await place(session.envoy.folder, clustersFile, clustersResponse(version, clusters));
  await clustersApplied(session, version, rejected);
}

async function changeFilter(
  session: Session, listener: LocalListener, { filterName }: Wanted,
): Promise<void> {
  const rejected = await rejections(session, filterStat(listener));
  const version = nextVersion(session);
  await placeFilter(session, listener, filterName, version);
  await filterApplied(session, listener, version, rejected);
}

async function changeListeners(
  session: Session, before: Wanted, next: Wanted, added: readonly LocalListener[],
): Promise<void> {
  const isSame = added.length === 0 && before.listeners.length === next.listeners.length;
  if (isSame) return;
  const rejected = await rejections(session, listenersStat);
  const version = nextVersion(session);
  for (const listener of added) await placeFilter(session, listener, next.filterName, version);
  const { folder } = session.envoy;
  await place(folder, listenersFile, listenersResponse(version, folder, next.listeners));
  await listenersApplied(session, version, rejected);
  for (const listener of added) await filterApplied(session, listener, version, 0);
}

async function writeAll(session: Session, all: Wanted): Promise<void> {
  const { folder } = session.envoy;
  const version = nextVersion(session);
  await place(folder, all.filterName, all.filterWasm);
  await place(folder, clustersFile, clustersResponse(version, all.clusters));
  for (const listener of all.listeners) {
    await placeFilter(session, listener, all.filterName, version);
  }
  await place(folder, listenersFile, listenersResponse(version, folder, all.listeners));
}

/** Removes the files of tables and listeners that are gone. */
async function sweep({ envoy }: Session, { filterName, listeners }: Wanted): Promise<void> {
  const kept = new Set([filterName, ...listeners.map((l) => filterFile(l.gatewayPort))]);
  const isOurs = /^filter[-.].*\.(wasm|json)$/;
  for (const name of await readdir(envoy.folder)) {
    if (isOurs.test(name) && !kept.has(name)) await rm(join(envoy.folder, name), { force: true });
  }
}

async function placeFilter(
  { envoy }: Session, { gatewayPort }: LocalListener, filterName: string, version: string,
): Promise<void> {
  const response = filterResponse(version, gatewayPort, join(envoy.folder, filterName));
  await place(envoy.folder, filterFile(gatewayPort), response);
}

/** Renaming is atomic, and it is what Envoy watches for. */
async function place(folder: string, name: string, content: string | Uint8Array): Promise<void> {
  const scratch = join(folder, `${name}.new`);
  await writeFile(scratch, content);
  await rename(scratch, join(folder, name));
}

function nextVersion(session: Session): string {
  session.version += 1;
  return String(session.version);
}

// --- Waiting until Envoy has taken a file --------------------------------------------------------

const clustersStat = "cluster_manager.cds";
const listenersStat = "listener_manager.lds";

/** Envoy replaces colons in the names of its statistics. */
function filterStat({ gatewayPort }: LocalListener): string {
  const name = gatewayPortName(gatewayPort).replaceAll(":", "_");
  return `extension_config_discovery.http_filter.${name}`;
}

async function clustersApplied(session: Session, version: string, rejected: number): Promise<void> {
  await applied(session, clustersStat, version, rejected);
  await until(session, "clusters to be ready", () =>
    isZero(session, "cluster_manager.warming_clusters"));
}

async function listenersApplied(
  session: Session, version: string, rejected: number,
): Promise<void> {
  await applied(session, listenersStat, version, rejected);
}

async function filterApplied(
  session: Session, listener: LocalListener, version: string, rejected: number,
): Promise<void> {
  await applied(session, filterStat(listener), version, rejected);
  await until(session, "listeners to be ready", () =>
    isZero(session, "listener_manager.total_listeners_warming"));
}

async function applied(
  session: Session, stat: string, version: string, rejected: number,
): Promise<void> {
  await until(session, `version ${version} of ${stat}`, async () => {
    if (await session.envoy.admin.stat(`${stat}.version_text`) === version) return true;
    if (await rejections(session, stat) > rejected) throw await refusal(session, stat);
    return false;
  });
}

async function rejections({ envoy }: Session, stat: string): Promise<number> {
  return Number(await envoy.admin.stat(`${stat}.update_rejected`) ?? 0);
}

async function isZero({ envoy }: Session, stat: string): Promise<boolean> {
  return await envoy.admin.stat(stat) === "0";
}

async function refusal({ envoy }: Session, stat: string): Promise<Error> {
  if (stat === listenersStat) {
    const dump = await envoy.admin.text("/config_dump?resource=dynamic_listeners");
    const inUse = /cannot bind '[^']*:(\d+)': Address already in use/.exec(dump);
    if (inUse) return new PortInUse(Number(inUse[1]));
  }
  // The log comes through a pipe and may be a moment behind the statistics.
  await sleep(50);
  return new Error(`Envoy refuses the new configuration:\n${lastLines(envoy.log())}`);
}

const patience = 3000;

async function until(
  { envoy }: Session, what: string, isDone: () => Promise<boolean>,
): Promise<void> {
  for (let tries = 0; tries < patience; tries += 1) {
    if (await isDone()) return;
    await sleep(10);
  }
  throw new Error(`Envoy does not get there: ${what}\n${lastLines(envoy.log())}`);
}

async function served({ envoy, current }: Session, { ir }: RuntimeInput): Promise<Served> {
  const session: Session = { envoy, current, version: 0 };
  const names = current.listeners.map((l) => gatewayPortName(l.gatewayPort));
  let bound: ReadonlyMap<string, string> = new Map();
  await until(session, "listeners to be bound", async () => {
    bound = await envoy.admin.listeners();
    return names.every((name) => bound.has(name));
  });
  const addressOf = (index: number): string | undefined => {
    const gatewayPort = ir.gatewayPorts[index];
    return gatewayPort && bound.get(gatewayPortName(gatewayPort));
  };
  return { listeners: servedListeners(ir, addressOf) };
}
