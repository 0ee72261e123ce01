// Turns in a real Envoy and in the edge's balancer. Both begin at random, so that Envoy's order is
// looked for among the edge's orders of every beginning. Which of several endpoints that are due at
// the same time comes first depends on rounding, in Envoy on where it began.

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import {
  noPolicy, type Cluster, type ClusterPolicy, type EndpointAddress,
} from "../../compiler/ir.ts";
import { allFit, pick, startBalancer } from "../../runtime/edge/balancer.ts";
import { startFaulty, type FaultyBackend } from "../backends/faulty.ts";
import { envoyOrReason } from "../envoy/binary.ts";
import { nextTurn, startSchedule } from "../../runtime/edge/schedule.ts";
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
    const all = { ...worlds, ...Object.fromEntries(Object.entries(tied).map(
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
