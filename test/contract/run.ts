// How every runner's test file turns the table into tests.

import { test } from "vitest";

import { judge, type Observation, type Sight } from "./judge.ts";
import type { Exchange, Scenario, Split } from "./scenario.ts";
import { skips, type Runner } from "./skips.ts";

export type Ask = (
  scenario: Scenario, request: Exchange | Split,
) => readonly Observation[] | Promise<readonly Observation[]>;

/**
 * A test for each scenario. A skipped one is tried all the same: it must fail, or the skip is out
 * of date.
 */
export function eachScenario(
  runner: Runner | "agreement", scenarios: readonly Scenario[],
  problemsOf: (scenario: Scenario) => Promise<readonly string[]>,
): void {
  for (const scenario of scenarios) {
    const own = skips[runner][scenario.name];
    // Two runtimes of which one cannot do it need not agree, but they may.
    const inherited = runner === "agreement"
      ? skips.envoy[scenario.name] ?? skips.edge[scenario.name] : undefined;
    test(`${runner}: ${scenario.name}`, async (context) => {
      const problems = await problemsOf(scenario).catch((error: unknown) => [String(error)]);
      if (problems.length === 0) {
        if (own !== undefined) throw new Error(`it passes now: remove the skip (“${own}”)`);
        return;
      }
      const reason = own ?? inherited;
      if (reason !== undefined) context.skip(reason);
      throw new Error(problems.join("\n"));
    });
  }
}

export async function problemsWith(
  scenario: Scenario, ask: Ask, sight: Sight,
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const request of scenario.requests) {
    problems.push(...judge(request, await ask(scenario, request), sight));
  }
  return problems;
}
