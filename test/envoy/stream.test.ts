// TLS, TCP and UDP listeners at a real Envoy.

import { createSocket } from "node:dgram";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import type { Certificate, Cluster, GatewayPort, StreamListener, StreamPort, StreamRoute }
  from "../../compiler/ir.ts";
import { envoyRuntime } from "../../runtime/envoy/dev.ts";
import { startEnvoy, type RunningEnvoy } from "../../runtime/envoy/process.ts";
import { envoyOrReason } from "./binary.ts";
import { issue } from "./certificates.ts";
import { cluster, filterFor, gatewayPort, ir, startBackend, staticConfig, withRoutes,
  type Backend } from "./world.ts";

const { reason } = await envoyOrReason();

const authority = issue({ common: "test authority", authority: true });
const pair = issue({ common: "gateway", names: ["*.example.com", "*.example.org"],
  issuer: authority });
const certificate: Certificate = {
  secret: { namespace: "demo", name: "gateway" }, certificate: pair.certificate, key: pair.key,
};
const tls = { certificates: [certificate] };
const origin = { file: { path: "test.yaml", text: "" }, start: 0, end: 0 };

/** Weights by cluster index; null is an invalid backend. */
function route(
  hostnames: readonly string[], ...backends: readonly (readonly [number | null, number])[]
): StreamRoute {
  return { hostnames, origin, backends: backends.map(([index, weight]) =>
    (index === null ? { weight } : { weight, cluster: index })) };
}

function streamPort(
  protocol: StreamPort["protocol"], port: number, ...listeners: readonly StreamListener[]
): StreamPort {
  return { gateway: { namespace: "demo", name: "shop" }, port, protocol, listeners };
}

