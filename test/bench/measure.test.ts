import { describe, expect, test } from "vitest";

import {
  cpuNs, interleave, interleavePairs, median, medianRatio, spread, turnsOf,
} from "../../bench/measure.ts";
import { manifests, requestPath, routePath, workloads } from "../../bench/envoy/workload.ts";
import { compile } from "../../compiler/compile.ts";

describe("figures", () => {
  test("the median is the middle one, or halfway between the middle two", () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 3, 100])).toBe(3.5);
  });

  test("the spread is the whole range as a share of the median", () => {
    expect(spread([9, 10, 12])).toBeCloseTo(0.3);
  });

  test("a ratio compares figures of the same round", () => {
    // The machine is three times slower in the second round, for both of them.
    expect(medianRatio([20, 60, 20], [10, 30, 10])).toBe(2);
  });

  test("subjects take turns in every round, and rounds start with different ones", async () => {
    const turns: string[] = [];
    const figures = await interleave(["a", "b", "c"], 3, async (subject, round) => {
      turns.push(subject);
      return round;
    });
    expect(turns.join("")).toBe("abcbcacab");
    expect(figures.get("b")).toEqual([0, 1, 2]);
  });

  test("a subject and its base have their turn at the same time, in each round", async () => {
    const running = new Set<string>();
    const together: string[] = [];
    const pairs = [{ subject: "a", base: "base" }, { subject: "b", base: "a" }];
    const turns = await interleavePairs(pairs, 2, async (subject, round) => {
      running.add(subject);
      await Promise.resolve();
      together.push([...running].sort().join("+"));
      await Promise.resolve();
      running.delete(subject);
      return `${subject}${round}`;
    });
    expect(together).toEqual(["a+base", "a+base", "a+b", "a+b", "a+b", "a+b", "a+base", "a+base"]);
    const [first] = [...turns.values()];
    expect(first).toEqual([{ own: "a0", base: "base0" }, { own: "a1", base: "base1" }]);
    expect(turnsOf("a", turns)).toEqual(["a0", "a1", "a0", "a1"]);
    expect(turnsOf("base", turns)).toEqual(["base0", "base1"]);
  });

  test("CPU time counts all threads of a process and only grows", () => {
    const before = cpuNs(process.pid);
    let sum = 0;
    for (let i = 0; i < 1e7; i += 1) sum += i % 7;
    expect(sum).toBeGreaterThan(0);
    expect(cpuNs(process.pid)).toBeGreaterThan(before);
  });
});

describe("the workload", () => {
  test("routes differ in nothing but their number, and requests hit the one asked for", () => {
    const paths = Array.from({ length: 300 }, (_, i) => routePath(i));
    expect(new Set(paths).size).toBe(300);
    expect(new Set(paths.map((path) => path.length)).size).toBe(1);
    expect(requestPath(300, "last")).toBe(`${routePath(299)}/items/42`);
    expect(paths.some((path) => requestPath(300, "missing").startsWith(path))).toBe(false);
  });

  test.each(workloads)("its manifests (%s) compile to as many matches as routes", (workload) => {
    const text = manifests(100, 9000, workload);
    const { ir, diagnostics } = compile([{ path: "bench.yaml", text }]);
    expect(diagnostics).toEqual([]);
    expect(ir.gatewayPorts[0]?.virtualHosts.flatMap(({ matches }) => matches)).toHaveLength(100);
    expect(ir.clusters).toHaveLength(1);
  });
});
