// Whatever a policy asks for, Envoy starts: a bootstrap that it refuses would be no bootstrap.

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";

import { emitEnvoy } from "../../compiler/emit/envoy.ts";
import type { Cluster, ClusterPolicy, ConsistentHash, EndpointAddress, RoutePolicy }
  from "../../compiler/ir.ts";
import { noPolicy } from "../../compiler/ir.ts";
import { envoyOrReason } from "./binary.ts";
import { cluster, filterFor, gatewayPort, ir, withRoutes } from "./world.ts";

const { binary, reason } = await envoyOrReason();
const seed = Number(process.env["FAIRLEAD_FUZZ_SEED"] ?? 20261121);
const count = Number(process.env["FAIRLEAD_FUZZ_TABLES"] ?? 200);

const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });
/** Manifests may hold any int32, whatever sense it makes. */
const amount = fc.constantFrom(-2147483648, -1, 0, 1, 7, 101, 2147483647);
const percent = fc.constantFrom(-5, 0, 0.5, 1, 50, 100, 150, 2147483647);
const ms = fc.constantFrom(0, 0.001, 0.5, 1, 1500, 86_400_000, 3.2e11, 1e15);
const text = fc.constantFrom("a", "x-user", "A_b", "é", "", "a b", "a\r\nb", "50%");

const key: fc.Arbitrary<ConsistentHash["key"]> = fc.oneof(
  fc.record({ kind: fc.constant("header" as const), name: text }),
  fc.record({ kind: fc.constant("cookie" as const), name: text, path: text, ttlMs: ms,
    attributes: fc.array(fc.record({ name: text, value: text }), { maxLength: 2 }) },
  { requiredKeys: ["kind", "name"] }),
  fc.record({ kind: fc.constant("sourceIp" as const) }),
  fc.record({ kind: fc.constant("queryParameter" as const), name: text }));
const algorithm: fc.Arbitrary<ConsistentHash["algorithm"]> = fc.oneof(
  fc.record({ kind: fc.constant("ringHash" as const),
    minimumRingSize: fc.constantFrom(0, 1, 1024, 8_388_608, 8_388_609, 1e18) }),
  fc.record({ kind: fc.constant("maglev" as const),
    tableSize: fc.constantFrom(0, 1, 2, 4, 251, 5_000_011, 5_000_013, 1e18) }));

const policy = fc.record({
  loadBalancer: fc.constantFrom("ROUND_ROBIN", "LEAST_REQUEST", "RANDOM"),
  consistentHash: fc.record({ key, algorithm }),
  localityWeights: fc.array(fc.record({ locality: fc.constantFrom("eu/a", "eu/b", "us"),
    weight: fc.constantFrom(0, 1, 99, 4294967295) }), { maxLength: 3 }),
  warmup: fc.record({ durationMs: ms, minimumPercent: percent,
    aggression: fc.constantFrom(-1, 0, 0.1, 1, 1e9) }),
  maxConnections: amount, connectTimeoutMs: ms, tcpIdleTimeoutMs: ms, maxConnectionDurationMs: ms,
  tcpKeepalive: fc.record({ probes: amount, timeMs: ms, intervalMs: ms }, { requiredKeys: [] }),
  http1MaxPendingRequests: amount, http2MaxRequests: amount, maxRequestsPerConnection: amount,
  maxConcurrentStreams: amount, maxRetries: amount,
  retryBudget: fc.record({ percent, minRetryConcurrency: amount, intervalMs: ms },
    { requiredKeys: ["percent", "minRetryConcurrency"] }),
  httpIdleTimeoutMs: ms, http2KeepAlive: fc.record({ intervalMs: ms, timeoutMs: ms }),
  useClientProtocol: fc.boolean(), proxyProtocol: fc.constantFrom("V1", "V2"),
  outlierDetection: fc.record({
    consecutive5xxErrors: amount, consecutiveGatewayErrors: amount,
    consecutiveLocalOriginFailures: amount, splitExternalLocalOriginErrors: fc.boolean(),
    intervalMs: ms, baseEjectionTimeMs: ms, maxEjectionPercent: percent, minHealthPercent: percent,
  }, { requiredKeys: [] }),
}, { requiredKeys: [] }) as fc.Arbitrary<ClusterPolicy>;

const address: fc.Arbitrary<EndpointAddress> = fc.record({
  address: fc.constantFrom("127.0.0.1", "::1", "name.example"), port: fc.constantFrom(1, 65535),
  weight: fc.constantFrom(0, 1, 4294967295), locality: fc.constantFrom("eu/a", "eu/b", "us", ""),
  priority: fc.constantFrom(0, 1, 5, 200),
}, { requiredKeys: ["address", "port"] });

const clusters = fc.tuple(policy, fc.array(address, { maxLength: 4 }),
  fc.constantFrom("http1" as const, "h2c" as const, "websocket" as const), optional(text));

async function refusal(all: readonly Cluster[]): Promise<string> {
  const routePolicies: readonly RoutePolicy[] = [noPolicy, ...all.flatMap(({ policy: own }) =>
    (own.consistentHash ? [{ ...noPolicy, hashKey: own.consistentHash.key }] : []))];
  const streams = [0, 1].map((i) => ({
    gateway: { namespace: "demo", name: "shop" }, port: 90 + i,
    protocol: i === 0 ? "TCP" as const : "UDP" as const,
    listeners: [{ name: `l${i}`, routes: [{ hostnames: [], origin: {
      file: { path: "a.yaml", text: "" }, start: 0, end: 0,
    }, backends: all.slice(0, 16).map((_, cluster) => ({ weight: 1, cluster })) }] }],
  }));
  const routed = { ...ir([withRoutes(gatewayPort("shop", 80), { "": [[0, 1]] })], all),
    streamPorts: streams };
  const { artifacts } = emitEnvoy({ ir: routed, routePolicies, filterWasm: filterFor(routed) });
  const folder = await mkdtemp(join(tmpdir(), "fairlead-fuzz-"));
  try {
    const path = join(folder, "envoy.yaml");
    await writeFile(path, artifacts[0]!.bytes);
    return await promisify(execFile)(binary!.path, ["--mode", "validate", "-c", path,
      "--disable-hot-restart", "--log-level", "error"]).then(() => "", (error: unknown) =>
      String((error as { stderr?: string }).stderr).split("\n").slice(-4).join("\n"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test.skipIf(reason)(`Envoy takes any policy${reason}`, { timeout: 120_000 }, async () => {
  const all = fc.sample(clusters, { numRuns: count, seed }).map(([own, addresses, protocol], i) =>
    ({ ...cluster(`c${i}`, addresses, own), protocol }));
  expect(await refusal(all)).toBe("");
});
