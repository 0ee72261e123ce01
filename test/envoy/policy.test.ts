// Route policies as a real Envoy carries them out. (CORS is in a file of its own.)

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer } from "node:net";
import { connect as connectHttp2 } from "node:http2";
import type { AddressInfo } from "node:net";

import { noPolicy, type RoutePolicy } from "../../compiler/ir.ts";
import { envoyOrReason } from "./binary.ts";
import { startPicked, type Picked } from "./picked.ts";
import { cluster, startBackend, type Answer, type Ask, type Backend } from "./world.ts";

const { reason } = await envoyOrReason();

const policies = {
  nothing: noPolicy,
  response: { ...noPolicy, responseHeaders: {
    set: [{ name: "x-set", value: "50%" }, { name: "x-gone", value: "never" }],
    add: [{ name: "x-add", value: "more" }, { name: "x-empty", value: "" }],
    remove: ["x-gone", "x-secret"],
  } },
  timeout: { ...noPolicy, requestTimeoutMs: 200 },
  tryTimeout: { ...noPolicy, backendRequestTimeoutMs: 200 },
  bothTimeouts: { ...noPolicy, requestTimeoutMs: 5000, backendRequestTimeoutMs: 200 },
  zeroTimeout: { ...noPolicy, requestTimeoutMs: 0, backendRequestTimeoutMs: 0 },
  retry: { ...noPolicy, retry: { codes: [500, 503], attempts: 3, backoffMs: 1 } },
  retryNever: { ...noPolicy, retry: { codes: [500], attempts: 0 } },
  retryTimed: { ...noPolicy, backendRequestTimeoutMs: 500,
    retry: { codes: [500], attempts: 3, backoffMs: 1 } },
  retryOverall: { ...noPolicy, requestTimeoutMs: 800,
    retry: { codes: [500], attempts: 100, backoffMs: 50 } },
  mirrors: { ...noPolicy, mirrors: [
    { cluster: 1, numerator: 1, denominator: 1 }, { cluster: 2, numerator: 50, denominator: 50 },
  ] },
  halfMirror: { ...noPolicy, mirrors: [{ cluster: 1, numerator: 1, denominator: 2 }] },
  noMirror: { ...noPolicy, mirrors: [{ cluster: 2, numerator: 0, denominator: 100 }] },
  cookie: { ...noPolicy, session: {
    kind: "cookie", name: "sticky", path: "/", permanent: true, absoluteTimeoutMs: 3_600_000 } },
  browserCookie: { ...noPolicy,
    session: { kind: "cookie", name: "sticky", path: "/s", permanent: false } },
  splitCookie: { ...noPolicy, session: { kind: "cookie", name: "sticky", path: "/",
    permanent: false, split: [{ cluster: 1, weight: 3 }, { cluster: 2, weight: 1 }] } },
  header: { ...noPolicy,
    session: { kind: "header", name: "x-sticky", path: "/", permanent: false } },
} as const satisfies Record<string, RoutePolicy>;
type PolicyName = keyof typeof policies;

