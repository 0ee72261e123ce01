// The edge's ejection against a model of Envoy's (source/common/upstream/outlier_detection_impl.cc
// of Envoy 1.40): counters, a timer that goes off once an interval, and one thing after the other.
// Both get the same random histories.

import { expect, test } from "vitest";

import type { OutlierDetection } from "../../compiler/ir.ts";
import {
  eject, isEjected, startEjection, type EjectionEvent,
} from "../../runtime/edge/balancing/ejection.ts";

type Happening = Exclude<EjectionEvent, { readonly kind: "tick" }>;

interface ModelHost {
  run5xx: number;
  runGateway: number;
  runLocal: number;
  isOut: boolean;
  outSince: number;
  backSince: number | undefined;
  backoff: number;
}

type Counter = "run5xx" | "runGateway" | "runLocal";

interface Model {
  readonly policy: Required<OutlierDetection>;
  readonly hosts: readonly ModelHost[];
  nextLook: number;
}

const longest = ({ baseEjectionTimeMs }: Required<OutlierDetection>): number =>
  Math.max(300_000, baseEjectionTimeMs);

function look({ hosts, policy }: Model, now: number): void {
  for (const host of hosts) {
    const time = Math.min(policy.baseEjectionTimeMs * host.backoff, longest(policy));
    if (!host.isOut || now - host.outSince < time) continue;
    Object.assign(host, { isOut: false, backSince: now, run5xx: 0, runGateway: 0, runLocal: 0 });
  }
  for (const host of hosts) {
    const isQuiet = host.backSince !== undefined && now - host.backSince >= policy.intervalMs;
    if (!host.isOut && isQuiet && host.backoff > 0) host.backoff -= 1;
  }
}

function bump(model: Model, host: ModelHost, counter: Counter, limit: number, now: number): void {
  const { hosts, policy } = model;
  host[counter] += 1;
  if (host[counter] !== limit || host.isOut) return;
  const out = hosts.filter(({ isOut }) => isOut).length;
  if ((100 * (out + 1)) / hosts.length <= policy.maxEjectionPercent) {
    host.isOut = true;
    host.outSince = now;
    const { baseEjectionTimeMs: base } = policy;
    if (host.backoff * base < longest(policy) + base) host.backoff += 1;
  }
  host[counter] = 0;
}

function answer(model: Model, host: ModelHost, status: number, now: number): void {
  const { policy } = model;
  if (status < 500) {
    host.run5xx = 0;
    host.runGateway = 0;
    return;
  }
  const isGateway = status === 502 || status === 503 || status === 504;
  if (isGateway) bump(model, host, "runGateway", policy.consecutiveGatewayErrors, now);
  else host.runGateway = 0;
  bump(model, host, "run5xx", policy.consecutive5xxErrors, now);
}

function happen(model: Model, event: Happening, now: number): void {
  for (; model.nextLook <= now; model.nextLook += model.policy.intervalMs) {
    look(model, model.nextLook);
  }
  const { policy } = model;
  const host = model.hosts[event.host]!;
  if (event.kind === "response") return answer(model, host, event.status, now);
  if (event.kind === "connected") {
    if (policy.splitExternalLocalOriginErrors) host.runLocal = 0;
  } else if (policy.splitExternalLocalOriginErrors) {
    bump(model, host, "runLocal", policy.consecutiveLocalOriginFailures, now);
  } else {
    answer(model, host, event.kind === "failed" ? 503 : 504, now);
  }
}

/** mulberry32 */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

function drawPolicy(below: (limit: number) => number): Required<OutlierDetection> {
  return {
    consecutive5xxErrors: below(5), consecutiveGatewayErrors: below(4),
    consecutiveLocalOriginFailures: 1 + below(3),
    splitExternalLocalOriginErrors: below(2) === 0,
    intervalMs: [90, 700, 10_000, 30_000][below(4)]!,
    baseEjectionTimeMs: [1, 999, 30_000, 170_000, 400_000][below(5)]!,
    maxEjectionPercent: [10, 34, 50, 100][below(4)]!,
    minHealthPercent: 0,
  };
}

function drawEvent(below: (limit: number) => number, hosts: number): Happening {
  const host = below(hosts);
  const kind = below(8);
  if (kind === 0) return { kind: "connected", host };
  if (kind === 1) return { kind: "failed", host };
  if (kind === 2) return { kind: "timeout", host };
  return { kind: "response", host, status: [200, 404, 500, 500, 501, 502, 503, 504][below(8)]! };
}

test("400 random histories eject and return as Envoy does", () => {
  let ejections = 0;
  for (let seed = 1; seed <= 400; seed += 1) {
    const below = random(seed);
    const policy = drawPolicy(below);
    const count = 1 + below(6);
    const hosts = Array.from({ length: count }, (): ModelHost => ({
      run5xx: 0, runGateway: 0, runLocal: 0, isOut: false, outSince: 0, backSince: undefined,
      backoff: 0,
    }));
    const model: Model = { policy, hosts, nextLook: policy.intervalMs };
    let state = startEjection(count, 0);
    let now = 0;
    for (let step = 0; step < 250; step += 1) {
      now += [0, 0, 0, 1, 250, 5_000, 40_000][below(7)]!;
      const event = drawEvent(below, count);
      happen(model, event, now);
      const { version } = state;
      const before = hosts.map((_, i) => isEjected(state, i));
      state = eject(state, event, policy, now);
      const out = hosts.map((_, i) => isEjected(state, i));
      const wanted = hosts.map(({ isOut }) => isOut);
      // Asking `expect` a hundred thousand times takes longer than all the rest.
      const isSame = out.join() === wanted.join();
      if (!isSame) expect(out, `history ${seed}, step ${step}`).toEqual(wanted);
      if (out.join() !== before.join()) expect(state.version).toBeGreaterThan(version);
      ejections += out.filter((o, i) => o && !before[i]).length;
    }
    expect(state.hosts.map(({ backoff }) => backoff)).toEqual(hosts.map(({ backoff }) => backoff));
  }
  expect(ejections).toBeGreaterThan(1_000);
});
