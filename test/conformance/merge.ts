// One verdict for each test and runtime, out of what the planes gave.

import type { TestCase } from "./data.ts";
import type { PlaneResult, TestResult } from "./runner.ts";

/**
 * `unsupported`: it needs a feature that is not claimed, or is for implementations without one that
 * is. Never a pass, and never a skip either.
 */
export type Verdict = "pass" | "fail" | "skip" | "unsupported";

export interface Judged extends TestCase {
  readonly verdict: Verdict;
  /** Why it is no pass. */
  readonly reason?: string;
  readonly planes: Readonly<Record<string, PlaneResult>>;
}

export function failureText(planes: Readonly<Record<string, PlaneResult>>): string | undefined {
  const facts = Object.entries(planes).flatMap(([plane, { fail }]) => (fail === null ? [] : [
    `${plane}, step ${fail.step ?? "?"} (${fail.type ?? "?"}): ${fail.fact}`,
  ]));
  return facts.length === 0 ? undefined : facts.join("; ");
}

function judged(
  test: TestCase, results: readonly TestResult[], claimed: ReadonlySet<string>,
): Judged {
  const missing = test.features.filter((feature) => !claimed.has(feature));
  const inTheWay = (test.unless ?? []).filter((feature) => claimed.has(feature));
  const planes: Record<string, PlaneResult> = {};
  for (const result of results) Object.assign(planes, result.planes ?? {});
  if (missing.length > 0) {
    return { ...test, verdict: "unsupported", reason: `needs ${missing.join(", ")}`, planes: {} };
  }
  if (inTheWay.length > 0) {
    const reason = `is for implementations that do not claim ${inTheWay.join(", ")}`;
    return { ...test, verdict: "unsupported", reason, planes: {} };
  }
  const failure = failureText(planes);
  if (failure !== undefined) return { ...test, verdict: "fail", reason: failure, planes };
  if (Object.keys(planes).length > 0) return { ...test, verdict: "pass", planes };
  // A plane that has no step for the test says so, which is no reason to skip all of it.
  const reasons = results.flatMap(({ reason }) => (reason === null ? [] : [reason]));
  const reason = reasons.find((r) => !r.startsWith("no step of plane")) ?? reasons[0] ?? "not run";
  return { ...test, verdict: "skip", reason, planes };
}

/** `runs`: the results of each plane that was run. `claimed` holds core features too. */
export function merge(
  tests: readonly TestCase[], runs: readonly (readonly TestResult[])[],
  claimed: ReadonlySet<string>,
): readonly Judged[] {
  return tests.map((test) => {
    const results = runs.flatMap((run) => run.filter(({ name }) => name === test.name));
    return judged(test, results, claimed);
  });
}
