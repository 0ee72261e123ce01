import { expect, test } from "vitest";

import { admit, pick, release, startBalancer } from "../../runtime/edge/balancer.ts";

/** Draws these numbers, one after the other. */
function chances(...numbers: readonly number[]): () => number {
  let at = 0;
  return () => numbers[at++ % numbers.length] ?? 0;
}

test("round robin is exact over any run, whatever ends when", () => {
  const balancer = startBalancer(3);
  const policy = { loadBalancer: "ROUND_ROBIN" } as const;
  const picks = Array.from({ length: 9 }, (_, i) => {
    const endpoint = pick(balancer, policy, undefined, chances(0));
    if (i % 2 === 0) release(balancer, endpoint);
    return endpoint;
  });
  expect(picks).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2]);
});

test("round robin goes on behind endpoints that may not be used", () => {
  const balancer = startBalancer(3);
  const next = (): number =>
    pick(balancer, { loadBalancer: "ROUND_ROBIN" }, (e) => e !== 1, chances(0));
  expect([next(), next(), next(), next()]).toEqual([0, 2, 0, 2]);
});

test("random takes the endpoint that chance points to", () => {
  const balancer = startBalancer(4);
  const draw = chances(0, 0.25, 0.5, 0.999);
  const next = (): number => pick(balancer, { loadBalancer: "RANDOM" }, undefined, draw);
  expect([next(), next(), next(), next()]).toEqual([0, 1, 2, 3]);
});

test("least request takes the less busy one of two; it is the default", () => {
  const balancer = startBalancer(2);
  expect(pick(balancer, {}, undefined, chances(0, 0))).toBe(0);
  expect(pick(balancer, {}, undefined, chances(0, 0.9))).toBe(1);
  expect(pick(balancer, {}, undefined, chances(0.9, 0))).toBe(1);
  release(balancer, 1);
  release(balancer, 1);
  expect(pick(balancer, {}, undefined, chances(0, 0.9))).toBe(1);
  expect(balancer.active).toEqual([1, 1]);
});

test("chance draws among the endpoints that may be used", () => {
  const balancer = startBalancer(3);
  const policy = { loadBalancer: "RANDOM" } as const;
  expect(pick(balancer, policy, (e) => e === 2, chances(0))).toBe(2);
  expect(pick(balancer, policy, () => false, chances(0))).toBe(-1);
});

test("without endpoints there is nothing to pick", () => {
  for (const loadBalancer of ["ROUND_ROBIN", "RANDOM", "LEAST_REQUEST"] as const) {
    expect(pick(startBalancer(0), { loadBalancer }, undefined, chances(0))).toBe(-1);
  }
});

test.each([
  ["no limits", {}, 1000, 1000, "go"],
  ["below maxConnections", { maxConnections: 2 }, 1, 0, "go"],
  ["at maxConnections", { maxConnections: 2 }, 2, 0, "wait"],
  ["at both limits", { maxConnections: 2, http1MaxPendingRequests: 1 }, 2, 1, "overflow"],
  ["nobody may wait", { maxConnections: 2, http1MaxPendingRequests: 0 }, 2, 0, "overflow"],
  ["nobody need wait", { maxConnections: 2, http1MaxPendingRequests: 0 }, 1, 0, "go"],
  ["at http2MaxRequests", { http2MaxRequests: 3 }, 3, 0, "overflow"],
  ["below http2MaxRequests", { http2MaxRequests: 3 }, 2, 0, "go"],
] as const)("admission, %s", (_, policy, active, waiting, admission) => {
  expect(admit(policy, active, waiting)).toBe(admission);
});
