// Turns in a real Envoy and in the edge's balancer. Both begin at random, so that Envoy's order is
// looked for among the edge's orders of every beginning. Which of several endpoints that are due at
// the same time comes first depends on rounding, in Envoy on where it began.

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import {
  noPolicy, type Cluster, type ClusterPolicy, type EndpointAddress,
} from "../../compiler/ir.ts";
import {
  allFit, pick, startBalancer, type Fitness,
} from "../../runtime/edge/balancing/balancer.ts";
import { ok, startFaulty, status, type FaultyBackend } from "../backends/faulty.ts";
import { envoyOrReason } from "../envoy/binary.ts";
import { nextTurn, startSchedule } from "../../runtime/edge/balancing/schedule.ts";
import { startPicked, type Picked } from "../envoy/picked.ts";
import { cluster } from "../envoy/world.ts";

const { reason } = await envoyOrReason();

type Facts = Omit<EndpointAddress, "address" | "port">;
const turns = { loadBalancer: "ROUND_ROBIN" } as const;
const weighing = (...weights: readonly number[]): readonly Facts[] =>
  weights.map((weight) => ({ weight }));

const worlds: Readonly<Record<string, readonly [ClusterPolicy, readonly Facts[]]>> = {
  "equal": [turns, weighing(1, 1, 1, 1)],
  "equal-of-three": [turns, weighing(3, 3, 3, 3)],
};

/** Of localities with one endpoint each. */
const weights = [5, 3, 1, 2];

const tied: Readonly<Record<string, readonly [ClusterPolicy, readonly number[]]>> = {
  "powers": [turns, [8, 4, 2, 1]],
  "primes": [turns, [2, 3, 5, 7]],
  "uneven": [turns, [13, 1, 1, 6]],
  // One request at a time: there is never another one under way.
  "least": [{}, [1, 4, 2, 2]],
  "spread": [
    { ...turns, localityWeights: weights.map((weight, i) => ({ locality: `l/${i}`, weight })) },
    weights,
  ],
};

const ejecting = (minHealthPercent: number): ClusterPolicy => ({
  ...turns,
  outlierDetection: {
    consecutive5xxErrors: 1, maxEjectionPercent: 100, minHealthPercent, baseEjectionTimeMs: 600_000,
  },
});
const spilling: Readonly<Record<string, readonly [ClusterPolicy, readonly Facts[]]>> = {
  "priorities": [ejecting(0), [{}, {}, { priority: 1 }, { priority: 1 }]],
  "calm": [ejecting(0), [{}, {}, {}, {}]],
  "panic": [ejecting(50), [{}, {}, {}, {}]],
};

/** Those that are due at once, in turns of two rounds. */
function dueTogether(weights: readonly number[]): readonly string[] {
  const schedule = startSchedule(weights);
  const groups: string[] = [];
  let last = -1;
  for (let i = 2 * weights.reduce((sum, weight) => sum + weight, 0); i > 0; i -= 1) {
    const item = String(nextTurn(schedule, (index) => weights[index]!));
    if (schedule.now - last > 1e-9) groups.push(item);
    else groups.push([...groups.pop()!, item].sort().join(""));
    last = schedule.now;
  }
  return groups;
}

/** Whether the whole groups from one on are what `seen` has from `from` on. */
function follows(seen: string, from: number, groups: readonly string[], first: number): boolean {
  let at = from;
  for (let i = 0; at + 4 <= seen.length; i += 1) {
    const group = groups[(first + i) % groups.length]!;
    if ([...seen.slice(at, at + group.length)].sort().join("") !== group) return false;
    at += group.length;
  }
  return true;
}

