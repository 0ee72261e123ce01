// Backends that speak HTTP/2 only.

import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";

import type { Runtime } from "../../runtime/dev/contract.ts";
import {
  decodeHeaders, encodeHeaders, startHeaderTable,
} from "../../runtime/edge/connection/hpack.ts";
import {
  ask, cluster, edgeRuntime, forward, gatewayPort, inputOf, match, rawBackend, under, type Backend,
} from "./world.ts";

let runtime: Runtime;
let address: string;
let server: http2.Http2Server;
let text: Backend;
const sessions = new Set<http2.Http2Session>();
/** Printable ASCII but for what a comma or a space at an end would do, and text beyond it. */
const odd = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).join("");
let refusals = 0;

function answer(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders): void {
  stream.on("error", () => undefined);
  const path = headers[":path"] ?? "";
  if (path === "/refused" && refusals > 0) {
    refusals -= 1;
    return stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
  }
  if (path === "/reset") return stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
  if (path === "/half") {
    stream.respond({ ":status": 200, "content-length": "10" });
    stream.write("half", () => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR));
    return;
  }
  const parts: Buffer[] = [];
  stream.on("data", (part: Buffer) => parts.push(part));
  stream.on("end", () => {
    const body = Buffer.concat(parts);
    if (path === "/none") return stream.respond({ ":status": 204 }, { endStream: true });
    stream.respond(
      { ":status": 201, "x-odd": odd, "x-again": odd, "set-cookie": ["a=1", "b=2"] },
      { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-trailer": "dropped" }));
    stream.end(path === "/large" ? Buffer.alloc(300_000, "y") : JSON.stringify(
      { headers, length: body.length, isSame: body.every((byte) => byte === 0x78) }));
  });
}

beforeAll(async () => {
  server = http2.createServer();
  server.on("session", (session) => sessions.add(session));
  server.on("stream", answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  text = await rawBackend((socket) => socket.end("HTTP/1.1 200 OK\r\n\r\n"));
  const { port } = server.address() as AddressInfo;
  const two = { ...cluster("two", [{ address: "127.0.0.1", port }]), protocol: "h2c" as const };
  runtime = await edgeRuntime();
  const served = await runtime.start(inputOf({
    clusters: [
      two,
      { ...two, name: "named", endpoints: { kind: "dns", hostname: "localhost", port } },
      { ...cluster("text", [text]), protocol: "h2c" },
    ],
    gatewayPorts: [gatewayPort("gw", 80, {
      "*": [
        match("", under({ retry: { codes: [], attempts: 1, backoffMs: 1 } }, forward([[1, 0]]))),
        match("/named", forward([[1, 1]])), match("/text", forward([[1, 2]])),
      ],
    })],
  }));
  address = served.listeners[0]?.address ?? "";
});

afterAll(async () => {
  await runtime?.stop();
  sessions.forEach((session) => session.destroy());
  server?.close();
  await text?.close();
});

interface Echo {
  readonly headers: http2.IncomingHttpHeaders;
  readonly length: number;
  readonly isSame: boolean;
}

test.each(["/a?b=c", "/named?b=c"])("a backend that speaks HTTP/2 is asked %s", async (path) => {
  const got = await ask(address, path, { headers: { host: "shop.test", "x-a": odd } });
  expect(got.status).toBe(201);
  expect(got.headers).toMatchObject({ "x-odd": odd, "x-again": odd, "set-cookie": ["a=1", "b=2"] });
  expect(got.headers).not.toHaveProperty("x-trailer");
  expect((JSON.parse(got.body) as Echo).headers).toMatchObject({
    ":method": "GET", ":path": path, ":authority": "shop.test", ":scheme": "http", "x-a": odd,
  });
});

test("bodies larger than the windows pass both ways", async () => {
  const sent = await ask(address, "/echo", { method: "POST", body: "x".repeat(400_000) });
  expect(JSON.parse(sent.body)).toMatchObject({ length: 400_000, isSame: true });
  expect((await ask(address, "/large")).body).toBe("y".repeat(300_000));
});

test("answers without a body have none", async () => {
  expect((await ask(address, "/none")).status).toBe(204);
  const head = await ask(address, "/a", { method: "HEAD" });
  expect([head.status, head.body]).toEqual([201, ""]);
});

test("a refused stream is tried again, a reset one is not", async () => {
  refusals = 1;
  expect((await ask(address, "/refused")).status).toBe(201);
  refusals = 2;
  expect((await ask(address, "/refused")).status).toBe(503);
  expect((await ask(address, "/reset")).status).toBe(503);
});

test("a body that breaks off breaks off for the client", async () => {
  await expect(ask(address, "/half")).rejects.toThrow();
});

test("a backend that speaks HTTP/1.1 is a 502", async () => {
  expect((await ask(address, "/text")).status).toBe(502);
});

test("header blocks are read back as they were written, and nonsense is refused", () => {
  const headers = [["a", odd], ["b", ""], ["c", "d".repeat(300)], ["e", "\u00e9"]] as const;
  expect(decodeHeaders(startHeaderTable(), encodeHeaders(headers))).toEqual(headers);
  const nonsense = [
    [0x80], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0, 5, 97], [0xfe], [0x3f, 0xff],
  ];
  for (const bytes of nonsense) {
    expect(decodeHeaders(startHeaderTable(), Uint8Array.from(bytes))).toBeUndefined();
  }
});

test("RFC 7541, C.6.1 and C.6.2: Huffman codes and the dynamic table", () => {
  const table = startHeaderTable();
  const read = (hex: string) =>
    decodeHeaders(table, Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex")));
  const date = ["date", "Mon, 21 Oct 2013 20:13:21 GMT"];
  const rest = [["cache-control", "private"], date, ["location", "https://www.example.com"]];
  expect(read("4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b"
    + "ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3")).toEqual([[":status", "302"], ...rest]);
  expect(read("4883 640e ffc1 c0bf")).toEqual([[":status", "307"], ...rest]);
});
