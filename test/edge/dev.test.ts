// `fairlead dev` as its caller sees it: a ready file, edits, a signal to stop.

import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import { dev, type DevEnd, type DevOptions } from "../../runtime/dev/dev.ts";
import type { ServedListener } from "../../runtime/dev/contract.ts";
import { ask, edgeRuntime, namedBackend, rawBackend, type Backend } from "./world.ts";

interface Ready {
  readonly generation: number;
  readonly runtime: string;
  readonly listeners: readonly ServedListener[];
}

let one: Backend;
let two: Backend;
let folder: string;
let input: string;
let readyFile: string;
let printed: string[];
let warned: string[];
let stop: AbortController;
let running: Promise<DevEnd> | undefined;

beforeAll(async () => {
  [one, two] = await Promise.all([namedBackend("one"), namedBackend("two")]);
});

afterAll(() => Promise.all([one, two].map((b) => b.close())));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fairlead-dev-"));
  input = join(folder, "routes.yaml");
  readyFile = join(folder, "ready.json");
  printed = [];
  warned = [];
  stop = new AbortController();
});

afterEach(async () => {
  stop.abort();
  await running?.catch(() => undefined);
  await rm(folder, { recursive: true, force: true });
});

function manifests(backend: Backend, gateways: string[] = ["gw"], service = "app"): string {
  const documents = [
    `{apiVersion: v1, kind: Service, metadata: {name: app},
      spec: {ports: [{name: http, port: 80}]}}`,
    `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4,
      metadata: {name: app, labels: {kubernetes.io/service-name: app}},
      endpoints: [{addresses: ["127.0.0.1"]}], ports: [{name: http, port: ${backend.port}}]}`,
    ...gateways.map((name) => `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway,
      metadata: {name: ${name}},
      spec: {gatewayClassName: fairlead, listeners: [{name: http, port: 80, protocol: HTTP}]}}`),
    `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: app},
      spec: {parentRefs: [${gateways.map((name) => `{name: ${name}}`).join(", ")}],
      rules: [{backendRefs: [{name: ${service}, port: 80}]}]}}`,
  ];
  return documents.join("\n---\n");
}

/** As editors do it. */
async function replace(text: string): Promise<void> {
  await writeFile(`${input}.new`, text);
  await rename(`${input}.new`, input);
}

function start(options: Partial<DevOptions> = {}): Promise<DevEnd> {
  running = dev({
    inputs: [input],
    load: async () => ({
      files: [{ path: input, text: await readFile(input, "utf8") }],
      diagnostics: [],
    }),
    report: (diagnostics) => warned.push(...diagnostics.map((d) => `${d.code} ${d.title}`)),
    runtime: "edge",
    port: 0,
    readyFile,
    print: (text) => printed.push(text),
    warn: (text) => warned.push(text),
    signal: stop.signal,
    open: () => edgeRuntime(),
    ...options,
  });
  return running;
}

