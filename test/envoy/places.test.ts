// Subsets and localities from manifests to traffic, at a real Envoy.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { bakeFilter, compile } from "../../compiler/compile.ts";
import { emitEnvoy, type Routing } from "../../compiler/emit/envoy.ts";
import { startEnvoy, type RunningEnvoy } from "../../runtime/envoy/process.ts";
import { ok, startFaulty, status, type FaultyBackend } from "../backends/faulty.ts";
import { envoyOrReason } from "./binary.ts";
import { ask } from "./world.ts";

const { reason } = await envoyOrReason();

const world = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw, namespace: demo}
spec: {gatewayClassName: fairlead, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: v1
kind: Service
metadata:
  {name: reviews-v2, namespace: demo, annotations: {fairlead.dev/subset: reviews.example/v2}}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: demo, annotations: {fairlead.dev/subset: reviews.example/all}}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r, namespace: demo}
spec:
  parentRefs: [{name: gw}]
  rules:
    - matches: [{path: {type: PathPrefix, value: /v2}}]
      backendRefs: [{name: reviews-v2, port: 80}]
    - backendRefs: [{name: reviews, port: 80}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews, namespace: demo}
spec:
  host: reviews.example
  trafficPolicy: TRAFFIC_POLICY
  subsets: [{name: all, labels: {app: reviews}}, {name: v2, labels: {version: v2}}]
`;

/** Endpoints of a ServiceEntry: where each is, and its version. */
const endpoints = [["eu/a", "v1"], ["eu/a", "v2"], ["eu/b", "v2"], ["us/a", "v1"]] as const;

describe.skipIf(reason)(`subsets and localities${reason}`, { timeout: 60_000 }, () => {
  const backends: FaultyBackend[] = [];
  let envoy: RunningEnvoy | undefined;

  beforeAll(async () => {
    for (const i of endpoints.keys()) backends.push(await startFaulty(`b${i}`));
  });
  afterAll(() => Promise.all(backends.map((backend) => backend.close())));
  afterEach(async () => {
    await envoy?.stop();
    envoy = undefined;
    for (const backend of backends) backend.play([ok]);
  });

  function entry(): string {
    return JSON.stringify({
      apiVersion: "networking.istio.io/v1", kind: "ServiceEntry",
      metadata: { name: "reviews", namespace: "demo" },
      spec: {
        hosts: ["reviews.example"], location: "MESH_EXTERNAL", resolution: "STATIC",
        ports: [{ number: 80, name: "http", protocol: "HTTP" }],
        endpoints: endpoints.map(([locality, version], i) => ({
          address: "127.0.0.1", ports: { http: backends[i]!.address.port }, locality,
          labels: { app: "reviews", version },
        })),
      },
    });
  }

  /** Sends `count` requests for the path and says who answered how many. */
  type Asking = (count: number, path?: string) => Promise<Readonly<Record<string, number>>>;

  async function serve(policy: string, routing: Routing = "filter"): Promise<Asking> {
    const text = `${world.replace("TRAFFIC_POLICY", policy)}\n---\n${entry()}`;
    const compilation = compile([{ path: "all.yaml", text }], undefined, undefined,
      { locality: "eu/a" });
    expect(compilation.diagnostics.filter(({ level }) => level === "error")).toEqual([]);
    const { ir, plan: { routePolicies } } = compilation;
    const { artifacts } = emitEnvoy(
      { ir, routePolicies, routing, filterWasm: bakeFilter(compilation) });
    envoy = await startEnvoy({ config: new TextDecoder().decode(artifacts[0]!.bytes)
      .replace("port_value: 9901", "port_value: 0")
      .replaceAll(/address: 0\.0\.0\.0(\s+)port_value: \d+/g,
        "address: 127.0.0.1$1port_value: 0") });
    const address = [...(await envoy.admin.listeners()).values()][0]!;
    return async (count, path = "/") => {
      const found: Record<string, number> = {};
      for (let i = 0; i < count; i += 1) {
        const { body } = await ask(address, { path, headers: { host: "a.example" } });
        found[body] = (found[body] ?? 0) + 1;
      }
      return found;
    };
  }

  const turns = "loadBalancer: {simple: ROUND_ROBIN";

  const routings = ["filter", "native"] as const;
  test.each(routings)("%s: a subset has its own endpoints", async (routing) => {
    const asking = await serve(`{${turns}}}`, routing);
    expect(await asking(12, "/v2")).toEqual({ b1: 6, b2: 6 });
    expect(await asking(12)).toEqual({ b0: 3, b1: 3, b2: 3, b3: 3 });
  });

  test("distribute shares requests out over localities", async () => {
    const asking = await serve(`{${turns}, localityLbSetting: {distribute: [
      {from: eu/*, to: {eu/a: 75, us: 25}}]}}}`);
    expect(await asking(40)).toEqual({ b0: 15, b1: 15, b3: 10 });
  });

  test("the nearest endpoints answer, and the next nearest when they are ejected", async () => {
    const asking = await serve(`{${turns}}, outlierDetection: {consecutive5xxErrors: 2,
      maxEjectionPercent: 100}}`);
    expect(await asking(8)).toEqual({ b0: 4, b1: 4 });
    for (const [failing, next] of [[[0, 1], "b2"], [[2], "b3"]] as const) {
      for (const i of failing) backends[i]!.play([status(500)]);
      await expect.poll(() => asking(6), { timeout: 10_000 }).toEqual({ [next]: 6 });
    }
  });

  test("failover names the region that stands in", async () => {
    const asking = await serve(`{${turns}, localityLbSetting: {failover: [{from: eu, to: us}]}},
      outlierDetection: {consecutive5xxErrors: 2, maxEjectionPercent: 100}}`);
    for (const i of [0, 1, 2]) backends[i]!.play([status(500)]);
    await expect.poll(() => asking(6), { timeout: 10_000 }).toEqual({ b3: 6 });
  });
});
