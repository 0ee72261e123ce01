// Runs the planes and gives each test its verdict on each runtime.

import { claimedBy, whyNot } from "./features.ts";
import type { Data, TestCase } from "./data.ts";
import { merge, type Judged } from "./merge.ts";
import { runConformance, type Plane, type RuntimeName, type TestResult } from "./runner.ts";
import { skipReason } from "./skips.ts";

export interface Judging {
  readonly data: Data;
  readonly folder: string;
  readonly runner: string;
  readonly command: string;
  readonly root: string;
  readonly runtimes: readonly RuntimeName[];
  readonly planes: readonly Plane[];
  readonly only: readonly string[];
  /** Every feature there is, instead of the claimed ones. */
  readonly everything: boolean;
  readonly jobs: number;
  readonly follow: (line: string) => void;
  readonly note: (text: string) => void;
}

export function featuresOf(judging: Judging, runtime: RuntimeName): ReadonlySet<string> {
  return judging.everything ? new Set(judging.data.features.map(({ name }) => name))
    : claimedBy(runtime);
}

function run(
  judging: Judging, plane: Plane, runtime: RuntimeName, features: ReadonlySet<string>,
): Promise<readonly TestResult[]> {
  const { data, folder, only } = judging;
  const skip = data.tests.map(({ name }) => name)
    .filter((name) => skipReason(name, runtime) !== undefined);
  judging.note(plane === "compile" ? "compile plane" : `data plane on ${runtime}`);
  return runConformance({
    ...judging, data: folder, plane, runtime, only, skip, features: [...features].sort(),
  });
}

/** The reasons that this repository gives, where it gives one. */
function withReasons(judged: readonly Judged[], runtime: RuntimeName): readonly Judged[] {
  return judged.map((test): Judged => {
    if (test.verdict === "skip") {
      return { ...test, reason: skipReason(test.name, runtime) ?? test.reason };
    }
    if (test.verdict !== "unsupported") return test;
    const missing = test.features.filter((name) => whyNot(name, runtime) !== undefined);
    if (missing.length === 0) return test;
    return {
      ...test, reason: missing.map((name) => `${name}: ${whyNot(name, runtime)}`).join("; "),
    };
  });
}

export async function judgeAll(
  judging: Judging,
): Promise<ReadonlyMap<RuntimeName, readonly Judged[]>> {
  const { data, only, planes, runtimes } = judging;
  const tests: readonly TestCase[] = only.length === 0 ? data.tests
    : data.tests.filter(({ name }) => only.includes(name));
  const [first = "envoy"] = runtimes;
  // Status is the same on both runtimes, so that it is asked once, for what either claims.
  const union = new Set(runtimes.flatMap((runtime) => [...featuresOf(judging, runtime)]));
  const compiled = planes.includes("compile") ? await run(judging, "compile", first, union) : [];
  const results = new Map<RuntimeName, readonly Judged[]>();
  for (const runtime of runtimes) {
    const claimed = featuresOf(judging, runtime);
    const served = planes.includes("data") ? await run(judging, "data", runtime, claimed) : [];
    results.set(runtime, withReasons(merge(tests, [compiled, served], claimed), runtime));
  }
  return results;
}

/** Skips that no line of skips.ts explains. A test may have no step of the only plane run. */
export function unexplained(
  results: ReadonlyMap<RuntimeName, readonly Judged[]>,
): readonly string[] {
  return [...results].flatMap(([runtime, tests]) => tests
    .filter(({ name, reason, verdict }) => verdict === "skip"
      && skipReason(name, runtime) === undefined && !reason?.startsWith("no step of plane"))
    .map(({ name, reason }) => `${name} on ${runtime}: ${reason ?? "no reason"}`));
}
