// Outlier ejection as Envoy does it, as a function of (state, event, now). An endpoint that fails
// several times in a row is left out for the base time multiplied by how often it was ejected
// lately; ends of ejections are looked at once an interval only.
//
// Answers and what went wrong on the way to them are counted together, a connection that failed as
// a 503 and a timeout as a 504. With `splitExternalLocalOriginErrors` answers count by themselves,
// and so do failures, which a connection that was made ends.
//
// Defaults are Envoy's, but for `minHealthPercent`: as in Istio, there is no panic mode unless the
// policy asks for it.

import type { OutlierDetection } from "../../../compiler/ir.ts";
import type { EjectionCause } from "../../health/event.ts";

export interface EjectionHost {
  readonly run5xx: number;
  readonly runGateway: number;
  readonly runLocal: number;
  /** Present while ejected: since when. */
  readonly ejectedAt?: number;
  /** Present while ejected: why. */
  readonly cause?: EjectionCause;
  /** How often it stayed because too many others were out. */
  readonly spared?: number;
  /** How many base times the next (or present) ejection lasts, at most. */
  readonly backoff: number;
}

export interface Ejection {
  /** When the last interval that was looked at ended. */
  readonly tickedAt: number;
  readonly hosts: readonly EjectionHost[];
  /** Changes whenever an ejection begins or ends. */
  readonly version: number;
}

export type EjectionEvent =
  | { readonly kind: "tick" }
  | { readonly kind: "response"; readonly host: number; readonly status: number }
  /** A connection was made. */
  | { readonly kind: "connected"; readonly host: number }
  /** No connection, or it was lost before its answer was over. */
  | { readonly kind: "failed"; readonly host: number }
  | { readonly kind: "timeout"; readonly host: number };

const intervalDefaultMs = 10_000;
const baseEjectionDefaultMs = 30_000;
const maxEjectionDefaultMs = 300_000;
const maxEjectionDefaultPercent = 10;
const consecutive5xxDefault = 5;
const consecutiveLocalDefault = 5;

const soundHost: EjectionHost = { run5xx: 0, runGateway: 0, runLocal: 0, backoff: 0 };

export function startEjection(hostCount: number, now: number): Ejection {
  return { tickedAt: now, hosts: Array.from({ length: hostCount }, () => soundHost), version: 0 };
}

/** The state for other endpoints: each takes the host it was before, or none. */
export function regroup(state: Ejection, from: readonly (number | undefined)[]): Ejection {
  const hosts = from.map((index) => (index === undefined ? undefined : state.hosts[index]));
  return {
    tickedAt: state.tickedAt,
    hosts: hosts.map((host) => host ?? soundHost),
    version: state.version + 1,
  };
}

/** The state after `event`. The same object where nothing changed. */
export function eject(
  state: Ejection,
  event: EjectionEvent,
  policy: OutlierDetection,
  now: number,
): Ejection {
  const ticked = tick(state, policy, now);
  if (event.kind === "tick") return ticked;
  const host = ticked.hosts[event.host];
  if (host === undefined) return ticked;
  const counted = count(host, event, policy);
  if (counted === host) return ticked;
  const next = judge(ticked, counted, policy, now);
  const version = next.ejectedAt === host.ejectedAt ? ticked.version : ticked.version + 1;
  return {
    ...ticked, version, hosts: ticked.hosts.map((h, i) => (i === event.host ? next : h)),
  };
}

function count(
  host: EjectionHost,
  event: Exclude<EjectionEvent, { readonly kind: "tick" }>,
  policy: OutlierDetection,
): EjectionHost {
  const isSplit = policy.splitExternalLocalOriginErrors === true;
  if (event.kind === "response") return countStatus(host, event.status);
  if (event.kind === "connected") {
    return isSplit && host.runLocal > 0 ? { ...host, runLocal: 0 } : host;
  }
  if (isSplit) return { ...host, runLocal: host.runLocal + 1 };
  return countStatus(host, event.kind === "failed" ? 503 : 504);
}

function countStatus(host: EjectionHost, status: number): EjectionHost {
  if (status < 500) {
    const isClean = host.run5xx === 0 && host.runGateway === 0;
    return isClean ? host : { ...host, run5xx: 0, runGateway: 0 };
  }
  const isGatewayError = status >= 502 && status <= 504;
  const runGateway = isGatewayError ? host.runGateway + 1 : 0;
  return { ...host, run5xx: host.run5xx + 1, runGateway };
}