describe.skipIf(reason)(`a route policy${reason}`, { timeout: 60_000 }, () => {
  const backends: Backend[] = [];
  let picked: Picked<PolicyName>;
  /** How each request to `one` is answered. */
  let script: (attempt: number) => { status?: number; afterMs?: number; drop?: boolean };
  let attempts = 0;

  /** Speaks only long after the upgrade. */
  async function lateSocket(): Promise<Backend["address"]> {
    const server = createHttpServer();
    server.on("upgrade", (_, socket) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
        + "connection: upgrade\r\n\r\n");
      setTimeout(() => socket.end("late"), 800);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closers.push(() => server.close());
    return { address: "127.0.0.1", port: (server.address() as AddressInfo).port };
  }
  const closers: (() => void)[] = [];

  beforeAll(async () => {
    const scripted = await startBackend("one", (_, response) => {
      attempts += 1;
      const { status = 200, afterMs = 0, drop = false } = script(attempts);
      const answer = (): void => {
        response.writeHead(status, { "x-secret": "1", "x-set": "0", "x-add": "first" });
        response.end("one");
      };
      if (drop) response.socket?.destroy();
      else if (afterMs > 0) setTimeout(answer, afterMs);
      else answer();
    });
    backends.push(scripted, await startBackend("two"), await startBackend("three"));
    const [one, two, three] = backends.map((b) => b.address);
    const refusing = await unusedPort();
    picked = await startPicked<PolicyName>(policies, [
      cluster("one", [one!]), cluster("two", [two!]), cluster("three", [three!]),
      cluster("several", [two!, three!]),
      cluster("flaky", [{ address: "127.0.0.1", port: refusing }, two!]),
      cluster("refusing", [{ address: "127.0.0.1", port: refusing }]),
      { ...cluster("socket", [await lateSocket()]), protocol: "websocket" },
    ]);
  });
  afterAll(async () => {
    await picked?.stop();
    for (const close of closers) close();
    await Promise.all(backends.map((b) => b.close()));
  });
  afterEach(() => {
    attempts = 0;
    script = () => ({});
    for (const { seen } of backends) seen.splice(0);
  });
  script = () => ({});

  const send = (policy: PolicyName, request?: Ask, to?: string): Promise<Answer> =>
    picked.send(policy, request, to);

  test("no policy leaves everything as it is", async () => {
    script = () => ({ status: 500 });
    const { status, headers } = await send("nothing");
    expect(status).toBe(500);
    expect(headers).toMatchObject({ "x-set": "0", "x-add": "first", "x-secret": "1" });
    expect(attempts).toBe(1);
  });

  test("a client cannot choose a policy", async () => {
    const name = picked.pick("response")["x-pick-policy"] ?? "";
    expect(name).not.toBe("");
    const { headers } = await send("nothing", { headers: { "x-fairlead-policy": name } });
    expect(headers).toMatchObject({ "x-set": "0" });
  });

  test("response headers are set, added and removed", async () => {
    const { headers } = await send("response");
    expect(headers).toMatchObject({ "x-set": "50%", "x-add": "first, more", "x-empty": "" });
    expect(headers).not.toHaveProperty("x-secret");
    expect(headers).not.toHaveProperty("x-gone");
  });

  test.each(["timeout", "tryTimeout", "bothTimeouts"] as const)(
    "%s answers 504 in place of a slow backend", async (policy) => {
      script = () => ({ afterMs: 1500 });
      expect((await send(policy)).status).toBe(504);
      expect(attempts).toBe(1);
    });

  test("zero switches timeouts off", async () => {
    script = () => ({ afterMs: 600 });
    expect((await send("zeroTimeout")).status).toBe(200);
  });

  test("codes are retried as often as asked, and not more", async () => {
    script = (attempt) => ({ status: attempt < 4 ? 500 : 200 });
    expect((await send("retry")).status).toBe(200);
    expect(attempts).toBe(4);
    attempts = 0;
    script = () => ({ status: 503 });
    expect((await send("retry")).status).toBe(503);
    expect(attempts).toBe(4);
  });

  test.each([["retry", 502], ["retry", 404], ["retryNever", 500], ["nothing", 503]] as const)(
    "%s does not retry %i", async (policy, status) => {
      script = () => ({ status });
      expect((await send(policy)).status).toBe(status);
      expect(attempts).toBe(1);
    });

  test("a connection that was lost after the request is not retried", async () => {
    script = () => ({ drop: true });
    expect((await send("retry")).status).toBe(503);
    // Node keeps connections alive, and Envoy may not yet know that one is closed.
    expect(attempts).toBe(1);
  });

  test("a refused connection is retried at another endpoint", async () => {
    for (let i = 0; i < 20; i += 1) {
      expect((await send("retry", {}, "flaky")).status).toBe(200);
    }
    expect((await send("retry", {}, "refusing")).status).toBe(503);
  });

  test("an attempt that runs out of its time is retried", async () => {
    script = (attempt) => (attempt < 3 ? { afterMs: 3000 } : {});
    expect((await send("retryTimed")).status).toBe(200);
    expect(attempts).toBe(3);
  });

  test("the request's timeout ends all retries", async () => {
    script = () => ({ status: 500 });
    expect((await send("retryOverall")).status).toBe(504);
    expect(attempts).toBeGreaterThan(1);
  });

  test("mirrors get the request as it is, without our headers", async () => {
    const headers = { host: "h.example", "x-a": "b" };
    const { body } = await send("mirrors", { path: "/m?x", headers });
    expect(body).toBe("one");
    for (const mirror of backends.slice(1)) {
      await seenBy(mirror, 1);
      expect(mirror.seen[0]).toMatchObject({
        url: "/m?x", headers: { host: "h.example", "x-a": "b" },
      });
    }
    for (const { seen } of backends) {
      for (const { headers } of seen) {
        expect(Object.keys(headers).filter((h) => /fairlead|shadow/.test(h))).toEqual([]);
      }
    }
  });

  test("a share of requests is mirrored, or none", async () => {
    for (let i = 0; i < 100; i += 1) await send("halfMirror");
    const { seen } = backends[1]!;
    expect(seen.length).toBeGreaterThan(20);
    expect(seen.length).toBeLessThan(80);
    for (let i = 0; i < 5; i += 1) await send("noMirror");
    expect(backends[2]!.seen).toEqual([]);
  });

  test("a host that the filter rewrites stays rewritten under every policy", async () => {
    const headers = { host: "old.example", "x-pick-authority": "new.example" };
    await send("nothing", { headers });
    await send("response", { headers });
    await send("response", { headers: { host: "old.example" } });
    expect(backends[0]!.seen.map((s) => s.headers.host))
      .toEqual(["new.example", "new.example", "old.example"]);
  });

  // --- Sessions --------------------------------------------------------------------------------

  test("a cookie keeps a client at one endpoint", async () => {
    const first = await send("cookie", {}, "several");
    const [cookie = ""] = first.headers["set-cookie"] ?? [];
    expect(cookie).toMatch(/^sticky="?[^;]+"?; Max-Age=3600; Path=\/; HttpOnly$/);
    for (let i = 0; i < 10; i += 1) {
      const again = await send("cookie", { headers: { cookie: cookie.split(";")[0]! } }, "several");
      expect(again.body).toBe(first.body);
      expect(again.headers).not.toHaveProperty("set-cookie");
    }
    expect((await send("nothing", {}, "several")).headers).not.toHaveProperty("set-cookie");
  });

  test("a cookie of the browser's session has no age, and its path", async () => {
    const { headers } = await send("browserCookie", { path: "/s/1" }, "several");
    expect(headers["set-cookie"]?.[0]).toMatch(/^sticky="?[^;]+"?; Path=\/s; HttpOnly$/);
  });

  test("a cookie keeps a client at one backend of a split, by weight", async () => {
    const counts: Record<string, number> = { two: 0, three: 0 };
    for (let i = 0; i < 200; i += 1) {
      const { body, headers } = await send("splitCookie", {}, "two");
      counts[body]! += 1;
      if (i >= 20) continue;
      const [cookie = ""] = (headers["set-cookie"]?.[0] ?? "").split(";");
      for (const to of ["two", "three"]) {
        expect((await send("splitCookie", { headers: { cookie } }, to)).body).toBe(body);
      }
    }
    expect(counts["two"]! + counts["three"]!).toBe(200);
    expect(counts["two"]).toBeGreaterThan(110);
    expect(counts["three"]).toBeGreaterThan(20);
  });

  test("a header keeps a client at one endpoint", async () => {
    const first = await send("header", {}, "several");
    const sticky = first.headers["x-sticky"] as string;
    expect(sticky).toBeTruthy();
    for (let i = 0; i < 10; i += 1) {
      const again = await send("header", { headers: { "x-sticky": sticky } }, "several");
      expect(again.body).toBe(first.body);
    }
  });

  // --- gRPC and WebSocket ----------------------------------------------------------------------

  test("gRPC clients get gRPC errors", async () => {
    expect(await askGrpc("nothing", "refusing")).toMatchObject({ status: 200, grpcStatus: "14" });
    script = () => ({ afterMs: 1500 });
    expect(await askGrpc("timeout", "one")).toMatchObject({ status: 200, grpcStatus: "14" });
  });

  test("every policy lets WebSocket upgrades through", async () => {
    for (const name of Object.keys(policies) as PolicyName[]) {
      const { status } = await send(name, { headers: {
        connection: "upgrade", upgrade: "websocket", "sec-websocket-version": "13",
        "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
      } }, "two");
      // The backends know no WebSocket; what counts is that one was asked.
      const seen = backends.flatMap((backend) => backend.seen.splice(0));
      expect([name, status, seen.some(({ headers }) => headers.upgrade === "websocket")])
        .toEqual([name, 200, true]);
    }
  });

  test("an open WebSocket outlives the request's timeouts", async () => {
    for (const policy of ["timeout", "bothTimeouts", "retryTimed"] as const) {
      const text = await new Promise<string>((resolve, reject) => {
        const socket = connect(Number(picked.address.split(":")[1]), "127.0.0.1");
        let received = "";
        socket.on("data", (chunk: Buffer) => { received += chunk.toString(); });
        socket.on("close", () => resolve(received));
        socket.on("error", reject);
        const lines = Object.entries(picked.pick(policy, "socket"))
          .map(([name, value]) => `${name}: ${value}\r\n`);
        socket.write("GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
          + `${lines.join("")}\r\n`);
      });
      expect(text).toMatch(/^HTTP\/1\.1 101 [^]*late$/);
    }
  });

  function askGrpc(policy: PolicyName, to: string): Promise<Record<string, unknown>> {
    return new Promise((resolve, reject) => {
      const session = connectHttp2(`http://${picked.address}`);
      session.on("error", reject);
      const stream = session.request({ ":path": "/pkg.Service/Method", ":method": "POST",
        "content-type": "application/grpc", te: "trailers", ...picked.pick(policy, to) });
      const got: Record<string, unknown> = {};
      stream.on("response", (headers) => {
        Object.assign(got, { status: headers[":status"], grpcStatus: headers["grpc-status"] });
      });
      stream.on("error", reject);
      stream.on("close", () => { session.close(); resolve(got); });
      stream.resume();
      stream.end();
    });
  }
});

async function seenBy({ seen }: Backend, count: number): Promise<void> {
  for (let tries = 0; tries < 500 && seen.length < count; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(seen).toHaveLength(count);
}

/** A port that nothing listens on. */
async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
