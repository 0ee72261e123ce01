// What tables are swapped in: an Envoy that discovers its filter from a file, with the table baked
// in or as configuration, and the dev server's two runtimes.

import { readdirSync, readFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { bake } from "../../compiler/emit/bake.ts";
import { bootstrap } from "../../compiler/emit/envoy.ts";
import { filterCode, tableConfiguration, wasmConfig, wasmType }
  from "../../compiler/emit/envoy/filter.ts";
import { filterWasm } from "../../compiler/prebuilt.ts";
import { openRuntime } from "../../runtime/dev/runtimes.ts";
import { startEnvoy } from "../../runtime/envoy/process.ts";
import type { Edition } from "./editions.ts";

export const subjectNames = ["file-baked", "file-config", "dev-envoy", "dev-edge"] as const;
export type SubjectName = (typeof subjectNames)[number];

export interface Swapped {
  readonly address: string;
  /** Of the process that serves. */
  readonly pid: number;
  /** Resolves once the edition serves. */
  swap(edition: Edition): Promise<void>;
  stop(): Promise<void>;
}

export function startSubject(name: SubjectName, first: Edition): Promise<Swapped> {
  if (name === "dev-envoy") return startDev("envoy", first);
  return name === "dev-edge" ? startDev("edge", first) : startFile(name === "file-baked", first);
}

async function startDev(runtimeName: "envoy" | "edge", first: Edition): Promise<Swapped> {
  const before = new Set(children());
  const runtime = await openRuntime(runtimeName, (text) => process.stderr.write(`${text}\n`));
  const inputOf = ({ ir, routePolicies, table }: Edition) => ({
    ir, routePolicies, table, ports: () => 0,
    filterWasm: runtimeName === "envoy" ? filterWasm() : new Uint8Array(),
  });
  const { listeners: [listener] } = await runtime.start(inputOf(first));
  const [pid] = children().filter((child) => !before.has(child) && isServer(child));
  return {
    address: listener?.address ?? "",
    pid: pid ?? Number.NaN,
    swap: async (edition) => void await runtime.update(inputOf(edition)),
    stop: () => runtime.stop(),
  };
}

function children(): readonly number[] {
  return readdirSync("/proc").filter((entry) => /^\d+$/.test(entry)).filter((entry) => {
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === process.pid;
    } catch {
      // It ended meanwhile.
      return false;
    }
  }).map(Number);
}

/** esbuild's service is a child as well. */
function isServer(pid: number): boolean {
  return /envoy|workerd/.test(readFileSync(`/proc/${pid}/cmdline`, "utf8"));
}

type Fields = { readonly [key: string]: unknown };
const stat = "extension_config_discovery.http_filter.fairlead.version_text";

async function startFile(isBaked: boolean, first: Edition): Promise<Swapped> {
  let version = 0;
  let folder = "";
  const put = async ({ ir, table }: Edition): Promise<void> => {
    version += 1;
    const [port] = ir.gatewayPorts;
    if (!port) throw new Error("the workload has no gateway port");
    // The code's bytes make the VM: another file name alone would not.
    const path = join(folder, isBaked ? `filter-${version % 2}.wasm` : "filter.wasm");
    if (isBaked || version === 1) {
      await writeFile(`${path}.new`, isBaked ? bake(filterWasm(), table) : filterWasm());
      await rename(`${path}.new`, path);
    }
    const code = filterCode({ kind: "file", path });
    const typed_config = wasmConfig(port, code, isBaked ? undefined : tableConfiguration(table));
    const resource = {
      "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
      name: "fairlead", typed_config,
    };
    const file = join(folder, "filter.json");
    const document = { version_info: String(version), resources: [resource] };
    await writeFile(`${file}.new`, JSON.stringify(document));
    await rename(`${file}.new`, file);
  };
  const envoy = await startEnvoy({
    config: async (own) => {
      folder = own;
      await put(first);
      return discovering(first, folder);
    },
  });
  const [address] = [...(await envoy.admin.listeners()).values()];
  return {
    address: address ?? "",
    pid: envoy.pid,
    swap: async (edition) => {
      await put(edition);
      while (await envoy.admin.stat(stat) !== String(version)) await sleep(5);
    },
    stop: () => envoy.stop(),
  };
}

/** The bootstrap that `build` writes, on loopback, and with the filter from a file. */
function discovering({ ir, routePolicies, table }: Edition, folder: string): string {
  const base = bootstrap({ ir, routePolicies, filterWasm: new Uint8Array(), filterPath: "-",
    configuredTable: table });
  const discovery = {
    name: "fairlead",
    config_discovery: {
      config_source: { resource_api_version: "V3",
        path_config_source: { path: join(folder, "filter.json") } },
      type_urls: [wasmType],
    },
  };
  const local = { node: { id: "bench", cluster: "bench" }, ...base };
  return JSON.stringify(local, (key, value: unknown) => {
    if (key === "http_filters" && Array.isArray(value)) {
      return [discovery, ...value.slice(1) as unknown[]];
    }
    return key === "socket_address" && isOwn(value as Fields)
      ? { address: "127.0.0.1", port_value: 0 } : value;
  });
}

/** Listeners and the admin interface; endpoints have ports of their own. */
function isOwn({ port_value: port }: Fields): boolean {
  return port === 80 || port === 9901;
}
