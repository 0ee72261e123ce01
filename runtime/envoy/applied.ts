// Waiting until Envoy has taken a file. Every file has a version, which Envoy repeats in its
// statistics once it has taken it; what it refuses it counts.

import { setTimeout as sleep } from "node:timers/promises";

import { gatewayPortName } from "../../compiler/emit/envoy/names.ts";
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

/** Places a file and waits until Envoy has taken it; rejects with the reason where it refuses. */
export async function applying(
  envoy: RunningEnvoy, stat: string, version: string, place: () => Promise<void>,
): Promise<void> {
  const rejected = await rejections(envoy, stat);
  await place();
  await applied(envoy, stat, version, rejected);
}

/** `rejected` is how many versions Envoy had refused before this one. */
export async function applied(
  envoy: RunningEnvoy, stat: string, version: string, rejected = 0,
): Promise<void> {
  await until(envoy, `version ${version} of ${stat}`, async () => {
    if (await envoy.admin.stat(`${stat}.version_text`) === version) return true;
    if (await rejections(envoy, stat) > rejected) throw await refusal(envoy, stat);
    return false;
  });
  const warming = warmingStats[stat];
  if (warming !== undefined) await warm(envoy, warming);
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

async function rejections({ admin }: RunningEnvoy, stat: string): Promise<number> {
  return Number(await admin.stat(`${stat}.update_rejected`) ?? 0);
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
