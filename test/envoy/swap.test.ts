// `fairlead dev --runtime envoy` against a real Envoy: tables, clusters and listeners change while
// requests are answered.

import { readdir, stat } from "node:fs/promises";
import { Agent, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { noPolicy, type Cluster, type GatewayPort } from "../../compiler/ir.ts";
import { policyName } from "../../compiler/table/policy-name.ts";
import { PortInUse, type Runtime, type RuntimeInput, type Served }
  from "../../runtime/dev/contract.ts";
import { envoyRuntime } from "../../runtime/envoy/dev.ts";
import { envoyOrReason } from "./binary.ts";
import { issue, type Issued } from "./certificates.ts";
import { buildToy, pickingSource } from "./toy.ts";
import { ask, cluster, filterFor, gatewayPort, ir, startBackend, withRoutes, type Backend }
  from "./world.ts";

const { reason } = await envoyOrReason();

describe.skipIf(reason)(`dev on Envoy${reason}`, { timeout: 60_000 }, () => {
  const backends: Backend[] = [];
  let runtime: Runtime;

  beforeAll(async () => {
    for (const name of ["a", "b"]) backends.push(await startBackend(name));
  });
  afterAll(async () => {
    await Promise.all(backends.map((backend) => backend.close()));
  });
  afterEach(() => runtime?.stop());

  const clusterOf = (name: string): Cluster =>
    cluster(name, backends.filter((b) => b.name === name).map((b) => b.address));
  /** All requests go to the first of the clusters. */
  const input = (
    clusters: readonly Cluster[], gatewayPorts = [gatewayPort("shop", 80)],
  ): RuntimeInput => {
    const routed = ir(gatewayPorts.map((g) => withRoutes(g, { "": [[0, 1]] })), clusters);
    return { ir: routed, table: new Uint8Array(), filterWasm: filterFor(routed), ports: () => 0 };
  };
  const refused = (clusters: readonly Cluster[]): RuntimeInput =>
    ({ ...input(clusters), filterWasm: new Uint8Array([0]) });
  const addressOf = (served: Served, port = 80): string =>
    served.listeners.find((l) => l.port === port)!.address;

  test("ten swaps under load lose no request, and each one takes effect", async () => {
    runtime = envoyRuntime();
    const address = addressOf(await runtime.start(input([clusterOf("a")])));
    const agent = new Agent({ keepAlive: true, maxSockets: 4 });
    const counts = { asked: 0, a: 0, b: 0, others: [] as string[] };
    let isOver = false;
    const client = async (): Promise<void> => {
      while (!isOver) {
        counts.asked += 1;
        const { status, body } = await ask(address, { agent })
          .catch((error: Error) => ({ status: 0, body: error.message }));
        if (status === 200 && (body === "a" || body === "b")) counts[body] += 1;
        else counts.others.push(`${status} ${body}`);
      }
    };
    const clients = [client(), client(), client(), client()];
    for (let round = 0; round < 10; round += 1) {
      const name = round % 2 === 0 ? "b" : "a";
      // Each swap brings the only cluster it needs and drops the one that was in use.
      const served = await runtime.update(input([clusterOf(name)]));
      expect(addressOf(served)).toBe(address);
      const until = counts.asked + 20;
      while (counts.asked < until) await new Promise((resolve) => setTimeout(resolve, 1));
      expect((await ask(address)).body).toBe(name);
    }
    isOver = true;
    await Promise.all(clients);
    agent.destroy();
    expect(counts.others).toEqual([]);
    expect(counts.a).toBeGreaterThan(50);
    expect(counts.b).toBeGreaterThan(50);
  });

  test("endpoints change under load without a failed request", async () => {
    runtime = envoyRuntime();
    const [first, second] = backends.map((b) => b.address);
    const address = addressOf(await runtime.start(input([cluster("a", [first!])])));
    const agent = new Agent({ keepAlive: true, maxSockets: 4 });
    const statuses = new Set<number>();
    let isOver = false;
    const client = async (): Promise<void> => {
      while (!isOver) statuses.add((await ask(address, { agent })).status);
    };
    const clients = [client(), client()];
    for (let round = 0; round < 6; round += 1) {
      await runtime.update(input([cluster("a", [round % 2 === 0 ? second! : first!])]));
      expect((await ask(address)).body).toBe(round % 2 === 0 ? "b" : "a");
    }
    isOver = true;
    await Promise.all(clients);
    agent.destroy();
    expect([...statuses]).toEqual([200]);
  });

  test("a Gateway port that is added is served, the others keep their address", async () => {
    runtime = envoyRuntime();
    const one = [gatewayPort("shop", 80)];
    const two: GatewayPort[] = [
      gatewayPort("shop", 80),
      { ...gatewayPort("shop", 8080), listeners: [{ name: "alt" }, { name: "other" }] },
    ];
    const address = addressOf(await runtime.start(input([clusterOf("a")], one)));
    const served = await runtime.update(input([clusterOf("a")], two));
    expect(served.listeners.map((l) => `${l.gateway} ${l.listener} ${l.port} ${l.protocol}`))
      .toEqual(["demo/shop http 80 HTTP", "demo/shop alt 8080 HTTP", "demo/shop other 8080 HTTP"]);
    expect(addressOf(served)).toBe(address);
    expect((await ask(addressOf(served, 8080))).body).toBe("a");
    const again = await runtime.update(input([clusterOf("b")], one));
    expect(again.listeners).toHaveLength(1);
    expect((await ask(address)).body).toBe("b");
  });

  test("policies change under load without a failed request", async () => {
    runtime = envoyRuntime();
    const toy = await buildToy(pickingSource);
    const withPolicy = (value: string): RuntimeInput => ({
      ...input([clusterOf("a")]), filterWasm: toy,
      routePolicies: [noPolicy, { ...noPolicy, responseHeaders: {
        set: [{ name: "x-table", value }], add: [], remove: [] } }],
    });
    const headersOf = (value: string) => ({ "x-pick-cluster": clusterOf("a").name,
      "x-pick-policy": policyName(withPolicy(value).routePolicies![1]!, () => undefined) });
    let headers = headersOf("0");
    const address = addressOf(await runtime.start(withPolicy("0")));
    const agent = new Agent({ keepAlive: true, maxSockets: 4 });
    const seen = new Set<string>();
    let isOver = false;
    const client = async (): Promise<void> => {
      while (!isOver) {
        const answer = await ask(address, { agent, headers });
        seen.add(`${answer.status} ${String(answer.headers["connection"])}`);
      }
    };
    const clients = [client(), client()];
    for (let round = 1; round < 6; round += 1) {
      await runtime.update(withPolicy(String(round)));
      headers = headersOf(String(round));
      expect((await ask(address, { headers })).headers["x-table"]).toBe(String(round));
    }
    isOver = true;
    await Promise.all(clients);
    agent.destroy();
    // Not even a hint that the connection were to be closed.
    expect([...seen]).toEqual(["200 undefined"]);
  });

  test("certificates are swapped, and no key outlives its certificate", async () => {
    const tlsOf = ({ certificate, key }: Issued): GatewayPort => ({
      ...gatewayPort("shop", 443), protocol: "HTTPS", listeners: [{ name: "https", tls: {
        certificates: [{ secret: { namespace: "demo", name: "site" }, certificate, key }] } }] });
    const folders = async (): Promise<readonly string[]> =>
      (await readdir(tmpdir())).filter((name) => name.startsWith("fairlead-envoy-"));
    const before = new Set(await folders());
    runtime = envoyRuntime();
    const first = await runtime.start(input([clusterOf("a")], [tlsOf(issue({ common: "old" }))]));
    const address = addressOf(first, 443);
    expect(await commonName(address)).toBe("old");
    const next = await runtime.update(input([clusterOf("a")], [tlsOf(issue({ common: "new" }))]));
    expect(addressOf(next, 443)).toBe(address);
    expect(await commonName(address)).toBe("new");
    const keys: string[] = [];
    for (const folder of (await folders()).filter((name) => !before.has(name))) {
      for (const file of await readdir(join(tmpdir(), folder)).catch(() => [])) {
        if (file.endsWith(".key")) keys.push(join(tmpdir(), folder, file));
      }
    }
    expect(keys).toHaveLength(1);
    expect((await stat(keys[0]!)).mode & 0o777).toBe(0o600);
  });

  test("two Gateways on one port are served side by side", async () => {
    runtime = envoyRuntime();
    const both = [gatewayPort("left", 80), gatewayPort("right", 80)];
    const { listeners } = await runtime.start(input([clusterOf("a")], both));
    expect(listeners.map((l) => l.gateway)).toEqual(["demo/left", "demo/right"]);
    expect(new Set(listeners.map((l) => l.address)).size).toBe(2);
    for (const { address } of listeners) expect((await ask(address)).body).toBe("a");
  });

  test("a hundred gateway ports are served and swapped, one of them under load", async () => {
    runtime = envoyRuntime();
    const ports = Array.from({ length: 100 }, (_, i) => gatewayPort("shop", 8000 + i));
    const { listeners } = await runtime.start(input([clusterOf("a")], ports));
    expect(new Set(listeners.map((l) => l.address)).size).toBe(100);
    const bodies = async (): Promise<readonly string[]> =>
      Promise.all(listeners.map(async ({ address }) => (await ask(address)).body));
    expect(new Set(await bodies())).toEqual(new Set(["a"]));
    const statuses = new Set<number>();
    let isOver = false;
    const client = async (): Promise<void> => {
      while (!isOver) statuses.add((await ask(listeners[99]!.address)).status);
    };
    const clients = [client(), client()];
    await runtime.update(input([clusterOf("b")], ports));
    isOver = true;
    await Promise.all(clients);
    expect([...statuses]).toEqual([200]);
    expect(new Set(await bodies())).toEqual(new Set(["b"]));
  });

  test("a filter that Envoy refuses leaves the old one serving", async () => {
    runtime = envoyRuntime();
    const address = addressOf(await runtime.start(input([clusterOf("a")])));
    await expect(runtime.update(refused([clusterOf("b")]))).rejects
      .toThrow("Envoy refuses the new configuration");
    expect((await ask(address)).body).toBe("a");
    await runtime.update(input([clusterOf("b")]));
    expect((await ask(address)).body).toBe("b");
  });

  test("a first filter that Envoy refuses is an error, not a gateway without one", async () => {
    runtime = envoyRuntime();
    await expect(runtime.start(refused([clusterOf("a")]))).rejects
      .toThrow("Envoy refuses the new configuration");
  });

  test("a port in use is told by its number", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    runtime = envoyRuntime();
    const start = runtime.start({ ...input([clusterOf("a")]), ports: () => port });
    await expect(start).rejects.toBeInstanceOf(PortInUse);
    await expect(start).rejects.toThrow(`port ${port} is in use`);
    other.close();
  });

  test("an Envoy that ends by itself is reported, one that is stopped is not", async () => {
    const crashes: string[] = [];
    let pid = "";
    runtime = envoyRuntime({
      logLevel: "info",
      onCrash: (log) => crashes.push(log),
      // Envoy's log lines name its process: `[time][pid][level]…`
      onLog: (text) => { pid ||= /^\[[^\]]*\]\[(\d+)\]/.exec(text)?.[1] ?? ""; },
    });
    await runtime.start(input([clusterOf("a")]));
    await runtime.stop();
    expect(crashes).toEqual([]);
    pid = "";
    await runtime.start(input([clusterOf("a")]));
    process.kill(Number(pid), "SIGKILL");
    while (crashes.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    await expect(runtime.update(input([clusterOf("b")]))).rejects.toThrow();
    expect(crashes).toHaveLength(1);
  });

  test("a name that nothing resolves does not keep the others waiting", async () => {
    runtime = envoyRuntime();
    const unresolvable: Cluster = {
      ...cluster("c", []),
      endpoints: { kind: "dns", hostname: "c.demo.svc.cluster.local", port: 80 },
    };
    const served = await runtime.start(input([clusterOf("a"), unresolvable]));
    expect((await ask(addressOf(served))).body).toBe("a");
  });
});

function commonName(address: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: "127.0.0.1", port: Number(address.split(":")[1]),
      servername: "site.example", rejectUnauthorized: false }, () => {
      const { subject } = socket.getPeerCertificate();
      socket.destroy();
      resolve(subject.CN);
    });
    socket.on("error", reject);
  });
}
