// An isolate's side of the shared state. Nothing on a request's way waits for the object: what came
// of requests is gathered here and exchanged beside them, and until the reply is there, as well as
// where it never comes, the isolate goes by what it knows itself.
//
// An exchange is due when an outcome moved an ejection, when a request found its share of a limit
// used up, and otherwise a second after the last one as long as there are requests.

import type { Context } from "../forward.ts";
import type { LiveCluster, Sharer } from "../balancing/cluster.ts";
import type { EjectionEvent } from "../balancing/ejection.ts";
import { unlimited } from "../balancing/limits.ts";
import {
  replay, sharedLimits, type Outcome, type Reply, type Report, type SharedLimits,
} from "./state.ts";

/** A Durable Object namespace, as far as it is used here. */
export interface Namespace {
  idFromName(name: string): unknown;
  get(id: never): { fetch(url: string, init: object): Promise<Response> };
}

export interface Sharing {
  /** Carries out what is due, beside the request whose context this is. */
  sync(context: Context): void;
}

export interface SharingOptions {
  readonly clusters: readonly LiveCluster[];
  readonly namespace: Namespace;
  readonly warn: (text: string) => void;
}

const freshMs = 1_000;
/** No longer waited for, nor is another exchange begun before. */
const patienceMs = 2_000;
/** After a failure. */
const pauseMs = 5_000;
const outcomesMax = 1_000;
/** Outcomes that could not be told for so long are no news any more. */
const keptMs = 30_000;
/** One request's context carries so many exchanges at most. */
const roundsMax = 10;

interface Part {
  readonly live: LiveCluster;
  outcomes: Outcome[];
  demand: number;
  syncedAt: number;
  /** 0: no exchange is under way. Its request may be gone, and with it the exchange. */
  begunAt: number;
  pausedUntil: number;
}

export function openSharing({ clusters, namespace, warn }: SharingOptions): Sharing {
  const due = new Set<Part>();
  for (const live of clusters) {
    if (!isShared(live)) continue;
    const part: Part = {
      live, outcomes: [], demand: 0, syncedAt: 0, begunAt: 0, pausedUntil: 0,
    };
    live.sharer = sharerOf(part, due);
  }
  // A platform that starts us does not give chance before the first request.
  let isolate: string | undefined;
  const sync = (context: Context): void => {
    if (due.size === 0) return;
    isolate ??= crypto.randomUUID();
    const now = Date.now();
    for (const part of due) {
      if (part.begunAt > 0 && now - part.begunAt < patienceMs) continue;
      if (now < part.pausedUntil) continue;
      due.delete(part);
      part.begunAt = now;
      context.waitUntil(exchanges(part, isolate, namespace, due, warn));
    }
  };
  return { sync };
}

function isShared({ cluster: { policy } }: LiveCluster): boolean {
  return policy.outlierDetection !== undefined
    || sharedLimits.some((name) => (policy[name] ?? unlimited) < unlimited);
}

function sharerOf(part: Part, due: Set<Part>): Sharer {
  return {
    note: (event, isNews) => {
      if (isNews && event.kind !== "tick") {
        gather(part, event);
        due.add(part);
      } else if (Date.now() - part.syncedAt >= freshMs) {
        due.add(part);
      }
    },
    entered: (isFull) => {
      const { active, waiting } = part.live;
      part.demand = Math.max(part.demand, active + waiting.length + 1);
      if (isFull || Date.now() - part.syncedAt >= freshMs) due.add(part);
    },
  };
}

function gather({ outcomes }: Part, event: EjectionEvent): void {
  const last = outcomes.at(-1);
  const isSame = last !== undefined && JSON.stringify(last.event) === JSON.stringify(event);
  if (isSame) outcomes[outcomes.length - 1] = { event, times: last.times + 1 };
  else outcomes.push({ event, times: 1 });
  if (outcomes.length > outcomesMax) outcomes.shift();
}

/** One after the other as long as there is news. Never rejects. */
async function exchanges(
  part: Part, isolate: string, namespace: Namespace, due: Set<Part>,
  warn: (text: string) => void,
): Promise<void> {
  let outcomes: readonly Outcome[] = [];
  try {
    for (let round = 0; round < roundsMax; round += 1) {
      part.begunAt = Date.now();
      ({ outcomes } = part);
      part.outcomes = [];
      adopt(part, await ask(namespace, reportOf(part, outcomes, isolate)));
      due.delete(part);
      if (part.outcomes.length === 0) break;
    }
    if (part.outcomes.length > 0) due.add(part);
  } catch (error) {
    const { live } = part;
    // Alone again: the isolate's own ejections stand, and its limits are the policy's.
    live.limits = live.cluster.policy;
    const isNews = Date.now() - part.syncedAt < keptMs;
    part.outcomes = isNews ? [...outcomes, ...part.outcomes].slice(-outcomesMax) : [];
    part.pausedUntil = Date.now() + pauseMs;
    const reason = error instanceof Error ? error.message : String(error);
    warn(`shared state of ${live.cluster.name} is out of reach, this isolate goes on by itself`
      + ` and asks again in ${pauseMs / 1000} s: ${reason}`);
  } finally {
    part.begunAt = 0;
  }

  async function ask(from: Namespace, report: Report): Promise<Reply> {
    const object = from.get(from.idFromName(part.live.cluster.name) as never);
    const response = await object.fetch("https://shared.invalid/", {
      method: "POST", body: JSON.stringify(report), signal: AbortSignal.timeout(patienceMs),
    });
    if (!response.ok) throw new Error(`it answers ${response.status}`);
    return await response.json() as Reply;
  }
}

function reportOf(
  part: Part, outcomes: readonly Outcome[], isolate: string,
): Report {
  const { cluster: { policy }, endpoints, active, waiting } = part.live;
  const demand = Math.max(part.demand, active + waiting.length);
  part.demand = 0;
  return {
    isolate, outcomes, demand, limits: limitsOf(policy),
    endpoints: endpoints.map(({ address, port }) => `${address}:${port}`),
    ...(policy.outlierDetection && { policy: policy.outlierDetection }),
  };
}

function limitsOf(policy: SharedLimits): SharedLimits {
  return Object.fromEntries(sharedLimits.flatMap((name) => {
    const limit = policy[name] ?? unlimited;
    return limit === unlimited ? [] : [[name, limit]];
  }));
}

/** Takes the reply over, and on top of it what happened here since the report. */
function adopt(part: Part, { ejection, shares }: Reply): void {
  const { live } = part;
  const now = Date.now();
  part.syncedAt = now;
  const { policy } = live.cluster;
  live.limits = { ...policy, ...shares };
  if (ejection === undefined || policy.outlierDetection === undefined) return;
  const shared = replay(ejection, part.outcomes, policy.outlierDetection, now);
  const before = live.ejection;
  const isSame = shared.hosts.every((host, i) => host.ejectedAt === before?.hosts[i]?.ejectedAt);
  // Two isolates count versions each by itself.
  live.ejection = { ...shared, version: (before?.version ?? 0) + (isSame ? 0 : 1) };
}
