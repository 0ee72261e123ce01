// A key leads to the same endpoint behind either runtime: hundreds of requests through a real
// Envoy, and what the edge's own functions say about each of them.

import { Agent } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import {
  noPolicy, type Cluster, type ClusterPolicy, type ConsistentHash, type EndpointAddress,
  type RoutePolicy,
} from "../../compiler/ir.ts";
import { affinityOf, type Asking } from "../../runtime/edge/balancing/affinity.ts";
import { startCluster, pickEndpoint } from "../../runtime/edge/balancing/cluster.ts";
import { startFaulty, type FaultyBackend } from "../backends/faulty.ts";
import { envoyOrReason } from "../envoy/binary.ts";
import { startPicked, type Picked } from "../envoy/picked.ts";
import { cluster } from "../envoy/world.ts";

const { reason } = await envoyOrReason();

const keys = {
  header: { kind: "header", name: "x-user" },
  cookie: { kind: "cookie", name: "user" },
  query: { kind: "queryParameter", name: "user" },
  sourceIp: { kind: "sourceIp" },
} as const satisfies Record<string, ConsistentHash["key"]>;
type KeyName = keyof typeof keys;

const policies = Object.fromEntries(Object.entries(keys).map(([name, hashKey]) =>
  [name, { ...noPolicy, hashKey }])) as Record<KeyName, RoutePolicy>;

type Facts = Omit<EndpointAddress, "address" | "port">;
const equal: readonly Facts[] = [{}, {}, {}, {}];
const weighed: readonly Facts[] = [{ weight: 1 }, { weight: 5 }, { weight: 2 }, { weight: 3 }];
const spread: readonly Facts[] = [
  { locality: "us/b", weight: 2 }, { locality: "eu/a" }, { locality: "eu/a", weight: 3 },
  { locality: "us/b" },
];
const shares = [{ locality: "eu/a", weight: 1 }, { locality: "us/b", weight: 4 }];

const ring = (minimumRingSize: number): ConsistentHash["algorithm"] =>
  ({ kind: "ringHash", minimumRingSize });
const maglev = (tableSize: number): ConsistentHash["algorithm"] => ({ kind: "maglev", tableSize });
const by = (algorithm: ConsistentHash["algorithm"]): ClusterPolicy =>
  ({ consistentHash: { key: keys.header, algorithm } });

const worlds: Readonly<Record<string, readonly [ClusterPolicy, readonly Facts[]]>> = {
  "ring": [by(ring(1024)), equal],
  "small-ring": [by(ring(10)), weighed],
  "weighed-ring": [by(ring(1024)), weighed],
  "spread-ring": [{ ...by(ring(1024)), localityWeights: shares }, spread],
  "maglev": [by(maglev(65537)), equal],
  "small-maglev": [by(maglev(101)), weighed],
  "weighed-maglev": [by(maglev(65537)), weighed],
  "spread-maglev": [{ ...by(maglev(251)), localityWeights: shares }, spread],
};

interface Request {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly agent?: Agent;
  /** The client's address. */
  readonly client?: string;
}

describe.skipIf(reason)(`hashing, against Envoy${reason}`, { timeout: 90_000 }, () => {
  const backends: FaultyBackend[] = [];
  const agents: Agent[] = [];
  let clusters: readonly Cluster[] = [];
  let picked: Picked<KeyName>;

  beforeAll(async () => {
    for (let i = 0; i < 4; i += 1) backends.push(await startFaulty(`b${i}`));
    clusters = Object.entries(worlds).map(([name, [policy, facts]]) => cluster(
      name, facts.map((fact, i) => ({ ...backends[i]!.address, ...fact })), policy));
    picked = await startPicked<KeyName>(policies, clusters);
  });
  afterAll(async () => {
    for (const agent of agents) agent.destroy();
    await picked?.stop();
    await Promise.all(backends.map((backend) => backend.close()));
  });

  /** The edge's choice. */
  function expected(to: string, key: KeyName, request: Request): string {
    const made = clusters[Object.keys(worlds).indexOf(to)]!;
    const live = startCluster({ ...made }, 0);
    const asking: Asking = {
      host: "", target: request.path ?? "/", client: () => request.client,
      lines: Object.entries(request.headers ?? {}).flatMap(([name, value]) =>
        [value].flat().map((one) => [name, one] as const)),
    };
    const affinity = affinityOf(keys[key], asking, () => "");
    expect(affinity.hash).toBeDefined();
    return backends[pickEndpoint(live, affinity)]!.name;
  }

  async function agree(to: string, key: KeyName, requests: readonly Request[]): Promise<void> {
    const want = requests.map((request) => expected(to, key, request));
    const got: string[] = [];
    for (const { client: _, ...request } of requests) {
      got.push((await picked.send(key, request, to)).body);
    }
    expect(got).toEqual(want);
    expect(new Set(got).size).toBeGreaterThan(1);
  }

  const values = Array.from({ length: 150 }, (_, i) => `user-${i * 7919}`);

  test.each(Object.keys(worlds))("150 values of a header lead to the same endpoints: %s", (to) =>
    agree(to, "header", values.map((value) => ({ headers: { "x-user": value } }))));

  test.each(["ring", "weighed-maglev"])("cookies: %s", (to) =>
    agree(to, "cookie", values.slice(0, 60).map((value, i) =>
      ({ headers: { cookie: i % 2 === 0 ? `a=b; user=${value}` : `user="${value}"; user=2` } }))));

  test.each(["ring", "weighed-maglev"])("query parameters: %s", (to) =>
    agree(to, "query", values.slice(0, 60).map((value, i) =>
      ({ path: `/?x=1&user=${value}${["", "%20%41", "?a+b", "&user=other"][i % 4]}` }))));

  test.each(["ring", "weighed-maglev"])("clients' addresses: %s", (to) =>
    agree(to, "sourceIp", Array.from({ length: 40 }, (_, i) => {
      const client = `127.0.${i % 3}.${i + 2}`;
      const agent = new Agent({ localAddress: client });
      agents.push(agent);
      return { agent, client };
    })));

  test("a header that is repeated, in any order", () =>
    agree("ring", "header", values.slice(0, 40).flatMap((value) => [
      { headers: { "x-user": [value, "b", "a"] } }, { headers: { "x-user": ["a", value, "b"] } },
    ])));

  test("values of every length", () =>
    agree("maglev", "query", Array.from({ length: 80 }, (_, i) =>
      ({ path: `/?user=${"x".repeat(i)}${i}` }))));
});
