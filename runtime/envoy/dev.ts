// `fairlead dev --runtime envoy`: a local Envoy whose table, clusters and listeners are swapped
// while it serves. The order of a swap is what keeps requests from failing: first the clusters and
// the policies that the new table may choose are added, then filters change, then what only the old
// table chose is removed. Envoy's workers carry the steps out in the order they were taken.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Json } from "../../compiler/emit/artifact.ts";
import { gatewayPortName } from "../../compiler/table/plan.ts";
import { listenerPorts, streamPortName } from "../../compiler/emit/envoy/ports.ts";
import { defaultSystemRoots } from "../../compiler/emit/envoy/tls.ts";
import type { GatewayPort } from "../../compiler/ir.ts";
import { servedListeners, type Runtime, type RuntimeInput, type Served }
  from "../dev/contract.ts";
import type { HealthSource } from "../health/view.ts";
import { applied, applying, clustersStat, filterStat, listenersStat, listenersWarm, routesStat,
  until, type Awaited } from "./applied.ts";
import { serveDiscovery, type DiscoveryServer } from "./discovery.ts";
import { allClusters, allListeners, clusterResources, discoverySocket, dynamicBootstrap, filterOf,
  filterResources, keyPairContents, listenerResources, routeResources, routesOf,
  type LocalListener, type Wanted } from "./files.ts";
import { envoyHealth, flushArgs } from "./health.ts";
import { lastLines, startEnvoy, type EnvoyOptions, type RunningEnvoy } from "./process.ts";

export interface EnvoyRuntimeOptions extends Pick<EnvoyOptions, "logLevel" | "onLog" | "path"> {
  /** Called with the end of the log where Envoy ends and nobody has stopped it. */
  readonly onCrash?: (log: string) => void;
}

interface Session {
  readonly envoy: RunningEnvoy;
  readonly discovery: DiscoveryServer;
  current: Wanted;
  /** Counts what was put up for discovery; each is a version of its own to Envoy. */
  version: number;
}

export function envoyRuntime(options: EnvoyRuntimeOptions = {}): Runtime {
  let session: Session | undefined;
  let health: HealthSource | undefined;
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
      health = envoyHealth(started.envoy, () =>
        ({ clusters: started.current.ir.clusters, policies: started.current.policies }));
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
      health = undefined;
      await stopped?.discovery.close();
      await stopped?.envoy.stop();
    }),
    health: {
      events: async () => await health?.events() ?? [],
      sight: async () => await health?.sight() ?? [],
    },
  };
}

function wanted(input: RuntimeInput, known: readonly LocalListener[]): Wanted {
  const ports = new Map(known.map((l) => [l.listenerPort.name, l.localPort]));
  const hash = createHash("sha256").update(input.filterWasm).digest("hex").slice(0, 16);
  return {
    ir: input.ir,
    policies: input.routePolicies ?? [],
    // A listener keeps the port it was asked for: another one would be another listener.
    listeners: listenerPorts(input.ir).map((listenerPort) => {
      const index = listenerPort.http ? input.ir.gatewayPorts.indexOf(listenerPort.http) : -1;
      const asked = index < 0 ? 0 : input.ports(index);
      return { listenerPort, localPort: ports.get(listenerPort.name) ?? asked };
    }),
    filterWasm: input.filterWasm,
    table: input.table,
    filterName: `filter-${hash}.wasm`,
    systemRoots: rootsPlaces.find((place) => existsSync(place)) ?? defaultSystemRoots,
    isNative: input.routing === "native",
  };
}

