import { expect, test } from "vitest";

import { emitted } from "../../bench/envoy/emitted.ts";
import { goals } from "../../bench/envoy/goals.ts";
import { described, hostcalls } from "../../bench/envoy/hostcalls.ts";
import { requestPath, version } from "../../bench/envoy/workload.ts";
import type { Row } from "../../bench/report.ts";

test("hostcalls are those of the real filter: one to read, one to steer", () => {
  const callsOf = (workload: "prefix" | "method" | "header"): string =>
    described(hostcalls(emitted(20, workload, 9000).filterWasm)(
      requestPath(20, "last"), workload === "header" ? { [version.name]: version.value } : {}));
  for (const workload of ["prefix", "method", "header"] as const) {
    expect(callsOf(workload)).toBe("get_header_map_pairs, replace_header_map_value");
  }
});

function row(variant: string, routes: number, position: string, ratio: number): Row {
  return { variant, routes, position, workload: "prefix", ratio, cpu_us: 1, rps: 1, spread: 0 };
}

test("a target holds where every position is within it, and is missed otherwise", () => {
  const found = goals([
    row("filter", 10, "first", 1.1), row("filter", 10, "last", 1.21),
    row("filter", 100_000, "first", 1.15), row("filter", 100_000, "last", 1.2),
    row("native-list", 100_000, "last", 36),
  ]);
  expect(found).toEqual([
    {
      what: "filter at 10 routes, of one native route: ≤ 1.2",
      found: "first 1.100, last 1.210", holds: false,
    },
    {
      what: "filter at 100,000 routes, of one native route: ≤ 1.2",
      found: "first 1.150, last 1.200", holds: true,
    },
    {
      what: "filter, 100,000 routes against 10, change of the ratio (missing: to a native 404): "
        + "≤ 0.05",
      found: "first 0.045, last 0.008", holds: true,
    },
    {
      what: "native list over filter, 100,000 routes (prefix): ≥ 30",
      found: "last 30.0", holds: true,
    },
  ]);
});