describe.skipIf(reason)(`turns, against Envoy${reason}`, { timeout: 60_000 }, () => {
  const backends: FaultyBackend[] = [];
  let clusters: readonly Cluster[] = [];
  let picked: Picked<"nothing">;

  beforeAll(async () => {
    for (let i = 0; i < 4; i += 1) backends.push(await startFaulty(`b${i}`));
    const all = { ...worlds, ...spilling, ...Object.fromEntries(Object.entries(tied).map(
      ([name, [policy, shares]]) => [name, [policy, policy.localityWeights
        ? shares.map((_, i) => ({ locality: `l/${i}` }))
        : weighing(...shares)] as const])) };
    clusters = Object.entries(all).map(([name, [policy, facts]]) => cluster(
      name, facts.map((fact, i) => ({ ...backends[i]!.address, ...fact })), policy));
    picked = await startPicked({ nothing: noPolicy }, clusters);
  });
  afterAll(async () => {
    await picked?.stop();
    await Promise.all(backends.map((backend) => backend.close()));
  });

  /** How many of 300 requests, or picks, each endpoint gets once these are ejected. */
  async function envoyShares(
    name: string, out: readonly number[], used: readonly number[],
  ): Promise<readonly number[]> {
    backends.forEach((backend, i) => backend.play([status(out.includes(i) ? 500 : 200)]));
    const ejections = (): Promise<string | undefined> => picked.admin.stat(
      `cluster.${cluster(name, []).name}.outlier_detection.ejections_active`);
    await expect.poll(async () => {
      await picked.send("nothing", {}, name);
      return ejections();
    }, { timeout: 5_000 }).toBe(String(out.length));
    // Envoy acts upon ejections that are close together a second after the first of them.
    await expect.poll(async () => {
      const found = new Set<number>();
      for (let i = 0; i < 40; i += 1) {
        found.add(Number((await picked.send("nothing", {}, name)).body.slice(1)));
      }
      return [...found].sort();
    }, { timeout: 5_000 }).toEqual(used);
    const shares = backends.map(() => 0);
    for (let i = 0; i < 300; i += 1) {
      const { body } = await picked.send("nothing", {}, name);
      shares[Number(body.slice(1))]! += 1;
    }
    for (const backend of backends) backend.play([ok]);
    return shares;
  }

  function edgeShares(name: string, out: readonly number[]): readonly number[] {
    const [policy, facts] = spilling[name]!;
    const balancer = startBalancer(facts.map(({ priority = 0 }, i) =>
      ({ key: `b${i}`, weight: 1, locality: "", priority })), policy);
    const fitness: Fitness = { version: 1, isOut: (endpoint) => out.includes(endpoint) };
    const shares = facts.map(() => 0);
    for (let i = 0; i < 300; i += 1) {
      shares[pick(balancer, {}, { fitness, chance: () => ((i * 37) % 100) / 100, now: 0 })]! += 1;
    }
    return shares;
  }

  test.each([["priorities", [0]], ["calm", [0, 1]], ["panic", [0, 1, 2]]] as const)(
    "%s: requests spill over as in Envoy", async (name, out) => {
      const edge = edgeShares(name, out);
      const used = edge.flatMap((share, i) => (share > 0 ? [i] : []));
      const envoy = await envoyShares(name, out, used);
      // Where Envoy draws by chance, four standard deviations.
      envoy.forEach((share, i) => expect(Math.abs(share - edge[i]!), `${envoy} ${edge}`)
        .toBeLessThanOrEqual(name === "priorities" ? 35 : 1));
    });

  /** The edge's first `count` picks, where the seed is `seed`. */
  function edgeTurns(name: string, seed: number, count: number): string {
    const [policy, facts] = worlds[name]!;
    const balancer = startBalancer(facts.map(({ weight = 1, locality = "" }, i) =>
      ({ key: `b${i}`, weight, locality, priority: 0 })), policy);
    balancer.seed = seed;
    return Array.from({ length: count }, () =>
      pick(balancer, {}, { fitness: allFit, chance: () => 0, now: 0 })).join("");
  }

  async function envoyTurns(name: string): Promise<string> {
    let seen = "";
    for (let i = 0; i < 40; i += 1) seen += (await picked.send("nothing", {}, name)).body.slice(1);
    return seen;
  }

  test.each(Object.keys(tied))("%s: Envoy's order is the edge's but for ties", async (name) => {
    const seen = await envoyTurns(name);
    const groups = dueTogether(tied[name]![1]);
    // Envoy may have begun among some that were due together.
    const isFound = [0, 1, 2, 3].some((from) =>
      groups.some((_, first) => follows(seen, from, groups, first)));
    expect(isFound, seen).toBe(true);
  });

  test.each(Object.keys(worlds))("%s: Envoy's order is one of the edge's", async (name) => {
    const seen = await envoyTurns(name);
    const found = Array.from({ length: 200 }, (_, seed) => seed)
      .filter((seed) => edgeTurns(name, seed, 40) === seen);
    expect(found, seen).not.toEqual([]);
  });
});
