// Tables as plugin configuration in a real Envoy: served from a static bootstrap and swapped by
// ECDS, refused where they are bad, and told apart by the log and the report.

import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import type { Json } from "../../compiler/emit/artifact.ts";
import { bake } from "../../compiler/emit/bake.ts";
import { filterCode, wasmConfig, wasmType } from "../../compiler/emit/envoy/filter.ts";
import type { Ir } from "../../compiler/ir.ts";
import { filterWasm } from "../../compiler/prebuilt.ts";
import { encode } from "../../compiler/table/encode.ts";
import { plan } from "../../compiler/table/plan.ts";
import { readTable } from "../../compiler/table/read.ts";
import { startEnvoy, type RunningEnvoy } from "../../runtime/envoy/process.ts";
import { envoyOrReason } from "./binary.ts";
import { ask, cluster, gatewayPort, ir, startBackend, staticConfig, withRoutes, type Backend }
  from "./world.ts";

const { reason } = await envoyOrReason();

describe.skipIf(reason)(`configured tables on Envoy${reason}`, { timeout: 60_000 }, () => {
  const backends: Backend[] = [];
  let envoy: RunningEnvoy;
  beforeAll(async () => {
    for (const name of ["a", "b"]) backends.push(await startBackend(name));
  });
  afterAll(async () => void await Promise.all(backends.map((backend) => backend.close())));
  afterEach(() => envoy?.stop());

  /** Two gateway ports; the first one's requests go to the cluster of index `first`. */
  const routed = (first: number): Ir => ir(
    [gatewayPort("left", 80), gatewayPort("right", 80)].map((port, i) =>
      withRoutes(port, { "": [[(first + i) % 2, 1]] })),
    ["a", "b"].map((name, i) => cluster(name, [backends[i]!.address])));
  const tableOf = (first: number): Uint8Array => encode(plan(routed(first)).plan);
  const hash = (table: Uint8Array): string =>
    readTable(table).checksum.toString(16).padStart(8, "0");
  const addressOf = async (name: string): Promise<string> =>
    (await envoy.admin.listeners()).get(`demo/${name}:80`)!;

  /** As Istio hands `pluginConfig` on: its JSON, as a StringValue. */
  const text = (value: object): Json =>
    ({ "@type": "type.googleapis.com/google.protobuf.StringValue", value: JSON.stringify(value) });

  test("the bootstrap of `build --table config` serves each gateway port its routes", async () => {
    const configuredTable = tableOf(0);
    // Two Gateways on one port would be two bootstraps.
    const apart = ir(routed(0).gatewayPorts.slice(0, 1), routed(0).clusters);
    envoy = await startEnvoy({
      logLevel: "info",
      config: staticConfig(apart, filterWasm(), { configuredTable }),
    });
    expect((await ask(await addressOf("left"))).body).toBe("a");
    expect(envoy.log())
      .toContain(`fairlead: demo/left:80 runs table configuration ${hash(configuredTable)}`);
  });

  /** An Envoy whose one listener discovers its filter from a file. */
  const start = async (wasm: Uint8Array, first: Json): Promise<(next: Json) => Promise<void>> => {
    let version = 0;
    const put = async (configuration: Json): Promise<void> => {
      version += 1;
      const [port] = routed(0).gatewayPorts;
      const code = filterCode({ kind: "file", path: join(folder, "filter.wasm") });
      const typed = wasmConfig(port!, code, configuration as { [key: string]: Json });
      const resource = {
        "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        name: "fairlead", typed_config: typed,
      };
      const file = join(folder, "filter.json");
      await writeFile(`${file}.new`, JSON.stringify(
        { version_info: String(version), resources: [resource] }));
      await rename(`${file}.new`, file);
    };
    let folder = "";
    envoy = await startEnvoy({
      logLevel: "info",
      config: async (own) => {
        folder = own;
        await writeFile(join(folder, "filter.wasm"), wasm);
        await put(first);
        const apart = ir(routed(0).gatewayPorts.slice(0, 1), routed(0).clusters);
        const { parse, stringify } = await import("yaml");
        const config = parse(staticConfig(apart, wasm), { maxAliasCount: -1 });
        config.node = { id: "test", cluster: "test" };
        const manager = config.static_resources.listeners[0].filter_chains[0].filters[0];
        manager.typed_config.http_filters[0] = { name: "fairlead", config_discovery: {
          config_source: { resource_api_version: "V3",
            path_config_source: { path: join(folder, "filter.json") } },
          type_urls: [wasmType] } };
        return stringify(config);
      },
    });
    return put;
  };
  const stat = async (name: string): Promise<number> =>
    Number(await envoy.admin.stat(`extension_config_discovery.http_filter.fairlead.${name}`));
  const becomes = async (name: string, count: number): Promise<void> => {
    while (await stat(name) < count) await new Promise((resolve) => setTimeout(resolve, 10));
  };

  test.each([
    ["a plain filter", () => new Uint8Array(filterWasm())],
    ["a baked filter", () => bake(filterWasm(), tableOf(0))],
  ])("%s takes new tables, and refuses a bad one, without a failed request", async (_, wasm) => {
    const tableIn = (table: Uint8Array): Json =>
      text({ reportTable: true, table: Buffer.from(table).toString("base64") });
    const put = await start(wasm(), tableIn(tableOf(0)));
    const address = await addressOf("left");
    const statuses = new Set<number>();
    let isOver = false;
    const client = async (): Promise<void> => {
      while (!isOver) statuses.add((await ask(address)).status);
    };
    const clients = [client(), client()];
    const told = async (): Promise<unknown> =>
      (await ask(address, { headers: { "x-fairlead-table": "?" } })).headers["x-fairlead-table"];
    for (let round = 1; round <= 6; round += 1) {
      await put(tableIn(tableOf(round % 2)));
      await becomes("config_reload", round + 1);
      expect((await ask(address)).body).toBe(round % 2 === 0 ? "a" : "b");
      expect(await told()).toBe(`configuration ${hash(tableOf(round % 2))}`);
    }
    const damaged = tableOf(1).slice();
    damaged[damaged.length - 1]! ^= 1;
    await put(tableIn(damaged));
    await becomes("config_fail", 1);
    expect(envoy.log()).toContain("fairlead: configured table refused, code 05");
    expect((await ask(address)).body).toBe("a");
    isOver = true;
    await Promise.all(clients);
    expect([...statuses]).toEqual([200]);
    const vms = await envoy.admin.stat("wasm.envoy.wasm.runtime.v8.created");
    // The base VM, the worker's and one to try out each of eight configurations, two of them known.
    expect(Number(vms)).toBeLessThanOrEqual(12);
  });

  test("a filter without any table is refused, and the log says why", async () => {
    await start(new Uint8Array(filterWasm()), text({ reportTable: true }));
    await becomes("config_fail", 1);
    expect(envoy.log()).toContain(
      "fairlead: no table: none is baked in, and the plugin's configuration has none");
    expect((await ask(await addressOf("left"))).status).toBe(500);
  });

  test("no client learns which table runs unless the configuration says so", async () => {
    await start(bake(filterWasm(), tableOf(0)), text({ other: 1 }));
    const asked = await ask(await addressOf("left"), { headers: { "x-fairlead-table": "?" } });
    expect(asked).toMatchObject({ status: 200, body: "a" });
    expect(asked.headers).not.toHaveProperty("x-fairlead-table");
  });
});
