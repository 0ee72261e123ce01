// Balancing as sequences: what is picked, in which order. Chance is a list of numbers.

import { expect, test } from "vitest";

import type { ClusterPolicy } from "../../compiler/ir.ts";
import {
  allFit, occupy, pick, release, startBalancer, type Asked, type Balancer, type Fitness,
  type Host,
} from "../../runtime/edge/balancing/balancer.ts";

/** Draws these numbers, one after the other. */
function chances(...numbers: readonly number[]): () => number {
  let at = 0;
  return () => numbers[at++ % numbers.length] ?? 0;
}

function host(index: number, facts: Partial<Host> = {}): Host {
  return { key: `10.0.0.${index}:80`, weight: 1, locality: "", priority: 0, ...facts };
}

function equal(count: number): Host[] {
  return Array.from({ length: count }, (_, i) => host(i));
}

function weighed(...weights: readonly number[]): Host[] {
  return weights.map((weight, i) => host(i, { weight }));
}

let versions = 0;

/** These endpoints are ejected. */
function out(...endpoints: readonly number[]): Fitness {
  versions += 1;
  return { version: versions, isOut: (endpoint) => endpoints.includes(endpoint) };
}

interface Options {
  readonly asked?: Asked;
  readonly fitness?: Fitness;
  readonly chance?: () => number;
  readonly now?: number;
}

function one(
  balancer: Balancer,
  { asked = {}, fitness = allFit, chance = chances(0), now = 0 }: Options = {},
): number {
  return pick(balancer, asked, { fitness, chance, now });
}

function many(balancer: Balancer, count: number, options: Options = {}): number[] {
  return Array.from({ length: count }, () => one(balancer, options));
}

const roundRobin: ClusterPolicy = { loadBalancer: "ROUND_ROBIN" };
const random: ClusterPolicy = { loadBalancer: "RANDOM" };

test("round robin is exact over any run, whatever ends when", () => {
  const balancer = startBalancer(equal(3), roundRobin);
  const picks = Array.from({ length: 9 }, (_, i) => {
    const endpoint = one(balancer);
    occupy(balancer, endpoint);
    if (i % 2 === 0) release(balancer, endpoint);
    return endpoint;
  });
  expect(picks).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2]);
});

test("each isolate begins its turns by chance", () => {
  const chance = chances(2.5 / 429_496_729);
  const balancer = startBalancer(equal(3), roundRobin);
  expect(many(balancer, 4, { chance })).toEqual([2, 0, 1, 2]);
});

test("round robin goes on among endpoints that are not ejected", () => {
  const balancer = startBalancer(equal(3), roundRobin);
  expect(many(balancer, 4, { fitness: out(1) })).toEqual([0, 2, 0, 2]);
});

test("round robin of unequal weight gives each its share, evenly spread", () => {
  expect(many(startBalancer(weighed(4, 1), roundRobin), 10))
    .toEqual([0, 0, 0, 1, 0, 0, 0, 0, 1, 0]);
  expect(many(startBalancer(weighed(1, 2, 4), roundRobin), 7)).toEqual([2, 1, 2, 2, 0, 1, 2]);
});

test.each([0.1, 0.25, 0.5, 0.77, 0.999])(
  "weighted turns that begin elsewhere (%s) give the same shares", (start) => {
    const balancer = startBalancer(weighed(5, 3, 2), roundRobin);
    const picks = many(balancer, 100, { chance: chances(start) });
    [50, 30, 20].forEach((share, endpoint) => {
      expect(Math.abs(picks.filter((p) => p === endpoint).length - share)).toBeLessThanOrEqual(1);
    });
  });

test("random takes the endpoint that chance points to", () => {
  const balancer = startBalancer(equal(4), random);
  one(balancer);
  const chance = chances(0, 0.25, 0.5, 0.999);
  expect(many(balancer, 4, { chance })).toEqual([0, 1, 2, 3]);
});

test("least request takes the less busy one of two; it is the default", () => {
  const balancer = startBalancer(equal(2), {});
  const draw = (...numbers: readonly number[]): number => {
    const endpoint = one(balancer, { chance: chances(...numbers) });
    occupy(balancer, endpoint);
    return endpoint;
  };
  one(balancer);
  expect(draw(0, 0)).toBe(0);
  expect(draw(0, 0.9)).toBe(1);
  expect(draw(0.9, 0)).toBe(1);
  release(balancer, 1);
  release(balancer, 1);
  expect(draw(0, 0.9)).toBe(1);
  expect(balancer.active).toEqual([1, 1]);
});

test("least request of unequal weight divides the weight by the requests under way", () => {
  const balancer = startBalancer(weighed(4, 1), {});
  const picks = Array.from({ length: 6 }, () => {
    const endpoint = one(balancer);
    occupy(balancer, endpoint);
    return endpoint;
  });
  // Deadlines of the first: 1/4, then + 1/4, + 2/4, + 3/4; of the second: 1, + 1.
  expect(picks).toEqual([0, 0, 1, 0, 0, 1]);
});

