// The faulty backend does what it is told: tests of proxies can rely on it.

import { Agent, get, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { afterEach, expect, test } from "vitest";

import { ok, startFaulty, status, type FaultyBackend, type FaultyOptions, type Script }
  from "./faulty.ts";

const started: FaultyBackend[] = [];
const start = async (script?: Script, options?: FaultyOptions): Promise<FaultyBackend> => {
  const backend = await startFaulty("one", script, options);
  started.push(backend);
  return backend;
};
afterEach(async () => {
  await Promise.all(started.splice(0).map((backend) => backend.close()));
});

/** Status and body, or the error's code. */
function send(backend: FaultyBackend, agent?: Agent): Promise<string> {
  const { address, port } = backend.address;
  const options = { host: address, port, agent: agent ?? (false as const), maxHeaderSize: 200_000 };
  return new Promise((resolve) => {
    const fail = (error: NodeJS.ErrnoException): void => resolve(error.code ?? error.message);
    get(options, (response: IncomingMessage) => {
      let body = "";
      response.on("data", (chunk: Buffer) => (body += chunk.toString()));
      response.on("error", fail);
      const huge = response.headers["x-huge"]?.length;
      response.on("end", () => resolve(`${response.statusCode} ${huge ?? body}`));
    }).on("error", fail);
  });
}

test("a script's statuses come in order and the last one repeats", async () => {
  const backend = await start([status(500), ok, status(404)]);
  const answers = [await send(backend), await send(backend), await send(backend)];
  expect([...answers, await send(backend)]).toEqual(["500 one", "200 one", "404 one", "404 one"]);
  backend.play((n, url) => ({ kind: "answer", body: `${n}${url}` }));
  expect(await send(backend)).toBe("200 1/");
  expect(backend.requests).toHaveLength(5);
});

test.each([
  ["reset", "ECONNRESET"], ["hangUp", "ECONNRESET"], ["resetMidBody", "ECONNRESET"],
  ["garbage", "HPE_INVALID_CONSTANT"],
] as const)("%s is no answer", async (kind, code) => {
  expect(await send(await start([{ kind }]))).toBe(code);
});

test("a huge header has the bytes asked for", async () => {
  expect(await send(await start([{ kind: "hugeHeader", bytes: 100_000 }]))).toBe("200 100000");
});

test("connections are counted and tell requests apart", async () => {
  const backend = await start();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  await send(backend, agent);
  await send(backend, agent);
  await send(backend);
  expect(backend.requests.map((r) => r.connection)).toEqual([1, 1, 2]);
  expect(backend.connections.accepted).toBe(2);
  agent.destroy();
});

test("held requests are answered when they are released", async () => {
  const backend = await start([{ kind: "hold" }]);
  const both = [send(backend), send(backend)];
  await expect.poll(() => backend.held).toBe(2);
  backend.release();
  expect(await Promise.all(both)).toEqual(["200 one", "200 one"]);
  expect(await send(backend)).toBe("200 one");
});

test("a port that refuses can be opened again", async () => {
  const backend = await start();
  await backend.refuse();
  expect(await send(backend)).toBe("ECONNREFUSED");
  await backend.recover();
  expect(await send(backend)).toBe("200 one");
});

test.each([
  [1, "PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n"],
  [2, "\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00"],
] as const)("PROXY protocol %i is read and taken off", async (proxyProtocol, header) => {
  const backend = await start([ok], { proxyProtocol });
  const { address, port } = backend.address;
  const socket = connect(port, address);
  const first = new Promise<string>((resolve) =>
    socket.once("data", (chunk: Buffer) => resolve(chunk.toString())));
  socket.write(Buffer.from(`${header}GET / HTTP/1.1\r\nhost: h\r\n\r\n`, "latin1"));
  expect(await first).toContain("200 OK");
  expect(backend.requests[0]?.proxyHeader).toBe(header);
  socket.destroy();
});
