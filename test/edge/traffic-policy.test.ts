// A cluster's policy carried out by the worker, through miniflare: keys, limits, PROXY protocol.

import * as http from "node:http";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

import type { Cluster, ClusterPolicy, ConsistentHash, Endpoints, Ir } from "../../compiler/ir.ts";
import type { Runtime, ServedListener } from "../../runtime/dev/contract.ts";
import { ok, startFaulty, status, type FaultyBackend } from "../backends/faulty.ts";
import {
  ask, cluster, edgeRuntime, forward, gatewayPort, inputOf, match, under, type Answer,
  type Asking,
} from "./world.ts";

let runtime: Runtime;
let listeners: readonly ServedListener[] = [];
let three: FaultyBackend[];
let proxied: FaultyBackend[];

const hashed = (key: ConsistentHash["key"]): ClusterPolicy =>
  ({ consistentHash: { key, algorithm: { kind: "ringHash", minimumRingSize: 1024 } } });
const cookie = { kind: "cookie", name: "stay", path: "/cookie", ttlMs: 60_000 } as const;

/** By path. */
function worlds(): Readonly<Record<string, Cluster>> {
  const addresses = three.map((backend) => backend.address);
  const named = (backend: FaultyBackend): Endpoints =>
    ({ kind: "dns", hostname: "localhost", port: backend.address.port });
  const [v1, v2] = proxied.map((backend) => backend.address);
  return {
    "/header": cluster("header", addresses, hashed({ kind: "header", name: "x-user" })),
    "/cookie": cluster("cookie", addresses, hashed(cookie)),
    "/source": cluster("source", addresses, hashed({ kind: "sourceIp" })),
    "/v1": cluster("v1", [v1!], { proxyProtocol: "V1" }),
    "/v2": cluster("v2", [v2!], { proxyProtocol: "V2" }),
    "/named": {
      ...cluster("named", [], { proxyProtocol: "V1" }), endpoints: named(proxied[0]!),
    },
    "/limited": {
      ...cluster("limited", [], { maxConnections: 1, http1MaxPendingRequests: 1 }),
      endpoints: named(three[0]!),
    },
    "/each": cluster("each", addresses, { loadBalancer: "ROUND_ROBIN", maxConnections: 1 }),
    "/retried": cluster("retried", addresses, { loadBalancer: "ROUND_ROBIN", maxRetries: 1 }),
    "/late": cluster("late", addresses.slice(0, 1), {
      outlierDetection: { consecutive5xxErrors: 1, maxEjectionPercent: 100 },
    }),
  };
}

beforeAll(async () => {
  three = await Promise.all(["b0", "b1", "b2"].map((name) => startFaulty(name)));
  proxied = await Promise.all(([1, 2] as const).map((proxyProtocol) =>
    startFaulty(`v${proxyProtocol}`, [ok], { proxyProtocol })));
  const all = worlds();
  const paths = Object.keys(all);
  const policies: Readonly<Record<string, Parameters<typeof under>[0]>> = {
    "/retried": { retry: { codes: [503], attempts: 1, backoffMs: 1 } },
    "/late": { requestTimeoutMs: 100 },
  };
  const ir: Ir = {
    clusters: Object.values(all),
    gatewayPorts: [gatewayPort("gw", 80, {
      "*": paths.map((path, i) => match(path, under(policies[path] ?? {}, forward([[1, i]])))),
    })],
  };
  runtime = await edgeRuntime();
  ({ listeners } = await runtime.start(inputOf(ir)));
});

afterAll(async () => {
  await runtime.stop();
  await Promise.all([...three, ...proxied].map((backend) => backend.close()));
});

beforeEach(() => {
  for (const backend of three) backend.play([ok]);
});

const send = (path: string, asking?: Asking): Promise<Answer> =>
  ask(listeners[0]?.address ?? "", path, asking);

async function bodies(count: number, path: string, asking?: Asking): Promise<string[]> {
  const found: string[] = [];
  for (let i = 0; i < count; i += 1) found.push((await send(path, asking)).body);
  return found;
}

test("a header's value leads to its endpoint, a request without it anywhere", async () => {
  const found: string[] = [];
  for (let user = 0; user < 40; user += 1) {
    const own = new Set(await bodies(2, "/header", { headers: { "x-user": `u${user}` } }));
    expect(own.size).toBe(1);
    found.push(...own);
  }
  expect(new Set(found).size).toBe(3);
  expect(new Set(await bodies(40, "/header")).size).toBe(3);
});

