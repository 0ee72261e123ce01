// WebSocket through the front and the worker.

import { createHash } from "node:crypto";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";

import type { Runtime } from "../../runtime/dev/contract.ts";
import {
  ask, cluster, edgeRuntime, forward, gatewayPort, httpBackend, inputOf, match, rawBackend,
  type Backend,
} from "./world.ts";

const magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

let runtime: Runtime;
let address: string;
const backends: Backend[] = [];

/** Accepts, says "hello", and ends with what the client sends (short masked text) as the reason. */
function greet(socket: Socket): void {
  let text = "";
  let isOpen = false;
  socket.on("data", (data) => {
    if (isOpen) return void socket.end(closeFrame(unmask(data)));
    text += data.toString("latin1");
    const key = /sec-websocket-key: (.*)\r\n/i.exec(text)?.[1];
    if (!text.includes("\r\n\r\n") || key === undefined) return;
    isOpen = true;
    const accept = createHash("sha1").update(key + magic).digest("base64");
    socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
      + `sec-websocket-accept: ${accept}\r\n\r\n`);
    socket.write(Buffer.concat([Buffer.from([0x81, 5]), Buffer.from("hello")]));
  });
}

function unmask(frame: Buffer): Buffer {
  const length = (frame[1] ?? 0) & 0x7f;
  const masked = frame.subarray(6, 6 + length);
  return Buffer.from(masked.map((byte, i) => byte ^ (frame[2 + (i % 4)] ?? 0)));
}

function closeFrame(reason: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x88, 2 + reason.length, 0x0f, 0xa0]), reason]);
}

const left: Promise<void>[] = [];

/** Accepts, says "hello", and leaves without a word. */
function leave(socket: Socket): void {
  left.push(new Promise((resolve) => void socket.on("close", () => resolve())));
  greet(socket);
  socket.on("data", () => void socket.end());
}

beforeAll(async () => {
  const greeting = await rawBackend(greet);
  const leaving = await rawBackend(leave);
  const plain = await httpBackend((_, response) => void response.writeHead(403).end("no"));
  backends.push(greeting, leaving, plain);
  const named = (port: number) => ({ kind: "dns" as const, hostname: "localhost", port });
  runtime = await edgeRuntime();
  const served = await runtime.start(inputOf({
    clusters: [
      { ...cluster("named", []), endpoints: named(greeting.port) },
      { ...cluster("plain", []), endpoints: named(plain.port) },
      cluster("address", [greeting]),
      cluster("leaving", [leaving]),
    ],
    gatewayPorts: [gatewayPort("gw", 80, {
      "*": ["/name", "/plain", "/address", "/leaving"]
        .map((path, i) => match(path, forward([[1, i]]))),
    })],
  }));
  address = served.listeners[0]?.address ?? "";
});

afterAll(async () => {
  await runtime?.stop();
  await Promise.all(backends.map((b) => b.close()));
});

test.each(["name", "address"])("messages pass both ways to a %s", async (to) => {
  const socket = new WebSocket(`ws://${address}/${to}`);
  const ended = new Promise<readonly [number, string]>((resolve, reject) => {
    socket.onmessage = ({ data }) => socket.send(`got ${String(data)}`);
    socket.onclose = ({ code, reason }) => resolve([code, reason]);
    socket.onerror = () => reject(new Error("the WebSocket failed"));
  });
  expect(await ended).toEqual([4000, "got hello"]);
});

const upgrade = {
  connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

test("a refusal is passed on", async () => {
  const answer = await ask(address, "/plain", { headers: upgrade });
  expect([answer.status, answer.body]).toEqual([403, "no"]);
});

test("another upgrade than to WebSocket is declined, and the request answered", async () => {
  const h2c = { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "x" };
  const answer = await ask(address, "/plain", { method: "POST", headers: h2c, body: "x" });
  expect([answer.status, answer.body]).toEqual([403, "no"]);
});

test("a backend that leaves is let go of, whatever its client does", async () => {
  const [host, port] = address.split(":");
  const client = connect(Number(port), host);
  const bytes: Buffer[] = [];
  client.on("data", (part) => void bytes.push(part));
  client.write("GET /leaving HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    + "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
  const told = (): boolean => Buffer.concat(bytes).includes(Buffer.from([0x03, 0xf3]));
  while (!told()) await new Promise((resolve) => void client.once("data", resolve));
  // The client does not answer the close frame (1011), and stays.
  await Promise.all(left);
  expect([left.length, client.destroyed]).toEqual([1, false]);
  client.destroy();
});
