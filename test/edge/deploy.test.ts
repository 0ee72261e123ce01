// What `fairlead build --target edge` writes: wrangler takes it, and it serves.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Miniflare, NoOpLog } from "miniflare";
import { afterAll, beforeAll, expect, test } from "vitest";

import { emitEdge } from "../../compiler/emit/edge.ts";
import type { Ir } from "../../compiler/ir.ts";
import { plan } from "../../compiler/table/plan.ts";
import { compatibilityDate, compatibilityFlags } from "../../runtime/edge/platform.ts";
import {
  bundle, cluster, coreWasm, forward, gatewayPort, match, namedBackend, tableOf, type Backend,
} from "./world.ts";

let one: Backend;
let two: Backend;
let ir: Ir;
let folder: string;
const miniflares: Miniflare[] = [];

beforeAll(async () => {
  [one, two] = await Promise.all([namedBackend("one"), namedBackend("two")]);
  const all = (index: number) => ({ "*": [match("", forward([[1, index]]))] });
  ir = {
    clusters: [cluster("one", [one]), cluster("two", [two])],
    gatewayPorts: [
      gatewayPort("first", 80, all(0)),
      { ...gatewayPort("first", 443, all(1)), protocol: "HTTPS" },
      gatewayPort("second", 80, all(1)),
    ],
  };
  folder = mkdtempSync(join(tmpdir(), "fairlead-deploy-"));
});

afterAll(async () => {
  await Promise.all(miniflares.map((m) => m.dispose()));
  await Promise.all([one, two].map((b) => b?.close()));
  rmSync(folder, { recursive: true, force: true });
});

function edgeInput(of: Ir): ReturnType<typeof emitEdge> {
  return emitEdge({ ir: of, table: tableOf(of), core: coreWasm(), worker: "" });
}

async function artifacts(
  of: Ir = ir, sharedState = false,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const worker = await bundle("runtime/edge/worker.ts");
  const { routePolicies } = plan(of).plan;
  const made = emitEdge({
    ir: of, routePolicies, table: tableOf(of), core: coreWasm(), worker, sharedState,
  });
  return new Map(made.artifacts.map(({ path, bytes }) => [path, bytes]));
}

function textOf(files: ReadonlyMap<string, Uint8Array>, path: string): string {
  return new TextDecoder().decode(files.get(path));
}

/** The text without its comment lines. */
function parseJsonc(text: string): unknown {
  return JSON.parse(text.replace(/^\/\/.*$/gm, ""));
}

async function serve(gateway: string, of: Ir = ir): Promise<Miniflare> {
  const files = await artifacts(of);
  const file = (type: "ESModule" | "CompiledWasm" | "Data", name: string) =>
    ({ type, path: name, contents: files.get(`edge/${name}`) ?? "" });
  const miniflare = new Miniflare({
    host: "127.0.0.1", port: 0, cf: false, telemetry: { enabled: false }, log: new NoOpLog(),
    modules: [
      file("ESModule", "worker.js"), file("ESModule", "config.js"),
      file("CompiledWasm", "core.wasm"), file("Data", "routes.bin"),
    ],
    bindings: { FAIRLEAD_GATEWAY: gateway },
    compatibilityDate, compatibilityFlags: [...compatibilityFlags],
  });
  miniflares.push(miniflare);
  return miniflare;
}

test("a worker stands for its Gateway, and the scheme and port choose the listener", async () => {
  const first = await serve("test/first");
  const body = async (url: string): Promise<string> => (await first.dispatchFetch(url)).text();
  expect(await body("http://a.example/")).toBe("one");
  expect(await body("https://a.example/")).toBe("two");
  expect(await body("http://a.example:443/")).toBe("two");
  expect(await body("http://a.example:8080/")).toBe("one");
  const second = await serve("test/second");
  expect(await (await second.dispatchFetch("https://a.example/")).text()).toBe("two");
});

test("a Gateway that the table does not have answers 404", async () => {
  const none = await serve("test/none");
  expect((await none.dispatchFetch("http://a.example/")).status).toBe(404);
});

test("the client is who the platform says it is", async () => {
  const consistentHash = {
    key: { kind: "sourceIp" }, algorithm: { kind: "maglev", tableSize: 101 },
  } as const;
  const worker = await serve("test/hashed", {
    clusters: [cluster("both", [one, two], { consistentHash })],
    gatewayPorts: [gatewayPort("hashed", 80, { "*": [match("", forward([[1, 0]]))] })],
  });
  const found = new Map<string, Set<string>>();
  for (let i = 0; i < 50; i += 1) {
    const client = `198.51.100.${i % 25}`;
    const headers = { "cf-connecting-ip": client, "x-forwarded-for": `192.0.2.${i}` };
    const body = await (await worker.dispatchFetch("http://a.example/", { headers })).text();
    found.set(client, (found.get(client) ?? new Set()).add(body));
  }
  expect([...found.values()].map(({ size }) => size)).toEqual(Array(25).fill(1));
  expect(new Set([...found.values()].flatMap((bodies) => [...bodies])).size).toBe(2);
});