/** A run that has come to its limit ejects, or begins anew where nothing more may be ejected. */
function judge(
  state: Ejection,
  host: EjectionHost,
  policy: OutlierDetection,
  now: number,
): EjectionHost {
  const isOver = (run: number, limit: number): boolean => limit > 0 && run >= limit;
  const over5xx = isOver(host.run5xx, policy.consecutive5xxErrors ?? consecutive5xxDefault);
  const overGateway = isOver(host.runGateway, policy.consecutiveGatewayErrors ?? 0);
  const overLocal = policy.splitExternalLocalOriginErrors === true
    && isOver(host.runLocal, policy.consecutiveLocalOriginFailures ?? consecutiveLocalDefault);
  if (host.ejectedAt !== undefined || !(over5xx || overGateway || overLocal)) return host;
  const reset: EjectionHost = {
    ...host,
    run5xx: over5xx ? 0 : host.run5xx,
    runGateway: overGateway ? 0 : host.runGateway,
    runLocal: overLocal ? 0 : host.runLocal,
  };
  if (!mayEject(state, policy)) return { ...reset, spared: (host.spared ?? 0) + 1 };
  const { base, longest } = durations(policy);
  const grows = host.backoff * base < longest + base;
  const cause: EjectionCause = overLocal
    ? { kind: "consecutiveLocalOriginFailures", count: host.runLocal }
    : overGateway
      ? { kind: "consecutiveGatewayErrors", count: host.runGateway }
      : { kind: "consecutive5xxErrors", count: host.run5xx };
  return { ...reset, ejectedAt: now, cause, backoff: grows ? host.backoff + 1 : host.backoff };
}

function mayEject(state: Ejection, policy: OutlierDetection): boolean {
  const ejected = state.hosts.filter((h) => h.ejectedAt !== undefined).length;
  const percent = (100 * (ejected + 1)) / state.hosts.length;
  return percent <= (policy.maxEjectionPercent ?? maxEjectionDefaultPercent);
}

function durations(policy: OutlierDetection): { readonly base: number; readonly longest: number } {
  const base = policy.baseEjectionTimeMs ?? baseEjectionDefaultMs;
  return { base, longest: Math.max(maxEjectionDefaultMs, base) };
}

/** When an ejection ends: with the first interval after its time. Undefined for a sound host. */
export function ejectionEnd(
  state: Ejection,
  index: number,
  policy: OutlierDetection,
): number | undefined {
  const host = state.hosts[index];
  if (host?.ejectedAt === undefined) return undefined;
  const { interval, tick: ending } = endingTick(state.tickedAt, host, host.ejectedAt, policy);
  return state.tickedAt + ending * interval;
}

/** The interval with which an ejection ends, counted from `from`. */
function endingTick(
  from: number,
  { backoff }: EjectionHost,
  ejectedAt: number,
  policy: OutlierDetection,
): { readonly interval: number; readonly tick: number } {
  const interval = intervalOf(policy);
  const until = ejectedAt + ejectionTime(backoff, policy);
  return { interval, tick: Math.max(1, Math.ceil((until - from) / interval)) };
}

/** How long an ejection lasts, in milliseconds, before the interval it ends with. */
export function ejectionTime(backoff: number, policy: OutlierDetection): number {
  const { base, longest } = durations(policy);
  return Math.min(base * backoff, longest);
}

/** In milliseconds. */
export function intervalOf({ intervalMs }: OutlierDetection): number {
  return Math.max(1, intervalMs ?? intervalDefaultMs);
}

/** Carries out all intervals that ended up to `now`, however many. */
function tick(state: Ejection, policy: OutlierDetection, now: number): Ejection {
  const interval = intervalOf(policy);
  const ticks = Math.floor((now - state.tickedAt) / interval);
  if (ticks <= 0) return state;
  const hosts = state.hosts.map((host) => tickHost(host, state.tickedAt, ticks, policy));
  const hasEnded = hosts.some((host, i) => host.ejectedAt !== state.hosts[i]?.ejectedAt);
  return {
    tickedAt: state.tickedAt + ticks * interval,
    hosts,
    version: hasEnded ? state.version + 1 : state.version,
  };
}

function tickHost(
  host: EjectionHost,
  from: number,
  ticks: number,
  policy: OutlierDetection,
): EjectionHost {
  if (host.ejectedAt === undefined) return relax(host, ticks);
  const { tick: ending } = endingTick(from, host, host.ejectedAt, policy);
  if (ending > ticks) return host;
  return relax({ ...soundHost, backoff: host.backoff }, ticks - ending);
}

/** Each interval without an ejection makes the next one shorter. */
function relax(host: EjectionHost, ticks: number): EjectionHost {
  if (ticks === 0 || host.backoff === 0) return host;
  return { ...host, backoff: Math.max(0, host.backoff - ticks) };
}

export function isEjected(state: Ejection, host: number): boolean {
  return state.hosts[host]?.ejectedAt !== undefined;
}
