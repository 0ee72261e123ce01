// The seed's manifests on the edge, with three endpoints behind each Service that misbehave as they
// are told.

import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";

import { compile, type Compilation } from "../../compiler/compile.ts";
import type { Runtime } from "../../runtime/dev/contract.ts";
import { pickEndpoint, report, startCluster } from "../../runtime/edge/balancing/cluster.ts";
import { edgeConfig } from "../../runtime/edge/config.ts";
import { ok, startFaulty, status, type FaultyBackend } from "../backends/faulty.ts";
import { ask, edgeRuntime, type Answer } from "./world.ts";

const seed = new URL("../../../shared/examples/canary.yaml", import.meta.url);
const own = new URL("../../examples/canary/canary.yaml", import.meta.url);
const text = readFileSync(existsSync(seed) ? seed : own, "utf8");

/** A slice has one port for all of its endpoints. */
function slices(service: string, backends: readonly FaultyBackend[]): string {
  return backends.map(({ name, address }) => `---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: ${name}
  namespace: istio-test
  labels: {kubernetes.io/service-name: ${service}}
addressType: IPv4
ports: [{name: http, port: ${address.port}}]
endpoints: [{addresses: ["${address.address}"]}]
`).join("");
}

let v1: FaultyBackend[];
let v2: FaultyBackend[];
let compilation: Compilation;
let runtime: Runtime;
let address: string;

beforeAll(async () => {
  v1 = await Promise.all(["a1", "b1", "c1"].map((name) => startFaulty(name)));
  v2 = await Promise.all(["a2", "b2", "c2"].map((name) => startFaulty(name)));
  compilation = compile([
    { path: "canary.yaml", text },
    { path: "slices.yaml", text: slices("backend-v1", v1) + slices("backend-v2", v2).trimEnd() },
  ]);
  expect(compilation.diagnostics.filter(({ level }) => level === "error")).toEqual([]);
});

afterAll(() => Promise.all([...v1, ...v2].map((backend) => backend.close())));

beforeEach(async () => {
  for (const backend of [...v1, ...v2]) {
    backend.play([ok]);
    backend.forget();
  }
  const { ir, plan: { routePolicies }, table } = compilation;
  runtime = await edgeRuntime();
  const served = await runtime.start(
    { ir, routePolicies, table, filterWasm: new Uint8Array(), ports: () => 0 });
  address = served.listeners[0]?.address ?? "";
  return () => runtime.stop();
});

const send = (): Promise<Answer> =>
  ask(address, "/", { headers: { host: "test.devopscube.com" } });

async function bodies(count: number): Promise<readonly string[]> {
  const found: string[] = [];
  for (let i = 0; i < count; i += 1) found.push((await send()).body);
  return found;
}

test("half of the requests go to each version, in turns over three endpoints", async () => {
  const all = await bodies(24);
  for (const version of ["1", "2"]) {
    const turns = all.filter((body) => body.endsWith(version));
    expect(turns).toHaveLength(12);
    expect(turns.slice(3)).toEqual(turns.slice(0, -3));
    expect(new Set(turns).size).toBe(3);
  }
});

test("five 5xx in a row eject an endpoint; of three only one", async () => {
  v1[0]!.play([status(500)]);
  v1[1]!.play([status(503)]);
  await bodies(120);
  const asked = v1.map(({ requests }) => requests.length);
  // The first that fails five times is out; the other goes on: two of three would be too many.
  expect(Math.min(asked[0]!, asked[1]!)).toBe(5);
  expect(Math.max(asked[0]!, asked[1]!)).toBeGreaterThan(20);
  expect(v2.map(({ requests }) => requests.length)).toEqual([20, 20, 20]);
});

test("100 connections hold, 50 requests wait, and more get a 503", async () => {
  for (const backend of [...v1, ...v2]) backend.play([{ kind: "hold" }]);
  const answers: Answer[] = [];
  const all: Promise<unknown>[] = [];
  const held = (): number => [...v1, ...v2].reduce((sum, backend) => sum + backend.held, 0);
  const more = (count: number): void => {
    for (let i = 0; i < count; i += 1) all.push(send().then((answer) => answers.push(answer)));
  };
  more(200);
  await expect.poll(held, { timeout: 10_000 }).toBe(200);
  more(140);
  await expect.poll(() => answers.length, { timeout: 10_000 }).toBe(40);
  expect(answers.every(({ status: code }) => code === 503)).toBe(true);
  expect(answers[0]!.body).toContain("overflow");
  expect(held()).toBe(200);
  for (const backend of [...v1, ...v2]) backend.release();
  await Promise.all(all);
  expect(answers.filter(({ status: code }) => code === 200)).toHaveLength(300);
});

test("an ejection lasts 30 s and to the next look; the next one twice as long", () => {
  vi.useFakeTimers({ now: 0, toFake: ["Date"] });
  try {
    const config = edgeConfig(compilation.ir).clusters.find(({ name }) => name.includes("v1"))!;
    const live = startCluster(config, 0);
    /** The endpoints that are picked at a time, in seconds. */
    const at = (seconds: number): number => {
      vi.setSystemTime(seconds * 1000);
      return new Set(Array.from({ length: 9 }, () => pickEndpoint(live))).size;
    };
    const fail = (times: number): void => {
      for (let i = 0; i < times; i += 1) report(live, 1, 500);
    };
    const seen = [at(10)];
    fail(4);
    seen.push(at(11));
    fail(1);
    // From 11 s to 41 s; looked at every 30 s.
    seen.push(at(12), at(41), at(59.9), at(60));
    fail(5);
    // From 60 s to 120 s.
    seen.push(at(61), at(119.9), at(120));
    expect(seen).toEqual([3, 3, 2, 2, 2, 3, 2, 2, 3]);
  } finally {
    vi.useRealTimers();
  }
});
