// Verdicts carried out by the worker, through miniflare.

import * as http from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";

import type { Endpoints, Ir } from "../../compiler/ir.ts";
import type { Runtime, ServedListener } from "../../runtime/dev/contract.ts";
import {
  ask, cluster, deadPort, edgeRuntime, forward, gatewayPort, httpBackend, inputOf, match,
  namedBackend, rule, type Backend,
} from "./world.ts";

let runtime: Runtime;
let listeners: readonly ServedListener[];
const backends: Backend[] = [];
const held: http.ServerResponse[] = [];
/** By request, how the backend answers next; 200 where nothing is said. */
const statuses: number[] = [];

function address(gateway: string, port = 80): string {
  return listeners.find((l) => l.gateway === `test/${gateway}` && l.port === port)?.address ?? "";
}

function dns(hostname: string, port: number): Endpoints {
  return { kind: "dns", hostname, port };
}

beforeAll(async () => {
  const echo = await httpBackend((request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ url: request.url, headers: request.rawHeaders }));
  });
  const holding = await httpBackend((_, response) => void held.push(response));
  const failing = await httpBackend((_, response) => {
    response.writeHead(statuses.shift() ?? 200).end("failing");
  });
  const [one, two] = await Promise.all([namedBackend("one"), namedBackend("two")]);
  backends.push(echo, holding, failing, one, two);
  const limits = { maxConnections: 2, http1MaxPendingRequests: 1 };
  const outlierDetection = { consecutive5xxErrors: 2, maxEjectionPercent: 50 };
  const roundRobin = { loadBalancer: "ROUND_ROBIN" } as const;
  const refused = { address: "127.0.0.1", port: await deadPort() };
  const clusters = [
    cluster("one", [one]), cluster("two", [two]), cluster("echo", [echo]),
    cluster("none", []), cluster("holding", [holding], limits),
    cluster("failing", [failing, one], { ...roundRobin, outlierDetection }),
    cluster("three", [one, two, one], roundRobin),
    { ...cluster("named", []), endpoints: dns("localhost", echo.port) },
    { ...cluster("unknown", []), endpoints: dns("no.such.host.invalid", 80) },
    cluster("half-dead", [refused, one], { ...roundRobin, outlierDetection }),
  ];
  const edits = {
    set: [{ name: "x-set", value: "new" }],
    add: [{ name: "x-add", value: "more" }, { name: "x-line", value: "a\r\nx-evil: 1" }],
    remove: ["x-remove", "content-length", "host"],
  };
  const redirect = rule({
    kind: "redirect", statusCode: 301, scheme: "https", hostname: "new.example.com",
  });
  const ir: Ir = {
    clusters,
    gatewayPorts: [
      gatewayPort("gw", 80, {
        "*": [
          match("/ten", forward([[1, 0], [1, 1]])),
          match("/weights", forward([[9, 0], [1, 1]])),
          match("/edits", forward([[1, 2]], edits)),
          match("/plain", forward([[1, 2]])),
          match("/none", forward([[1, 3]])),
          match("/hold", forward([[1, 4]])),
          match("/fail", forward([[1, 5]])),
          match("/three", forward([[1, 6]])),
          match("/named", forward([[1, 7]])),
          match("/unknown", forward([[1, 8]])),
          match("/half", forward([[1, 9]])),
          match("/invalid", forward([])),
          match("/mixed", forward([[1, 0], [1]])),
          match("/moved", redirect),
          match("/header", forward([[1, 1]]), { "x-version": "two" }),
          match("/header", forward([[1, 2]]), { "x-version": "zw\u00f6lf" }),
          match("/header", forward([[1, 0]])),
        ],
      }),
      gatewayPort("gw", 8080, { "a.example.com": [match("", forward([[1, 1]]))] }),
      gatewayPort("other", 80, { "*": [match("", forward([[1, 0]]))] }),
    ],
  };
  runtime = await edgeRuntime();
  listeners = (await runtime.start(inputOf(ir))).listeners;
});

afterAll(async () => {
  await runtime?.stop();
  await Promise.all(backends.map((b) => b.close()));
});

async function bodies(path: string, count: number): Promise<string[]> {
  const result: string[] = [];
  for (let i = 0; i < count; i += 1) result.push((await ask(address("gw"), path)).body);
  return result.sort();
}

