// HTTPS gateway ports of `fairlead dev`, and HTTP/2 with and without TLS.

import * as http2 from "node:http2";
import * as https from "node:https";
import * as tls from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";

import type { GatewayPort, Ir, ListenerTls } from "../../compiler/ir.ts";
import type { Runtime, Served } from "../../runtime/dev/contract.ts";
import { issue, type Issued } from "../envoy/certificates.ts";
import {
  cluster, edgeRuntime, forward, gatewayPort, httpBackend, inputOf, match, type Backend,
} from "./world.ts";

const authority = issue({ common: "authority", authority: true });
const stranger = issue({ common: "stranger", authority: true });
const one = issue({ common: "one", names: ["one.example.com"], issuer: authority });
const wild = issue({ common: "wild", names: ["*.example.com"], issuer: authority });
const rest = issue({ common: "rest", names: ["rest.example.org"], issuer: authority });
const client = issue({ common: "client", issuer: authority });
const foreign = issue({ common: "foreign", issuer: stranger });

let runtime: Runtime;
let served: Served;
let backend: Backend;

function tlsOf(issued: Issued, clients?: ListenerTls["clients"]): ListenerTls {
  const { certificate, key } = issued;
  const secret = { namespace: "test", name: issued.common };
  return { certificates: [{ secret, certificate, key }], ...(clients && { clients }) };
}

function port(number: number, listeners: GatewayPort["listeners"]): GatewayPort {
  const port = gatewayPort("gw", number, { "*": [match("", forward([[1, 0]]))] });
  return { ...port, protocol: "HTTPS", listeners };
}

function routed(first: Issued): Ir {
  const clients = { caCertificates: authority.certificate };
  return {
    clusters: [cluster("echo", [backend])],
    gatewayPorts: [
      gatewayPort("gw", 80, { "*": [match("", forward([[1, 0]]))] }),
      port(443, [
        { name: "one", hostname: "one.example.com", tls: tlsOf(first) },
        { name: "wild", hostname: "*.example.com", tls: tlsOf(wild) },
        { name: "rest", tls: tlsOf(rest) },
      ]),
      port(444, [{ name: "named", hostname: "one.example.com", tls: tlsOf(one) }]),
      port(445, [{ name: "must", tls: tlsOf(rest, { ...clients, required: true }) }]),
      port(446, [{ name: "may", tls: tlsOf(rest, { ...clients, required: false }) }]),
    ],
  };
}

beforeAll(async () => {
  backend = await httpBackend((request, answer) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      answer.setHeader("set-cookie", ["a=1", "b=2"]);
      answer.end(JSON.stringify({
        headers: request.headers, method: request.method, body: Buffer.concat(parts).toString(),
      }));
    });
  });
  runtime = await edgeRuntime();
  served = await runtime.start(inputOf(routed(one)));
});

afterAll(async () => {
  await runtime?.stop();
  await backend?.close();
});

function addressOf(number: number): string {
  return served.listeners.find((l) => l.port === number)?.address ?? "";
}

interface Answer {
  readonly status: number;
  readonly common: string;
  readonly body: string;
}

interface Way extends tls.SecureContextOptions {
  readonly host?: string;
}

/** A request over HTTP/1.1; `name` is the server name asked for. */
function get(
  number: number,
  name: string | undefined,
  { host, ...context }: Way = {},
): Promise<Answer> {
  const [, local] = addressOf(number).split(":");
  return new Promise((resolve, reject) => {
    const request = https.get({
      host: "127.0.0.1", port: local, agent: false, servername: name ?? "",
      headers: { host: host ?? name ?? "rest.example.org" }, rejectUnauthorized: false,
      timeout: 10_000, ...context,
    }, (response) => {
      const common = (response.socket as tls.TLSSocket).getPeerCertificate().subject.CN;
      let body = "";
      response.on("data", (part) => { body += String(part); });
      response.on("end", () => resolve({
        status: response.statusCode ?? 0, common: String(common), body }));
    });
    request.on("error", reject);
    request.on("timeout", () => request.destroy(new Error("no answer in time")));
  });
}

