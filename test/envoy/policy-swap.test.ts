// The filter names a route policy and Envoy's routes carry it out. During a swap the one is new and
// the other old for a while; still every request gets its own rule's policy.

import { Agent } from "node:http";

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { noPolicy, type Ir, type RoutePolicy } from "../../compiler/ir.ts";
import { plan } from "../../compiler/table/plan.ts";
import type { Runtime, RuntimeInput } from "../../runtime/dev/contract.ts";
import { envoyRuntime } from "../../runtime/envoy/dev.ts";
import { envoyOrReason } from "./binary.ts";
import { ask, cluster, filterFor, gatewayPort, ir, startBackend, withRoutes, type Backend }
  from "./world.ts";

const { reason } = await envoyOrReason();

/** The longest path is planned first, so that `left` and `right` are numbered by their company. */
const paths = { left: "/left", right: "/rights", first: "/the-very-first", second: "/a-second" };
type Name = keyof typeof paths;

describe.skipIf(reason)(`policies during a swap on Envoy${reason}`, { timeout: 60_000 }, () => {
  const backends = new Map<string, Backend>();
  let runtime: Runtime;
  beforeAll(async () => {
    for (const name of Object.keys(paths)) backends.set(name, await startBackend(name));
  });
  afterAll(async () => void await Promise.all([...backends.values()].map((b) => b.close())));
  afterEach(() => runtime?.stop());

  const policyOf = (name: Name, edition: number): RoutePolicy => ({
    ...noPolicy,
    responseHeaders: { set: [
      { name: "x-rule", value: name }, { name: "x-edition", value: String(edition) },
    ], add: [], remove: [] },
  });
  /** Each rule leads to the backend of its own name, which also stands in its policy. */
  const input = (edition: number, ...names: readonly Name[]): RuntimeInput => {
    const routes = Object.fromEntries(names.map((name, i) => [paths[name], [[i, 1]] as const]));
    const port = withRoutes(gatewayPort("shop", 80), routes);
    const withPolicies: Ir = ir([{ ...port, virtualHosts: port.virtualHosts.map((host) => ({
      ...host,
      matches: host.matches.map((m) => {
        const name = names.find((n) => paths[n] === m.path.value)!;
        const { action } = m.rule;
        if (action.kind !== "forward") throw new Error("a rule that does not forward");
        const policy = policyOf(name, edition);
        return { ...m, rule: { ...m.rule, action: { ...action, policy } } };
      }),
    })) }], names.map((name) => cluster(name, [backends.get(name)!.address])));
    return {
      ir: withPolicies, routePolicies: plan(withPolicies).plan.routePolicies,
      table: new Uint8Array(), filterWasm: filterFor(withPolicies), ports: () => 0,
    };
  };

  test("no request gets another rule's policy, or none", async () => {
    const tables = [
      input(1, "left", "right"), input(1, "first", "left", "second", "right"),
      input(2, "right", "left"), input(3, "second", "right", "left"),
    ];
    runtime = envoyRuntime();
    const { listeners: [listener] } = await runtime.start(tables[0]!);
    const address = listener!.address;
    const agent = new Agent({ keepAlive: true, maxSockets: 4 });
    const answers = new Map<string, number>();
    let asked = 0;
    let isOver = false;
    const client = async (name: Name): Promise<void> => {
      while (!isOver) {
        const { status, body, headers } = await ask(address, { path: paths[name], agent });
        const seen = `${name}: ${status} ${body} ${String(headers["x-rule"])}`;
        answers.set(seen, (answers.get(seen) ?? 0) + 1);
        asked += 1;
      }
    };
    const clients = [client("left"), client("right"), client("left"), client("right")];
    for (let round = 1; round <= 16; round += 1) {
      await runtime.update(tables[round % tables.length]!);
      const until = asked + 20;
      while (asked < until) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    isOver = true;
    await Promise.all(clients);
    agent.destroy();
    expect([...answers.keys()].sort())
      .toEqual(["left: 200 left left", "right: 200 right right"]);
  });
});
