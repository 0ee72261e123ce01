// Manifests with a full DestinationRule, compiled and served: the running Envoy says that it has
// every figure. Then the seed's canary on backends that misbehave.

import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { bakeFilter, compile } from "../../compiler/compile.ts";
import { emitEnvoy, type Routing } from "../../compiler/emit/envoy.ts";
import { startEnvoy, type RunningEnvoy } from "../../runtime/envoy/process.ts";
import { ok, startFaulty, status, type FaultyBackend } from "../backends/faulty.ts";
import { envoyOrReason } from "./binary.ts";
import { issue } from "./certificates.ts";
import { camel, clusterMeaning } from "./meaning.ts";
import { ask, type Answer, type Ask } from "./world.ts";

const { reason } = await envoyOrReason();

const authority = issue({ common: "authority", authority: true });
const pair = issue({ common: "client", issuer: authority });

function secret(): string {
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  return JSON.stringify({
    apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls",
    metadata: { name: "pair", namespace: "istio-test" },
    data: { "tls.crt": base64(pair.certificate), "tls.key": base64(pair.key),
      "ca.crt": base64(authority.certificate) },
  });
}

/** Of a Service's port `http`, on these local ports. */
function slice(service: string, backends: readonly FaultyBackend[]): string {
  return backends.map(({ name, address }) => JSON.stringify({
    apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", addressType: "IPv4",
    metadata: { name: `${service}-${name}`, namespace: "istio-test",
      labels: { "kubernetes.io/service-name": service } },
    ports: [{ name: "http", port: address.port }],
    endpoints: [{ addresses: [address.address], conditions: { ready: true } }],
  })).join("\n---\n");
}

const full = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: full, namespace: istio-test}
spec:
  host: backend-v1
  trafficPolicy:
    loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 30s, minimumPercent: 20, aggression: 2}}
    connectionPool:
      tcp:
        {maxConnections: 7, connectTimeout: 1500ms, idleTimeout: 20s, maxConnectionDuration: 5m,
          tcpKeepalive: {probes: 3, time: 7200s, interval: 75s}}
      http:
        {http1MaxPendingRequests: 8, http2MaxRequests: 9, maxRequestsPerConnection: 10,
          maxRetries: 11, idleTimeout: 30s, h2UpgradePolicy: UPGRADE, maxConcurrentStreams: 12,
          http2KeepAlive: {interval: 13s, timeout: 14s}}
    outlierDetection:
      {consecutive5xxErrors: 15, consecutiveGatewayErrors: 16, splitExternalLocalOriginErrors: true,
        consecutiveLocalOriginFailures: 17, interval: 18s, baseEjectionTime: 19s,
        maxEjectionPercent: 20, minHealthPercent: 21}
    retryBudget: {percent: 22, minRetryConcurrency: 23, budgetInterval: 24s}
    proxyProtocol: {version: V2}
    tls: {mode: MUTUAL, credentialName: pair, sni: s.example, subjectAltNames: [a.example]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: hashed, namespace: istio-test}
spec:
  host: backend-v2
  trafficPolicy:
    loadBalancer:
      consistentHash:
        {httpCookie: {name: user, path: /p, ttl: 25s}, maglev: {tableSize: 251}}
