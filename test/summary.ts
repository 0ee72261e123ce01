// A vitest reporter whose only output is the last line of a run: "12 passed, 0 failed, 1 skipped".

import type { Reporter, SerializedError, TestModule } from "vitest/node";

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** A file that does not load, or an error outside of any test, counts as a failure of its own. */
export function countResults(
  modules: readonly Pick<TestModule, "children" | "errors">[],
  unhandled: readonly SerializedError[],
): Counts {
  let passed = 0;
  let failed = unhandled.length;
  let skipped = 0;
  for (const module of modules) {
    failed += module.errors().length;
    for (const suite of module.children.allSuites()) failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === "passed") passed += 1;
      else if (state === "failed") failed += 1;
      else skipped += 1;
    }
  }
  return { passed, failed, skipped };
}

export function formatCounts({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed` + (skipped > 0 ? `, ${skipped} skipped` : "");
}

/** vitest creates reporters by their module's default export. */
export default function summary(): Reporter {
  return {
    onTestRunEnd(modules, unhandled) {
      const line = formatCounts(countResults(modules, unhandled));
      process.once("exit", () => process.stdout.write(`${line}\n`));
    },
  };
}