/** The ready file once it tells of this generation. Bounded by the test's own time limit. */
async function ready(generation: number): Promise<Ready> {
  for (;;) {
    const text = await readFile(readyFile, "utf8").catch(() => undefined);
    const content = text === undefined ? undefined : JSON.parse(text) as Ready;
    if (content !== undefined && content.generation >= generation) return content;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function bodyOf({ listeners }: Ready, index = 0): Promise<string> {
  return (await ask(listeners[index]?.address ?? "", "/")).body;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

test("the ready file tells where traffic is served, and goes away at the end", async () => {
  await replace(manifests(one));
  const end = start();
  const first = await ready(1);
  expect(first).toMatchObject({
    generation: 1, runtime: "edge",
    listeners: [{ gateway: "default/gw", listener: "http", port: 80, protocol: "HTTP" }],
  });
  expect(await bodyOf(first)).toBe("one");
  expect(printed.join("\n")).toContain(`http://${first.listeners[0]?.address}`);
  expect(printed.join("\n")).toMatch(/app:80 \(HTTPRoute default\/app\)/);
  expect(printed.join("\n")).toMatch(/try: curl http:\/\/localhost:\d+\//);
  stop.abort();
  expect(await end).toEqual({ kind: "stopped" });
  await expect(readFile(readyFile)).rejects.toThrow("ENOENT");
  await expect(bodyOf(first)).rejects.toThrow("ECONNREFUSED");
});

test("an edit is served under a higher generation, on the same address", async () => {
  await replace(manifests(one));
  void start();
  const first = await ready(1);
  await replace(manifests(two));
  const second = await ready(2);
  expect(second.listeners).toEqual(first.listeners);
  expect(await bodyOf(second)).toBe("two");
  await writeFile(input, manifests(one));
  expect(await bodyOf(await ready(3))).toBe("one");
});

test("a file written without a change swaps nothing", async () => {
  await replace(manifests(one));
  void start();
  await ready(1);
  await replace(manifests(one));
  await replace(`${manifests(two)}\n`);
  expect((await ready(2)).generation).toBe(2);
});

test("a broken edit is reported and the last good routes stay", async () => {
  await replace(manifests(one));
  void start();
  const first = await ready(1);
  await replace(manifests(two).replace("gatewayClassName", "gatewayClasName"));
  await until(() => warned.some((text) => text.includes("still served")));
  expect(warned.join("\n")).toContain("FL0103");
  expect(await bodyOf(first)).toBe("one");
  await replace(manifests(two));
  expect(await bodyOf(await ready(2))).toBe("two");
});

test("what a controller would serve is served: a dangling backend is a 500", async () => {
  await replace(manifests(one, ["gw"], "missing"));
  void start();
  const first = await ready(1);
  expect((await ask(first.listeners[0]?.address ?? "", "/")).status).toBe(500);
  expect(warned.join("\n")).toContain("FL0204");
  await replace(manifests(one));
  expect(await bodyOf(await ready(2))).toBe("one");
  await replace(manifests(one, ["gw"], "missing"));
  expect((await ask((await ready(3)).listeners[0]?.address ?? "", "/")).status).toBe(500);
});

test("a Gateway that comes and goes gets and gives up an address of its own", async () => {
  await replace(manifests(one));
  void start();
  const first = await ready(1);
  await replace(manifests(one, ["another", "gw"]));
  const second = await ready(2);
  expect(second.listeners.map((l) => l.gateway)).toEqual(["default/another", "default/gw"]);
  expect(second.listeners[1]).toEqual(first.listeners[0]);
  expect(await bodyOf(second)).toBe("one");
  await replace(manifests(two));
  expect((await ready(3)).listeners).toEqual(first.listeners);
});

test("without a Gateway there is nothing to serve", async () => {
  const service = manifests(one).split("\n---\n")[0] ?? "";
  await replace(service);
  expect(await start()).toEqual({ kind: "input" });
});

test("a port in use is one line that names the flag", async () => {
  const taken = await rawBackend(() => undefined);
  await replace(manifests(one));
  expect(await start({ port: taken.port })).toEqual({
    kind: "setup",
    message: `port ${taken.port} is in use; choose another with --port N (0: any free one)`,
  });
  expect(await start({ healthPort: taken.port })).toEqual({
    kind: "setup",
    message: `port ${taken.port} is in use; choose another with --health-port N (0: any free one)`,
  });
  await taken.close();
});

test("the health view has the port that was asked for, and goes by generation", async () => {
  const free = await rawBackend(() => undefined);
  await free.close();
  await replace(manifests(one));
  const end = start({ healthPort: free.port });
  const { health } = await ready(1) as Ready & { readonly health: string };
  expect(health).toBe(`http://127.0.0.1:${free.port}/health`);
  const view = async (): Promise<unknown> => (await fetch(health)).json();
  expect(await view()).toMatchObject({
    runtime: "edge", generation: 1,
    clusters: [{ service: "default/app:80", endpoints: [{ state: "healthy" }] }],
  });
  await replace(manifests(two));
  await ready(2);
  expect(await view()).toMatchObject({ generation: 2, clusters: [
    { endpoints: [{ address: `127.0.0.1:${two.port}` }] }] });
  stop.abort();
  await end;
  await expect(view()).rejects.toThrow();
});
