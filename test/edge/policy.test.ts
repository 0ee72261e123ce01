// Route policies carried out by the worker. test/envoy/policy.test.ts asks the same of Envoy.

import * as http from "node:http";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

import { noEdits, type Cors, type RoutePolicy } from "../../compiler/ir.ts";
import type { Runtime } from "../../runtime/dev/contract.ts";
import {
  ask, cluster, deadPort, edgeRuntime, forward, gatewayPort, httpBackend, inputOf, match,
  under, type Answer, type Asking, type Backend,
} from "./world.ts";

interface Seen {
  readonly by: string;
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

const cors: Cors = {
  allowOrigins: ["https://www.example.com", "https://*.wild.example", "http://port.example:8080"],
  allowCredentials: false, allowMethods: ["GET", "PUT"], allowHeaders: ["x-one", "x-two"],
  exposeHeaders: ["x-three", "x-four"], maxAgeSeconds: 5,
};
const star: Cors = {
  ...cors, allowOrigins: ["*"], allowMethods: ["*"], allowHeaders: ["*"], exposeHeaders: ["*"],
};
const session = { kind: "cookie", name: "sticky", path: "/", permanent: true } as const;
const split = [{ weight: 3, cluster: 1 }, { weight: 1, cluster: 2 }];
const response = { responseHeaders: {
  set: [{ name: "x-set", value: "50%" }, { name: "x-gone", value: "never" }],
  add: [{ name: "x-add", value: "more" }], remove: ["x-gone", "x-secret", "content-length"],
} };
const retry = { codes: [500, 503], attempts: 3, backoffMs: 1 };

/** By path: the policy, and the clusters with their weights. */
const routes: Readonly<Record<string, readonly [Partial<RoutePolicy>, ...[number, number][]]>> = {
  "/response": [response, [1, 0]],
  "/response-refusing": [response, [1, 4]],
  "/timeout": [{ requestTimeoutMs: 200 }, [1, 0]],
  "/try-timeout": [{ backendRequestTimeoutMs: 200 }, [1, 0]],
  "/no-timeout": [{ requestTimeoutMs: 0, backendRequestTimeoutMs: 0 }, [1, 0]],
  "/retry": [{ retry }, [1, 0]],
  "/retry-never": [{ retry: { codes: [500], attempts: 0 } }, [1, 0]],
  "/retry-timed": [{ backendRequestTimeoutMs: 200, retry }, [1, 0]],
  "/retry-overall": [
    { requestTimeoutMs: 300, retry: { codes: [500], attempts: 100, backoffMs: 50 } }, [1, 0]],
  "/retry-flaky": [{ retry }, [1, 5]],
  "/retry-refusing": [{ retry }, [1, 4]],
  "/retry-name": [{ retry }, [1, 7]],
  "/mirrors": [{ mirrors: [
    { cluster: 1, numerator: 1, denominator: 1 }, { cluster: 2, numerator: 50, denominator: 50 },
    { cluster: 4, numerator: 1, denominator: 1 },
  ] }, [1, 0]],
  "/mirror-some": [{ mirrors: [{ cluster: 1, numerator: 3, denominator: 10 }] }, [1, 0]],
  "/mirror-none": [{ mirrors: [{ cluster: 1, numerator: 0, denominator: 10 }] }, [1, 0]],
  "/mirror-name": [{ mirrors: [{ cluster: 7, numerator: 1, denominator: 1 }] }, [1, 1]],
  "/cors": [{ cors }, [1, 0]],
  "/cors-star": [{ cors: star }, [1, 0]],
  "/cors-credentials": [{ cors: { ...star, allowCredentials: true } }, [1, 0]],
  "/cors-nobody": [{ cors: { ...cors, allowOrigins: [] } }, [1, 0]],
  "/cookie": [{ session: { ...session, absoluteTimeoutMs: 3_600_000 } }, [1, 6]],
  "/s": [{ session: { ...session, path: "/s", permanent: false } }, [1, 6]],
  "/cookie-short": [{ session: { ...session, absoluteTimeoutMs: 1 } }, [1, 6]],
  "/cookie-split": [{ session: { ...session, split } }, [3, 1], [1, 2]],
  "/header": [{ session: { ...session, kind: "header", name: "x-sticky" } }, [1, 6]],
};

let runtime: Runtime;
let address: string;
const backends: Backend[] = [];
let seen: Seen[] = [];
let attempts = 0;
interface Script { status?: number; afterMs?: number; drop?: boolean; halfMs?: number }
let script: (attempt: number) => Script = () => ({});

beforeAll(async () => {
  const recording = (by: string, then: http.RequestListener): Promise<Backend> =>
    httpBackend((request, answer) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        const { method = "", url = "", headers } = request;
        seen.push({ by, method, url, headers, body: Buffer.concat(parts).toString() });
        then(request, answer);
      });
    });
  const one = await recording("one", (_, answer) => {
    attempts += 1;
    const { status = 200, afterMs = 0, drop = false, halfMs } = script(attempts);
    if (drop) return void answer.socket?.destroy();
    const headers = { "x-secret": "1", "x-set": "0", "x-add": "first" };
    setTimeout(() => {
      // With a length: workerd ends other answers as if they were whole.
      const length = halfMs === undefined ? {} : { "content-length": 7 };
      answer.writeHead(status, { ...headers, ...length });
      if (halfMs === undefined) return void answer.end("one");
      answer.write("half");
      setTimeout(() => answer.end("one"), halfMs);
    }, afterMs);
  });
  const two = await recording("two", (_, answer) => void answer.end("two"));
  const three = await recording("three", (_, answer) => void answer.end("three"));
  backends.push(one, two, three);
  const refused = { address: "127.0.0.1", port: await deadPort() };
  runtime = await edgeRuntime();
  const served = await runtime.start(inputOf({
    clusters: [
      cluster("one", [one]), cluster("two", [two]), cluster("three", [three]), cluster("none", []),
      cluster("refusing", [refused]),
      cluster("flaky", [refused, two], { loadBalancer: "ROUND_ROBIN" }),
      cluster("several", [two, three], { loadBalancer: "ROUND_ROBIN" }),
      { ...cluster("named", []),
        endpoints: { kind: "dns", hostname: "localhost", port: one.port } },
    ],
    gatewayPorts: [gatewayPort("gw", 80, { "*": Object.entries(routes).map(
      ([path, [policy, ...to]]) => match(path, under(policy, forward(to, {
        ...noEdits, set: [{ name: "x-edited", value: "yes" }],
      })))) })],
  }));
  address = served.listeners[0]?.address ?? "";
});

