import { expect, test } from "vitest";

import { admit, mayRetry } from "../../runtime/edge/balancing/limits.ts";

test.each([
  ["no limits", {}, 1000, 1000, "go"],
  ["below maxConnections", { maxConnections: 2 }, 1, 0, "go"],
  ["at maxConnections", { maxConnections: 2 }, 2, 0, "wait"],
  ["at both limits", { maxConnections: 2, http1MaxPendingRequests: 1 }, 2, 1, "pending"],
  ["nobody may wait", { maxConnections: 2, http1MaxPendingRequests: 0 }, 2, 0, "pending"],
  ["nobody need wait", { maxConnections: 2, http1MaxPendingRequests: 0 }, 1, 0, "go"],
  ["at http2MaxRequests", { http2MaxRequests: 3 }, 3, 0, "requests"],
  ["both at their limits: it waits for a connection first",
    { maxConnections: 3, http2MaxRequests: 3 }, 3, 0, "wait"],
  ["below http2MaxRequests", { http2MaxRequests: 3 }, 2, 0, "go"],
] as const)("admission, %s", (_, policy, active, waiting, admission) => {
  expect(admit(policy, { active, waiting, endpointActive: 1 })).toBe(admission);
});

test("an endpoint without a connection gets one beyond maxConnections", () => {
  const policy = { maxConnections: 1, http1MaxPendingRequests: 1, http2MaxRequests: 5 };
  expect(admit(policy, { active: 2, waiting: 1, endpointActive: 0 })).toBe("go");
  expect(admit(policy, { active: 5, waiting: 0, endpointActive: 0 })).toBe("requests");
});

test.each([
  ["no limit", {}, 99, 0, true],
  ["below maxRetries", { maxRetries: 3 }, 2, 0, true],
  ["at maxRetries", { maxRetries: 3 }, 3, 0, false],
  ["within the budget", { retryBudget: { percent: 20, minRetryConcurrency: 3 } }, 19, 100, true],
  ["at the budget", { retryBudget: { percent: 20, minRetryConcurrency: 3 } }, 20, 100, false],
  ["at the least", { retryBudget: { percent: 20, minRetryConcurrency: 3 } }, 2, 1, true],
  ["a budget counts in place of maxRetries",
    { maxRetries: 1, retryBudget: { percent: 20, minRetryConcurrency: 3 } }, 2, 0, true],
] as const)("retries, %s", (_, policy, retries, active, isAllowed) => {
  expect(mayRetry(policy, { retries, active, waiting: 0 })).toBe(isAllowed);
});
