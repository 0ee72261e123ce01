// What isolates share of one cluster, as a function of (state, report, now). An isolate reports
// what came of its requests, as far as that moves an ejection, and how many it has under way; the
// reply is how things stand for all of them.

import type { OutlierDetection } from "../../../compiler/ir.ts";
import {
  eject, startEjection, type Ejection, type EjectionEvent, type EjectionHost,
} from "../balancing/ejection.ts";
import { grant, type Leases } from "./leases.ts";

/** The limits that are divided; the others stay each isolate's own. */
export const sharedLimits = ["maxConnections", "http2MaxRequests"] as const;
export type SharedLimits = Readonly<Partial<Record<(typeof sharedLimits)[number], number>>>;

export interface Report {
  /** A name of the isolate's own. */
  readonly isolate: string;
  /** `address:port`; events and the reply count by them. */
  readonly endpoints: readonly string[];
  /** Absent: there is nothing to eject. */
  readonly policy?: OutlierDetection;
  readonly outcomes: readonly Outcome[];
  readonly limits: SharedLimits;
  /** The most requests under way or waiting at one time since the last report. */
  readonly demand: number;
}

/** The same thing several times in a row. */
export interface Outcome {
  readonly event: EjectionEvent;
  readonly times: number;
}

export interface Reply {
  /** By the report's endpoints. */
  readonly ejection?: Ejection;
  /** The isolate's part of each limit. */
  readonly shares: SharedLimits;
}

/** By name, so that another deployment with other endpoints goes on with those it knows. */
export interface SharedState {
  /** When the last interval that was looked at ended. */
  readonly tickedAt: number;
  readonly hosts: Readonly<Record<string, SharedHost>>;
  readonly leases: Readonly<Partial<Record<(typeof sharedLimits)[number], Leases>>>;
}

interface SharedHost {
  readonly host: EjectionHost;
  /** When it was reported on last. */
  readonly seenAt: number;
}

export function startShared(now: number): SharedState {
  return { tickedAt: now, hosts: {}, leases: {} };
}

/** Longer than any ejection by default; whoever is not named for that long is forgotten. */
const forgottenMs = 600_000;

export function exchange(
  state: SharedState, report: Report, now: number,
): { readonly state: SharedState; readonly reply: Reply } {
  const leases = { ...state.leases };
  const shares: Partial<Record<(typeof sharedLimits)[number], number>> = {};
  for (const name of sharedLimits) {
    const limit = report.limits[name];
    if (limit === undefined) continue;
    const granted = grant(leases[name] ?? {}, report.isolate, report.demand, limit, now);
    leases[name] = granted;
    shares[name] = granted[report.isolate]?.granted ?? limit;
  }
  if (report.policy === undefined) return { state: { ...state, leases }, reply: { shares } };
  const ejection = replay(ejectionOf(state, report), report.outcomes, report.policy, now);
  const kept = Object.entries(state.hosts).filter(([, { seenAt }]) => seenAt + forgottenMs > now);
  const named = report.endpoints.flatMap((name, index): [string, SharedHost][] => {
    const host = ejection.hosts[index];
    return host === undefined ? [] : [[name, { host, seenAt: now }]];
  });
  return {
    state: {
      tickedAt: ejection.tickedAt, leases, hosts: Object.fromEntries([...kept, ...named]),
    },
    reply: { ejection, shares },
  };
}

/** The part of the state that the report is about, by its endpoints. */
function ejectionOf({ tickedAt, hosts }: SharedState, { endpoints }: Report): Ejection {
  const fresh = startEjection(endpoints.length, tickedAt);
  return {
    ...fresh,
    hosts: fresh.hosts.map((sound, index) => hosts[endpoints[index] ?? ""]?.host ?? sound),
  };
}

/** The state after all outcomes, as if they happened now. */
export function replay(
  start: Ejection, outcomes: readonly Outcome[], policy: OutlierDetection, now: number,
): Ejection {
  let state = eject(start, { kind: "tick" }, policy, now);
  for (const { event, times } of outcomes) {
    for (let i = 0; i < times; i += 1) state = eject(state, event, policy, now);
  }
  return state;
}

/** Whether other endpoints are out: that alone is worth keeping over a restart. */
export function isOtherwiseOut(a: SharedState, b: SharedState): boolean {
  const outs = ({ hosts }: SharedState): string => Object.entries(hosts)
    .filter(([, { host }]) => host.ejectedAt !== undefined)
    .map(([name, { host }]) => `${name} ${host.ejectedAt}`).sort().join();
  return outs(a) !== outs(b);
}
