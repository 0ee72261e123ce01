// The report's form and its honesty: what counts as what.

import { expect, test } from "vitest";

import type { Data } from "./data.ts";
import { merge } from "./merge.ts";
import { conformanceReport, type ReportFacts } from "./report.ts";
import type { PlaneResult, TestResult } from "./runner.ts";

const data: Data = {
  features: [
    { name: "Gateway", resource: "Gateway", level: "core", channel: "standard" },
    { name: "HTTPRoute", resource: "HTTPRoute", level: "core", channel: "standard" },
    { name: "GRPCRoute", resource: "GRPCRoute", level: "core", channel: "standard" },
    { name: "HTTPRouteCORS", resource: "HTTPRoute", level: "extended", channel: "standard" },
    { name: "ListenerSet", resource: "Gateway", level: "extended", channel: "standard" },
  ],
  tests: [
    { name: "Simple", features: ["Gateway", "HTTPRoute"], provisional: false },
    { name: "Broken", features: ["Gateway", "HTTPRoute"], provisional: false },
    { name: "Cors", features: ["HTTPRoute", "HTTPRouteCORS"], provisional: true },
    { name: "Sets", features: ["ListenerSet", "HTTPRoute"], provisional: false },
    { name: "Call", features: ["Gateway", "GRPCRoute"], provisional: false },
  ],
};

const fine: PlaneResult = { passed: 2, total: 2, fail: null };
const bad: PlaneResult = { passed: 1, total: 2, fail: { step: "3", type: "http", fact: "no" } };

function result(
  name: string, planes: Readonly<Record<string, PlaneResult>>, reason: string | null = null,
): TestResult {
  return { name, features: [], verdict: "pass", reason, planes };
}

function facts(...claimed: readonly string[]): ReportFacts {
  return {
    implementation: {
      contact: [], organization: "o", project: "p", url: "https://example.com", version: "v1",
    },
    date: "2026-11-30", version: "v1.7.0", channel: "standard",
    claimed: new Set(["Gateway", "ReferenceGrant", "HTTPRoute", ...claimed]),
  };
}

function verdicts(
  runs: readonly (readonly TestResult[])[], { claimed }: ReportFacts,
): Readonly<Record<string, string>> {
  return Object.fromEntries(merge(data.tests, runs, claimed).map((t) => [t.name, t.verdict]));
}

test("a test passes where no plane fails and one at least has run", () => {
  const runs = [
    [result("Simple", { compile: fine }), result("Broken", { compile: fine })],
    [result("Simple", { data: fine }), result("Broken", { data: bad }), result("Cors", {}, "why")],
  ];
  expect(verdicts(runs, facts("HTTPRouteCORS"))).toEqual({
    Simple: "pass", Broken: "fail", Cors: "skip", Sets: "unsupported", Call: "unsupported",
  });
});

test("a test of a feature that is not claimed counts nowhere, whatever it came to", () => {
  const runs = [[result("Cors", { data: bad }), result("Simple", { data: fine })]];
  const asked = data.tests.filter(({ name }) => name === "Cors" || name === "Simple");
  const judged = merge(asked, runs, facts().claimed);
  const [profile] = conformanceReport(data, judged, facts()).profiles;
  expect(profile).toEqual({
    name: "GATEWAY-HTTP", summary: "Core tests succeeded.",
    core: { result: "success", statistics: { Failed: 0, Passed: 1, Skipped: 0 } },
  });
});

test("a test for those who do not claim a feature counts nowhere where it is claimed", () => {
  const [simple] = data.tests;
  const tests = [{ ...simple!, unless: ["HTTPRouteCORS"] }];
  const runs = [[result("Simple", { compile: fine })]];
  const verdict = (f: ReportFacts): unknown => merge(tests, runs, f.claimed)[0]?.verdict;
  expect(verdict(facts("HTTPRouteCORS"))).toBe("unsupported");
  expect(verdict(facts())).toBe("pass");
});

test("a skip makes a level partial, and a failure makes it a failure", () => {
  const all = facts("HTTPRouteCORS", "ListenerSet");
  const runs = [[
    result("Simple", { data: fine }), result("Broken", { data: bad }),
    result("Cors", {}, "left out"), result("Sets", { data: fine }),
  ]];
  const report = conformanceReport(data, merge(data.tests, runs, all.claimed), all);
  expect(report.profiles).toEqual([{
    name: "GATEWAY-HTTP",
    summary: "Core tests failed with 1 test failures. "
      + "Extended tests partially succeeded with 1 test skips.",
    core: {
      result: "failure", statistics: { Failed: 1, Passed: 1, Skipped: 0 }, failedTests: ["Broken"],
    },
    extended: {
      result: "partial", statistics: { Failed: 0, Passed: 1, Skipped: 1 }, skippedTests: ["Cors"],
      supportedFeatures: ["HTTPRouteCORS", "ListenerSet"],
    },
  }]);
});

test("a report says which extended features are not claimed", () => {
  const some = facts("ListenerSet");
  const judged = merge(data.tests, [[result("Sets", { data: fine })]], some.claimed);
  const { extended } = conformanceReport(data, judged, some).profiles[0]!;
  expect(extended).toMatchObject({
    supportedFeatures: ["ListenerSet"], unsupportedFeatures: ["HTTPRouteCORS"],
  });
});

test("a profile is reported where its core features are claimed", () => {
  const names = (f: ReportFacts): readonly string[] =>
    conformanceReport(data, [], f).profiles.map(({ name }) => name);
  expect(names(facts())).toEqual(["GATEWAY-HTTP"]);
  expect(names(facts("GRPCRoute", "UDPRoute"))).toEqual([
    "GATEWAY-HTTP", "GATEWAY-GRPC", "GATEWAY-UDP",
  ]);
});

test("provisional tests that passed are named", () => {
  const all = facts("HTTPRouteCORS");
  const judged = merge(data.tests, [[result("Cors", { data: fine })]], all.claimed);
  expect(conformanceReport(data, judged, all).succeededProvisionalTests).toEqual(["Cors"]);
});
