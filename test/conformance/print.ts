// What `npm run conformance` shows: a row for each feature and runtime, then what failed.

import type { Feature } from "./data.ts";
import { whyNot } from "./features.ts";
import type { Judged, Verdict } from "./merge.ts";
import type { RuntimeName } from "./runner.ts";

export type Results = ReadonlyMap<RuntimeName, readonly Judged[]>;

interface Tally { readonly pass: number; readonly fail: number; readonly skip: number }

function tally(tests: readonly Judged[]): Tally {
  const count = (verdict: Verdict): number => tests.filter((t) => t.verdict === verdict).length;
  return { pass: count("pass"), fail: count("fail"), skip: count("skip") };
}

function cells({ pass, fail, skip }: Tally, isClaimed: boolean): string {
  if (!isClaimed) return "not claimed".padStart(22);
  return `${String(pass).padStart(6)} ${String(fail).padStart(7)} ${String(skip).padStart(7)}`;
}

export function table(
  features: readonly Feature[], results: Results,
  claims: ReadonlyMap<RuntimeName, ReadonlySet<string>>,
): string {
  const runtimes = [...results.keys()];
  const title = runtimes.map((name) => name.padStart(22)).join("  ");
  const columns = runtimes.map(() => "  pass    fail    skip").join("  ");
  const row = (name: string, needs: (test: Judged) => boolean, feature?: string): string =>
    `${name.padEnd(60)}${runtimes.map((runtime) => cells(
      tally((results.get(runtime) ?? []).filter(needs)),
      feature === undefined || claims.get(runtime)?.has(feature) === true,
    )).join("  ")}`;
  const used = features.filter(({ name }) => [...results.values()].some((tests) =>
    tests.some((test) => test.features.includes(name))));
  const sorted = [...used].sort((a, b) =>
    (a.resource < b.resource ? -1 : a.resource > b.resource ? 1
      : a.level < b.level ? -1 : a.level > b.level ? 1 : a.name < b.name ? -1 : 1));
  return [
    `${"".padEnd(60)}${title}`, `${"feature".padEnd(60)}${columns}`,
    ...sorted.map(({ name }) => row(name, (test) => test.features.includes(name), name)),
    row("all tests", () => true), "",
  ].join("\n");
}

export function failures(results: Results): string {
  return [...results].flatMap(([runtime, tests]) =>
    tests.filter(({ verdict }) => verdict === "fail")
      .map(({ name, reason }) => `FAIL ${runtime} ${name}\n     ${reason}\n`)).join("");
}

/** Unclaimed features all of whose tests here passed: of use where every feature was tried. */
export function claimable(features: readonly Feature[], results: Results): string {
  return [...results].map(([runtime, tests]) => {
    const names = features.map(({ name }) => name).filter((name) => {
      const own = tests.filter((test) => test.features.includes(name));
      return whyNot(name, runtime) !== undefined && own.some((t) => t.verdict === "pass")
        && own.every((t) => t.verdict === "pass");
    });
    return names.length === 0 ? "" : `${runtime} could claim ${names.join(", ")}\n`;
  }).join("");
}

/** Skips and unclaimed features, each reason once. */
export function leftOut(results: Results): string {
  return [...results].flatMap(([runtime, tests]) => {
    const names = new Map<string, string[]>();
    for (const { name, verdict, reason = "" } of tests) {
      if (verdict !== "skip" && verdict !== "unsupported") continue;
      names.set(reason, [...(names.get(reason) ?? []), name]);
    }
    return [...names].map(([reason, of]) => `SKIP ${runtime} ${of.join(", ")}\n     ${reason}\n`);
  }).join("");
}
