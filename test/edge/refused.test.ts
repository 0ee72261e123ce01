// What the platform cannot carry is refused plainly, never by surprise and never in plain text.

import { afterAll, beforeAll, expect, test } from "vitest";

import type { Runtime } from "../../runtime/dev/contract.ts";
import {
  ask, cluster, deadPort, edgeRuntime, forward, gatewayPort, inputOf, match, namedBackend, rule,
  type Backend,
} from "./world.ts";

let runtime: Runtime;
let address: string;
let backend: Backend;

beforeAll(async () => {
  backend = await namedBackend("one");
  const dead = { address: "127.0.0.1", port: await deadPort() };
  const tls = { hostname: "one.example", subjectAltNames: [] };
  const moved = rule({ kind: "redirect", statusCode: 301, hostname: "new.example.com" });
  runtime = await edgeRuntime();
  const served = await runtime.start(inputOf({
    clusters: [
      cluster("one", [backend]), cluster("dead", [dead]), { ...cluster("tls", [backend]), tls },
      { ...cluster("named", []), tls: { ...tls, hostname: "localhost" },
        endpoints: { kind: "dns", hostname: "localhost", port: backend.port } },
    ],
    gatewayPorts: [gatewayPort("gw", 80, { "*": [
      match("/one", forward([[1, 0]])), match("/dead", forward([[1, 1]])),
      match("/tls", forward([[1, 2]])), match("/named-tls", forward([[1, 3]])),
      match("/invalid", forward([])), match("/moved", moved),
    ] })],
  }));
  address = served.listeners[0]?.address ?? "";
});

afterAll(async () => {
  await runtime?.stop();
  await backend?.close();
});

test.each([
  ["/one", "12", /trailers/], ["/dead", "12", /trailers/], ["/invalid", "2", undefined],
  ["/nowhere", "12", undefined], ["/moved", "2", undefined],
])("a gRPC call of %s gets grpc-status %s", async (path, status, message) => {
  const headers = { "content-type": "application/grpc+proto", te: "trailers" };
  const answer = await ask(address, path, { method: "POST", headers, body: "\0\0\0\0\0" });
  expect(answer.status).toBe(200);
  expect(answer.headers).toMatchObject({
    "content-type": "application/grpc", "grpc-status": status,
  });
  if (message) expect(answer.headers["grpc-message"]).toMatch(message);
});

test("gRPC-Web is HTTP like any other", async () => {
  const headers = { "content-type": "application/grpc-web" };
  expect((await ask(address, "/one", { method: "POST", headers })).body).toBe("one");
});

test("a backend that needs TLS of a kind the platform lacks is a 502", async () => {
  const answer = await ask(address, "/tls");
  expect(answer.status).toBe(502);
  expect(answer.body).toContain("name that it dials");
});

test("TLS that fails is a 503, and nothing is sent in plain text", async () => {
  expect((await ask(address, "/named-tls")).status).toBe(503);
});