/** Where systems keep the certificates they trust: Debian and Alpine, Red Hat, SUSE, others. */
const rootsPlaces = [
  ...(process.env["SSL_CERT_FILE"] ? [process.env["SSL_CERT_FILE"]] : []),
  defaultSystemRoots, "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** The ports that have a filter. */
function httpPorts({ listeners, isNative }: Wanted): readonly GatewayPort[] {
  return isNative ? [] : listeners.flatMap(({ listenerPort: { http } }) => (http ? [http] : []));
}

async function launch(input: RuntimeInput, options: EnvoyRuntimeOptions): Promise<Session> {
  const first = wanted(input, []);
  const running: { discovery?: DiscoveryServer; envoy?: RunningEnvoy } = {};
  try {
    const envoy = await startEnvoy({
      ...options,
      // The filter's counters are each worker's own: with one worker, ten requests to a split of
      // two halves are five and five.
      concurrency: 1,
      extraArgs: flushArgs,
      config: async (folder) => {
        running.discovery = await serveDiscovery(discoverySocket(folder));
        await placeAll(folder, running.discovery, first, "0");
        return dynamicBootstrap(folder);
      },
    });
    running.envoy = envoy;
    if (!running.discovery) throw new Error("Envoy was started without its configuration");
    await applied(envoy, [{ stat: clustersStat, version: "0" }]);
    await applied(envoy, [{ stat: listenersStat, version: "0" }]);
    const stats = [
      ...[...routeResources(first).keys()].map(routesStat), ...httpPorts(first).map(filterStat),
    ];
    await applied(envoy, stats.map((stat) => ({ stat, version: "0" })));
    await listenersWarm(envoy);
    return { envoy, discovery: running.discovery, current: first, version: 0 };
  } catch (error) {
    await running.discovery?.close();
    await running.envoy?.stop();
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
    const { envoy, discovery } = session;
    await placeAll(envoy.folder, discovery, before, nextVersion(session)).catch(() => undefined);
    throw error;
  }
  await sweep(session, next);
}

async function apply(session: Session, before: Wanted, next: Wanted): Promise<void> {
  const { folder } = session.envoy;
  await place(folder, next.filterName, next.filterWasm);
  await placeKeyPairs(folder, next);
  const clusters = clusterResources(folder, next);
  const all = new Map([...clusterResources(folder, before), ...clusters]);
  await changeClusters(session, all);
  const [old, both, routes] = [routeResources(before), routeResources(next, before),
    routeResources(next)];
  await changeRoutes(session, old, both);
  const added = await changeFilters(session, before, next);
  await changeListeners(session, before, next, added);
  await changeRoutes(session, both, routes);
  if (all.size > clusters.size) await changeClusters(session, clusters);
}

async function changeClusters(session: Session, resources: Resources): Promise<void> {
  const { envoy, discovery } = session;
  const version = nextVersion(session);
  await applying(envoy, [{ stat: clustersStat, version }], () =>
    discovery.put(allClusters, version, [...resources.values()]));
}

type Resources = ReadonlyMap<string, Json>;

/** Those of listeners that are new only have to be there. */
async function changeRoutes(session: Session, before: Resources, next: Resources): Promise<void> {
  const changed = [...next].filter(([name, resource]) =>
    JSON.stringify(before.get(name)) !== JSON.stringify(resource));
  if (changed.length === 0) return;
  const version = nextVersion(session);
  const known = changed.filter(([name]) => before.has(name));
  const awaited = known.map(([name]) => ({ stat: routesStat(name), version }));
  await applying(session.envoy, awaited, () => {
    for (const [name, resource] of changed) {
      session.discovery.put(routesOf(name), version, [resource]);
    }
  });
}

/** What to wait for once listeners are there: filters of those that are new. */
async function changeFilters(
  session: Session, before: Wanted, next: Wanted,
): Promise<readonly Awaited[]> {
  const { envoy, discovery } = session;
  const known = new Set(httpPorts(before).map(gatewayPortName));
  const isNew = (http: GatewayPort): boolean => !known.has(gatewayPortName(http));
  const isSame = before.filterName === next.filterName
    && Buffer.from(before.table).equals(next.table);
  const changed = isSame
    ? httpPorts(next).filter(isNew) : httpPorts(next);
  const version = nextVersion(session);
  const awaited = (http: GatewayPort): Awaited => ({ stat: filterStat(http), version });
  await applying(envoy, changed.filter((http) => !isNew(http)).map(awaited), () => {
    for (const http of changed) putFilter(envoy.folder, discovery, http, next, version);
  });
  return changed.filter(isNew).map(awaited);
}

async function changeListeners(
  session: Session, before: Wanted, next: Wanted, added: readonly Awaited[],
): Promise<void> {
  const { envoy, discovery } = session;
  const resources = listenerResources(envoy.folder, next);
  const known = listenerResources(envoy.folder, before);
  if (JSON.stringify(known) === JSON.stringify(resources)) return;
  const version = nextVersion(session);
  await applying(envoy, [{ stat: listenersStat, version }], () =>
    discovery.put(allListeners, version, resources));
  await applied(envoy, added);
  await listenersWarm(envoy);
}

// --- What Envoy is given -------------------------------------------------------------------------

/** Everything at once, listeners last: they name the others. */
async function placeAll(
  folder: string, discovery: DiscoveryServer, all: Wanted, version: string,
): Promise<void> {
  await place(folder, all.filterName, all.filterWasm);
  await placeKeyPairs(folder, all);
  discovery.put(allClusters, version, [...clusterResources(folder, all).values()]);
  for (const [name, resource] of routeResources(all)) {
    discovery.put(routesOf(name), version, [resource]);
  }
  for (const http of httpPorts(all)) putFilter(folder, discovery, http, all, version);
  discovery.put(allListeners, version, listenerResources(folder, all));
}

/** In the runtime's own folder, which nobody else can open, and readable by nobody else. */
async function placeKeyPairs(folder: string, all: Wanted): Promise<void> {
  for (const [name, pem] of keyPairContents(all)) {
    await writeFile(join(folder, name), pem, { mode: 0o600 });
  }
}

function putFilter(
  folder: string, discovery: DiscoveryServer, http: GatewayPort, all: Wanted, version: string,
): void {
  const resources = filterResources(http, join(folder, all.filterName), all.table);
  discovery.put(filterOf(http), version, resources);
}

/** Envoy may be reading what stood there before: the old file stays whole. */
async function place(folder: string, name: string, content: Uint8Array): Promise<void> {
  const scratch = join(folder, `${name}.new`);
  await writeFile(scratch, content);
  await rename(scratch, join(folder, name));
}

/** Removes what belonged to tables, listeners and key pairs that are gone. */
async function sweep({ envoy: { folder }, discovery }: Session, all: Wanted): Promise<void> {
  discovery.keep([
    allClusters, allListeners, ...httpPorts(all).map(filterOf),
    ...[...routeResources(all).keys()].map(routesOf),
  ]);
  const kept = new Set([all.filterName, ...keyPairContents(all).keys()]);
  const isOurs = /^(filter|tls)-.*\.(wasm|crt|key)$/;
  for (const name of await readdir(folder)) {
    if (isOurs.test(name) && !kept.has(name)) await rm(join(folder, name), { force: true });
  }
}

function nextVersion(session: Session): string {
  session.version += 1;
  return String(session.version);
}

async function served({ envoy, current }: Session, { ir }: RuntimeInput): Promise<Served> {
  let bound: ReadonlyMap<string, string> = new Map();
  await until(envoy, "listeners to be bound", async () => {
    bound = await envoy.admin.listeners();
    return current.listeners.every(({ listenerPort }) => bound.has(listenerPort.name));
  });
  const addressOf = (index: number): string | undefined => {
    const port = ir.gatewayPorts[index];
    return port && bound.get(gatewayPortName(port));
  };
  const streamAddressOf = (index: number): string | undefined => {
    const port = ir.streamPorts?.[index];
    return port && bound.get(streamPortName(port));
  };
  return { listeners: servedListeners(ir, addressOf, streamAddressOf) };
}
