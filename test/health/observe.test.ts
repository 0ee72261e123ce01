// What the edge tells of its clusters, as values.

import { expect, test } from "vitest";

import type { ClusterPolicy } from "../../compiler/ir.ts";
import {
  enter, overflow, report, startCluster, type LiveCluster,
} from "../../runtime/edge/balancing/cluster.ts";
import { eject, ejectionEnd, startEjection } from "../../runtime/edge/balancing/ejection.ts";
import type { HealthEvent } from "../../runtime/health/event.ts";
import { ejectionEvents } from "../../runtime/health/observe.ts";

const half = {
  consecutive5xxErrors: 5, intervalMs: 30_000, baseEjectionTimeMs: 30_000, maxEjectionPercent: 50,
};
const nameAt = (index: number): string => `10.0.0.${index}:80`;

/** `[seconds, endpoint, status, times]`; the events of each row, without their cluster. */
function play(rows: readonly (readonly [number, number, number, number])[]): unknown[] {
  let state = startEjection(3, 0);
  return rows.map(([seconds, host, status, times]) => {
    const now = seconds * 1000;
    const told: HealthEvent[] = [];
    for (let i = 0; i < times; i += 1) {
      const before = state;
      state = eject(state, { kind: "response", host, status }, half, now);
      told.push(...ejectionEvents(before, state, half, "c", nameAt, now));
    }
    return told.map(({ cluster: _, ...event }) => event);
  });
}

test("an ejection names its cause and its end, and the return is told", () => {
  const cause = { kind: "consecutive5xxErrors", count: 5 };
  expect(play([[10, 1, 500, 4], [10, 1, 503, 1], [59, 0, 200, 1], [60, 0, 200, 1]])).toEqual([
    [],
    [{ kind: "ejected", endpoint: "10.0.0.1:80", cause, at: 10_000, until: 60_000 }],
    [],
    [{ kind: "returned", endpoint: "10.0.0.1:80", at: 60_000 }],
  ]);
});

test("a second ejection in one step with the first one's end is told as both", () => {
  const state = startEjection(2, 0);
  const out = eject(state, { kind: "response", host: 0, status: 500 },
    { ...half, consecutive5xxErrors: 1 }, 1000);
  const again = eject(out, { kind: "response", host: 0, status: 500 },
    { ...half, consecutive5xxErrors: 1 }, 61_000);
  const kinds = ejectionEvents(out, again, half, "c", nameAt, 61_000).map(({ kind }) => kind);
  expect(kinds).toEqual(["returned", "ejected"]);
  expect(ejectionEnd(again, 1, half)).toBeUndefined();
});

test("an endpoint that stays because others are out is told as an overflow", () => {
  const [, second] = play([[1, 0, 500, 5], [1, 1, 500, 5]]);
  expect(second).toEqual([{ kind: "overflowed", limit: "ejections", count: 1, at: 1000 }]);
});

test("gateway errors are a cause of their own", () => {
  const policy = { consecutive5xxErrors: 0, consecutiveGatewayErrors: 1, maxEjectionPercent: 100 };
  const before = startEjection(1, 0);
  const after = eject(before, { kind: "response", host: 0, status: 502 }, policy, 5);
  expect(ejectionEvents(before, after, policy, "c", nameAt, 5)).toMatchObject([
    { cause: { kind: "consecutiveGatewayErrors", count: 1 } },
  ]);
});

function live(policy: ClusterPolicy, told: HealthEvent[]): LiveCluster {
  const endpoints = { kind: "static", addresses: [{ address: "10.0.0.1", port: 80 }] } as const;
  const cluster = { name: "c", protocol: "http1", endpoints, policy } as const;
  return startCluster(cluster, Date.now(), (event) => told.push(event));
}

test("every limit of a live cluster tells when it holds something back", async () => {
  const told: HealthEvent[] = [];
  const requests = live({ http2MaxRequests: 1 }, told);
  expect([await enter(requests, 0), await enter(requests, 0)]).toEqual([true, false]);
  const pending = live({ maxConnections: 1, http1MaxPendingRequests: 1 }, told);
  expect(await enter(pending, 0)).toBe(true);
  const gone = new AbortController();
  const waits = enter(pending, 0, gone.signal);
  expect(await enter(pending, 0)).toBe(false);
  gone.abort();
  expect(await waits).toBe(false);
  overflow(pending, "retries");
  expect(told.map((event) => (event.kind === "overflowed" ? event.limit : event.kind)))
    .toEqual(["requests", "connections", "pending", "retries"]);
});

test("nobody who watches, nothing is told", () => {
  const cluster = live({ outlierDetection: { ...half, consecutive5xxErrors: 1 } }, []);
  const unwatched = { ...cluster, observe: undefined };
  expect(() => report(unwatched, 0, 500)).not.toThrow();
});
