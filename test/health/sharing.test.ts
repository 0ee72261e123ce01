// An isolate's side of the shared state, before an object that can be made to fail.

import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { ClusterPolicy } from "../../compiler/ir.ts";
import { enter, leave, report, startCluster, type LiveCluster }
  from "../../runtime/edge/balancing/cluster.ts";
import { openSharing, type Namespace, type Sharing } from "../../runtime/edge/shared/client.ts";
import {
  exchange, startShared, type Report, type SharedState,
} from "../../runtime/edge/shared/state.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.setSystemTime(1_000_000);
});

afterEach(() => vi.useRealTimers());

interface World {
  readonly live: LiveCluster;
  readonly sharing: Sharing;
  readonly reports: Report[];
  readonly warnings: string[];
  /** Carries out what is due and waits for it. */
  sync(): Promise<void>;
  mode: "works" | "fails";
}

function open(policy: ClusterPolicy): World {
  const endpoints = { kind: "static", addresses: [
    { address: "10.0.0.1", port: 80 }, { address: "10.0.0.2", port: 80 }] } as const;
  const cluster = { name: "c", protocol: "http1", endpoints, policy } as const;
  const live = startCluster(cluster, Date.now());
  let state: SharedState = startShared(Date.now());
  const reports: Report[] = [];
  const warnings: string[] = [];
  const fetch = async (_: string, { body }: { readonly body?: string }): Promise<Response> => {
    if (world.mode === "fails") throw new Error("on purpose");
    const asked = JSON.parse(body ?? "") as Report;
    reports.push(asked);
    const { state: next, reply } = exchange(state, asked, Date.now());
    state = next;
    return Response.json(reply);
  };
  const namespace: Namespace = { idFromName: (name) => name, get: () => ({ fetch }) };
  const sharing = openSharing({
    clusters: [live], namespace, warn: (text) => void warnings.push(text),
  });
  const sync = async (): Promise<void> => {
    const pending: Promise<unknown>[] = [];
    sharing.sync({ waitUntil: (promise) => void pending.push(promise) });
    await Promise.all(pending);
  };
  const world: World = { live, sharing, reports, warnings, sync, mode: "works" };
  return world;
}

const detection = { consecutive5xxErrors: 2, maxEjectionPercent: 50 };
const isOut = ({ live }: World, index: number): boolean =>
  live.ejection?.hosts[index]?.ejectedAt !== undefined;

test("nothing happened, nothing is exchanged; good answers alone once a second", async () => {
  const world = open({ outlierDetection: detection });
  await world.sync();
  expect(world.reports.length).toBe(0);
  for (let i = 0; i < 20; i += 1) {
    report(world.live, 0, 200);
    await world.sync();
    vi.setSystemTime(Date.now() + 100);
  }
  expect(world.reports.length).toBe(2);
});

test("failures are told at once, several as one", async () => {
  const world = open({ outlierDetection: { ...detection, consecutive5xxErrors: 9 } });
  for (let i = 0; i < 3; i += 1) report(world.live, 1, 503);
  await world.sync();
  expect(world.reports[0]?.outcomes)
    .toEqual([{ event: { kind: "response", host: 1, status: 503 }, times: 3 }]);
  await world.sync();
  expect(world.reports.length).toBe(1);
});

test("what could not be told is told when the object is back, and an ejection stands", async () => {
  const world = open({ outlierDetection: detection });
  report(world.live, 0, 200);
  await world.sync();
  world.mode = "fails";
  report(world.live, 0, 500);
  report(world.live, 0, 500);
  await world.sync();
  expect([isOut(world, 0), world.warnings.length]).toEqual([true, 1]);
  world.mode = "works";
  report(world.live, 1, 500);
  await world.sync();
  expect(world.reports.length).toBe(1);
  vi.setSystemTime(Date.now() + 5_000);
  await world.sync();
  expect(world.reports.length).toBe(2);
  expect([isOut(world, 0), isOut(world, 1)]).toEqual([true, false]);
});

test("old outcomes are no news", async () => {
  const world = open({ outlierDetection: detection });
  world.mode = "fails";
  report(world.live, 0, 500);
  await world.sync();
  vi.setSystemTime(Date.now() + 40_000);
  report(world.live, 0, 500);
  await world.sync();
  world.mode = "works";
  vi.setSystemTime(Date.now() + 5_000);
  report(world.live, 1, 500);
  await world.sync();
  expect(world.reports.map(({ outcomes }) => outcomes.length)).toEqual([1]);
});

test("a share takes the limit's place, and the limit is back while the object is not", async () => {
  const world = open({ http2MaxRequests: 8 });
  expect(await enter(world.live, 0)).toBe(true);
  await world.sync();
  expect(world.live.limits.http2MaxRequests).toBe(8);
  leave(world.live, 0);
  // Another isolate came meanwhile.
  world.live.limits = { ...world.live.limits, http2MaxRequests: 0 };
  expect(await enter(world.live, 0)).toBe(false);
  world.mode = "fails";
  await world.sync();
  expect(world.live.limits).toBe(world.live.cluster.policy);
  expect(world.warnings[0]).toContain("on purpose");
});

test("a cluster without limits and detection shares nothing", () => {
  const world = open({ loadBalancer: "RANDOM", maxConnections: 4_294_967_295 });
  expect(world.live.sharer).toBeUndefined();
});
