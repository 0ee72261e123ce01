// Outlier ejection as Envoy does it, as a function of (state, event, now). An endpoint that answers
// a run of 5xx is left out for the base time multiplied by how often it was ejected lately; ends of
// ejections are looked at once an interval only. Failures to connect count as 503, timeouts as 504.
//
// Defaults are Envoy's, but for `minHealthPercent`: as in Istio, there is no panic mode unless the
// policy asks for it.

import type { OutlierDetection } from "../../compiler/ir.ts";
import type { EjectionCause } from "../health/event.ts";

export interface EjectionHost {
  readonly run5xx: number;
  readonly runGateway: number;
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
}

export type EjectionEvent =
  | { readonly kind: "tick" }
  | { readonly kind: "response"; readonly host: number; readonly status: number };

const intervalDefaultMs = 10_000;
const baseEjectionDefaultMs = 30_000;
const maxEjectionDefaultMs = 300_000;
const maxEjectionDefaultPercent = 10;
const consecutive5xxDefault = 5;

const soundHost: EjectionHost = { run5xx: 0, runGateway: 0, backoff: 0 };

export function startEjection(hostCount: number, now: number): Ejection {
  return { tickedAt: now, hosts: Array.from({ length: hostCount }, () => soundHost) };
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
  const next = respond(ticked, host, event.status, policy, now);
  if (next === host) return ticked;
  return { ...ticked, hosts: ticked.hosts.map((h, i) => (i === event.host ? next : h)) };
}

function respond(
  state: Ejection,
  host: EjectionHost,
  status: number,
  policy: OutlierDetection,
  now: number,
): EjectionHost {
  if (status < 500) {
    const isClean = host.run5xx === 0 && host.runGateway === 0;
    return isClean ? host : { ...host, run5xx: 0, runGateway: 0 };
  }
  const isGatewayError = status >= 502 && status <= 504;
  const counted: EjectionHost = {
    ...host,
    run5xx: host.run5xx + 1,
    runGateway: isGatewayError ? host.runGateway + 1 : 0,
  };
  const limit5xx = policy.consecutive5xxErrors ?? consecutive5xxDefault;
  const limitGateway = policy.consecutiveGatewayErrors ?? 0;
  const over5xx = limit5xx > 0 && counted.run5xx >= limit5xx;
  const overGateway = limitGateway > 0 && counted.runGateway >= limitGateway;
  if (host.ejectedAt !== undefined || !(over5xx || overGateway)) return counted;
  const reset: EjectionHost = {
    ...counted,
    run5xx: over5xx ? 0 : counted.run5xx,
    runGateway: overGateway ? 0 : counted.runGateway,
  };
  if (!mayEject(state, policy)) return { ...reset, spared: (host.spared ?? 0) + 1 };
  const { base, longest } = durations(policy);
  const grows = host.backoff * base < longest + base;
  const cause: EjectionCause = over5xx
    ? { kind: "consecutive5xxErrors", count: counted.run5xx }
    : { kind: "consecutiveGatewayErrors", count: counted.runGateway };
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
  return { tickedAt: state.tickedAt + ticks * interval, hosts };
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
  return relax({ run5xx: 0, runGateway: 0, backoff: host.backoff }, ticks - ending);
}

/** Each interval without an ejection makes the next one shorter. */
function relax(host: EjectionHost, ticks: number): EjectionHost {
  if (ticks === 0 || host.backoff === 0) return host;
  return { ...host, backoff: Math.max(0, host.backoff - ticks) };
}

/**
 * Which endpoints may take a request; undefined means all of them. With fewer sound ones than
 * `minHealthPercent`, ejections are not heeded (Envoy's panic mode).
 */
export function eligible(
  state: Ejection,
  policy: OutlierDetection,
): ((host: number) => boolean) | undefined {
  const sound = state.hosts.filter((h) => h.ejectedAt === undefined).length;
  if (sound === state.hosts.length) return undefined;
  if ((100 * sound) / state.hosts.length < (policy.minHealthPercent ?? 0)) return undefined;
  return (host) => state.hosts[host]?.ejectedAt === undefined;
}