afterAll(async () => {
  await runtime?.stop();
  await Promise.all(backends.map((b) => b.close()));
});

afterEach(() => {
  seen = [];
  attempts = 0;
  script = () => ({});
});

const send = (path: string, asking?: Asking): Promise<Answer> => ask(address, path, asking);

test("response headers are set, added and removed", async () => {
  const { headers, body } = await send("/response");
  expect(headers).toMatchObject({ "x-set": "50%", "x-add": "first, more", "content-length": "3" });
  expect(headers).not.toHaveProperty("x-secret");
  expect(headers).not.toHaveProperty("x-gone");
  expect(body).toBe("one");
});

test("the gateway's own answer in place of a backend's is edited too", async () => {
  const { status, headers } = await send("/response-refusing");
  expect([status, headers["x-set"]]).toEqual([503, "50%"]);
});

test.each(["/timeout", "/try-timeout"])("%s gives 504 for a slow backend", async (path) => {
  script = () => ({ afterMs: 1500 });
  expect((await send(path)).status).toBe(504);
  expect((await send(path, { method: "POST", body: "x" })).status).toBe(504);
  expect(attempts).toBe(2);
});

test("zero switches timeouts off", async () => {
  script = () => ({ afterMs: 600 });
  expect((await send("/no-timeout")).status).toBe(200);
});

test("the request's timeout counts to the last byte, an attempt's to the head", async () => {
  script = () => ({ halfMs: 600 });
  expect((await send("/try-timeout")).body).toBe("halfone");
  await expect(send("/timeout")).rejects.toThrow();
});

test("codes are retried as often as asked, and not more", async () => {
  script = (attempt) => ({ status: attempt < 4 ? 500 : 200 });
  expect((await send("/retry")).status).toBe(200);
  expect(attempts).toBe(4);
  attempts = 0;
  script = () => ({ status: 503 });
  expect((await send("/retry")).status).toBe(503);
  expect(attempts).toBe(4);
});

test.each([["/retry", 502], ["/retry", 404], ["/retry-never", 500]])(
  "%s does not retry %i", async (path, status) => {
    script = () => ({ status });
    expect((await send(path)).status).toBe(status);
    expect(attempts).toBe(1);
  });

