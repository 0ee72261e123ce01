// Requests on which nothing waits take a short way through the worker. Backend and client see the
// same on both ways.

import { afterAll, beforeAll, expect, test } from "vitest";

import type { Ir } from "../../compiler/ir.ts";
import type { Runtime } from "../../runtime/dev/contract.ts";
import { isShort } from "../../runtime/edge/pass.ts";
import { startCluster } from "../../runtime/edge/balancing/cluster.ts";
import { edgeConfig } from "../../runtime/edge/config.ts";
import {
  ask, cluster, edgeRuntime, forward, gatewayPort, httpBackend, inputOf, match, type Answer,
  type Asking, type Backend,
} from "./world.ts";

let runtime: Runtime;
let address = "";
let echo: Backend;

/** The next answer's status and header lines. */
const answers: (readonly [number, readonly string[]])[] = [];

// A cluster that is watched takes the long way. That many errors in a row never come.
const outlierDetection = { consecutive5xxErrors: 1_000_000 };

function clusters(port: number): Ir["clusters"] {
  const endpoints = { kind: "dns", hostname: "localhost", port } as const;
  return [
    { ...cluster("short", []), endpoints },
    { ...cluster("long", [], { outlierDetection }), endpoints },
  ];
}

const edits = {
  set: [{ name: "x-set", value: "new" }, { name: "te", value: "gzip" }],
  add: [{ name: "x-add", value: "more" }],
  remove: ["x-remove", "host", "content-length"],
};

beforeAll(async () => {
  echo = await httpBackend((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const [status, lines] = answers.shift() ?? [200, []];
      const { method, url, rawHeaders } = request;
      const body = Buffer.concat(parts).toString();
      response.writeHead(status, [...lines]);
      response.end(status === 304 ? undefined : JSON.stringify({ method, url, rawHeaders, body }));
    });
  });
  runtime = await edgeRuntime();
  const { listeners } = await runtime.start(inputOf({
    clusters: clusters(echo.port),
    gatewayPorts: [gatewayPort("gw", 80, {
      "*": [
        match("/short", forward([[1, 0]])), match("/long", forward([[1, 1]])),
        match("/edited/short", forward([[1, 0]], edits)),
        match("/edited/long", forward([[1, 1]], edits)),
      ],
    })],
  }));
  address = listeners[0]?.address ?? "";
});

afterAll(async () => {
  await runtime?.stop();
  await echo.close();
});

test("one of the two clusters takes the short way", () => {
  const config = edgeConfig({ clusters: clusters(80), gatewayPorts: [] });
  expect(config.clusters.map((c) => isShort(startCluster(c, 0)))).toEqual([true, false]);
});

/** Without what says which way it was. */
function seen({ status, rawHeaders, body }: Answer): unknown {
  const fields = rawHeaders.filter((_, i) =>
    !/^date$/i.test(rawHeaders[i - (i % 2)] ?? ""));
  return { status, fields, body: body.replaceAll("/long", "/short") };
}

test.each<readonly [string, string, Asking]>([
  ["nothing special", "/WAY/a?b=c", {}],
  ["many fields", "/WAY", { headers: ["Accept", "a", "Cookie", "a=1", "X-A", "1", "x-a", "2"] }],
  ["a host of the client's", "/WAY", { headers: { host: "Shop.Test:8080" } }],
  ["hop-by-hop fields", "/WAY", {
    headers: {
      connection: "X-Hop, keep-alive, (no token), host, content-length", "x-hop": "1",
      "keep-alive": "timeout=5", te: "trailers", "proxy-connection": "a",
    },
  }],
  ["fields that steer", "/WAY", {
    headers: { "x-fairlead-cluster": "a", "X-Fairlead-Policy": "b" },
  }],
  ["a field that says where it went", "/WAY", { headers: { "x-forwarded-host": "elsewhere" } }],
  ["a body", "/WAY", { method: "POST", body: "some text", headers: { "content-length": "9" } }],
  ["a body in chunks", "/WAY", {
    method: "PUT", body: "some text", headers: { "transfer-encoding": "chunked" },
  }],
  ["an empty body", "/WAY", { method: "POST", headers: { "content-length": "0" } }],
  ["a method with no body", "/WAY", { method: "DELETE" }],
  ["only the head", "/WAY", { method: "HEAD" }],
  ["a method of its own", "/WAY", { method: "PROPFIND" }],
  ["a call that would lose its status", "/WAY", {
    method: "POST", headers: { "content-type": "application/grpc" },
  }],
  ["edits", "/edited/WAY", {
    headers: { "x-set": "old", "x-add": "first", "x-remove": "gone", host: "h.test" },
  }],
])("both ways do the same with %s", async (_, path, asking) => {
  const [long, short] = [
    await ask(address, path.replace("WAY", "long"), asking),
    await ask(address, path.replace("WAY", "short"), asking),
  ];
  expect(seen(short)).toEqual(seen(long));
});

test.each<readonly [number, readonly string[]]>([
  [200, ["Set-Cookie", "a=1", "Set-Cookie", "b=2", "X-Fairlead-Cluster", "kept"]],
  [302, ["Location", "/elsewhere"]], [307, ["Location", "http://localhost:1/"]],
  [304, ["ETag", "\"a\""]], [404, []], [503, ["Retry-After", "1"]],
  [200, ["Content-Encoding", "identity", "Content-Type", "application/json"]],
])("both ways pass on a %d", async (status, lines) => {
  answers.push([status, lines], [status, lines]);
  const [long, short] = [await ask(address, "/long"), await ask(address, "/short")];
  expect(short.status).toBe(status);
  expect(seen(short)).toEqual(seen(long));
});
