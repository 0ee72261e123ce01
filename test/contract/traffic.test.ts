// The contract, put to real Envoy and to miniflare, and the two held against each other. Each
// runtime is asked each request once.

import { afterAll, beforeAll, describe } from "vitest";

import { differences } from "./agreement.ts";
import type { Observation } from "./judge.ts";
import { eachScenario, problemsWith } from "./run.ts";
import type { Exchange, Scenario, Split } from "./scenario.ts";
import { scenarios } from "./table.ts";
import { openGateways, startBackends, type Backends, type Gateways } from "./traffic.ts";

const names = ["envoy", "edge"] as const;
type Name = (typeof names)[number];

/**
 * So many worlds are served at once. Each has a Gateway, for which Envoy watches two files; Linux
 * lets a user have 128 such watches unless told otherwise, all processes together.
 */
const batchSize = 24;

const batches = Array.from({ length: Math.ceil(scenarios.length / batchSize) }, (_, i) =>
  scenarios.slice(i * batchSize, (i + 1) * batchSize));

describe.each(batches.map((batch, i) => [i + 1, batch] as const))("batch %i", (_, batch) => {
  let backends: Backends;
  const gateways = new Map<Name, Gateways>();
  const answers = new Map<string, Promise<readonly Observation[]>>();

  beforeAll(async () => {
    backends = await startBackends();
    await Promise.all(names.map(async (name) => {
      gateways.set(name, await openGateways(name, batch, backends));
    }));
  });

  afterAll(async () => {
    await Promise.all([...gateways.values()].map((g) => g.stop()));
    await backends?.close();
  });

  /** The answers to a request, which is sent the first time it is asked for. */
  const ask = (
    name: Name, scenario: Scenario, request: Exchange | Split,
  ): Promise<readonly Observation[]> => {
    const key = `${name} ${scenario.name} ${scenario.requests.indexOf(request)}`;
    const known = answers.get(key);
    if (known) return known;
    const opened = gateways.get(name);
    if (opened === undefined) throw new Error(`${name} has not started`);
    const asked = opened.ask(scenario, request);
    answers.set(key, asked);
    return asked;
  };

  for (const name of names) {
    eachScenario(name, batch, (scenario) => problemsWith(
      scenario, (s, request) => ask(name, s, request), { location: true, traffic: true },
    ));
  }

  eachScenario("agreement", batch, async (scenario) => {
    const problems: string[] = [];
    for (const request of scenario.requests) {
      const [left, right] = await Promise.all(names.map((n) => ask(n, scenario, request)));
      problems.push(...differences(request, left ?? [], right ?? []));
    }
    return problems;
  });
});