test.each(["/retry", "/retry-name"])("%s sends the body again", async (path) => {
  script = (attempt) => ({ status: attempt < 3 ? 500 : 200 });
  const body = "0123456789".repeat(20_000);
  expect((await send(path, { method: "POST", body })).status).toBe(200);
  expect(seen.map((s) => s.body === body)).toEqual([true, true, true]);
  expect(seen.map((s) => s.headers["content-length"])).toEqual(Array(3).fill("200000"));
});

test("a body of more than 1 MiB is sent once", async () => {
  script = () => ({ status: 500 });
  const body = "x".repeat(1_100_000);
  expect((await send("/retry", { method: "POST", body })).status).toBe(500);
  expect(seen.map((s) => s.body.length)).toEqual([1_100_000]);
});

test("a connection that was lost after the request is not retried", async () => {
  script = () => ({ drop: true });
  expect((await send("/retry")).status).toBe(503);
  expect(attempts).toBe(1);
});

test("a refused connection is retried at another endpoint", async () => {
  for (let i = 0; i < 6; i += 1) expect((await send("/retry-flaky")).body).toBe("two");
  expect((await send("/retry-refusing")).status).toBe(503);
});

test("an attempt that runs out of its time is retried", async () => {
  script = (attempt) => (attempt < 3 ? { afterMs: 1500 } : {});
  expect((await send("/retry-timed", { method: "POST", body: "again" })).status).toBe(200);
  expect(seen.map((s) => s.body)).toEqual(["again", "again", "again"]);
});

test("the request's timeout ends all retries", async () => {
  script = () => ({ status: 500 });
  expect((await send("/retry-overall")).status).toBe(504);
  expect(attempts).toBeGreaterThan(1);
});

async function seenBy(by: string, count: number): Promise<readonly Seen[]> {
  const found = (): readonly Seen[] => seen.filter((s) => s.by === by);
  while (found().length < count) await new Promise((resolve) => setTimeout(resolve, 10));
  return found();
}

test("mirrors get the edited request, and the client sees none of them", async () => {
  const headers = { host: "h.example", "x-a": "b", "x-fairlead-cluster": "mine" };
  const { body } = await send("/mirrors/m?x", { method: "POST", body: "copied", headers });
  expect(body).toBe("one");
  for (const by of ["one", "two", "three"]) {
    const [copy] = await seenBy(by, 1);
    expect(copy).toMatchObject({ method: "POST", url: "/mirrors/m?x", body: "copied" });
    expect(copy?.headers).toMatchObject({ host: "h.example", "x-a": "b", "x-edited": "yes" });
    expect(Object.keys(copy?.headers ?? {}).filter((h) => /fairlead|shadow/.test(h))).toEqual([]);
  }
});

test("a name is mirrored to as well", async () => {
  await send("/mirror-name", { method: "POST", body: "copied" });
  expect((await seenBy("one", 1))[0]?.body).toBe("copied");
});

test("a share of requests is mirrored exactly, or none", async () => {
  for (let i = 0; i < 20; i += 1) await send("/mirror-some");
  expect(await seenBy("two", 6)).toHaveLength(6);
  for (let i = 0; i < 5; i += 1) await send("/mirror-none");
  expect(await seenBy("two", 6)).toHaveLength(6);
});

// --- CORS --------------------------------------------------------------------------------------

const preflight = (path: string, origin: string, headers: Record<string, string> = {
  "access-control-request-headers": "x-mine, x-other",
}): Promise<Answer> => send(path, { method: "OPTIONS", headers: {
  origin, "access-control-request-method": "DELETE", ...headers } });

const corsOf = ({ headers }: Answer): Record<string, unknown> => Object.fromEntries(
  Object.entries(headers).filter(([name]) => name.startsWith("access-control-")).map(
    ([name, value]) => [name.slice("access-control-".length), value]));

test("a preflight is answered by the worker", async () => {
  const answer = await preflight("/cors", "https://www.example.com");
  expect(answer.status).toBe(200);
  expect(corsOf(answer)).toEqual({ "allow-origin": "https://www.example.com",
    "allow-methods": "GET,PUT", "allow-headers": "x-one,x-two", "max-age": "5",
    "expose-headers": "x-three,x-four" });
  expect(attempts).toBe(0);
});

