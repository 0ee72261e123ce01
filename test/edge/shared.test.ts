// Shared state in workerd: two workers are two isolates, which know of each other through a Durable
// Object alone.

import * as http from "node:http";
import type { Readable } from "node:stream";
import { Miniflare, NoOpLog } from "miniflare";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

import { emitEdge } from "../../compiler/emit/edge.ts";
import type { Ir } from "../../compiler/ir.ts";
import { compatibilityDate, compatibilityFlags } from "../../runtime/edge/platform.ts";
import { startFaulty, status, type FaultyBackend } from "../backends/faulty.ts";
import { bundle, cluster, coreWasm, forward, gatewayPort, match, tableOf } from "./world.ts";

let bad: FaultyBackend;
let good: FaultyBackend;
let slow: FaultyBackend;
let files: ReadonlyMap<string, string | Uint8Array>;
let running: Miniflare | undefined;
let log = "";

beforeAll(async () => {
  bad = await startFaulty("bad");
  good = await startFaulty("good");
  slow = await startFaulty("slow");
  const ir: Ir = {
    clusters: [
      cluster("pair", [bad.address, good.address], {
        loadBalancer: "ROUND_ROBIN",
        outlierDetection: { consecutive5xxErrors: 2, maxEjectionPercent: 50 },
      }),
      cluster("slow", [slow.address], { http2MaxRequests: 4 }),
    ],
    gatewayPorts: [gatewayPort("gw", 80, {
      "*": [match("/pair", forward([[1, 0]])), match("/slow", forward([[1, 1]]))],
    })],
  };
  const worker = await bundle("runtime/edge/worker.ts");
  const made = emitEdge({ ir, table: tableOf(ir), core: coreWasm(), worker, sharedState: true });
  files = new Map(made.artifacts.map(({ path, bytes }) => [path, bytes]));
});

afterEach(async () => {
  await running?.dispose();
  running = undefined;
  log = "";
  for (const backend of [bad, good, slow]) {
    backend.release();
    backend.forget();
  }
});

afterAll(() => Promise.all([bad, good, slow].map((b) => b?.close())));

type Binding = Readonly<Record<string, { className: string; scriptName?: string }>>;

function worker(name: string, durableObjects: Binding): object {
  const file = (type: string, at: string) =>
    ({ type, path: at, contents: files.get(`edge/${at}`) ?? "" });
  return {
    name, durableObjects, compatibilityDate, compatibilityFlags: [...compatibilityFlags],
    modules: [
      file("ESModule", "worker.js"), file("ESModule", "config.js"),
      file("CompiledWasm", "core.wasm"), file("Data", "routes.bin"),
    ],
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  };
}

type Send = (path: string) => Promise<{ readonly status: number; readonly body: string }>;

/** Two workers under these names, each on a socket of its own. */
async function start(workers: readonly object[]): Promise<readonly [Send, Send]> {
  const options = {
    host: "127.0.0.1", port: 0, cf: false, telemetry: { enabled: false }, log: new NoOpLog(),
    workers,
    handleRuntimeStdio: (out: Readable, error: Readable) => {
      for (const stream of [out, error]) stream.on("data", (text) => { log += String(text); });
    },
  };
  const miniflare = new Miniflare(options as ConstructorParameters<typeof Miniflare>[0]);
  running = miniflare;
  const sender = async (name: string): Promise<Send> => {
    const { port } = await miniflare.unsafeGetDirectURL(name);
    return (path) => new Promise((resolve, reject) => {
      const request = http.get({ host: "127.0.0.1", port, path, agent: false }, (response) => {
        let body = "";
        response.on("data", (part) => { body += String(part); });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
        response.on("error", reject);
      });
      request.on("error", reject);
    });
  };
  return [await sender("a"), await sender("b")];
}

const own: Binding = { FAIRLEAD_SHARED: { className: "SharedHealth" } };
const ofA: Binding = { FAIRLEAD_SHARED: { className: "SharedHealth", scriptName: "a" } };

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!await condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Sends until the bad endpoint has failed so often. */
async function fail(send: Send, times: number): Promise<void> {
  bad.play([status(500)]);
  bad.forget();
  while (bad.requests.length < times) await send("/pair");
}

test("what one isolate ejects is out in the other as well", async () => {
  const [a, b] = await start([worker("a", own), worker("b", ofA)]);
  await b("/pair");
  await fail(a, 2);
  const seen = (): number => bad.requests.length;
  // The other isolate learns it with its next exchange, a second after its last.
  await until(async () => {
    const before = seen();
    for (let i = 0; i < 4; i += 1) await b("/pair");
    return seen() === before;
  });
  for (let i = 0; i < 4; i += 1) expect((await b("/pair")).body).toBe("good");
  expect(log).toBe("");
});

test("a run of failures counts across isolates", async () => {
  const [a, b] = await start([worker("a", own), worker("b", ofA)]);
  await fail(a, 1);
  await fail(b, 1);
  bad.forget();
  // One more failure at either would be each isolate's second: there is none.
  await until(async () => {
    const before = bad.requests.length;
    for (const send of [a, b, a, b]) await send("/pair");
    return bad.requests.length === before;
  });
  expect(bad.requests.length).toBeLessThanOrEqual(1);
});

test("without an object each isolate knows its own ejections only", async () => {
  const [a, b] = await start([worker("a", {}), worker("b", {})]);
  await fail(a, 2);
  bad.forget();
  for (let i = 0; i < 4; i += 1) expect((await a("/pair")).body).toBe("good");
  expect(bad.requests.length).toBe(0);
  expect([(await b("/pair")).status, (await b("/pair")).status].sort()).toEqual([200, 500]);
});

test("isolates divide a limit", async () => {
  const [a, b] = await start([worker("a", own), worker("b", ofA)]);
  // How many of eight requests, four at each, are under way at one time.
  const heldOfEight = async (): Promise<number> => {
    slow.play([{ kind: "hold" }]);
    let refused = 0;
    const all = [a, b].flatMap((send) => [1, 2, 3, 4].map(async () => {
      if ((await send("/slow")).status === 503) refused += 1;
    }));
    await until(() => slow.held + refused === 8);
    const { held } = slow;
    slow.release();
    await Promise.all(all);
    return held;
  };
  expect(await heldOfEight()).toBeGreaterThan(4);
  // Each has its part once both have had an exchange, a second after their first.
  await until(async () => await heldOfEight() === 4);
});

const brokenScripts: Readonly<Record<string, string>> = {
  throws: "throw new Error('broken on purpose')",
  hangs: "await new Promise((resolve) => setTimeout(resolve, 60000))",
  refuses: "return new Response('no', { status: 500 })",
};

test.each(Object.keys(brokenScripts))("an object that %s fails no traffic", async (how) => {
  const broken = {
    name: "broken", compatibilityDate,
    modules: [{ type: "ESModule", path: "broken.js", contents:
      `export class Broken { async fetch() { ${brokenScripts[how]} } }
       export default { fetch: () => new Response() }` }],
    durableObjects: { UNUSED: { className: "Broken" } },
  };
  const binding = { FAIRLEAD_SHARED: { className: "Broken", scriptName: "broken" } };
  const [a] = await start([worker("a", binding), worker("b", binding), broken]);
  await fail(a, 2);
  bad.forget();
  for (let i = 0; i < 4; i += 1) expect((await a("/pair")).body).toBe("good");
  await until(() => log.includes("this isolate goes on by itself"));
  for (let i = 0; i < 4; i += 1) expect((await a("/pair")).body).toBe("good");
  expect(bad.requests.length).toBe(0);
});
