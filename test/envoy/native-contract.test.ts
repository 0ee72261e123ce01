// The contract, put to Envoy routing by itself. What it cannot carry out is reported as an error,
// and nothing else is left out.

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { compile } from "../../compiler/compile.ts";
import { nativeDiagnostics } from "../../compiler/emit/envoy/native.ts";
import { isSplit, judge, sharesOf, showRequest, type Observation } from "../contract/judge.ts";
import type { Scenario, Split } from "../contract/scenario.ts";
import { skips } from "../contract/skips.ts";
import { scenarios as all } from "../contract/table.ts";
import { openGateways, startBackends, type Backends, type Gateways } from "../contract/traffic.ts";
import { fileOf, noPorts } from "../contract/world.ts";

function refusals(scenario: Scenario): readonly string[] {
  return nativeDiagnostics(compile([fileOf(scenario, noPorts)]).ir)
    .filter(({ level }) => level === "error").map(({ title }) => title);
}

const refused = all.filter((scenario) => refusals(scenario).length > 0);
const served = all.filter((scenario) => !refused.includes(scenario));

test("only what Envoy's own routes cannot say is refused", () => {
  expect(refused.map(({ name }) => name).sort()).toEqual([
    "a split pinned to a cookie looks at that cookie alone",
    "a split pinned to a header sends equal values to equal backends",
    "repeated lines of a header are one list",
  ]);
});

/** So many that the shares of a fair draw are within five deviations. */
const draws = 400;

/** Envoy draws by chance, so that the shares are right only over many requests. */
function shareProblems(split: Split, seen: readonly Observation[]): readonly string[] {
  const found = sharesOf(seen);
  const keys = new Set([...Object.keys(split.shares), ...Object.keys(found)]);
  const wrong = [...keys].filter((key) => {
    const share = (split.shares[key] ?? 0) / split.times;
    const deviation = Math.sqrt(draws * share * (1 - share));
    return Math.abs((found[key] ?? 0) - draws * share) > 5 * deviation;
  });
  return wrong.map((key) => `${showRequest(split)}: ${found[key] ?? 0} of ${draws} to ${key}`);
}

async function problemsOf(scenario: Scenario, { ask }: Gateways): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const request of scenario.requests) {
    const isDrawn = isSplit(request) && request.session === undefined;
    const asked = isDrawn ? { ...request, times: draws } : request;
    const seen = await ask(scenario, asked);
    problems.push(...isDrawn
      ? shareProblems(request, seen) : judge(request, seen, { location: true, traffic: true }));
  }
  return problems;
}

const batchSize = 24;

const batches = Array.from({ length: Math.ceil(served.length / batchSize) }, (_, i) =>
  served.slice(i * batchSize, (i + 1) * batchSize));

describe.each(batches.map((batch, i) => [i + 1, batch] as const))("batch %i", (_, batch) => {
  let backends: Backends;
  let gateways: Gateways;

  beforeAll(async () => {
    backends = await startBackends();
    gateways = await openGateways("envoy", batch, backends, "native");
  });

  afterAll(async () => {
    await gateways?.stop();
    await backends?.close();
  });

  test.for(batch.map((scenario) => [scenario.name, scenario] as const))(
    "envoy-native: %s", async ([name, scenario], context) => {
      const problems = await problemsOf(scenario, gateways);
      // What is skipped with the filter may go well without it, but need not.
      const reason = skips.envoy[name];
      if (problems.length > 0 && reason !== undefined) context.skip(reason);
      expect(problems).toEqual([]);
    });
});
