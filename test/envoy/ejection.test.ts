// Outlier detection in a real Envoy, as the clusters of a DestinationRule carry it.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { noPolicy, type Cluster, type OutlierDetection } from "../../compiler/ir.ts";
import { ok, startFaulty, status, type FaultyBackend } from "../backends/faulty.ts";
import { envoyOrReason } from "./binary.ts";
import { startPicked, type Picked } from "./picked.ts";
import { cluster } from "./world.ts";

const { reason } = await envoyOrReason();

/** Of the seed's DestinationRule. */
const canary: OutlierDetection = {
  consecutive5xxErrors: 5, intervalMs: 30_000, baseEjectionTimeMs: 30_000, maxEjectionPercent: 50,
};
/** Ejects as fast as a test wants to see it. */
const quick: OutlierDetection = {
  consecutive5xxErrors: 2, intervalMs: 50, baseEjectionTimeMs: 100, maxEjectionPercent: 100,
};

/**
 * Envoy hands its workers the changes of a cluster's health at once, but those that come within a
 * second of one another together (`update_merge_window`): statistics show an ejection before.
 */
const patience = { timeout: 5_000 };

describe.skipIf(reason)(`outlier detection${reason}`, { timeout: 60_000 }, () => {
  const backends: FaultyBackend[] = [];
  let picked: Picked<"nothing">;

  /** Each test has a cluster of its own: an ejection outlives it. */
  const detections: Readonly<Record<string, readonly [OutlierDetection, number]>> = {
    "five": [canary, 3], "half-of-4": [canary, 4], "half-of-3": [canary, 3],
    "half-of-2": [canary, 2], "tenth-of-2": [{ ...canary, maxEjectionPercent: 10 }, 2],
    "interrupted": [canary, 2], "quick": [quick, 2],
    "gateway": [{ consecutive5xxErrors: 0, consecutiveGatewayErrors: 2, maxEjectionPercent: 100 },
      2],
    "off": [{ consecutive5xxErrors: 0, maxEjectionPercent: 100 }, 2],
    "refused": [{ consecutive5xxErrors: 3, maxEjectionPercent: 100 }, 2],
    "split": [{ ...canary, splitExternalLocalOriginErrors: true, maxEjectionPercent: 100,
      consecutive5xxErrors: 50, consecutiveLocalOriginFailures: 3 }, 2],
    "panic": [{ ...canary, maxEjectionPercent: 100, minHealthPercent: 60 }, 2],
    "no-panic": [{ ...canary, maxEjectionPercent: 100 }, 2],
  };

  beforeAll(async () => {
    for (let i = 0; i < 4; i += 1) backends.push(await startFaulty(`b${i}`));
    const clusters = Object.entries(detections).map(([name, [outlierDetection, size]]): Cluster =>
      cluster(name, backends.slice(0, size).map((b) => b.address),
        { loadBalancer: "ROUND_ROBIN", outlierDetection }));
    picked = await startPicked({ nothing: noPolicy }, clusters);
  });
  afterAll(async () => {
    await picked?.stop();
    await Promise.all(backends.map((backend) => backend.close()));
  });
  beforeEach(() => {
    for (const backend of backends) {
      backend.play([ok]);
      backend.forget();
    }
  });

  /** How many requests of `count` each backend got. */
  async function spread(to: string, count: number): Promise<readonly number[]> {
    for (const backend of backends) backend.forget();
    for (let i = 0; i < count; i += 1) await picked.send("nothing", {}, to);
    return backends.map((backend) => backend.requests.length);
  }
  const settles = (to: string, count: number, counts: readonly number[]): Promise<void> =>
    expect.poll(() => spread(to, count), patience).toEqual(counts);
  const statOf = async (to: string, name: string): Promise<number> => Number(
    await picked.admin.stat(`cluster.${cluster(to, []).name}.outlier_detection.${name}`));
  const ejected = (to: string): Promise<number> => statOf(to, "ejections_active");

  test("five 5xx in a row eject that endpoint, and four do not", async () => {
    backends[1]!.play([status(500)]);
    expect(await spread("five", 12)).toEqual([4, 4, 4, 0]);
    expect(await ejected("five")).toBe(0);
    await spread("five", 3);
    expect(backends[1]!.requests).toHaveLength(1);
    await expect.poll(() => ejected("five")).toBe(1);
    backends[1]!.play([ok]);
    await settles("five", 12, [6, 0, 6, 0]);
  });

  test("an answer in between begins the count anew", async () => {
    const five = [status(500), status(502), status(503), status(504), ok] as const;
    backends[0]!.play((request) => five[(request - 1) % 5]!);
    await spread("interrupted", 40);
    expect(await ejected("interrupted")).toBe(0);
  });

  // Envoy compares the share that would be ejected with the limit, for the first endpoint as well.
  test.each([["half-of-4", 2], ["half-of-3", 1], ["half-of-2", 1], ["tenth-of-2", 0]] as const)(
    "%s: no more are ever ejected than the percentage allows", async (to, most) => {
      for (const backend of backends) backend.play([status(500)]);
      await spread(to, 60);
      await expect.poll(() => ejected(to)).toBe(most);
      const asked = async (): Promise<number> =>
        (await spread(to, 12)).filter((count) => count > 0).length;
      await expect.poll(asked, patience).toBe(detections[to]![1] - most);
      expect(await ejected(to)).toBe(most);
    });

  test("an ejected endpoint comes back, and may be ejected again", async () => {
    backends[0]!.play([status(500)]);
    await spread("quick", 4);
    await expect.poll(() => statOf("quick", "ejections_enforced_total")).toBe(1);
    await expect.poll(() => ejected("quick")).toBe(0);
    backends[0]!.play([ok]);
    await settles("quick", 4, [2, 2, 0, 0]);
    backends[0]!.play([status(500)]);
    await spread("quick", 4);
    await expect.poll(() => statOf("quick", "ejections_enforced_total")).toBe(2);
  });

  test("gateway errors are counted by themselves", async () => {
    backends[0]!.play([status(500)]);
    await spread("gateway", 20);
    expect(await ejected("gateway")).toBe(0);
    backends[0]!.play([status(503)]);
    await spread("gateway", 4);
    await expect.poll(() => ejected("gateway")).toBe(1);
  });

  test("zero turns the detector off", async () => {
    backends[0]!.play([status(500)]);
    expect(await spread("off", 40)).toEqual([20, 20, 0, 0]);
    expect(await ejected("off")).toBe(0);
  });

  test("a refused connection counts as an error", async () => {
    await backends[0]!.refuse();
    await spread("refused", 6);
    await expect.poll(() => ejected("refused")).toBe(1);
    await backends[0]!.recover();
  });

  test("split: connections that fail are counted apart from answers", async () => {
    await backends[0]!.refuse();
    await spread("split", 6);
    await expect.poll(() => ejected("split")).toBe(1);
    expect(await statOf("split", "ejections_enforced_consecutive_local_origin_failure")).toBe(1);
    await backends[0]!.recover();
  });

  test("below minHealthPercent all endpoints get requests, without it the healthy", async () => {
    for (const to of ["panic", "no-panic"]) {
      backends[0]!.play([status(500)]);
      await spread(to, 10);
      await expect.poll(() => ejected(to)).toBe(1);
    }
    await settles("no-panic", 8, [0, 8, 0, 0]);
    await settles("panic", 8, [4, 4, 0, 0]);
  });

  test("where all are ejected nobody gets the request", async () => {
    for (const backend of backends) backend.play([status(500)]);
    await spread("no-panic", 10);
    await expect.poll(() => ejected("no-panic")).toBe(2);
    const answered = async (): Promise<number> =>
      (await picked.send("nothing", {}, "no-panic")).status;
    await expect.poll(answered, patience).toBe(503);
    await settles("no-panic", 4, [0, 0, 0, 0]);
  });
});