test.each([
  ["one.example.com", "one"], ["two.example.com", "wild"], ["a.b.example.com", "wild"],
  ["other.org", "rest"], [undefined, "rest"],
])("the server name %s gets the certificate %s", async (name, common) => {
  const answer = await get(443, name);
  expect([answer.status, answer.common]).toEqual([200, common]);
  expect((JSON.parse(answer.body) as { headers: object }).headers)
    .toMatchObject({ "x-forwarded-proto": "https" });
});

test.each(["two.example.com", undefined])(
  "without a listener for the server name %s there is no connection", async (name) => {
    await expect(get(444, name)).rejects.toThrow();
  });

test.each([
  ["one.example.com", "one.example.com:8443", 200], ["one.example.com", "two.example.com", 421],
  ["two.example.com", "one.example.com", 421], ["two.example.com", "a.b.example.com.", 200],
  ["one.example.com", "other.org", 421], ["other.org", "ONE.example.com", 421],
  ["other.org", "any.org", 200],
])("over a connection to %s a request for %s is a %i", async (name, host, status) => {
  expect((await get(443, name, { host })).status).toBe(status);
});

test("a host of no listener is for the routes to judge", async () => {
  expect((await get(444, "one.example.com", { host: "other.org" })).status).toBe(200);
});

test("required client certificates are required", async () => {
  const own = { cert: client.certificate, key: client.key };
  expect((await get(445, undefined, own)).status).toBe(200);
  await expect(get(445, undefined)).rejects.toThrow();
  const other = { cert: foreign.certificate, key: foreign.key };
  await expect(get(445, undefined, other)).rejects.toThrow();
});

test("insecure fallback lets clients in with any certificate or none", async () => {
  expect((await get(446, undefined)).status).toBe(200);
  const other = { cert: foreign.certificate, key: foreign.key };
  expect((await get(446, undefined, other)).status).toBe(200);
});

async function ask2(url: string, options: http2.SecureClientSessionOptions = {}): Promise<{
  readonly headers: http2.IncomingHttpHeaders; readonly body: string;
}> {
  const session = http2.connect(url, { rejectUnauthorized: false, ...options });
  try {
    return await new Promise((resolve, reject) => {
      session.on("error", reject);
      const stream = session.request({
        ":method": "POST", ":path": "/x", ":authority": "one.example.com", "x-a": "b",
      });
      let headers: http2.IncomingHttpHeaders = {};
      let body = "";
      stream.on("response", (h) => { headers = h; });
      stream.on("data", (part) => { body += String(part); });
      stream.on("end", () => resolve({ headers, body }));
      stream.on("error", reject);
      stream.end("over two");
    });
  } finally {
    session.close();
  }
}

test.each([["https", 443], ["http", 80]] as const)("HTTP/2 over %s", async (scheme, number) => {
  const { headers, body } =
    await ask2(`${scheme}://${addressOf(number)}`, { servername: "one.example.com" });
  expect(headers).toMatchObject({ ":status": 200, "set-cookie": ["a=1", "b=2"] });
  expect(JSON.parse(body)).toMatchObject({
    body: "over two", method: "POST",
    headers: { host: "one.example.com", "x-a": "b", "x-forwarded-proto": scheme },
  });
});

test("a swap changes certificates, also on connections yet to come", async () => {
  const next = issue({ common: "next", names: ["one.example.com"], issuer: authority });
  served = await runtime.update(inputOf(routed(next)));
  expect((await get(443, "one.example.com")).common).toBe("next");
  const broken = { ...next, key: "no key" };
  await expect(runtime.update(inputOf(routed(broken)))).rejects.toThrow();
  expect((await get(443, "one.example.com")).common).toBe("next");
});
