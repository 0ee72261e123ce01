// How a real Envoy shares requests out among a cluster's endpoints.

import { Agent } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { noPolicy, type Cluster, type ClusterPolicy, type ConsistentHash, type EndpointAddress,
  type RoutePolicy } from "../../compiler/ir.ts";
import { ok, startFaulty, status, type FaultyBackend } from "../backends/faulty.ts";
import { envoyOrReason } from "./binary.ts";
import { startPicked, type Picked } from "./picked.ts";
import { cluster, type Answer, type Ask } from "./world.ts";

const { reason } = await envoyOrReason();

const keys = {
  header: { kind: "header", name: "x-user" },
  cookie: { kind: "cookie", name: "user" },
  queryParameter: { kind: "queryParameter", name: "user" },
  sourceIp: { kind: "sourceIp" },
  made: { kind: "cookie", name: "made", path: "/shop", ttlMs: 60_000,
    attributes: [{ name: "SameSite", value: "Strict" }] },
  session: { kind: "cookie", name: "session", ttlMs: 0 },
} as const satisfies Record<string, ConsistentHash["key"]>;
type KeyName = keyof typeof keys;

const policies = {
  nothing: noPolicy,
  ...Object.fromEntries(Object.entries(keys).map(([name, hashKey]) =>
    [name, { ...noPolicy, hashKey }])) as Record<KeyName, RoutePolicy>,
  retried: {
    ...noPolicy, hashKey: keys.header, retry: { codes: [503], attempts: 4, backoffMs: 1 },
  },
} as const satisfies Record<string, RoutePolicy>;
type PolicyName = keyof typeof policies;

const algorithms: Readonly<Record<string, ConsistentHash["algorithm"]>> = {
  ring: { kind: "ringHash", minimumRingSize: 1024 },
  maglev: { kind: "maglev", tableSize: 65537 },
};

/** Balancers read no key of the cluster: the route has it. */
const hashed = (algorithm: string): ClusterPolicy =>
  ({ consistentHash: { key: keys.header, algorithm: algorithms[algorithm]! } });
const turns = { loadBalancer: "ROUND_ROBIN" } as const;
const here = "eu/one/rack";
const there = "eu/two/rack";

/** What an endpoint is beside its address. */
type Facts = Omit<EndpointAddress, "address" | "port">;

const worlds: Readonly<Record<string, readonly [ClusterPolicy, readonly Facts[]]>> = {
  "turns": [turns, [{}, {}, {}]],
  "weighted": [turns, [{ weight: 3 }, { weight: 1 }]],
  "least": [{}, [{}, {}]],
  "random": [{ loadBalancer: "RANDOM" }, [{}, {}, {}]],
  "ring": [hashed("ring"), [{}, {}, {}]],
  "maglev": [hashed("maglev"), [{}, {}, {}]],
  "ring-of-two": [hashed("ring"), [{}, {}]],
  "maglev-of-two": [hashed("maglev"), [{}, {}]],
  "localities": [turns, [{ locality: here }, { locality: here }, { locality: there }]],
  "distributed": [
    { ...turns,
      localityWeights: [{ locality: here, weight: 75 }, { locality: there, weight: 25 }] },
    [{ locality: here }, { locality: there }, { locality: "us" }],
  ],
  "failover": [
    { ...turns, outlierDetection: { consecutive5xxErrors: 2, maxEjectionPercent: 100 } },
    [{ locality: here }, { locality: here }, { locality: there, priority: 1 },
      { locality: "us", priority: 4 }],
  ],
  "warm": [{ ...turns, warmup: { durationMs: 60_000, minimumPercent: 10, aggression: 1 } },
    [{}, {}]],
};