describe.skipIf(reason)(`streams${reason}`, { timeout: 60_000 }, () => {
  const servers: Server[] = [];
  let http: Backend;
  let tlsDir: string;
  let envoy: RunningEnvoy | undefined;
  let clusters: readonly Cluster[];
  const [plainA, plainB, secureA, secureB, webSite] = [0, 1, 2, 3, 4];

  beforeAll(async () => {
    const greet = (name: string): Server => createServer((socket) => {
      socket.on("error", () => undefined);
      socket.end(name);
    });
    const greetSecurely = (name: string): Server => createTlsServer(
      { cert: pair.certificate, key: pair.key }, (socket) => {
        socket.on("error", () => undefined);
        socket.end(name);
      });
    servers.push(greet("a"), greet("b"), greetSecurely("secure-a"), greetSecurely("secure-b"));
    for (const server of servers) {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    }
    http = await startBackend("web");
    clusters = [
      ...servers.map((server, index) => cluster(`c${index}`,
        [{ address: "127.0.0.1", port: (server.address() as AddressInfo).port }])),
      cluster("web", [http.address]),
    ];
    tlsDir = await mkdtemp(join(tmpdir(), "fairlead-tls-"));
    await mkdir(join(tlsDir, "demo", "gateway"), { recursive: true });
    await writeFile(join(tlsDir, "demo", "gateway", "tls.crt"), pair.certificate);
    await writeFile(join(tlsDir, "demo", "gateway", "tls.key"), pair.key);
  });
  afterAll(async () => {
    await http.close();
    await Promise.all(servers.map((s) => new Promise((resolve) => s.close(resolve))));
    await rm(tlsDir, { recursive: true, force: true });
  });
  afterEach(async () => {
    await envoy?.stop();
    envoy = undefined;
  });

  async function run(
    streamPorts: readonly StreamPort[], gatewayPorts: readonly GatewayPort[] = [],
  ): Promise<(name: string) => number> {
    const routed = { ...ir(gatewayPorts, clusters), streamPorts };
    envoy = await startEnvoy({ config: staticConfig(routed, filterFor(routed), { tlsDir }) });
    const bound = await envoy.admin.listeners();
    return (name) => Number(bound.get(`demo/shop:${name}`)!.split(":")[1]);
  }

  test("TCP goes to the first route's backend", async () => {
    const at = await run([
      streamPort("TCP", 5000,
        { name: "tcp", routes: [route([], [plainA, 1]), route([], [plainB, 1])] }),
      streamPort("TCP", 5001, { name: "none", routes: [] }),
      streamPort("TCP", 5002, { name: "invalid", routes: [route([], [null, 1])] }),
    ]);
    expect(await read(at("5000"))).toBe("a");
    expect(await read(at("5001"))).toBe("");
    expect(await read(at("5002"))).toBe("");
  });

  test("TCP is shared by weight, and an invalid backend's share is closed", async () => {
    const at = await run([streamPort("TCP", 5000, { name: "tcp", routes: [
      route([], [plainA, 60], [plainB, 20], [null, 20]),
    ] })]);
    const counts = await tally(300, () => read(at("5000")));
    expect(Object.keys(counts).sort()).toEqual(["", "a", "b"]);
    expect(counts["a"]).toBeGreaterThan(130);
    expect(counts["a"]).toBeLessThan(230);
    expect(counts["b"]).toBeGreaterThan(25);
    expect(counts[""]).toBeGreaterThan(25);
  });

  test("TLS is passed through by server name", async () => {
    const at = await run([streamPort("TLS", 443,
      { name: "wide", hostname: "*.example.com", routes: [
        route(["a.example.com"], [secureA, 1]),
        route(["*.b.example.com", "b.example.org"], [secureB, 1]),
        route(["a.example.com"], [secureB, 1]),
      ] },
      { name: "exact", hostname: "only.example.com", routes: [route(["*"], [secureB, 1])] },
      { name: "rest", routes: [route(["*.example.org"], [secureA, 1])] },
    )]);
    const names = ["a.example.com", "x.b.example.com", "only.example.com", "q.example.org"];
    const answers: string[] = [];
    for (const name of names) answers.push(await readTls(at("443"), name));
    expect(answers).toEqual(["secure-a", "secure-b", "secure-b", "secure-a"]);
    // b.example.org is not a name of the listener that its route is on.
    expect(await readTls(at("443"), "b.example.org")).toBe("secure-a");
    for (const name of ["other.example.com", "elsewhere.net", undefined]) {
      await expect(readTls(at("443"), name)).rejects.toThrow();
    }
  });

  test("of one port's TLS listeners one ends TLS and another passes it through", async () => {
    const at = await run([streamPort("TLS", 8443,
      { name: "ends", hostname: "ends.example.com", tls,
        routes: [route(["ends.example.com"], [plainA, 1])] },
      { name: "passes", hostname: "passes.example.com",
        routes: [route(["passes.example.com"], [secureB, 1])] },
    )]);
    expect(await readTls(at("8443"), "ends.example.com")).toBe("a");
    expect(await readTls(at("8443"), "passes.example.com")).toBe("secure-b");
  });

  test("an ended TLS connection goes on under the backend's own TLS", async () => {
    const [secure] = clusters.slice(secureA);
    clusters = clusters.with(secureA, { ...secure!, tls: {
      hostname: "up.example.com", subjectAltNames: [], caCertificates: authority.certificate } });
    const at = await run([streamPort("TLS", 8443, { name: "ends", tls,
      routes: [route(["*"], [secureA, 1])] })]);
    clusters = clusters.with(secureA, secure!);
    expect(await readTls(at("8443"), "any.example.com")).toBe("secure-a");
  });

  test("HTTPS and TLS listeners share a port by server name", async () => {
    const https: GatewayPort = { ...withRoutes(gatewayPort("shop", 443), { "": [[webSite, 1]] }),
      protocol: "HTTPS", listeners: [{ name: "https", tls }] };
    const at = await run([streamPort("TLS", 443, { name: "tls", hostname: "*.example.com",
      routes: [route(["raw.example.com"], [secureA, 1])] })], [https]);
    expect(await readTls(at("443"), "raw.example.com")).toBe("secure-a");
    await expect(readTls(at("443"), "other.example.com")).rejects.toThrow();
    const answer = await readTls(at("443"), "web.example.org",
      "GET / HTTP/1.1\r\nhost: web.example.org\r\nconnection: close\r\n\r\n");
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*web/);
  });

  // --- UDP -------------------------------------------------------------------------------------

  async function withUdp(
    shares: readonly (readonly [string | null, number])[],
    check: (clusters: readonly Cluster[], port: StreamPort) => Promise<void>,
  ): Promise<void> {
    const echoes = shares.map(([name]) => {
      const socket = createSocket("udp4");
      socket.on("message", (message, { port, address }) =>
        socket.send(`${name} ${message.toString()}`, port, address));
      return socket;
    });
    for (const echo of echoes) {
      await new Promise<void>((resolve) => { echo.bind(0, "127.0.0.1", resolve); });
    }
    const backends = shares.map(([name, weight], index) =>
      [name === null ? null : index, weight] as const);
    try {
      await check(
        echoes.map((echo, index) => cluster(`udp${index}`,
          [{ address: "127.0.0.1", port: echo.address().port }])),
        streamPort("UDP", 5300, { name: "udp", routes: [route([], ...backends)] }),
      );
    } finally {
      for (const echo of echoes) echo.close();
    }
  }

  test("datagrams go to a backend and back, beside TCP on the same port", () =>
    withUdp([["u", 1]], async (udp, port) => {
      const tcp = streamPort("TCP", 5300, { name: "tcp", routes: [route([], [plainA, 1])] });
      const kept = clusters;
      clusters = [...kept, ...udp];
      const shifted: StreamPort = { ...port, listeners: [{ name: "udp",
        routes: [route([], [kept.length, 1])] }] };
      const at = await run([tcp, shifted]);
      clusters = kept;
      expect(await sendUdp(at("5300/udp"), "hello")).toBe("u hello");
      expect(await read(at("5300"))).toBe("a");
    }));

  test("datagrams are shared by weight", () =>
    withUdp([["u", 50], ["v", 25], [null, 25]], async (udp, port) => {
      const kept = clusters;
      clusters = udp;
      const at = await run([port]);
      clusters = kept;
      const counts = await tally(300, async () =>
        (await sendUdp(at("5300/udp"), "x", 500)).split(" ")[0]!);
      expect(Object.keys(counts).sort()).toEqual(["", "u", "v"]);
      expect(counts["u"]).toBeGreaterThan(100);
      expect(counts["u"]).toBeLessThan(200);
      expect(counts["v"]).toBeGreaterThan(40);
      expect(counts[""]).toBeGreaterThan(40);
    }));

  test("a UDP port without a route answers nothing", () => withUdp([["u", 1]], async (_, port) => {
    const at = await run([{ ...port, listeners: [{ name: "udp", routes: [] }] }]);
    expect(await sendUdp(at("5300/udp"), "x", 500)).toBe("");
  }));

  // --- dev -------------------------------------------------------------------------------------

  test("dev serves streams and changes them", () => withUdp([["u", 1]], async (udp, port) => {
    const all = [...clusters, ...udp];
    const https: GatewayPort = { ...withRoutes(gatewayPort("shop", 443), { "": [[webSite, 1]] }),
      protocol: "HTTPS", listeners: [{ name: "https", hostname: "web.example.org", tls }] };
    const input = (tcpTarget: number, tlsTarget: number) => {
      const routed = { ...ir([https], all), streamPorts: [
        streamPort("TLS", 443, { name: "tls", hostname: "*.example.com",
          routes: [route(["*.example.com"], [tlsTarget, 1])] }),
        streamPort("TCP", 5000, { name: "tcp", routes: [route([], [tcpTarget, 1])] }),
        { ...port, listeners: [{ name: "udp", routes: [route([], [clusters.length, 1])] }] },
      ] };
      return { ir: routed, table: new Uint8Array(), filterWasm: filterFor(routed), ports: () => 0 };
    };
    const runtime = envoyRuntime();
    try {
      const { listeners } = await runtime.start(input(plainA, secureA));
      expect(listeners.map((l) => `${l.listener} ${l.port} ${l.protocol}`)).toEqual(
        ["https 443 HTTPS", "tls 443 TLS", "tcp 5000 TCP", "udp 5300 UDP"]);
      const [onHttps, onTls, onTcp, onUdp] = listeners.map((l) => Number(l.address.split(":")[1]));
      expect(onHttps).toBe(onTls);
      expect(await readTls(onTls!, "x.example.com")).toBe("secure-a");
      expect(await read(onTcp!)).toBe("a");
      expect(await sendUdp(onUdp!, "hello")).toBe("u hello");
      const next = await runtime.update(input(plainB, secureB));
      expect(next.listeners).toEqual(listeners);
      expect(await readTls(onTls!, "x.example.com")).toBe("secure-b");
      expect(await read(onTcp!)).toBe("b");
      expect(await sendUdp(onUdp!, "hello")).toBe("u hello");
    } finally {
      await runtime.stop();
    }
  }));
});