interface Echo {
  readonly url: string;
  readonly headers: readonly string[];
}

function valuesOf(echo: Echo, name: string): string[] {
  return echo.headers.filter((_, i) => i % 2 === 1 && echo.headers[i - 1]?.toLowerCase() === name);
}

test("ten requests at equal weights give five and five", async () => {
  expect(await bodies("/ten", 10)).toEqual([...Array(5).fill("one"), ...Array(5).fill("two")]);
});

test("weights are kept exactly over a run", async () => {
  expect(await bodies("/weights", 20)).toEqual([...Array(18).fill("one"), ...Array(2).fill("two")]);
});

test("an invalid backend's share is a 500", async () => {
  const statuses = await Promise.all([1, 2, 3, 4].map(() => ask(address("gw"), "/mixed")));
  expect(statuses.map((a) => a.status).sort()).toEqual([200, 200, 500, 500]);
});

test("round robin goes over the endpoints in turn", async () => {
  expect(await bodies("/three", 6)).toEqual([...Array(4).fill("one"), ...Array(2).fill("two")]);
});

test.each([
  ["no rule matches", "/nothing", 404],
  ["no valid backend", "/invalid", 500],
  ["no ready endpoint", "/none", 503],
  ["a name that is not known", "/unknown", 503],
])("%s: %s is %d", async (_, path, status) => {
  expect((await ask(address("gw"), path)).status).toBe(status);
});

test("a hostname that no listener has is a 404", async () => {
  const on = (host: string): Promise<{ status: number }> =>
    ask(address("gw", 8080), "/", { headers: { host } });
  expect((await on("b.example.com")).status).toBe(404);
  expect((await on("A.Example.com:8080")).status).toBe(200);
});

test("each gateway port has its own routes on its own address", async () => {
  expect((await ask(address("other"), "/")).body).toBe("one");
  expect((await ask(address("gw"), "/")).status).toBe(404);
  expect(new Set(listeners.map((l) => l.address)).size).toBe(3);
});

test("a redirect has its status and location", async () => {
  const answer = await ask(address("gw"), "/moved/a?b=c", { headers: { host: "old.example.com" } });
  expect(answer.status).toBe(301);
  expect(answer.headers["location"]).toBe("https://new.example.com/moved/a?b=c");
});

test("a header match reads the header", async () => {
  const on = async (headers: Record<string, string>): Promise<string> =>
    (await ask(address("gw"), "/header", { headers })).body;
  expect(await on({ "X-Version": "two" })).toBe("two");
  expect(await on({ "X-Version": "one" })).toBe("one");
  expect(await on({})).toBe("one");
});

test("edits set, add and remove lines, and never the framing or the host", async () => {
  const answer = await ask(address("gw"), "/edits", {
    method: "POST",
    headers: {
      "x-set": "old", "x-add": "first", "x-remove": "gone", "content-length": "2", host: "h.test",
    },
    body: "hi",
  });
  const echo = JSON.parse(answer.body) as Echo;
  expect(valuesOf(echo, "x-set")).toEqual(["new"]);
  expect(valuesOf(echo, "x-add")).toEqual(["first", "more"]);
  expect(valuesOf(echo, "x-remove")).toEqual([]);
  expect(valuesOf(echo, "x-line")).toEqual(["a x-evil: 1"]);
  expect(valuesOf(echo, "x-evil")).toEqual([]);
  expect(valuesOf(echo, "content-length")).toEqual(["2"]);
  expect(valuesOf(echo, "host")).toEqual(["h.test"]);
});

test("what a client sends never steers and never reaches a backend", async () => {
  const headers = {
    "x-fairlead-dev": "0 test/other:80", "x-fairlead-cluster": "outbound|80||one", "x-a": "1",
    "x-fairlead-policy": "0123",
  };
  const echo = JSON.parse((await ask(address("gw"), "/plain", { headers })).body) as Echo;
  expect(echo.headers.filter((h) => h.toLowerCase().startsWith("x-fairlead"))).toEqual([]);
  expect(valuesOf(echo, "x-a")).toEqual(["1"]);
});

test("a name is dialled too; its backend is told the client's host", async () => {
  const answer = await ask(address("gw"), "/named/a?b=1", { headers: { host: "shop.test" } });
  const echo = JSON.parse(answer.body) as Echo;
  expect(echo.url).toBe("/named/a?b=1");
  expect(valuesOf(echo, "x-forwarded-host")).toEqual(["shop.test"]);
});

