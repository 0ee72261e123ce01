// The edge's HTTP/1.1 client against backends that behave well and badly, inside real workerd.

import { once } from "node:events";
import * as net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";

import type { Cluster, Ir } from "../../compiler/ir.ts";
import type { Runtime } from "../../runtime/dev/contract.ts";
import {
  ask, cluster, deadPort, edgeRuntime, forward, gatewayPort, inputOf, match, rawBackend,
  type Backend,
} from "./world.ts";

type Behaviour = (socket: net.Socket) => void;

/** Answers once the request's head is there. */
function answering(...parts: (string | Uint8Array)[]): Behaviour {
  return (socket) => {
    let seen = "";
    const onData = (data: Buffer): void => {
      seen += data.toString("latin1");
      if (!seen.includes("\r\n\r\n")) return;
      socket.off("data", onData).resume();
      for (const part of parts) socket.write(part);
      socket.end();
    };
    socket.on("data", onData);
  };
}

const ok = "HTTP/1.1 200 OK\r\n";
const chunkedOk = `${ok}transfer-encoding: chunked\r\n\r\n`;
const zip = gzipSync("zip");

/** name → what the backend does; the path `/name` leads there. */
const behaviours: Readonly<Record<string, Behaviour>> = {
  "length": answering(`${ok}content-length: 5\r\n\r\nhello`),
  "length-extra": answering(`${ok}content-length: 5\r\n\r\nhello and more`),
  "chunked": answering(chunkedOk, "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\na: b\r\n\r\n"),
  "close": answering(`${ok}\r\nuntil the end`),
  "close-1.0": answering("HTTP/1.0 200 OK\r\n\r\nold"),
  "interim": answering("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n",
    `${ok}content-length: 2\r\n\r\nok`),
  "no-content": answering("HTTP/1.1 204 No Content\r\nx-a: 1\r\n\r\n"),
  "not-modified": answering("HTTP/1.1 304 Not Modified\r\ncontent-length: 99\r\n\r\n"),
  "reset-content": answering("HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n"),
  "headers": answering(`${ok}Set-Cookie: a=1\r\nset-cookie: b=2\r\nx-Mixed:  padded \r\n`,
    "connection: x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\nserver: mine\r\n",
    "content-length: 0\r\n\r\n"),
  "utf8": answering(`${ok}x-text: grüße\r\ncontent-length: 0\r\n\r\n`),
  "gzip": answering(`${ok}content-encoding: gzip\r\n`,
    `content-length: ${zip.length}\r\n\r\n`,
    zip),
  "gzip-chunked": answering(`${ok}content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n`,
    `${zip.length.toString(16)}\r\n`, zip, "\r\n0\r\n\r\n"),
  "bare-lf": answering("HTTP/1.1 200 OK\ncontent-length: 2\n\nlf"),
  "empty": (socket) => void socket.end(),
  "reset": (socket) => void socket.once("data", () => socket.resetAndDestroy()),
  "half-head": answering("HTTP/1.1 200 OK\r\nx-a: "),
  "not-http": answering("SSH-2.0-OpenSSH_9.6\r\n\r\n"),
  "bad-status": answering("HTTP/1.1 999 Odd\r\n\r\n"),
  "bad-header": answering(`${ok}no colon here\r\n\r\n`),
  "folded": answering(`${ok}x-a: 1\r\n folded: 2\r\n\r\n`),
  "huge-head": answering(`${ok}x-a: ${"a".repeat(81 * 1024)}\r\n\r\n`),
  "endless-head": answering(`${ok}x-a: ${"a".repeat(200 * 1024)}`),
  "many-lines": answering(`${ok}${"x-a: 1\r\n".repeat(101)}\r\n`),
  "two-lengths": answering(`${ok}content-length: 5\r\ncontent-length: 6\r\n\r\nhello`),
  "same-lengths": answering(`${ok}content-length: 5\r\ncontent-length: 5\r\n\r\nhello`),
  "length-and-chunked": answering(`${ok}content-length: 5\r\n`,
    "transfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
  "negative-length": answering(`${ok}content-length: -5\r\n\r\nhello`),
  "odd-coding": answering(`${ok}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`),
  "unasked-upgrade": answering("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"),
  "short-length": answering(`${ok}content-length: 50\r\n\r\nhello`),
  "short-chunked": answering(`${chunkedOk}5\r\nhel`),
  "bad-chunk": answering(`${chunkedOk}xyz\r\nhello\r\n0\r\n\r\n`),
  "slow": (socket) => socket.once("data", async () => {
    const parts = [`${ok}connection: close\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n`,
      "6\r\nsecond\r\n0\r\n\r\n"];
    for (const part of parts) {
      socket.write(part);
      await sleep(50);
    }
    socket.end();
  }),
  "early": (socket) => socket.once("data", () => {
    socket.write("HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbig");
    socket.resume();
  }),
};

/** Sends the request's bytes back as the body. */
const mirror: Behaviour = (socket) => {
  const parts: Buffer[] = [];
  socket.on("data", (data) => {
    parts.push(data);
    const text = Buffer.concat(parts).toString("latin1");
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) return;
    const length = /\r\ncontent-length: (\d+)/.exec(text)?.[1];
    const isWhole = /\r\ntransfer-encoding: chunked/.test(text)
      ? text.endsWith("0\r\n\r\n")
      : text.length - end - 4 >= Number(length ?? 0);
    if (!isWhole) return;
    socket.end(`${ok}content-length: ${text.length}\r\n\r\n${text}`, "latin1");
  });
};

