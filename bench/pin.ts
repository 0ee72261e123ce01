// Processes on CPUs of their own: threads that move between CPUs blur every figure.

import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";

/** As this process found it: once it is pinned itself, it is told of fewer. */
const last = availableParallelism() - 1;

/**
 * The processes under test on the last CPU; the others, and what this process starts from now on,
 * on the rest. What came of it, for the report.
 */
export function pin(tested: readonly number[], others: readonly number[]): string {
  if (last < 1) return "one CPU for everything";
  const set = (cpus: string, pid: number): void => {
    execFileSync("taskset", ["-apc", cpus, String(pid)], { stdio: "ignore" });
  };
  try {
    for (const pid of tested) set(String(last), pid);
    for (const pid of [process.pid, ...others]) set(`0-${last - 1}`, pid);
    return "what is measured has a CPU to itself";
  } catch {
    return "not pinned to CPUs: there is no taskset";
  }
}