`;

interface World {
  readonly envoy: RunningEnvoy;
  send(asked?: Ask): Promise<Answer>;
}

describe.skipIf(reason)(`a DestinationRule served${reason}`, { timeout: 60_000 }, () => {
  const one: FaultyBackend[] = [];
  const two: FaultyBackend[] = [];
  let seed: string;
  let tlsDir: string;
  let world: World | undefined;

  beforeAll(async () => {
    seed = await readFile(new URL("../../examples/canary/canary.yaml", import.meta.url), "utf8");
    for (let i = 0; i < 3; i += 1) one.push(await startFaulty(`one-${i}`));
    for (let i = 0; i < 3; i += 1) two.push(await startFaulty(`two-${i}`));
    tlsDir = await mkdtemp(join(tmpdir(), "fairlead-rule-"));
    const folder = join(tlsDir, "istio-test", "pair");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "tls.crt"), pair.certificate);
    await writeFile(join(folder, "tls.key"), pair.key);
  });
  afterAll(async () => {
    await Promise.all([...one, ...two].map((backend) => backend.close()));
    await rm(tlsDir, { recursive: true, force: true });
  });
  afterEach(async () => {
    await world?.envoy.stop();
    world = undefined;
    for (const backend of [...one, ...two]) {
      backend.play([ok]);
      backend.forget();
    }
  });

  async function serve(rules: string, routing: Routing = "filter"): Promise<World> {
    const text = [rules, secret(), slice("backend-v1", one), slice("backend-v2", two)]
      .join("\n---\n");
    const compilation = compile([{ path: "all.yaml", text }]);
    expect(compilation.diagnostics.filter((d) => d.level === "error")).toEqual([]);
    const { ir, plan } = compilation;
    const { artifacts } = emitEnvoy({ ir, routePolicies: plan.routePolicies, tlsDir, routing,
      filterWasm: bakeFilter(compilation) });
    const config = new TextDecoder().decode(artifacts[0]!.bytes)
      .replace("port_value: 9901", "port_value: 0")
      .replaceAll(/address: 0\.0\.0\.0(\s+)port_value: \d+/g, "address: 127.0.0.1$1port_value: 0");
    const envoy = await startEnvoy({ config });
    const address = [...(await envoy.admin.listeners()).values()][0]!;
    world = { envoy, send: ({ headers, ...more } = {}) =>
      ask(address, { ...more, headers: { host: "test.devopscube.com", ...headers } }) };
    return world;
  }

  const withoutRules = (): string => seed.split("\n---\n")
    .filter((document) => !document.includes("DestinationRule")).join("\n---\n");
  const nameOf = (service: string): string =>
    `outbound|80||${service}.istio-test.svc.cluster.local`;

  interface Dump { readonly configs: readonly { readonly static_clusters?: readonly {
    readonly cluster: { readonly name: string } }[] }[] }
  async function dumped(service: string): Promise<unknown> {
    const { configs } = await world!.envoy.admin.json("/config_dump") as Dump;
    const all = configs.flatMap(({ static_clusters = [] }) => static_clusters);
    return camel(all.find(({ cluster }) => cluster.name === nameOf(service))?.cluster);
  }

  test("a running Envoy has every figure of the rule", async () => {
    await serve(`${withoutRules()}\n---\n${full}`);
    expect(clusterMeaning(await dumped("backend-v1"))).toEqual({
      policy: "ROUND_ROBIN", slowStart: { window: 30, minimum: 20, aggression: 2 },
      maxConnections: 7, connectTimeout: 1.5, maxConnectionDuration: 300,
      tcpKeepalive: { keepaliveProbes: 3, keepaliveTime: 7200, keepaliveInterval: 75 },
      maxPendingRequests: 8, maxRequests: 9, maxRequestsPerConnection: 10, maxRetries: 11,
      idleTimeout: 30, version: "HTTP/2", maxConcurrentStreams: 12,
      http2KeepAlive: { interval: "13s", timeout: "14s" },
      outlierDetection: { fives: [15, 100], gateway: 16, local: [17, 100, 0], successRate: 0,
        interval: 18, base: 19, percent: 20 },
      panic: 21, localityWeighted: false,
      retryBudget: { percent: 22, minimum: 23, interval: 24 },
      proxyProtocol: "V2", versions: ["TLSv1_2", "TLSv1_3"], sni: "s.example",
      names: ["a.example"], authorities: "given", autoSni: false, autoNames: false,
      client: `${tlsDir}/istio-test/pair/tls.crt [redacted]`,
    });
    expect(clusterMeaning(await dumped("backend-v2")))
      .toMatchObject({ policy: "MAGLEV", tableSize: 251 });
  });

  test("and counts by it", async () => {
    const { envoy } = await serve(`${withoutRules()}\n---\n${full}`);
    const lines = (await envoy.admin.text("/clusters")).split("\n");
    // The budget counts in place of `maxRetries`, and while nothing is under way its minimum.
    const figures = ["max_connections::7", "max_pending_requests::8", "max_requests::9",
      "max_retries::23"];
    expect(lines).toEqual(expect.arrayContaining(
      figures.map((figure) => `${nameOf("backend-v1")}::default_priority::${figure}`)));
    for (const { address: { port } } of one) {
      expect(lines).toContain(`${nameOf("backend-v1")}::127.0.0.1:${port}::health_flags::healthy`);
    }
    const stat = `cluster.${nameOf("backend-v1")}.circuit_breakers.default.remaining_cx`;
    expect(await envoy.admin.stat(stat)).toBe("7");
  });

  const routings = ["filter", "native"] as const;
  test.each(routings)("%s: the route hashes what the rule says", async (routing) => {
    const { envoy, send } = await serve(`${withoutRules()}\n---\n${full}`, routing);
    const dump = JSON.stringify(await envoy.admin.json("/config_dump"));
    expect(dump).toContain('"hash_policy":[{"cookie":{"name":"user","ttl":"25s","path":"/p"}}]');
    const answers: Answer[] = [];
    for (let i = 0; i < 30; i += 1) answers.push(await send());
    const hashed = answers.filter(({ body }) => body.startsWith("two-"));
    expect(hashed.length).toBeGreaterThan(0);
    for (const { headers } of hashed) expect(headers["set-cookie"]?.[0]).toMatch(/^user=/);
  });

  const hashing = (service: string, key: string): string => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ${service}, namespace: istio-test}
spec: {host: ${service}, trafficPolicy: {loadBalancer: {consistentHash: {${key}}}}}
`;

  test.each(routings)("%s: backends of a split hash by keys of their own", async (routing) => {
    const { send } = await serve([withoutRules(), hashing("backend-v1", "httpHeaderName: x-user"),
      hashing("backend-v2", "httpQueryParameterName: user")].join("\n---\n"), routing);
    /** Which endpoints of each backend answer, where one of the keys is different each time. */
    const asked = async (varied: "header" | "parameter"): Promise<readonly number[]> => {
      const found = new Set<string>();
      for (let i = 0; i < 60; i += 1) {
        const header = varied === "header" ? `v${i}` : "steady";
        const parameter = varied === "parameter" ? `v${i}` : "steady";
        found.add((await send(
          { path: `/?user=${parameter}`, headers: { "x-user": header } })).body);
      }
      return ["one", "two"].map((service) =>
        [...found].filter((body) => body.startsWith(service)).length);
    };
    expect(await asked("header")).toEqual([3, 1]);
    expect(await asked("parameter")).toEqual([1, 3]);
  });

  // --- The seed's canary -------------------------------------------------------------------------

  /** Who answers `count` requests, of the backends whose name begins so. */
  async function answering(count: number, service: string): Promise<readonly string[]> {
    const bodies: string[] = [];
    for (let i = 0; i < count; i += 1) bodies.push((await world!.send()).body);
    return bodies.filter((body) => body.startsWith(service));
  }

  test.each(routings)("%s: round robin over three endpoints is exact", async (routing) => {
    await serve(seed, routing);
    const all = await answering(90, "");
    for (const service of ["one", "two"]) {
      const turns = all.filter((body) => body.startsWith(service));
      expect(turns.length).toBeGreaterThan(6);
      for (let i = 0; i + 3 <= turns.length; i += 1) {
        expect(new Set(turns.slice(i, i + 3)).size).toBe(3);
      }
    }
  });

  test("five 5xx in a row eject an endpoint, and no more than half are ever ejected", async () => {
    const { envoy } = await serve(seed);
    const ejected = async (): Promise<string | undefined> => envoy.admin.stat(
      `cluster.${nameOf("backend-v1")}.outlier_detection.ejections_active`);
    one[0]!.play([status(500)]);
    // Each third of every second request is the first endpoint's.
    while (one[0]!.requests.length < 5) await world!.send();
    await expect.poll(ejected).toBe("1");
    one[0]!.forget();
    expect(new Set(await answering(24, "one"))).toEqual(new Set(["one-1", "one-2"]));
    expect(one[0]!.requests).toEqual([]);
    // Two of three would be more than half.
    for (const backend of one) backend.play([status(500)]);
    await answering(80, "one");
    expect(await ejected()).toBe("1");
    expect(await envoy.admin.stat(
      `cluster.${nameOf("backend-v1")}.outlier_detection.ejections_overflow`)).not.toBe("0");
  });
});