let runtime: Runtime;
let address: string;
const backends: Backend[] = [];

beforeAll(async () => {
  const all: [string, Behaviour][] = [...Object.entries(behaviours), ["mirror", mirror]];
  for (const [, behaviour] of all) backends.push(await rawBackend(behaviour));
  const addresses = [
    ...all.map(([name], i) => [name, backends[i]!] as const),
    ["refused", { address: "127.0.0.1", port: await deadPort() }] as const,
    // TEST-NET-1: nobody answers there, or the network says so at once.
    ["silent", { address: "192.0.2.1", port: 9 }] as const,
  ];
  const clusters = addresses.map(([name, at]) => cluster(name, [at], { connectTimeoutMs: 300 }));
  // The same once more by name, and with a limit, which has bodies followed.
  const named = clusters.map((one): Cluster => ({
    ...one, name: `${one.name}-named`, endpoints: { kind: "dns", hostname: "localhost",
      port: one.endpoints.kind === "static" ? one.endpoints.addresses[0]!.port : 0 },
  }));
  const limited = named.map((one): Cluster =>
    ({ ...one, name: `${one.name}-limited`, policy: { maxConnections: 10 } }));
  const paths = ["", "named/", "limited/"].flatMap((base) =>
    addresses.map(([name]) => `/${base}${name}`));
  const ir: Ir = {
    clusters: [...clusters, ...named, ...limited],
    gatewayPorts: [gatewayPort("gw", 80, {
      "*": paths.map((path, i) => match(path, forward([[1, i]]))),
    })],
  };
  runtime = await edgeRuntime();
  address = (await runtime.start(inputOf(ir))).listeners[0]?.address ?? "";
});

afterAll(async () => {
  await runtime?.stop();
  await Promise.all(backends.map((b) => b.close()));
});

test.each([
  ["length", 200, "hello"],
  ["length-extra", 200, "hello"],
  ["chunked", 200, "abcde"],
  ["close", 200, "until the end"],
  ["close-1.0", 200, "old"],
  ["interim", 200, "ok"],
  ["bare-lf", 200, "lf"],
  ["same-lengths", 200, "hello"],
  ["no-content", 204, ""],
  ["not-modified", 304, ""],
  ["reset-content", 205, ""],
  ["slow", 200, "firstsecond"],
])("a backend that answers well is passed on: %s", async (name, status, body) => {
  const answer = await ask(address, `/${name}`);
  expect([answer.status, answer.body]).toEqual([status, body]);
});

