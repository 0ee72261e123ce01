// Waiting until Envoy has taken what was put up for it. Everything has a version, which Envoy
// repeats in its statistics once it has taken it; what it refuses it counts.

import { setTimeout as sleep } from "node:timers/promises";

import { gatewayPortName } from "../../compiler/table/plan.ts";
import type { GatewayPort } from "../../compiler/ir.ts";
import { PortInUse } from "../dev/contract.ts";
import { lastLines, type RunningEnvoy } from "./process.ts";

export const clustersStat = "cluster_manager.cds";
export const listenersStat = "listener_manager.lds";

/** Envoy replaces colons in the names of its statistics. */
function statName(name: string): string {
  return name.replaceAll(":", "_");
}

export function filterStat(gatewayPort: GatewayPort): string {
  return statName(`extension_config_discovery.http_filter.${gatewayPortName(gatewayPort)}`);
}

export function routesStat(name: string): string {
  return statName(`http.${name}.rds.${name}`);
}

/** A version that Envoy is to take, by the prefix of its subscription's statistics. */
export interface Awaited {
  readonly stat: string;
  readonly version: string;
}

/** Puts something up and waits until Envoy has taken it; rejects with the reason if it refuses. */
export async function applying(
  envoy: RunningEnvoy, awaited: readonly Awaited[], put: () => void,
): Promise<void> {
  const before = await rejections(envoy, awaited);
  put();
  await applied(envoy, awaited, before);
}

type Rejections = ReadonlyMap<string, number>;

/** `before` is how many versions Envoy had refused before these. */
export async function applied(
  envoy: RunningEnvoy, awaited: readonly Awaited[], before: Rejections = new Map(),
): Promise<void> {
  if (awaited.length === 0) return;
  const what = awaited.map(({ stat, version }) => `version ${version} of ${stat}`).join(", ");
  await until(envoy, what, async () => {
    const stats = await statsOf(envoy, awaited);
    const refused = awaited.find(({ stat }) =>
      Number(stats.get(`${stat}.update_rejected`) ?? 0) > (before.get(stat) ?? 0));
    if (refused) throw await refusal(envoy, refused.stat);
    return awaited.every(({ stat, version }) => stats.get(`${stat}.version_text`) === version);
  });
  for (const { stat } of awaited) {
    const warming = warmingStats[stat];
    if (warming !== undefined) await warm(envoy, warming);
  }
}

/** One question for however many subscriptions. */
async function statsOf(
  { admin }: RunningEnvoy, awaited: readonly Awaited[],
): Promise<ReadonlyMap<string, string>> {
  const [only, ...more] = awaited;
  return admin.stats(only && more.length === 0
    ? `${only.stat}.` : "", ["version_text", "update_rejected"]);
}

const clustersWarming = "cluster_manager.warming_clusters";
const warmingStats: Readonly<Record<string, string>> = { [clustersStat]: clustersWarming };

/** Listeners wait for their filters and routes, which only then are asked for. */
export function listenersWarm(envoy: RunningEnvoy): Promise<void> {
  return warm(envoy, "listener_manager.total_listeners_warming");
}

function warm(envoy: RunningEnvoy, stat: string): Promise<void> {
  return until(envoy, `${stat} to be 0`, async () => await envoy.admin.stat(stat) === "0");
}

async function rejections(
  envoy: RunningEnvoy, awaited: readonly Awaited[],
): Promise<Rejections> {
  if (awaited.length === 0) return new Map();
  const stats = await statsOf(envoy, awaited);
  return new Map(awaited.map(({ stat }) =>
    [stat, Number(stats.get(`${stat}.update_rejected`) ?? 0)]));
}

async function refusal(envoy: RunningEnvoy, stat: string): Promise<Error> {
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

export async function until(
  envoy: RunningEnvoy, what: string, isDone: () => Promise<boolean>,
): Promise<void> {
  for (let tries = 0; tries < patience; tries += 1) {
    if (await isDone()) return;
    await sleep(10);
  }
  throw new Error(`Envoy does not get there: ${what}\n${lastLines(envoy.log())}`);
}
