// Traffic policies of connections and datagrams, at a real Envoy.

import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Cluster, ClusterPolicy, StreamPort } from "../../compiler/ir.ts";
import { startEnvoy, type RunningEnvoy } from "../../runtime/envoy/process.ts";
import { envoyOrReason } from "./binary.ts";
import { cluster, filterFor, ir, staticConfig } from "./world.ts";

const { reason } = await envoyOrReason();

const bySource: ClusterPolicy = {
  consistentHash: {
    key: { kind: "sourceIp" }, algorithm: { kind: "ringHash", minimumRingSize: 1024 },
  },
};

const policies: Readonly<Record<string, ClusterPolicy>> = {
  idle: { tcpIdleTimeoutMs: 200 },
  short: { maxConnectionDurationMs: 200 },
  single: { maxConnections: 1 },
  proxied: { proxyProtocol: "V1" },
  hashed: bySource,
  hashedByMaglev: {
    consistentHash: { key: { kind: "sourceIp" }, algorithm: { kind: "maglev", tableSize: 65537 } },
  },
};
const names = Object.keys(policies);
const origin = { file: { path: "test.yaml", text: "" }, start: 0, end: 0 };

describe.skipIf(reason)(`policies of streams${reason}`, { timeout: 60_000 }, () => {
  const servers: Server[] = [];
  const sockets: DatagramSocket[] = [];
  const open = new Set<Socket>();
  let envoy: RunningEnvoy;
  let bound: ReadonlyMap<string, string>;

  beforeAll(async () => {
    for (const name of ["a", "b", "c"]) {
      // Says its name and then whatever it hears.
      const server = createServer((socket) => {
        open.add(socket);
        socket.on("error", () => socket.destroy()).on("close", () => open.delete(socket));
        socket.write(`${name}\n`);
        socket.pipe(socket);
      });
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const socket = createSocket("udp4");
      socket.on("message", (_, { port, address }) => socket.send(name, port, address));
      sockets.push(socket);
      await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    }
    const local = (port: number): { address: string; port: number } =>
      ({ address: "127.0.0.1", port });
    const streams = servers.map((s) => local((s.address() as AddressInfo).port));
    const clusters: readonly Cluster[] = [
      ...names.map((name) => cluster(name,
        name.startsWith("hashed") ? streams : streams.slice(0, 1), policies[name])),
      cluster("datagrams", sockets.map((s) => local(s.address().port)), bySource),
    ];
    const port = (protocol: "TCP" | "UDP", index: number): StreamPort => ({
      gateway: { namespace: "demo", name: "shop" }, port: 5000 + index, protocol,
      listeners: [{ name: `l${index}`, routes: [
        { hostnames: [], origin, backends: [{ weight: 1, cluster: index }] }] }],
    });
    const routed = { ...ir([], clusters), streamPorts: [
      ...names.map((_, index) => port("TCP", index)), port("UDP", names.length)] };
    envoy = await startEnvoy({ config: staticConfig(routed, filterFor(routed)) });
    bound = await envoy.admin.listeners();
  });
  afterAll(async () => {
    await envoy?.stop();
    for (const socket of sockets) socket.close();
    for (const socket of open) socket.destroy();
    await Promise.all(servers.map((s) => new Promise((resolve) => s.close(resolve))));
  });

  const portOf = (index: number, suffix = ""): number =>
    Number(bound.get(`demo/shop:${5000 + index}${suffix}`)!.split(":")[1]);

  interface Client {
    readonly socket: Socket;
    /** What has come so far, without the lines' ends. */
    heard(): string;
    isOpen(): boolean;
  }
  function dial(name: string, localAddress?: string): Client {
    const port = portOf(names.indexOf(name));
    let heard = "";
    let isOpen = true;
    const socket = connect({ host: "127.0.0.1", port, ...(localAddress && { localAddress }) });
    socket.on("data", (chunk: Buffer) => (heard += chunk.toString("latin1")));
    socket.on("error", () => undefined).on("close", () => (isOpen = false));
    return { socket, heard: () => heard.trim(), isOpen: () => isOpen };
  }

  test("an idle connection is closed, and a busy one is not", async () => {
    const quiet = dial("idle");
    const busy = dial("idle");
    const chatter = setInterval(() => busy.socket.write("."), 20);
    await expect.poll(() => quiet.isOpen(), { timeout: 5_000 }).toBe(false);
    expect(busy.isOpen()).toBe(true);
    clearInterval(chatter);
    busy.socket.destroy();
  });

  test("a connection ends with its time, busy or not", async () => {
    const busy = dial("short");
    const chatter = setInterval(() => busy.socket.write("."), 20);
    await expect.poll(() => busy.isOpen(), { timeout: 5_000 }).toBe(false);
    clearInterval(chatter);
  });

  test("no more connections than the limit", async () => {
    const first = dial("single");
    await expect.poll(() => first.heard()).toBe("a");
    const second = dial("single");
    await expect.poll(() => second.isOpen()).toBe(false);
    expect(second.heard()).toBe("");
    expect(first.isOpen()).toBe(true);
    first.socket.destroy();
  });

  test("a PROXY protocol header goes before the client's bytes", async () => {
    const { socket, heard } = dial("proxied");
    socket.write("hello");
    await expect.poll(heard).toMatch(/^a\nPROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\nhello$/);
    socket.destroy();
  });

  async function streamFrom(name: string, client: number): Promise<string> {
    const { socket, heard } = dial(name, `127.0.0.${client}`);
    await expect.poll(heard).not.toBe("");
    socket.destroy();
    return heard();
  }
  /** Sent again until it is answered: nothing says that a datagram arrives. */
  function datagramFrom(client: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = createSocket("udp4");
      socket.on("error", reject);
      socket.bind(0, `127.0.0.${client}`, () => {
        const send = (): void => socket.send("x", portOf(names.length, "/udp"), "127.0.0.1");
        const again = setInterval(send, 500);
        socket.once("message", (message) => {
          clearInterval(again);
          socket.close();
          resolve(message.toString());
        });
        send();
      });
    });
  }

  test.each([
    ["connections, on a ring", (client: number) => streamFrom("hashed", client)],
    ["connections, in a table", (client: number) => streamFrom("hashedByMaglev", client)],
    ["datagrams", datagramFrom],
  ])("a client's %s go to one endpoint", async (_, from) => {
    const found: string[] = [];
    for (let client = 2; client < 22; client += 1) found.push(await from(client));
    expect(new Set(found)).toEqual(new Set(["a", "b", "c"]));
    for (let client = 2; client < 22; client += 1) {
      expect(await from(client)).toBe(found[client - 2]);
    }
  });
});
