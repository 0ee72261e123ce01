// Names of route policies: the same in every table, whatever else stands there.

import fc from "fast-check";
import { expect, test } from "vitest";

import { noPolicy, type Mirror, type RoutePolicy } from "../../compiler/ir.ts";
import { policyName } from "../../compiler/table/policy-name.ts";

const names = ["a", "b", "c", "d"];
const header = fc.record({ name: fc.constantFrom("x", "y"), value: fc.constantFrom("1", "2") });
const mirror: fc.Arbitrary<Mirror> = fc.record({
  cluster: fc.nat(3), numerator: fc.constantFrom(1, 50), denominator: fc.constant(100),
});
const policy: fc.Arbitrary<RoutePolicy> = fc.record({
  responseHeaders: fc.record({
    set: fc.array(header, { maxLength: 2 }), add: fc.array(header, { maxLength: 1 }),
    remove: fc.array(fc.constantFrom("p", "q"), { maxLength: 1 }),
  }),
  mirrors: fc.array(mirror, { maxLength: 2 }),
  requestTimeoutMs: fc.option(fc.constantFrom(0, 1000), { nil: undefined }),
  hashKey: fc.option(fc.constantFrom({ kind: "sourceIp" as const },
    { kind: "header" as const, name: "h" }), { nil: undefined }),
  session: fc.option(fc.record({
    kind: fc.constant("cookie" as const), name: fc.constant("s"), path: fc.constant("/"),
    permanent: fc.boolean(),
    split: fc.option(fc.array(fc.record({ weight: fc.nat(2), cluster: fc.nat(3) }),
      { maxLength: 2 }), { nil: undefined }),
  }), { nil: undefined }),
}).map((p) => JSON.parse(JSON.stringify(p)) as RoutePolicy);

/** The same policy where the clusters stand in another order. */
function moved(value: RoutePolicy, to: readonly number[]): RoutePolicy {
  return JSON.parse(JSON.stringify(value), (key, field: unknown) =>
    (key === "cluster" ? to[field as number] : field)) as RoutePolicy;
}

/** The same policy with every object's keys turned round, and what is undefined written out. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return { none: undefined, ...Object.fromEntries(
    Object.entries(value).reverse().map(([k, v]) => [k, reversed(v)])) };
}

const nameIn = (p: RoutePolicy, clusters: readonly string[]): string =>
  policyName(p, (index) => clusters[index]);

test("a policy has the same name wherever its clusters and its keys stand", () => {
  fc.assert(fc.property(policy, fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), (p, to) => {
    const clusters: string[] = [];
    to.forEach((place, index) => { clusters[place] = names[index]!; });
    expect(nameIn(moved(p, to), clusters)).toBe(nameIn(p, names));
    expect(nameIn(reversed(p) as RoutePolicy, names)).toBe(nameIn(p, names));
  }));
});

test("policies that ask for different things have different names", () => {
  fc.assert(fc.property(policy, policy, (p, q) => {
    const same = JSON.stringify(reversed(p)) === JSON.stringify(reversed(q));
    expect(nameIn(p, names) === nameIn(q, names)).toBe(same);
  }));
});

test("an index means another cluster in another table, and so another policy", () => {
  const mirrors = [{ cluster: 0, numerator: 1, denominator: 1 }];
  expect(nameIn({ ...noPolicy, mirrors }, ["a"])).not.toBe(nameIn({ ...noPolicy, mirrors }, ["b"]));
});

test("only a policy that asks for nothing has no name", () => {
  expect(nameIn(noPolicy, names)).toBe("");
  expect(nameIn(JSON.parse(JSON.stringify(noPolicy)) as RoutePolicy, names)).toBe("");
  expect(nameIn({ ...noPolicy, requestTimeoutMs: 0 }, names)).toMatch(/^[0-9a-f]{24}$/);
});