test.each<readonly [string, number, RegExp]>([
  ["refused", 503, /^no connection to the backend\n$/],
  ["silent", 503, /^no connection to the backend( in time)?\n$/],
  ["empty", 503, /^the backend closed the connection before it answered\n$/],
  ["reset", 503, /^the backend closed the connection before it answered\n$/],
  ...["half-head", "not-http", "bad-status", "bad-header",
    "folded", "huge-head", "endless-head", "many-lines",
    "two-lengths", "length-and-chunked", "negative-length", "odd-coding", "unasked-upgrade",
  ].map((name) => [name, 502, /^the backend's answer is not HTTP\n$/] as const),
])("a backend that fails before its answer has a status: %s", async (name, status, body) => {
  const answer = await ask(address, `/${name}`);
  expect(answer.status).toBe(status);
  expect(answer.body).toMatch(body);
});

test("an answer of known length that breaks off breaks off for the client", async () => {
  await expect(ask(address, "/short-length")).rejects.toThrow();
});

test.each([
  "short-chunked", "bad-chunk", "named/short-chunked", "limited/short-chunked",
])(
  "an answer of unknown length that breaks off breaks off for the client: %s",
  async (name) => {
    await expect(ask(address, `/${name}`)).rejects.toThrow();
  },
);

test("header lines of an answer arrive as they were, but for hop-by-hop ones", async () => {
  const { headers } = await ask(address, "/headers");
  expect(headers["set-cookie"]).toEqual(["a=1", "b=2"]);
  expect(headers["x-mixed"]).toBe("padded");
  expect(headers["server"]).toBe("mine");
  expect(headers["x-hop"]).toBeUndefined();
  expect(headers["keep-alive"]).not.toBe("timeout=5, max=1");
});

test("text outside of ASCII in a header arrives byte by byte, both ways", async () => {
  const { headers } = await ask(address, "/utf8");
  expect(Buffer.from(String(headers["x-text"]), "latin1").toString()).toBe("grüße");
  const sent = Buffer.from("grüße").toString("latin1");
  const { body } = await ask(address, "/mirror", { headers: { "x-text": sent } });
  expect(body).toContain("x-text: grüße\r\n");
});

test.each(["gzip", "gzip-chunked", "named/gzip", "named/gzip-chunked", "limited/gzip-chunked"])(
  "an encoded body is passed on as it is: %s", async (name) => {
    const { headers, body } = await ask(address, `/${name}`);
    expect(headers["content-encoding"]).toBe("gzip");
    if (name === "gzip") expect(headers["content-length"]).toBe(String(zip.length));
    expect(body).toBe(zip.toString());
  });

test.each(["named/slow", "limited/slow"])("%s is whole", async (name) => {
  expect((await ask(address, `/${name}`)).body).toBe("firstsecond");
});

test("HEAD has the length but no body", async () => {
  const { status, headers, body } = await ask(address, "/length", { method: "HEAD" });
  expect([status, headers["content-length"], body]).toEqual([200, "5", ""]);
});

test("the backend gets the client's Host, target, method and end-to-end headers", async () => {
  const { body } = await ask(address, "/mirror/a%2Fb?x=1&y=%20", {
    method: "PUT",
    headers: [
      "Host", "Shop.Example.com:8080", "X-Two", "1", "X-Two", "2", "Connection", "X-Hop, close",
      "X-Hop", "1", "TE", "trailers", "x-fairlead-dev", "guess", "x-fairlead-cluster", "guess",
      "x-request-id", "abc", "X-Forwarded-For", "203.0.113.7", "x-forwarded-proto", "https",
      "Content-Length", "3",
    ],
    body: "abc",
  });
  const [head = "", sent] = body.split("\r\n\r\n");
  const lines = head.split("\r\n");
  expect(lines[0]).toBe("PUT /mirror/a%2Fb?x=1&y=%20 HTTP/1.1");
  expect(lines.slice(1).sort()).toEqual([
    "connection: close",
    "content-length: 3",
    "host: Shop.Example.com:8080",
    "x-forwarded-for: 203.0.113.7,127.0.0.1",
    "x-forwarded-proto: http",
    "x-request-id: abc",
    "x-two: 1, 2",
  ]);
  expect(sent).toBe("abc");
});

test("a body of unknown length is sent in chunks", async () => {
  const { body } = await ask(address, "/mirror", {
    method: "POST", headers: { "transfer-encoding": "chunked" }, body: "some text",
  });
  expect(body).toContain("transfer-encoding: chunked\r\n");
  expect(body).not.toContain("content-length");
  expect(body.replace(/[\s\S]*?\r\n\r\n/, "")).toMatch(/^[0-9a-f]+\r\nsome text\r\n0\r\n\r\n$/);
});

test("a request without a body has no framing", async () => {
  const { body } = await ask(address, "/mirror");
  expect(body).not.toMatch(/content-length|transfer-encoding/);
});

test("an answer before the body was read arrives", async () => {
  const answer = await ask(address, "/early", { method: "POST", body: "x".repeat(300_000) });
  expect([answer.status, answer.body]).toEqual([413, "big"]);
});

test("requests with a body after one that was answered early all arrive", async () => {
  for (let i = 0; i < 20; i += 1) {
    await ask(address, "/early", { method: "POST", body: "x".repeat(300_000) });
    const { status } = await ask(address, "/mirror", { method: "POST", body: "x".repeat(100_000) });
    expect(status).toBe(200);
  }
});

test("a megabyte goes both ways", async () => {
  const text = "0123456789abcdef".repeat(65536);
  const { body } = await ask(address, "/mirror", { method: "POST", body: text });
  expect(body.length).toBeGreaterThan(text.length);
  expect(body.endsWith(text)).toBe(true);
});

test("an answer's parts arrive as they are sent", async () => {
  const socket = net.connect(Number(address.split(":")[1]), "127.0.0.1");
  socket.write("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n");
  let text = "";
  while (!text.includes("first")) text += String((await once(socket, "data"))[0]);
  expect(text).not.toContain("second");
  socket.destroy();
});
