import { expect, test } from "vitest";
import type { TestModule } from "vitest/node";

import { countResults, formatCounts } from "../summary.ts";

type Module = Pick<TestModule, "children" | "errors">;

function module(states: readonly string[], errors = 0, suiteErrors = 0): Module {
  const failures = (count: number): object[] => Array.from({ length: count }, () => ({}));
  return {
    errors: () => failures(errors),
    children: {
      allTests: () => states.map((state) => ({ result: () => ({ state }) })),
      allSuites: () => [{ errors: () => failures(suiteErrors) }],
    },
  } as unknown as Module;
}

test("the last line counts every test once, by how it ended", () => {
  const counts = countResults([module(["passed", "failed"]), module(["passed", "skipped"])], []);
  expect(formatCounts(counts)).toBe("2 passed, 1 failed, 1 skipped");
});

test("nothing skipped is not mentioned", () => {
  expect(formatCounts({ passed: 3, failed: 0, skipped: 0 })).toBe("3 passed, 0 failed");
});

test("a file that does not load, a hook that fails and a stray error are failures", () => {
  const counts = countResults([module([], 1), module(["skipped"], 0, 1)], [{ message: "stray" }]);
  expect(counts).toEqual({ passed: 0, failed: 3, skipped: 1 });
});
