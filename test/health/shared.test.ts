// The pure parts of the shared state: histories of reports, and how a limit is divided.

import { expect, test } from "vitest";

import { grant, leaseMs, type Leases } from "../../runtime/edge/shared/leases.ts";
import {
  exchange, isOtherwiseOut, startShared, type Reply, type Report, type SharedState,
} from "../../runtime/edge/shared/state.ts";

const policy = {
  consecutive5xxErrors: 3, intervalMs: 10_000, baseEjectionTimeMs: 30_000, maxEjectionPercent: 50,
};
const report = (isolate: string, more: Partial<Report> = {}): Report => ({
  isolate, endpoints: ["a:1", "b:1"], policy, outcomes: [], limits: {}, demand: 1, ...more,
});
const failures = (host: number, times: number): Report["outcomes"] =>
  [{ event: { kind: "response", host, status: 503 }, times }];
const outs = ({ ejection }: Reply): number[] => ejection?.hosts.flatMap((host, index) =>
  (host.ejectedAt === undefined ? [] : [index])) ?? [];

function play(rows: readonly (readonly [number, Report])[]): {
  readonly replies: readonly Reply[]; readonly states: readonly SharedState[];
} {
  const states = [startShared(0)];
  const replies = rows.map(([at, sent]) => {
    const { state, reply } = exchange(states.at(-1)!, sent, at);
    states.push(state);
    return reply;
  });
  return { replies, states };
}

test("failures of several isolates make one run, and all learn of the ejection", () => {
  const { replies } = play([
    [1, report("x", { outcomes: failures(0, 2) })], [2, report("y", { outcomes: failures(0, 1) })],
    [3, report("x")], [40_000, report("x")],
  ]);
  expect(replies.map(outs)).toEqual([[], [0], [0], []]);
});

test("a good answer at any isolate ends the run", () => {
  const { replies } = play([
    [1, report("x", { outcomes: failures(0, 2) })],
    [2, report("y", {
      outcomes: [{ event: { kind: "response", host: 0, status: 200 }, times: 1 }] })],
    [3, report("x", { outcomes: failures(0, 2) })],
  ]);
  expect(replies.map(outs)).toEqual([[], [], []]);
});

test("never more than the percentage are out, whoever reports", () => {
  const { replies } = play([
    [1, report("x", { outcomes: failures(0, 3) })], [2, report("y", { outcomes: failures(1, 3) })],
  ]);
  expect(replies.map(outs)).toEqual([[0], [0]]);
});

test("a deployment with other endpoints goes on with those it knows, under their names", () => {
  const { replies } = play([
    [1, report("x", { outcomes: failures(1, 3) })],
    [2, report("y", { endpoints: ["b:1", "c:1", "d:1"] })], [3, report("x")],
  ]);
  expect(replies.map(outs)).toEqual([[1], [0], [1]]);
});

test("endpoints that nobody names are forgotten", () => {
  const { states } = play([
    [1, report("x")], [700_000, report("y", { endpoints: ["c:1"] })],
  ]);
  expect(Object.keys(states.at(-1)!.hosts)).toEqual(["c:1"]);
});

test("only ejections that begin or end are worth keeping over a restart", () => {
  const { states } = play([
    [1, report("x", { outcomes: failures(0, 2) })], [2, report("x", { outcomes: failures(0, 1) })],
    [3, report("x")], [40_000, report("x")],
  ]);
  const changes = states.slice(1).map((state, i) => isOtherwiseOut(states[i]!, state));
  expect(changes).toEqual([false, true, false, true]);
});

test("a report without outlier detection is answered with shares alone", () => {
  const { reply } = exchange(startShared(0), report("x", {
    policy: undefined, limits: { maxConnections: 8 },
  }), 1);
  expect(reply).toEqual({ shares: { maxConnections: 8 } });
});

// --- Leases --------------------------------------------------------------------------------------

/** `[at, isolate, demand]`: what each is granted, in turn. */
function grants(limit: number, rows: readonly (readonly [number, string, number])[]): number[] {
  let leases: Leases = {};
  return rows.map(([at, isolate, demand]) => {
    leases = grant(leases, isolate, demand, limit, at);
    return leases[isolate]!.granted;
  });
}

test("who is alone has the whole limit", () => {
  expect(grants(100, [[0, "x", 1], [1, "x", 500]])).toEqual([100, 100]);
});

test("a second isolate gets one place until the first comes back, then its share", () => {
  expect(grants(10, [[0, "x", 20], [1, "y", 20], [2, "x", 20], [3, "y", 20]]))
    .toEqual([10, 1, 5, 5]);
});

test("who needs little leaves the rest to who needs much", () => {
  const rows = [[0, "x", 2], [1, "y", 50], [2, "x", 2], [3, "y", 50]] as const;
  expect(grants(10, rows).slice(2)).toEqual([2, 8]);
});

test("a lease that runs out is free for others", () => {
  expect(grants(10, [[0, "x", 10], [leaseMs, "y", 10]])).toEqual([10, 10]);
});

test("together the isolates never hold more than the limit, but for one each", () => {
  let leases: Leases = {};
  const limit = 7;
  for (let step = 0; step < 500; step += 1) {
    const isolate = `i${(step * 7919) % 5}`;
    leases = grant(leases, isolate, (step * 31) % 13, limit, step * 97);
    const held = Object.values(leases).map((lease) => lease.granted);
    const beyond = held.filter((granted) => granted === 1).length;
    expect(held.reduce((sum, granted) => sum + granted, 0)).toBeLessThanOrEqual(limit + beyond);
    expect(Math.min(...held)).toBeGreaterThan(0);
  }
});