describe.skipIf(reason)(`balancing${reason}`, { timeout: 60_000 }, () => {
  const backends: FaultyBackend[] = [];
  const agents: Agent[] = [];
  let picked: Picked<PolicyName>;

  beforeAll(async () => {
    for (let i = 0; i < 4; i += 1) backends.push(await startFaulty(`b${i}`));
    const clusters = Object.entries(worlds).map(([name, [policy, endpoints]]): Cluster =>
      cluster(name, endpoints.map((facts, i) => ({ ...backends[i]!.address, ...facts })), policy));
    picked = await startPicked<PolicyName>(policies, clusters);
  });
  afterAll(async () => {
    for (const agent of agents) agent.destroy();
    await picked?.stop();
    await Promise.all(backends.map((backend) => backend.close()));
  });
  beforeEach(() => {
    for (const backend of backends) backend.play([ok]);
  });

  const send = (to: string, policy: PolicyName = "nothing", asked?: Ask): Promise<Answer> =>
    picked.send(policy, asked, to);
  async function times(count: number, to: string): Promise<readonly string[]> {
    const bodies: string[] = [];
    for (let i = 0; i < count; i += 1) bodies.push((await send(to)).body);
    return bodies;
  }
  const counts = (bodies: readonly string[]): Readonly<Record<string, number>> =>
    bodies.reduce<Record<string, number>>(
      (all, name) => ({ ...all, [name]: (all[name] ?? 0) + 1 }), {});

  test.each(["turns", "localities", "warm"])("%s: round robin is exact", async (to) => {
    const size = worlds[to]![1].length;
    const bodies = await times(12, to);
    for (let i = 0; i + size <= bodies.length; i += 1) {
      expect(new Set(bodies.slice(i, i + size)).size).toBe(size);
    }
  });

  test("endpoints' weights share the turns", async () => {
    expect(counts(await times(16, "weighted"))).toEqual({ b0: 12, b1: 4 });
  });

  test("least request avoids the busy endpoint", async () => {
    backends[0]!.play((request) => (request === 1 ? { kind: "hold" } : ok));
    const held: Promise<Answer>[] = [];
    while (backends[0]!.held === 0) {
      held.push(send("least"));
      await Promise.race([held.at(-1), new Promise((resolve) => setTimeout(resolve, 200))]);
    }
    const { b0 = 0, b1 = 0 } = counts(await times(60, "least"));
    expect(b1).toBeGreaterThan(b0);
    backends[0]!.release();
    await Promise.all(held);
  });

  test("random leaves nobody out", async () => {
    expect(Object.keys(counts(await times(60, "random"))).sort()).toEqual(["b0", "b1", "b2"]);
  });

  // --- Consistent hashing ------------------------------------------------------------------------

  /** A request whose key has this value. */
  function keyed(kind: KeyName, value: number): Ask {
    switch (kind) {
      case "header": return { headers: { "x-user": `v${value}` } };
      case "queryParameter": return { path: `/?a=b&user=v${value}` };
      case "sourceIp": {
        const agent = new Agent({ localAddress: `127.0.0.${value + 2}` });
        agents.push(agent);
        return { agent };
      }
      default: return { headers: { cookie: `a=b; user=v${value}` } };
    }
  }

  const kinds = ["header", "cookie", "queryParameter", "sourceIp"] as const;
  test.each(kinds.flatMap((kind) => [[kind, "ring"], [kind, "maglev"]] as const))(
    "%s: equal values stay with one endpoint, others are spread (%s)", async (kind, to) => {
      const found: string[] = [];
      for (let value = 0; value < 40; value += 1) {
        found.push((await send(to, kind, keyed(kind, value))).body);
      }
      expect(new Set(found)).toEqual(new Set(["b0", "b1", "b2"]));
      for (let value = 0; value < 40; value += 1) {
        expect((await send(to, kind, keyed(kind, value))).body).toBe(found[value]);
      }
    });

  test.each(["ring", "maglev"])("%s: without an endpoint most others keep theirs", async (to) => {
    let kept = 0;
    let stayed = 0;
    for (let value = 0; value < 60; value += 1) {
      const before = (await send(to, "header", keyed("header", value))).body;
      const after = (await send(`${to}-of-two`, "header", keyed("header", value))).body;
      if (before === "b2") continue;
      kept += 1;
      if (before === after) stayed += 1;
    }
    expect(stayed / kept).toBeGreaterThan(0.7);
  });

  test("without the key any endpoint will do", async () => {
    const bodies = new Set<string>();
    for (let i = 0; i < 60; i += 1) bodies.add((await send("ring", "header")).body);
    expect(bodies.size).toBe(3);
  });

  test("a cookie with a lifetime is made for whoever has none, and holds", async () => {
    const first = await send("ring", "made");
    const [cookie] = first.headers["set-cookie"] ?? [];
    expect(cookie).toMatch(/^made="[^"]+"; Max-Age=60; Path=\/shop; SameSite=Strict; HttpOnly$/);
    const headers = { cookie: cookie!.split(";")[0]! };
    for (let i = 0; i < 10; i += 1) {
      const again = await send("ring", "made", { headers });
      expect(again.body).toBe(first.body);
      expect(again.headers).not.toHaveProperty("set-cookie");
    }
  });

  test("a lifetime of zero is the browser's session, and none makes no cookie", async () => {
    const [cookie] = (await send("ring", "session")).headers["set-cookie"] ?? [];
    expect(cookie).toMatch(/^session="[^"]+"; HttpOnly$/);
    expect((await send("ring", "cookie")).headers).not.toHaveProperty("set-cookie");
  });

  test("retries stay with the endpoint that the key names", async () => {
    const headers = { "x-user": "steady" };
    const named = (await send("ring", "header", { headers })).body;
    const backend = backends.find(({ name }) => name === named)!;
    backend.play([status(503), status(503), status(503), ok]);
    const answer = await send("ring", "retried", { headers });
    expect([answer.status, answer.body]).toEqual([200, named]);
  });

  // --- Localities --------------------------------------------------------------------------------

  test("localities share requests by their weights, and one without gets none", async () => {
    expect(counts(await times(40, "distributed"))).toEqual({ b0: 30, b1: 10 });
  });

  test("the next priority takes over when the first is ejected", async () => {
    expect(counts(await times(8, "failover"))).toEqual({ b0: 4, b1: 4 });
    backends[0]!.play([status(500)]);
    backends[1]!.play([status(500)]);
    const settled = async (): Promise<unknown> => counts(await times(8, "failover"));
    await expect.poll(settled, { timeout: 5_000 }).toEqual({ b2: 8 });
    backends[2]!.play([status(500)]);
    await expect.poll(settled, { timeout: 5_000 }).toEqual({ b3: 8 });
  });
});
