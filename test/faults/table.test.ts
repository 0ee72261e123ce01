// The documented table is the one that is tested.

import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";

import { outcomeOf, scenarios } from "./scenarios.ts";
import { begin, end, faultsTable } from "./table.ts";

const page = new URL("../../docs/faults.md", import.meta.url);

test("docs/faults.md holds the scenarios' table", () => {
  const text = readFileSync(page, "utf8");
  const [before, rest = ""] = text.split(`${begin}\n`);
  const [table, after] = rest.split(`${end}\n`);
  const wanted = `${faultsTable(scenarios)}\n`;
  if (process.env["UPDATE"] === "1") {
    writeFileSync(page, `${before}${begin}\n${wanted}${end}\n${after}`);
    return;
  }
  expect(table).toBe(wanted);
});

test("runtimes differ for a reason, and every name is one scenario's", () => {
  const differing = scenarios.filter((scenario) =>
    JSON.stringify(outcomeOf(scenario, "edge")) !== JSON.stringify(outcomeOf(scenario, "envoy")));
  expect(differing.map(({ name, why }) => [name, why !== undefined])).toEqual(
    scenarios.filter(({ why }) => why !== undefined).map(({ name }) => [name, true]));
  expect(new Set(scenarios.map(({ name }) => name)).size).toBe(scenarios.length);
});