test("a client without the cookie gets one, and comes back to its endpoint by it", async () => {
  const seen = new Set<string>();
  for (let client = 0; client < 12; client += 1) {
    const first = await send("/cookie");
    const [made] = first.headers["set-cookie"] ?? [];
    expect(made).toMatch(/^stay="[0-9a-f]{16}"; Max-Age=60; Path=\/cookie; HttpOnly$/);
    const headers = { cookie: made!.split(";")[0]! };
    const again = await send("/cookie", { headers });
    expect([again.body, again.headers["set-cookie"]]).toEqual([first.body, undefined]);
    seen.add(first.body);
  }
  expect(seen.size).toBeGreaterThan(1);
});

test("clients cannot say who they are", async () => {
  const claims: readonly Readonly<Record<string, string>>[] = [
    {}, { "x-forwarded-for": "192.0.2.1" }, { "cf-connecting-ip": "192.0.2.2" },
    { "x-fairlead-dev": "secret test/gw:80 192.0.2.3" }, { "x-real-ip": "192.0.2.4" },
  ];
  const found = new Set<string>();
  for (const headers of claims) {
    for (const body of await bodies(2, "/source", { headers })) found.add(body);
  }
  expect(found.size).toBe(1);
});

test("clients of other addresses go to other endpoints", async () => {
  const found = new Set<string>();
  for (let i = 2; i < 30; i += 1) {
    const [host, port] = (listeners[0]?.address ?? "").split(":");
    found.add(await new Promise<string>((resolve, reject) => {
      http.get({ host, port, path: "/source", localAddress: `127.0.0.${i}`, agent: false }, (r) => {
        r.setEncoding("utf8").on("data", resolve).on("error", reject);
      }).on("error", reject);
    }));
  }
  expect(found.size).toBe(3);
});

test.each([["/v1", 0], ["/named", 0], ["/v2", 1]] as const)(
  "%s: the backend is told the client by the PROXY protocol", async (path, index) => {
    proxied[index]!.forget();
    expect((await send(path, { method: "POST", body: "some" })).status).toBe(200);
    const { proxyHeader = "" } = proxied[index]!.requests[0]!;
    if (index === 0) expect(proxyHeader).toBe("PROXY TCP4 127.0.0.1 0.0.0.0 0 0\r\n");
    else expect(Buffer.from(proxyHeader, "latin1").toString("hex")).toContain("2111000c7f000001");
  });

test("limits hold for a backend that is known by name, to the end of its answers", async () => {
  const [backend] = three;
  backend!.play([{ kind: "hold" }]);
  const first = send("/limited");
  await expect.poll(() => backend!.held).toBe(1);
  const second = send("/limited");
  const third = await send("/limited");
  expect([third.status, third.body]).toEqual(
    [503, "too many requests under way to the backend: overflow\n"]);
  backend!.release();
  expect([(await first).status, (await second).status]).toEqual([200, 200]);
});

test("an endpoint without a connection gets one beyond the limit", async () => {
  for (const backend of three) backend.play([{ kind: "hold" }]);
  const under = [send("/each"), send("/each"), send("/each")];
  await expect.poll(() => three.map(({ held }) => held)).toEqual([1, 1, 1]);
  const waits = send("/each");
  for (const backend of three) backend.release();
  expect((await Promise.all([...under, waits])).map((a) => a.status)).toEqual([200, 200, 200, 200]);
});

test("a retry counts until its answer is there", async () => {
  const later = { kind: "answer", status: 503, afterMs: 300 } as const;
  for (const backend of three) backend.play((n) => (n === 1 ? status(503) : later));
  for (const backend of three) backend.forget();
  await Promise.all([send("/retried"), send("/retried")]);
  const asked = three.reduce((sum, { requests }) => sum + requests.length, 0);
  expect(asked).toBe(3);
});

test("an answer that is late counts towards ejection", async () => {
  three[0]!.play([{ kind: "hold" }]);
  expect((await send("/late")).status).toBe(504);
  three[0]!.release();
  expect((await send("/late")).status).toBe(503);
});