test.each([
  ["https://www.example.com", true], ["HTTPS://WWW.example.com", true],
  ["https://www.example.com:443", true], ["https://a.b.wild.example", true],
  ["https://x.wild.example:443", true], ["http://port.example:8080", true],
  ["https://www.example.com:444", false], ["http://www.example.com", false],
  ["https://wild.example", false], ["https://evil.example/.wild.example", false],
  ["https://wwwXexample.com", false], ["http://port.example", false], ["null", false],
  ["https://evil:1.wild.example", false],
])("the origin %s is allowed: %s", async (origin, isAllowed) => {
  const answer = await preflight("/cors", origin);
  expect(answer.status).toBe(isAllowed ? 200 : 204);
  expect(corsOf(answer)["allow-origin"]).toBe(isAllowed ? origin : undefined);
  if (!isAllowed) expect(corsOf(answer)).toEqual({});
  const actual = await send("/cors", { headers: { origin } });
  expect(actual.body).toBe("one");
  expect(corsOf(actual)).toEqual(isAllowed
    ? { "allow-origin": origin, "expose-headers": "x-three,x-four" } : {});
});

test("wildcards allow what is asked for", async () => {
  const answer = corsOf(await preflight("/cors-star", "https://any.example"));
  expect(answer).toEqual({ "allow-origin": "https://any.example", "allow-methods": "DELETE",
    "allow-headers": "x-mine, x-other", "max-age": "5", "expose-headers": "*" });
  expect(corsOf(await send("/cors-star", { headers: { origin: "https://any.example" } })))
    .toEqual({ "allow-origin": "https://any.example", "expose-headers": "*" });
});

test("with credentials no wildcard is ever sent", async () => {
  const origin = "https://any.example";
  expect(corsOf(await preflight("/cors-credentials", origin))).toEqual({
    "allow-origin": origin, "allow-credentials": "true",
    "allow-methods": "DELETE", "allow-headers": "x-mine, x-other", "max-age": "5" });
  const bare = corsOf(await preflight("/cors-credentials", origin, {}));
  expect(bare).not.toHaveProperty("allow-headers");
  expect(bare["allow-methods"]).toBe("DELETE");
  expect(corsOf(await send("/cors-credentials", { headers: { origin } })))
    .toEqual({ "allow-origin": origin, "allow-credentials": "true" });
});

test("OPTIONS that is no preflight goes to the backend", async () => {
  const headers = { origin: "https://evil.example" };
  expect((await send("/cors", { method: "OPTIONS", headers })).body).toBe("one");
  expect((await send("/cors", { method: "OPTIONS" })).body).toBe("one");
  expect(corsOf(await preflight("/cors-nobody", "https://www.example.com"))).toEqual({});
});

// --- Sessions ----------------------------------------------------------------------------------

const cookieOf = ({ headers }: Answer): string => headers["set-cookie"]?.[0] ?? "";

test("a cookie keeps a client at one endpoint", async () => {
  const first = await send("/cookie");
  expect(cookieOf(first)).toMatch(/^sticky="?[^;]+"?; Max-Age=3600; Path=\/; HttpOnly$/);
  const cookie = `other=1; ${cookieOf(first).split(";")[0]}`;
  for (let i = 0; i < 5; i += 1) {
    const again = await send("/cookie", { headers: { cookie } });
    expect(again.body).toBe(first.body);
    expect(again.headers).not.toHaveProperty("set-cookie");
  }
  const forged = await send("/cookie", { headers: { cookie: 'sticky="127.0.0.1:1"' } });
  expect(cookieOf(forged)).not.toBe("");
});

test("a cookie of the browser's session has no age, and its path", async () => {
  expect(cookieOf(await send("/s/1"))).toMatch(/^sticky="?[^;]+"?; Path=\/s; HttpOnly$/);
});

test("a session ends with its absolute timeout", async () => {
  const [cookie = ""] = cookieOf(await send("/cookie-short")).split(";");
  const again = await send("/cookie-short", { headers: { cookie } });
  expect(cookieOf(again)).not.toBe("");
});

test("a cookie keeps a client at one backend of a split", async () => {
  const counts: Record<string, number> = { two: 0, three: 0 };
  for (let i = 0; i < 8; i += 1) {
    const first = await send("/cookie-split");
    counts[first.body] = (counts[first.body] ?? 0) + 1;
    const [cookie = ""] = cookieOf(first).split(";");
    const again = await Promise.all([1, 2, 3, 4].map(() =>
      send("/cookie-split", { headers: { cookie } })));
    expect(again.map((a) => a.body)).toEqual(Array(4).fill(first.body));
  }
  expect(counts["two"]).toBeGreaterThan(0);
});

test("a header keeps a client at one endpoint", async () => {
  const first = await send("/header");
  const sticky = first.headers["x-sticky"] as string;
  expect(sticky).toBeTruthy();
  for (let i = 0; i < 5; i += 1) {
    expect((await send("/header", { headers: { "x-sticky": sticky } })).body).toBe(first.body);
  }
});