async function tally(
  times: number, sample: () => Promise<string>,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const worker = async (): Promise<void> => {
    for (let i = 0; i < times / 10; i += 1) {
      const answer = await sample();
      counts[answer] = (counts[answer] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 10 }, worker));
  return counts;
}

/** Everything until the other side closes. */
function read(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.setTimeout(10_000, () => socket.destroy(new Error("no end in time")));
    socket.on("data", (chunk: Buffer) => { text += chunk.toString(); });
    socket.on("close", () => resolve(text));
    socket.on("error", (error: NodeJS.ErrnoException) =>
      (error.code === "ECONNRESET" ? resolve(text) : reject(error)));
  });
}

function readTls(port: number, servername: string | undefined, send?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: "127.0.0.1", port, ca: authority.certificate,
      rejectUnauthorized: false, ...(servername && { servername }) });
    let text: string | undefined;
    socket.setTimeout(10_000, () => socket.destroy(new Error("no end in time")));
    socket.on("secureConnect", () => {
      text = "";
      if (send !== undefined) socket.write(send);
    });
    socket.on("data", (chunk: Buffer) => { text += chunk.toString(); });
    socket.on("error", reject);
    socket.on("close", () =>
      (text === undefined ? reject(new Error("closed in the handshake")) : resolve(text)));
  });
}

/** Empty where nothing comes back. */
function sendUdp(port: number, message: string, waitMs = 10_000): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    const end = (text: string): void => {
      clearTimeout(timer);
      socket.close();
      resolve(text);
    };
    const timer = setTimeout(() => end(""), waitMs);
    socket.on("message", (answer) => end(answer.toString()));
    socket.send(message, port, "127.0.0.1");
  });
}