test("the same routes give the same bytes", async () => {
  expect(await artifacts()).toEqual(await artifacts());
});

test("the first Gateway is the worker itself, each further one an environment", async () => {
  const text = textOf(await artifacts(), "edge/wrangler.jsonc");
  expect(parseJsonc(text)).toMatchObject({
    name: "test-first",
    vars: { FAIRLEAD_GATEWAY: "test/first" },
    env: { "test-second": { name: "test-second", vars: { FAIRLEAD_GATEWAY: "test/second" } } },
  });
});

test("names of workers are letters, digits and dashes, never the same for two", async () => {
  const long = "n".repeat(63);
  const gateways = ["a.b", "a-b", long].map((name) => gatewayPort(name, 80, { "*": [] }));
  const made = await artifacts({ clusters: [], gatewayPorts: gateways });
  const text = textOf(made, "edge/wrangler.jsonc");
  const { name, env } = parseJsonc(text) as { name: string; env: Record<string, unknown> };
  const names = [name, ...Object.keys(env)];
  expect(new Set(names).size).toBe(3);
  for (const one of names) expect(one).toMatch(/^[a-z0-9-]{1,54}$/);
});

const tls = { hostname: "one.example", subjectAltNames: [] };
const external = { kind: "dns" as const, hostname: "one.example", port: 443 };

test.each([
  ["a backend that asks for HTTP/2 gets it", { protocol: "h2c" as const }, undefined],
  ["an address with a name of its own", { tls },
    "can only ask for the name that it dials, not one.example"],
  ["an authority of its own", { tls: { ...tls, caCertificates: "PEM" }, endpoints: external },
    "trusts public certificate authorities only"],
  ["another name than the dialled one", {
    tls: { ...tls, subjectAltNames: [{ kind: "uri" as const, value: "spiffe://a" }] },
    endpoints: external,
  }, "checks a certificate for its hostname only"],
  ["a name that is dialled", { tls, endpoints: external }, undefined],
  ["HTTP/2 over TLS", { tls, endpoints: external, protocol: "h2c" as const },
    "speaks no HTTP/2 over TLS"],
])("what the platform cannot do for a backend is reported: %s", (_, differences, title) => {
  const asked = { ...ir, clusters: [{ ...cluster("it", [one]), ...differences }] };
  const titles = edgeInput(asked).diagnostics.map((d) => d.title);
  expect(titles).toEqual(title === undefined ? [] : [expect.stringContaining(title)]);
});

test("what the platform cannot do for routes and ports is reported, once for each", () => {
  const { action, origin } = forward([[1, 0]]);
  const route = { kind: "GRPCRoute", namespace: "test", name: "calls" } as const;
  const rule = { route, ruleIndex: 1, action, origin };
  const asked: Ir = {
    clusters: [cluster("one", [one])],
    gatewayPorts: [gatewayPort("gw", 80, { "a": [match("", rule)], "b": [match("", rule)] })],
    streamPorts: [{
      gateway: { namespace: "test", name: "gw" }, port: 53, protocol: "UDP", listeners: [],
    }],
  };
  const { diagnostics } = edgeInput(asked);
  expect(diagnostics.map((d) => [d.code, d.level, d.resource, d.path])).toEqual([
    ["FL0407", "warning", "GRPCRoute test/calls", "spec.rules[1]"],
    ["FL0407", "warning", "Gateway test/gw", undefined],
  ]);
});

test.each([false, true])("wrangler takes the folder; shared state: %s", async (sharedState) => {
  for (const [path, bytes] of await artifacts(ir, sharedState)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  for (const environment of ["", "test-second"]) {
    const out = join(folder, `out-${environment}-${sharedState}`);
    const { code, output } = await wrangler(
      ["deploy", "--dry-run", "--outdir", out, "--env", environment],
      join(folder, "edge"),
    );
    expect(output).not.toMatch(/warning|error/i);
    expect(code).toBe(0);
    expect(readFileSync(join(out, "worker.js"), "utf8")).toContain("core.wasm");
    expect(output.includes("FAIRLEAD_SHARED")).toBe(sharedState);
  }
}, 120_000);

/** Without network: `--dry-run` asks for no login, and nothing is reported. */
function wrangler(
  args: readonly string[],
  cwd: string,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const modules = new URL("../../node_modules/", import.meta.url);
  const bin = fileURLToPath(new URL("wrangler/bin/wrangler.js", modules));
  const child = spawn(process.execPath, [bin, ...args], {
    cwd,
    env: {
      ...process.env,
      WRANGLER_SEND_METRICS: "false",
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      WRANGLER_HIDE_BANNER: "true",
      NO_COLOR: "1",
      CI: "1",
      HOME: folder,
      XDG_CONFIG_HOME: folder,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
  let output = "";
  child.stdout.on("data", (text) => { output += text; });
  child.stderr.on("data", (text) => { output += text; });
  return new Promise((resolve) => child.once("close", (code) => {
    clearTimeout(timer);
    resolve({ code, output });
  }));
}
