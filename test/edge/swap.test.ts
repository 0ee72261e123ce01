// Swapping tables in a running edge runtime.

import * as http from "node:http";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

import type { Ir } from "../../compiler/ir.ts";
import { PortInUse, type Runtime } from "../../runtime/dev/contract.ts";
import {
  ask, cluster, edgeRuntime, forward, gatewayPort, httpBackend, inputOf, match, namedBackend,
  type Backend,
} from "./world.ts";

let one: Backend;
let two: Backend;
let slow: Backend;
const held: http.ServerResponse[] = [];
let runtime: Runtime | undefined;

beforeAll(async () => {
  one = await namedBackend("one");
  two = await namedBackend("two");
  slow = await httpBackend((_, response) => void held.push(response));
});

afterEach(async () => {
  await runtime?.stop();
  runtime = undefined;
});

afterAll(() => Promise.all([one, two, slow].map((b) => b.close())));

function to(backend: Backend, ...gateways: readonly string[]): Ir {
  return {
    clusters: [cluster("only", [backend])],
    gatewayPorts: gateways.map((g) => gatewayPort(g, 80, { "*": [match("", forward([[1, 0]]))] })),
  };
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

test("ten swaps under load lose no request", async () => {
  runtime = await edgeRuntime();
  const address = (await runtime.start(inputOf(to(one, "gw")))).listeners[0]?.address ?? "";
  const seen = new Set<string>();
  let failed = 0;
  let asked = 0;
  let isOver = false;
  const client = async (): Promise<void> => {
    while (!isOver) {
      const answer = await ask(address, "/").catch(() => undefined);
      asked += 1;
      if (answer?.status === 200) seen.add(answer.body);
      else failed += 1;
    }
  };
  const clients = [1, 2, 3, 4].map(client);
  for (let i = 0; i < 10; i += 1) {
    const before = asked;
    await until(() => asked > before + 8);
    await runtime.update(inputOf(to(i % 2 === 0 ? two : one, "gw")));
  }
  isOver = true;
  await Promise.all(clients);
  expect(failed).toBe(0);
  expect([...seen].sort()).toEqual(["one", "two"]);
});

test("once a swap has ended, the new table answers", async () => {
  runtime = await edgeRuntime();
  const address = (await runtime.start(inputOf(to(one, "gw")))).listeners[0]?.address ?? "";
  for (let i = 0; i < 10; i += 1) {
    await runtime.update(inputOf(to(i % 2 === 0 ? two : one, "gw")));
    expect((await ask(address, "/")).body).toBe(i % 2 === 0 ? "two" : "one");
  }
});

test("a request under way ends with the table it began with", async () => {
  held.length = 0;
  runtime = await edgeRuntime();
  const address = (await runtime.start(inputOf(to(slow, "gw")))).listeners[0]?.address ?? "";
  const before = ask(address, "/");
  await until(() => held.length === 1);
  await runtime.update(inputOf(to(one, "gw")));
  expect((await ask(address, "/")).body).toBe("one");
  held[0]?.end("late");
  expect((await before).body).toBe("late");
});

test("a new gateway port opens, a removed one closes, the others keep theirs", async () => {
  runtime = await edgeRuntime();
  const first = await runtime.start(inputOf(to(one, "gw")));
  const second = await runtime.update(inputOf(to(one, "added", "gw")));
  expect(second.listeners.map((l) => l.gateway)).toEqual(["test/added", "test/gw"]);
  expect(second.listeners[1]).toEqual(first.listeners[0]);
  expect((await ask(second.listeners[0]?.address ?? "", "/")).body).toBe("one");
  const third = await runtime.update(inputOf(to(two, "added")));
  expect(third.listeners).toEqual([second.listeners[0]]);
  expect((await ask(third.listeners[0]?.address ?? "", "/")).body).toBe("two");
  await expect(ask(first.listeners[0]?.address ?? "", "/")).rejects.toThrow("ECONNREFUSED");
});

test("a table that the core refuses leaves the last one in place", async () => {
  runtime = await edgeRuntime();
  const address = (await runtime.start(inputOf(to(one, "gw")))).listeners[0]?.address ?? "";
  const input = inputOf(to(two, "gw", "late"));
  const table = input.table.slice();
  table[table.length - 1] = (table[table.length - 1] ?? 0) ^ 1;
  await expect(runtime.update({ ...input, table })).rejects.toThrow("refuses the table");
  expect((await ask(address, "/")).body).toBe("one");
  await runtime.update(input);
  expect((await ask(address, "/")).body).toBe("two");
});

test("ejections outlive a swap, also one that changes the endpoints beside", async () => {
  const failing = await httpBackend((_, response) => void response.writeHead(500).end());
  const outlierDetection = { consecutive5xxErrors: 1, maxEjectionPercent: 50 };
  const withPaths = (endpoints: readonly Backend[], ...paths: readonly string[]): Ir => ({
    clusters: [cluster("pair", endpoints, { loadBalancer: "ROUND_ROBIN", outlierDetection })],
    gatewayPorts: [gatewayPort("gw", 80, {
      "*": paths.map((path) => match(path, forward([[1, 0]]))),
    })],
  });
  runtime = await edgeRuntime();
  const first = withPaths([failing, one], "/a");
  const address = (await runtime.start(inputOf(first))).listeners[0]?.address ?? "";
  const answers = [await ask(address, "/a"), await ask(address, "/a")].map((a) => a.status);
  expect(answers.sort()).toEqual([200, 500]);
  await runtime.update(inputOf(withPaths([failing, one], "/a", "/b")));
  for (let i = 0; i < 4; i += 1) expect((await ask(address, "/b")).status).toBe(200);
  await runtime.update(inputOf(withPaths([two, one, failing], "/b")));
  const bodies: string[] = [];
  for (let i = 0; i < 4; i += 1) bodies.push((await ask(address, "/b")).body);
  expect(bodies.sort()).toEqual(["one", "one", "two", "two"]);
  await failing.close();
});

test("a port in use is told as such, and nothing stays open", async () => {
  runtime = await edgeRuntime();
  const input = { ...inputOf(to(one, "gw")), ports: () => two.port };
  await expect(runtime.start(input)).rejects.toThrow(PortInUse);
  await expect(runtime.start(input)).rejects.toThrow(`port ${two.port} is in use`);
});

test("a client cannot swap the table", async () => {
  runtime = await edgeRuntime();
  const served = await runtime.start(inputOf(to(one, "gw")));
  const answer = await ask(served.listeners[0]?.address ?? "", "/", {
    method: "POST", headers: { "x-fairlead-dev": "x swap" }, body: "0000",
  });
  expect([answer.status, answer.body]).toEqual([200, "one"]);
});

test("signals stay with the caller", async () => {
  const signals = ["SIGINT", "SIGTERM"] as const;
  const before = signals.map((signal) => process.listenerCount(signal));
  runtime = await edgeRuntime();
  await runtime.start(inputOf(to(one, "gw")));
  expect(signals.map((signal) => process.listenerCount(signal))).toEqual(before);
});

test("a runtime may be stopped twice, or before it was started", async () => {
  const never = await edgeRuntime();
  await never.stop();
  await never.stop();
});
