// "Did you mean" among many names: as good as comparing all of them where it counts, and bounded.

import fc from "fast-check";
import { expect, test } from "vitest";
import { namesOf, nearest } from "../../compiler/resolve/nearest.ts";

const many = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => `service-number-${i}`);

test("of few names the closest is meant, and of several as close the first by name", () => {
  expect(nearest("backand", ["frontend", "backend", "back"])).toBe("backend");
  expect(nearest("c", ["b", "a"])).toBe("a");
  expect(nearest("store-api", ["store-api-v1-service", "shop"])).toBe("store-api-v1-service");
  expect(nearest("checkout", ["payment", "checkout"])).toBe(undefined);
});

test("of many names one at a single edit is found as if all were compared", () => {
  const name = fc.stringMatching(/^[a-d]{3,6}(-[0-9]{1,3})?$/);
  const edit = fc.record({ at: fc.nat(8), letter: fc.constantFrom("", "a", "x", "-", "7") });
  fc.assert(fc.property(
    fc.uniqueArray(name, { minLength: 300, maxLength: 400 }), fc.nat(299), edit,
    fc.boolean(), (all, which, { at, letter }, isInsertion) => {
      const right = all[which] ?? "";
      const wrong = right.slice(0, at) + letter + right.slice(isInsertion ? at : at + 1);
      // A name that is there is not mistyped; what comes closest to it may be further off.
      fc.pre(!all.includes(wrong));
      expect(nearest(wrong, namesOf(all))).toBe(nearest(wrong, all));
    }), { numRuns: 200 });
});

test("how many names are compared does not grow with how many there are", () => {
  for (const wrong of ["servise-number-17", "service-nmber-170", "quite-another", "service"]) {
    const [some = 0, more = 0] = [1_000, 16_000].map((count) =>
      [...namesOf(many(count)).near(wrong)].length);
    expect(more, wrong).toBeLessThanOrEqual(Math.max(128, 2 * some));
    expect(more, wrong).toBeLessThan(700);
  }
  expect(nearest("servise-number-17", namesOf(many(16_000)))).toBe("service-number-17");
});
