// No header of a client's can choose its backend, whatever state the filter is in. The cluster
// `secret` exists in Envoy, and no route leads to it: only a client's own header could.

import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";

import type { Ir } from "../../compiler/ir.ts";
import { startEnvoy, type RunningEnvoy } from "../../runtime/envoy/process.ts";
import { envoyOrReason } from "./binary.ts";
import { buildToy, idleSource, steeringSource } from "./toy.ts";
import { ask, cluster, filterFor, gatewayPort, ir, startBackend, staticConfig, withRoutes,
  type Backend } from "./world.ts";

const { reason } = await envoyOrReason();

describe.skipIf(reason)(`steering${reason}`, { timeout: 60_000 }, () => {
  let open: Backend;
  let secret: Backend;
  let envoy: RunningEnvoy | undefined;
  let routed: Ir;

  beforeAll(async () => {
    [open, secret] = [await startBackend("open"), await startBackend("secret")];
    routed = ir([withRoutes(gatewayPort("shop", 80), { "/open": [[0, 1]] })],
      [cluster("open", [open.address]), cluster("secret", [secret.address])]);
  });
  afterAll(() => Promise.all([open.close(), secret.close()]));
  afterEach(async () => {
    await envoy?.stop();
    envoy = undefined;
    expect(secret.seen.splice(0)).toEqual([]);
  });

  const wish = cluster("secret", []).name;
  const wishes: readonly Record<string, string | readonly string[]>[] = [
    { "x-fairlead-cluster": wish },
    { "X-Fairlead-Cluster": wish },
    { "x-fairlead-cluster": [wish, wish] },
    { "x-fairlead-cluster": ["", wish] },
    { "x-fairlead-cluster": wish, "connection": "x-fairlead-cluster" },
    { "x-fairlead-cluster": ` ${wish} ` },
  ];

  async function run(config: string): Promise<string> {
    envoy = await startEnvoy({ config, logLevel: "off" });
    return (await envoy.admin.listeners()).get("demo/shop:80")!;
  }

  /** The statuses that clients get who ask for the secret backend in every way they can. */
  async function wishFor(address: string, path: string): Promise<Set<number>> {
    const statuses = new Set<number>();
    for (const headers of wishes) statuses.add((await ask(address, { path, headers })).status);
    statuses.add(await askHttp2(address, path));
    statuses.add(await askWithTrailer(address, path));
    return statuses;
  }

  test("the filter decides, a client's own header does not, and no backend sees it", async () => {
    const address = await run(staticConfig(routed));
    expect(await wishFor(address, "/open")).toEqual(new Set([200]));
    expect(open.seen.length).toBeGreaterThan(wishes.length);
    for (const { headers } of open.seen) {
      expect(Object.keys(headers)).not.toContain("x-fairlead-cluster");
    }
    expect(await wishFor(address, "/elsewhere")).toEqual(new Set([404]));
  });

  test("a trap costs requests, never their direction, and the filter comes back", async () => {
    const trapping = await buildToy(steeringSource(cluster("open", []).name));
    const address = await run(staticConfig(routed, trapping));
    for (let round = 0; round < 3; round += 1) {
      expect((await ask(address)).body).toBe("open");
      expect((await ask(address, { headers: { "x-trap": "1" } })).status).toBe(503);
      const statuses: number[] = [];
      // Every request of the time without a filter wishes for the secret backend.
      for (let tries = 0; tries < 500 && statuses.at(-1) !== 200; tries += 1) {
        const { status, body } = await ask(address, { headers: { "x-fairlead-cluster": wish } });
        expect(status === 200 ? body : status).toBe(status === 200 ? "open" : 503);
        statuses.push(status);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      expect(statuses.at(0)).toBe(503);
      expect(statuses.at(-1)).toBe(200);
    }
  });

  test("a filter that steers nothing leaves requests without a backend", async () => {
    const address = await run(staticConfig(routed, await buildToy(idleSource)));
    expect(await wishFor(address, "/open")).toEqual(new Set([503]));
    expect((await ask(address, { path: "/open" })).status).toBe(503);
  });

  test("without the filter in the chain requests have no backend", async () => {
    const config = parse(staticConfig(routed), { maxAliasCount: -1 });
    const manager = config.static_resources.listeners[0].filter_chains[0].filters[0].typed_config;
    manager.http_filters = manager.http_filters.slice(1);
    expect(manager.http_filters).toHaveLength(1);
    const address = await run(stringify(config));
    expect(await wishFor(address, "/open")).toEqual(new Set([503]));
  });

  test("a filter that cannot be loaded keeps Envoy from starting", async () => {
    await expect(run(staticConfig(routed, new Uint8Array([0, 97, 115, 109]))))
      .rejects.toThrow("Envoy ended");
  });

  test("a filter without its table keeps Envoy from starting", async () => {
    const damaged = filterFor(routed);
    const magic = Buffer.from(damaged.buffer).lastIndexOf("FLRT");
    expect(magic).toBeGreaterThan(0);
    damaged[magic + 40]! ^= 1;
    await expect(run(staticConfig(routed, damaged))).rejects.toThrow("Envoy ended");
  });

  function askHttp2(address: string, path: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const session = connectHttp2(`http://${address}`);
      session.on("error", reject);
      const stream = session.request({ ":path": path, "x-fairlead-cluster": wish });
      stream.on("response", (headers) => resolve(Number(headers[":status"])));
      stream.on("error", reject);
      stream.on("close", () => session.close());
      stream.resume();
      stream.end();
    });
  }

  /** The header as a trailer of a chunked request. */
  function askWithTrailer(address: string, path: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const socket = connect(Number(address.split(":")[1]), "127.0.0.1");
      let text = "";
      socket.on("data", (chunk: Buffer) => { text += chunk.toString(); });
      socket.on("close", () => resolve(Number(text.split(" ")[1])));
      socket.on("error", reject);
      socket.write(`POST ${path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n`
        + "transfer-encoding: chunked\r\ntrailer: x-fairlead-cluster\r\n\r\n"
        + `1\r\nx\r\n0\r\nx-fairlead-cluster: ${wish}\r\n\r\n`);
    });
  }
});