test("above maxConnections requests wait, above the waiting they get a 503", async () => {
  const first = [ask(address("gw"), "/hold"), ask(address("gw"), "/hold")];
  await until(() => held.length === 2);
  const waiting = ask(address("gw"), "/hold");
  // It is seen to wait by the fourth being one too many.
  await until(async () => (await ask(address("gw"), "/hold", { method: "HEAD" })).status === 503);
  expect(held).toHaveLength(2);
  held[0]?.end("done");
  await until(() => held.length === 3);
  held.slice(1).forEach((response) => response.end("done"));
  const answers = await Promise.all([...first, waiting]);
  expect(answers.map((a) => a.body)).toEqual(["done", "done", "done"]);
});

test("a client that goes away gives its connection back", async () => {
  held.length = 0;
  const [host, port] = address("gw").split(":");
  const leaving = [1, 2].map(() => {
    const request = http.get({ host, port, path: "/hold", agent: false });
    request.on("error", () => undefined);
    return request;
  });
  await until(() => held.length === 2);
  leaving.forEach((request) => request.destroy());
  const next = ask(address("gw"), "/hold");
  await until(() => held.length === 3);
  held[2]?.end("done");
  expect((await next).body).toBe("done");
});

test("an endpoint with a run of 5xx is left out", async () => {
  statuses.push(500, 500);
  const answers: number[] = [];
  for (let i = 0; i < 8; i += 1) answers.push((await ask(address("gw"), "/fail")).status);
  // Where the turns begin is left to chance.
  expect(answers.slice(0, 4).sort()).toEqual([200, 200, 500, 500]);
  expect(answers.slice(4)).toEqual([200, 200, 200, 200]);
  expect(new Set(await bodies("/fail", 4))).toEqual(new Set(["one"]));
});

test("failures to connect count towards ejection", async () => {
  const answers: number[] = [];
  for (let i = 0; i < 8; i += 1) answers.push((await ask(address("gw"), "/half")).status);
  expect(answers.slice(0, 4).sort()).toEqual([200, 200, 503, 503]);
  expect(answers.slice(4)).toEqual([200, 200, 200, 200]);
});

test("a head too long for the core is a 431 or refused before", async () => {
  const answer = await ask(address("gw"), `/${"a".repeat(15_000)}`);
  expect([404, 431]).toContain(answer.status);
});

test.each([
  ["two hosts", ["host", "a", "host", "b"]],
  ["a host that is none", ["host", "a b"]],
])("the front refuses what is no request: %s", async (_, headers) => {
  expect((await ask(address("gw"), "/plain", { headers })).status).toBe(400);
});

/** As node:http writes it: one character for each byte. */
const wire = (text: string): string => Buffer.from(text).toString("latin1");

test("header values beyond ASCII are compared and forwarded as the bytes they are", async () => {
  const headers = { "x-version": wire("zw\u00f6lf") };
  const answer = await ask(address("gw"), "/header", { headers });
  expect(valuesOf(JSON.parse(answer.body) as Echo, "x-version")).toEqual([wire("zw\u00f6lf")]);
});

test("header bytes that are no UTF-8 match nothing: workerd has replaced them", async () => {
  const latin = { "x-version": "zw\u00f6lf" };
  expect((await ask(address("gw"), "/header", { headers: latin })).body).toBe("one");
});

test.each([
  ["/plain/../ten/%2e%2e/plain/%41|b?\"'<>", "/plain/A%7Cb?\"'<>"],
  ["/x\\..\\plain/..;x/plain", "/plain"],
])("the target %s reaches a backend as %s", async (target, normal) => {
  expect((JSON.parse((await ask(address("gw"), target)).body) as Echo).url).toBe(normal);
});

test.each(["/plain#x", "/plain?a#x", "/plain%00"])("%s is no request", async (target) => {
  expect((await ask(address("gw"), target)).status).toBe(400);
});

test("a target in absolute form counts with its own authority", async () => {
  const headers = { host: "b" };
  const answer = await ask(address("gw", 8080), "http://a.example.com/x", { headers });
  expect(answer.body).toBe("two");
});

/** Bounded by the test's own time limit. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}