test("without endpoints, or with all of them ejected, there is nothing to pick", () => {
  for (const loadBalancer of ["ROUND_ROBIN", "RANDOM", "LEAST_REQUEST"] as const) {
    expect(one(startBalancer([], { loadBalancer }))).toBe(-1);
    expect(one(startBalancer(equal(2), { loadBalancer }), { fitness: out(0, 1) })).toBe(-1);
  }
});

test("a retry goes to an endpoint that has not failed, as long as there is one", () => {
  const failed = new Set([0, 2]);
  for (const loadBalancer of ["ROUND_ROBIN", "RANDOM", "LEAST_REQUEST"] as const) {
    const balancer = startBalancer(equal(3), { loadBalancer });
    expect(one(balancer, { asked: { failed } })).toBe(1);
    expect(one(balancer, { asked: { failed }, fitness: out(1) })).not.toBe(1);
  }
});

// --- Priorities and localities -------------------------------------------------------------------

/** Four endpoints of priority 0, then four of priority 1. */
function twoPriorities(): Host[] {
  return Array.from({ length: 8 }, (_, i) => host(i, { priority: i < 4 ? 0 : 1 }));
}

/** How many of 100 requests, one for each percentage, go to a priority below 1. */
function shareOfFirst(fitness: Fitness, policy: ClusterPolicy = {}): number {
  const balancer = startBalancer(twoPriorities(), { ...roundRobin, ...policy });
  one(balancer, { fitness });
  const picks = Array.from({ length: 100 }, (_, percent) =>
    one(balancer, { fitness, chance: chances(percent / 100 + 0.001) }));
  const isPanic = policy.outlierDetection !== undefined;
  expect(picks.some((endpoint) => fitness.isOut(endpoint))).toBe(isPanic);
  return picks.filter((endpoint) => endpoint < 4).length;
}

test("a priority takes 1.4 times the share of its endpoints that are healthy", () => {
  expect(shareOfFirst(allFit)).toBe(100);
  expect(shareOfFirst(out(0))).toBe(100);
  expect(shareOfFirst(out(0, 1))).toBe(70);
  expect(shareOfFirst(out(0, 1, 2))).toBe(35);
  expect(shareOfFirst(out(0, 1, 2, 3))).toBe(0);
});

test("where all priorities together have less than they need, each takes its part of it", () => {
  // 35 and 35 of 70.
  expect(shareOfFirst(out(0, 1, 2, 4, 5, 6))).toBe(50);
});

test("below minHealthPercent ejections are not heeded", () => {
  const policy = { outlierDetection: { minHealthPercent: 50 } };
  expect(shareOfFirst(out(0, 1, 2, 4, 5, 6), policy)).toBe(50);
});

function three(): Host[] {
  return ["eu/a", "eu/a", "us/b"].map((locality, i) => host(i, { locality }));
}

const distribute: ClusterPolicy = {
  ...roundRobin,
  localityWeights: [{ locality: "eu/a", weight: 4 }, { locality: "us/b", weight: 2 }],
};

test("localities take turns by weight, their endpoints among themselves", () => {
  expect(many(startBalancer(three(), distribute), 6)).toEqual([0, 2, 1, 0, 2, 1]);
});

test("a locality loses weight with its health, endpoints counting 1.4 times", () => {
  // eu/a: 4 * 0.7 against 2.
  const picks = many(startBalancer(three(), distribute), 48, { fitness: out(0) });
  expect(picks.filter((endpoint) => endpoint === 1)).toHaveLength(28);
  expect(picks).not.toContain(0);
});

test("a locality without weight gets nothing", () => {
  const policy = { ...roundRobin, localityWeights: [{ locality: "us/b", weight: 1 }] };
  expect(many(startBalancer(three(), policy), 3)).toEqual([2, 2, 2]);
});

// --- Warming up ----------------------------------------------------------------------------------

test("a new endpoint's share grows from the minimum to the whole", () => {
  const warmup = { durationMs: 1000, minimumPercent: 10, aggression: 1 };
  const policy = { ...roundRobin, warmup };
  const shareAt = (age: number): number => {
    const balancer = startBalancer(equal(2), policy);
    // The first has been there for long, the second was new `age` ago.
    balancer.since[0] = -100_000;
    balancer.since[1] = 0;
    const picks = many(balancer, 1100, { now: age });
    return picks.filter((endpoint) => endpoint === 1).length;
  };
  expect(shareAt(0)).toBeCloseTo(100, -1);
  expect(shareAt(500)).toBeCloseTo(1100 / 3, -1);
  expect(shareAt(1000)).toBe(550);
});

test("aggression bends the growth", () => {
  const warmup = { durationMs: 1000, minimumPercent: 0, aggression: 2 };
  const balancer = startBalancer(equal(2), { ...roundRobin, warmup });
  balancer.since[0] = -100_000;
  balancer.since[1] = 0;
  // 0.25 ** (1 / 2)
  const picks = many(balancer, 300, { now: 250 });
  expect(picks.filter((endpoint) => endpoint === 1).length).toBeCloseTo(100, -1);
});
