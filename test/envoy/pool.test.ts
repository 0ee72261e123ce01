// Connections between a real Envoy and its backends: how many, how long, and how they begin.

import { readFile } from "node:fs/promises";
import { Agent } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { createServer, type AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { noPolicy, type Cluster, type ClusterPolicy, type RoutePolicy } from "../../compiler/ir.ts";
import { ok, startFaulty, status, type FaultyBackend } from "../backends/faulty.ts";
import { envoyOrReason } from "./binary.ts";
import { startPicked, type Picked } from "./picked.ts";
import { cluster, type Answer } from "./world.ts";

const { reason } = await envoyOrReason();

/** Of the seed's DestinationRule. */
const canary: ClusterPolicy = {
  loadBalancer: "ROUND_ROBIN", maxConnections: 100, http1MaxPendingRequests: 50,
  http2MaxRequests: 100, maxRequestsPerConnection: 2,
};

const worlds: Readonly<Record<string, ClusterPolicy>> = {
  canary,
  "few-requests": { http2MaxRequests: 3 },
  "reused": {},
  "twice": { maxRequestsPerConnection: 2 },
  "idle": { httpIdleTimeoutMs: 100 },
  "short": { maxConnectionDurationMs: 100 },
  "one-retry": { maxRetries: 1 },
  "no-budget": { retryBudget: { percent: 0, minRetryConcurrency: 1 } },
  "probed": { tcpKeepalive: { probes: 3, timeMs: 50_000, intervalMs: 5_000 } },
  "not-probed": {},
};

const policies = {
  nothing: noPolicy,
  retried: { ...noPolicy, retry: { codes: [503], attempts: 3, backoffMs: 1 } },
} as const satisfies Record<string, RoutePolicy>;
type PolicyName = keyof typeof policies;

describe.skipIf(reason)(`a connection pool${reason}`, { timeout: 60_000 }, () => {
  let backend: FaultyBackend;
  const proxied: FaultyBackend[] = [];
  /** The first bytes of each connection. */
  const begun: string[] = [];
  const raw = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (chunk: Buffer) => {
      begun.push(chunk.toString("latin1"));
      socket.end();
    });
  });
  let picked: Picked<PolicyName>;

  beforeAll(async () => {
    backend = await startFaulty("one");
    await new Promise<void>((resolve) => raw.listen(0, "127.0.0.1", resolve));
    const rawAddress = { address: "127.0.0.1", port: (raw.address() as AddressInfo).port };
    for (const version of [1, 2] as const) {
      proxied.push(await startFaulty(`v${version}`, [ok], { proxyProtocol: version }));
    }
    picked = await startPicked<PolicyName>(policies, [
      ...Object.entries(worlds).map(([name, policy]): Cluster =>
        cluster(name, [backend.address], policy)),
      cluster("proxied-V1", [proxied[0]!.address], { proxyProtocol: "V1" }),
      cluster("proxied-V2", [proxied[1]!.address], { proxyProtocol: "V2" }),
      cluster("as-client", [rawAddress], { useClientProtocol: true }),
    ]);
  });
  afterAll(async () => {
    await picked?.stop();
    await Promise.all([backend, ...proxied].map((b) => b?.close()));
    await new Promise<void>((resolve) => raw.close(() => resolve()));
  });
  beforeEach(async () => {
    backend.play([ok]);
    // Connections of the test before: nobody else is to be counted.
    await backend.refuse();
    await backend.recover();
    backend.forget();
  });

  const send = (to: string, policy: PolicyName = "nothing"): Promise<Answer> =>
    picked.send(policy, {}, to);
  const stat = (to: string, name: string): Promise<string | undefined> =>
    picked.admin.stat(`cluster.${cluster(to, []).name}.${name}`);

  test("100 connections hold, 50 requests wait, and more overflow with 503", async () => {
    backend.play([{ kind: "hold" }]);
    const agent = new Agent({ maxSockets: 200 });
    const answers: Answer[] = [];
    const all: Promise<unknown>[] = [];
    const more = (count: number): void => {
      for (let i = 0; i < count; i += 1) {
        all.push(picked.send("nothing", { agent }, "canary")
          .then((answer) => answers.push(answer)));
      }
    };
    // A request waits until its connection stands: no more than 50 may come at once.
    more(50);
    await expect.poll(() => backend.held).toBe(50);
    more(50);
    await expect.poll(() => backend.held).toBe(100);
    more(50);
    await expect.poll(() => stat("canary", "upstream_rq_pending_active")).toBe("50");
    more(20);
    await expect.poll(() => answers.length).toBe(20);
    expect(answers.map(({ status: code }) => code)).toEqual(Array(20).fill(503));
    expect(answers[0]!.body).toContain("overflow");
    expect(await stat("canary", "upstream_rq_pending_overflow")).toBe("20");
    expect(await stat("canary", "circuit_breakers.default.cx_open")).toBe("1");
    expect(await stat("canary", "circuit_breakers.default.remaining_pending")).toBe("0");
    expect(backend.connections.most).toBe(100);
    backend.release();
    await Promise.all(all);
    agent.destroy();
    expect(answers.filter(({ status: code }) => code === 200)).toHaveLength(150);
    expect(backend.connections.most).toBe(100);
  });

  test("requests under way are limited too", async () => {
    backend.play([{ kind: "hold" }]);
    const held = [send("few-requests"), send("few-requests"), send("few-requests")];
    await expect.poll(() => backend.held).toBe(3);
    expect((await send("few-requests")).status).toBe(503);
    backend.release();
    expect((await Promise.all(held)).map((answer) => answer.status)).toEqual([200, 200, 200]);
    expect((await send("few-requests")).status).toBe(200);
  });

  test("a connection is used again, or for as many requests as it may carry", async () => {
    for (const [to, uses] of [["reused", 6], ["twice", 2]] as const) {
      backend.forget();
      for (let i = 0; i < 6; i += 1) await send(to);
      const used = new Map<number, number>();
      for (const { connection } of backend.requests) {
        used.set(connection, (used.get(connection) ?? 0) + 1);
      }
      expect([...used.values()], to).toEqual(Array(6 / uses).fill(uses));
    }
  });

  test.each(["idle", "short"])("%s: a connection ends by itself", async (to) => {
    await send(to);
    expect(backend.connections.accepted).toBe(1);
    await expect.poll(() => backend.connections.open).toBe(0);
    expect((await send(to)).status).toBe(200);
    expect(backend.connections.accepted).toBe(2);
  });

  test.each(["one-retry", "no-budget"])("%s: retries at one time are limited", async (to) => {
    // Each retry is held, so that it is still under way when the next one is wanted.
    backend.play((request) => (request <= 3 ? status(503) : { kind: "hold" }));
    const answers: number[] = [];
    const all = [1, 2, 3].map(() => send(to, "retried").then((answer) =>
      answers.push(answer.status)));
    await expect.poll(() => answers).toEqual([503, 503]);
    expect(await stat(to, "upstream_rq_retry_overflow")).toBe("2");
    backend.release();
    await Promise.all(all);
    expect(answers).toEqual([503, 503, 200]);
  });

  // --- How a connection begins -------------------------------------------------------------------

  test.each([["V1", 0], ["V2", 1]] as const)("PROXY protocol %s names the client", async (v, i) => {
    expect((await send(`proxied-${v}`)).body).toBe(`v${i + 1}`);
    const header = proxied[i]!.requests[0]!.proxyHeader!;
    if (v === "V1") expect(header).toMatch(/^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\n$/);
    // The signature, version 2 and PROXY, TCP over IPv4, 12 bytes of addresses, the client's first.
    else expect(header.slice(0, 20)).toBe("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01");
  });

  test("the backend is spoken to in the client's version of HTTP", async () => {
    await send("as-client");
    expect(begun.at(-1)).toMatch(/^GET \/ HTTP\/1\.1\r\n/);
    const session = connectHttp2(`http://${picked.address}`);
    await new Promise<void>((resolve, reject) => {
      const stream = session.request({ ":path": "/", ...picked.pick("nothing", "as-client") });
      stream.on("response", () => resolve()).on("error", reject).resume();
    });
    session.destroy();
    expect(begun.at(-1)).toMatch(/^PRI \* HTTP\/2\.0\r\n/);
  });

  const linux = process.platform === "linux" ? "" : " (skipped: needs Linux' /proc/net/tcp)";
  test.skipIf(linux)(`the kernel probes only where it is asked to${linux}`, async () => {
    for (const [to, isProbed] of [["not-probed", false], ["probed", true]] as const) {
      backend.forget();
      await send(to);
      const timer = await keepaliveTimer(backend.address.port);
      expect(timer > 0 && timer <= 50, to).toBe(isProbed);
    }
  });

  /** Seconds until the kernel's timer of the newest connection to this port; 0 where none runs. */
  async function keepaliveTimer(port: number): Promise<number> {
    const remote = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
    const lines = (await readFile("/proc/net/tcp", "utf8")).split("\n").slice(1)
      .map((line) => line.trim().split(/\s+/))
      // 01: established. Probes are timer 2, and no data waits in a queue.
      .filter(([, , to = "", state]) => to.endsWith(remote) && state === "01");
    const timers = lines.map(([, , , , , timer = "00:0"]) => timer.split(":"))
      .map(([kind, left = "0"]) => (kind === "02" ? Number.parseInt(left, 16) / 100 : 0));
    return Math.max(0, ...timers);
  }
});
