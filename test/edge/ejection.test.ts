// Histories as tables: at a time, what happens, and which endpoints are out afterwards.

import { expect, test } from "vitest";

import type { OutlierDetection } from "../../compiler/ir.ts";
import { eject, isEjected, startEjection } from "../../runtime/edge/balancing/ejection.ts";

/** `[time in s, endpoint, status, how often]`, or `[time in s]` to look only. */
type Row = readonly [number] | readonly [number, number, number, number?];

/** The endpoints that are out after each row. */
function play(policy: OutlierDetection, endpoints: number, rows: readonly Row[]): number[][] {
  let state = startEjection(endpoints, 0);
  return rows.map(([seconds, host, status, times]) => {
    const now = seconds * 1000;
    if (host === undefined || status === undefined) {
      state = eject(state, { kind: "tick" }, policy, now);
    } else {
      for (let i = 0; i < (times ?? 1); i += 1) {
        state = eject(state, { kind: "response", host, status }, policy, now);
      }
    }
    return state.hosts.flatMap((h, i) => (h.ejectedAt === undefined ? [] : [i]));
  });
}

const half: OutlierDetection = {
  consecutive5xxErrors: 5, intervalMs: 30_000, baseEjectionTimeMs: 30_000, maxEjectionPercent: 50,
};

test("the fifth 5xx in a row ejects", () => {
  expect(play(half, 2, [[1, 0, 500, 4], [1, 0, 503]])).toEqual([[], [0]]);
});

test("an answer below 500 begins the run anew", () => {
  expect(play(half, 2, [[1, 0, 500, 4], [1, 0, 404], [1, 0, 500, 4], [1, 0, 500]]))
    .toEqual([[], [], [], [0]]);
});

test("another endpoint's answers do not count", () => {
  expect(play(half, 2, [[1, 0, 500, 4], [1, 1, 200], [1, 0, 500]])).toEqual([[], [], [0]]);
});

test("an ejection ends with the first interval after its time", () => {
  expect(play(half, 2, [[10, 0, 500, 5], [39], [40], [59], [60]]))
    .toEqual([[0], [0], [0], [0], []]);
});

test("each further ejection lasts one base time longer", () => {
  const rows: Row[] = [[10, 0, 500, 5], [60], [61, 0, 500, 5], [119], [120], [149], [150]];
  expect(play(half, 2, rows)).toEqual([[0], [], [0], [0], [0], [0], []]);
});

test("intervals without an ejection make the next one shorter again", () => {
  const rows: Row[] = [[10, 0, 500, 5], [60], [90], [91, 0, 500, 5], [149], [150]];
  expect(play(half, 2, rows)).toEqual([[0], [], [], [0], [0], []]);
});

test("a long silence is the same as a look at each interval", () => {
  const seldom = play(half, 2, [[10, 0, 500, 5], [3600], [3601, 0, 500, 5], [3659], [3660]]);
  expect(seldom).toEqual([[0], [], [0], [0], []]);
});

test("no ejection lasts longer than five minutes or the base time", () => {
  const policy = { ...half, baseEjectionTimeMs: 200_000, intervalMs: 1_000 };
  const rows: Row[] = [[0, 0, 500, 5], [200], [200, 0, 500, 5], [499], [500]];
  expect(play(policy, 2, rows)).toEqual([[0], [], [0], [0], []]);
});

test("never more than maxEjectionPercent are out", () => {
  expect(play(half, 3, [[1, 0, 500, 5], [1, 1, 500, 5]])).toEqual([[0], [0]]);
  expect(play(half, 4, [[1, 0, 500, 5], [1, 1, 500, 5], [1, 2, 500, 5]]))
    .toEqual([[0], [0, 1], [0, 1]]);
});

test("a single endpoint stays, where half of them may be out", () => {
  expect(play(half, 1, [[1, 0, 500, 50]])).toEqual([[]]);
});

test("ten percent may be out by default", () => {
  const policy = { consecutive5xxErrors: 1 };
  expect(play(policy, 9, [[1, 0, 500]])).toEqual([[]]);
  expect(play(policy, 10, [[1, 0, 500], [1, 1, 500]])).toEqual([[0], [0]]);
});

test("five 5xx eject by default, and none where the policy says 0", () => {
  expect(play({ maxEjectionPercent: 100 }, 1, [[1, 0, 500, 4], [1, 0, 500]])).toEqual([[], [0]]);
  expect(play({ maxEjectionPercent: 100, consecutive5xxErrors: 0 }, 1, [[1, 0, 500, 99]]))
    .toEqual([[]]);
});

test("gateway errors have a run of their own, which any other answer ends", () => {
  const policy = { consecutive5xxErrors: 0, consecutiveGatewayErrors: 2, maxEjectionPercent: 100 };
  expect(play(policy, 1, [[1, 0, 502], [1, 0, 500], [1, 0, 503], [1, 0, 504]]))
    .toEqual([[], [], [], [0]]);
});

test("errors of an ejected endpoint do not prolong its ejection", () => {
  expect(play(half, 2, [[10, 0, 500, 5], [20, 0, 500, 5], [60]])).toEqual([[0], [0], []]);
});

test("the version tells when an ejection begins or ends", () => {
  let state = startEjection(2, 0);
  const versions = ([[1, 500], [2, 500], [3, 200], [90, 200]] as const).map(([seconds, status]) => {
    for (let i = 0; i < 5; i += 1) {
      state = eject(state, { kind: "response", host: 0, status }, half, seconds * 1000);
    }
    return [state.version, isEjected(state, 0)];
  });
  expect(versions).toEqual([[1, true], [1, true], [1, true], [2, false]]);
});

test("failures on the way count as 503, timeouts as 504", () => {
  const policy = { consecutive5xxErrors: 0, consecutiveGatewayErrors: 2, maxEjectionPercent: 100 };
  let state = startEjection(1, 0);
  for (const kind of ["failed", "connected", "timeout"] as const) {
    state = eject(state, { kind, host: 0 }, policy, 1);
  }
  expect(isEjected(state, 0)).toBe(true);
});

test("split, answers and failures count by themselves; a connection ends a run of failures", () => {
  const policy = {
    consecutive5xxErrors: 3, consecutiveLocalOriginFailures: 2, maxEjectionPercent: 100,
    splitExternalLocalOriginErrors: true,
  };
  const after = (...kinds: readonly ("failed" | "timeout" | "connected" | 500)[]): boolean =>
    isEjected(kinds.reduce((state, kind) => eject(
      state,
      kind === 500 ? { kind: "response", host: 0, status: 500 } : { kind, host: 0 },
      policy, 1), startEjection(1, 0)), 0);
  expect(after("failed", "timeout")).toBe(true);
  expect(after("failed", "connected", "timeout")).toBe(false);
  expect(after(500, 500, "failed")).toBe(false);
  expect(after(500, 500, "failed", 500)).toBe(true);
});
