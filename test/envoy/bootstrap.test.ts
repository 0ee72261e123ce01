// The bootstrap that `build --target envoy` writes: accepted by a real Envoy as it stands, and with
// the meaning that Istio gives to DestinationRules.

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterEach, describe, expect, test } from "vitest";
import { parse } from "yaml";

import { duration } from "../../compiler/emit/envoy/duration.ts";
import { emitEnvoy, type EnvoyInput } from "../../compiler/emit/envoy.ts";
import { noPolicy, type Certificate, type Cluster, type ClusterPolicy, type Endpoints, type Ir,
  type ListenerTls, type RoutePolicy } from "../../compiler/ir.ts";
import { startEnvoy, type RunningEnvoy } from "../../runtime/envoy/process.ts";
import { envoyOrReason } from "./binary.ts";
import { issue } from "./certificates.ts";
import { ask, cluster, filterFor, gatewayPort, ir, startBackend, staticConfig, withRoutes,
  type Backend } from "./world.ts";

const { binary, reason } = await envoyOrReason();

/** The DestinationRule of examples/canary, as the IR has it. */
const canary: ClusterPolicy = {
  loadBalancer: "ROUND_ROBIN",
  maxConnections: 100,
  http1MaxPendingRequests: 50,
  http2MaxRequests: 100,
  maxRequestsPerConnection: 2,
  outlierDetection: {
    consecutive5xxErrors: 5, intervalMs: 30_000, baseEjectionTimeMs: 30_000, maxEjectionPercent: 50,
  },
};
const everything: ClusterPolicy = {
  ...canary,
  connectTimeoutMs: 1500,
  tcpIdleTimeoutMs: 1000,
  httpIdleTimeoutMs: 250,
  maxRetries: 3,
  outlierDetection: { consecutiveGatewayErrors: 0, consecutive5xxErrors: 7, minHealthPercent: 30 },
};
const local = [{ address: "127.0.0.1", port: 9 }];
const dns: Endpoints = { kind: "dns", hostname: "d.demo.svc.cluster.local", port: 80 };
const clusters: readonly Cluster[] = [
  cluster("all", local, everything),
  cluster("empty", []),
  { ...cluster("dns", []), endpoints: dns },
  { ...cluster("grpc", local), protocol: "h2c" },
  { ...cluster("ws", local), protocol: "websocket", subset: "v2" },
  cluster("six", [{ address: "::1", port: 9 }, { address: "10.0.0.1", port: 9 }]),
  cluster("named", [{ address: "host.example", port: 9 }]),
];
const toFirst = { "": [[0, 1]] } as const;

const pair = issue({ common: "site", names: ["site.example"] });
const site: Certificate = {
  secret: { namespace: "demo", name: "site" }, certificate: pair.certificate, key: pair.key,
};
const tls: ListenerTls = {
  certificates: [site], clients: { caCertificates: pair.certificate, required: true },
};
const secured = ir([{
  ...withRoutes(gatewayPort("shop", 443), toFirst), protocol: "HTTPS",
  listeners: [{ name: "a", tls }, { name: "b", hostname: "b.example", tls },
    { name: "c", hostname: "*.b.example", tls }],
}], [...clusters, { ...cluster("tls", local), tls: {
  hostname: "up.example", subjectAltNames: [], client: site } }]);
const streams = { hostnames: ["raw.example"], origin: { file: { path: "", text: "" }, start: 0,
  end: 0 }, backends: [{ weight: 1, cluster: 0 }, { weight: 2 }] };
const gateway = { namespace: "demo", name: "shop" };
const everyKind: Ir = { ...secured, streamPorts: [
  { gateway, port: 443, protocol: "TLS", listeners: [
    { name: "raw", hostname: "raw.example", routes: [streams] },
    { name: "end", hostname: "*.end.example", tls, routes: [streams] }] },
  { gateway, port: 5300, protocol: "TCP", listeners: [{ name: "tcp", routes: [streams] }] },
  { gateway, port: 5300, protocol: "UDP", listeners: [{ name: "udp", routes: [streams] }] },
] };
const everyPolicy: readonly RoutePolicy[] = [noPolicy, {
  responseHeaders: { set: [{ name: "x-a", value: "1" }], add: [{ name: "x-b", value: "2" }],
    remove: ["x-c"] },
  mirrors: [{ cluster: 0, numerator: 1, denominator: 3 }],
  cors: { allowOrigins: ["https://*.example"], allowCredentials: true, allowMethods: ["*"],
    allowHeaders: ["*"], exposeHeaders: ["x-d"], maxAgeSeconds: 5 },
  requestTimeoutMs: 1500, backendRequestTimeoutMs: 250,
  retry: { codes: [500, 503], attempts: 2, backoffMs: 10 },
  session: { kind: "cookie", name: "s", path: "/", permanent: true, absoluteTimeoutMs: 1000,
    split: [{ cluster: 0, weight: 3 }, { cluster: 1, weight: 1 }] },
}];

function texts(
  routed: Ir, more: Partial<EnvoyInput> = {},
): ReadonlyMap<string, string> {
  const { artifacts } = emitEnvoy({ ir: routed, filterWasm: filterFor(routed), ...more });
  return new Map(artifacts.map(({ path, bytes }) => [path, new TextDecoder().decode(bytes)]));
}

describe("the bootstrap", () => {
  const two = ir([withRoutes(gatewayPort("shop", 80), toFirst),
    withRoutes(gatewayPort("shop", 8080), toFirst)], clusters);

  test("one file holds all ports of one Gateway, and the filter once", () => {
    const written = texts(two);
    expect([...written.keys()]).toEqual(["envoy/envoy.yaml"]);
    const base64 = Buffer.from(filterFor(two)).toString("base64");
    expect(written.get("envoy/envoy.yaml")!.split(base64)).toHaveLength(2);
  });

  test("Gateways that share a port get a file each, and a note says so", () => {
    const shared = ir([gatewayPort("left", 80), gatewayPort("left", 81), gatewayPort("right", 80)]
      .map((g) => withRoutes(g, toFirst)), clusters);
    const { artifacts, diagnostics } = emitEnvoy({ ir: shared, filterWasm: filterFor(shared) });
    expect(artifacts.map(({ path }) => path))
      .toEqual(["envoy/demo.left.yaml", "envoy/demo.right.yaml"]);
    expect(diagnostics.map(({ code, level }) => `${code} ${level}`)).toEqual(["FL0403 note"]);
    const { listeners } = (parse(texts(shared).get("envoy/demo.left.yaml")!) as {
      static_resources: { listeners: { name: string }[] };
    }).static_resources;
    expect(listeners.map(({ name }) => name)).toEqual(["demo/left:80", "demo/left:81"]);
  });

  test("private keys are named as files, and a note says which", () => {
    const { artifacts, diagnostics } =
      emitEnvoy({ ir: secured, filterWasm: filterFor(secured), tlsDir: "/run/keys" });
    expect(diagnostics.map(({ code, level }) => `${code} ${level}`)).toEqual(["FL0406 note"]);
    expect(diagnostics[0]!.effect).toContain("demo/site");
    const text = new TextDecoder().decode(artifacts[0]!.bytes);
    expect(text).toContain("/run/keys/demo/site/tls.key");
    expect(text).not.toContain("PRIVATE KEY");
    expect(texts(secured).get("envoy/envoy.yaml")).toContain("/etc/fairlead/tls/demo/site/tls.crt");
  });

  test("an HTTPS port without a certificate is left out: nothing could be answered", () => {
    const bare = ir([withRoutes(gatewayPort("shop", 80), toFirst),
      { ...withRoutes(gatewayPort("shop", 443), toFirst), protocol: "HTTPS" }], clusters);
    expect(texts(bare).get("envoy/envoy.yaml")).not.toContain("443");
  });

  test("only the filter's bytes are an alias, every other value stands where it belongs", () => {
    const { artifacts } = emitEnvoy(
      { ir: everyKind, routePolicies: everyPolicy, filterWasm: filterFor(everyKind) });
    const text = new TextDecoder().decode(artifacts[0]!.bytes);
    expect(text.match(/&\w+/g)).toHaveLength(1);
  });

  test("the same input gives the same bytes", () => {
    expect(texts(two)).toEqual(texts(structuredClone(two)));
  });

  test("durations are exact seconds", () => {
    expect([0, 1, 100, 250, 1500, 30_000, 3_600_000].map(duration))
      .toEqual(["0s", "0.001s", "0.1s", "0.25s", "1.5s", "30s", "3600s"]);
  });
});

describe.skipIf(reason)(`a stock Envoy${reason}`, { timeout: 60_000 }, () => {
  let envoy: RunningEnvoy | undefined;
  const backends: Backend[] = [];
  afterEach(async () => {
    await envoy?.stop();
    envoy = undefined;
    await Promise.all(backends.splice(0).map((backend) => backend.close()));
  });

  test.each([
    ["one port", ir([withRoutes(gatewayPort("shop", 80), toFirst)], clusters)],
    ["two ports", ir([withRoutes(gatewayPort("shop", 80), toFirst),
      withRoutes(gatewayPort("shop", 8080), toFirst)], clusters)],
    ["two Gateways on one port", ir([withRoutes(gatewayPort("left", 80), toFirst),
      withRoutes(gatewayPort("right", 80), toFirst)], clusters)],
    ["every kind of listener", everyKind],
    ["no backend at all", ir([withRoutes(gatewayPort("shop", 80), {})], [])],
  ])("accepts what is written for %s, with the filter inside or beside", async (_, routed) => {
    const folder = await mkdtemp(join(tmpdir(), "fairlead-validate-"));
    try {
      const filterPath = join(folder, "filter.wasm");
      await writeFile(filterPath, filterFor(routed));
      const tlsDir = join(folder, "tls");
      await mkdir(join(tlsDir, "demo", "site"), { recursive: true });
      await writeFile(join(tlsDir, "demo", "site", "tls.crt"), pair.certificate);
      await writeFile(join(tlsDir, "demo", "site", "tls.key"), pair.key);
      const more = { tlsDir, routePolicies: everyPolicy };
      for (const text of [...texts(routed, more).values(),
        ...texts(routed, { ...more, filterPath }).values()]) {
        const path = join(folder, "envoy.yaml");
        await writeFile(path, text);
        const { stderr } = await promisify(execFile)(binary!.path,
          ["--mode", "validate", "-c", path, "--disable-hot-restart"], { cwd: tmpdir() });
        expect(stderr).not.toContain("eprecated");
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test("gets from a DestinationRule what Istio makes of it", async () => {
    const plain = cluster("plain", local);
    const routed = ir([withRoutes(gatewayPort("shop", 80), toFirst)],
      [cluster("canary", local, canary), cluster("everything", local, everything), plain]);
    envoy = await startEnvoy({ config: staticConfig(routed) });
    const dump = await envoy.admin.json("/config_dump?resource=static_clusters") as {
      configs: { cluster: Record<string, unknown> }[];
    };
    const [asCanary, asEverything, asPlain] = dump.configs.map((c) => c.cluster);
    const protocol = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    // The figures are those of real Istio 1.31 for the same manifests.
    expect(asCanary).toMatchObject({
      connect_timeout: "10s",
      circuit_breakers: { thresholds: [{ max_connections: 100, max_pending_requests: 50,
        max_requests: 100, max_retries: 4294967295 }] },
      outlier_detection: { consecutive_5xx: 5, interval: "30s", base_ejection_time: "30s",
        max_ejection_percent: 50, enforcing_consecutive_5xx: 100, enforcing_success_rate: 0 },
      common_lb_config: { healthy_panic_threshold: {} },
      typed_extension_protocol_options: { [protocol]: {
        common_http_protocol_options: { max_requests_per_connection: 2 },
        explicit_http_config: { http_protocol_options: {} },
      } },
    });
    // Round robin is the default, which the dump leaves out.
    expect(asCanary).not.toHaveProperty("lb_policy");
    expect(asPlain).toMatchObject({
      lb_policy: "LEAST_REQUEST",
      circuit_breakers: { thresholds: [{ max_connections: 4294967295,
        max_pending_requests: 4294967295, max_requests: 4294967295, max_retries: 4294967295 }] },
    });
    expect(asPlain).not.toHaveProperty("outlier_detection");
    expect(asEverything).toMatchObject({
      connect_timeout: "1.500s",
      circuit_breakers: { thresholds: [{ max_retries: 3 }] },
      outlier_detection: { consecutive_5xx: 7, enforcing_consecutive_5xx: 100,
        consecutive_gateway_failure: 0, enforcing_consecutive_gateway_failure: 0 },
      common_lb_config: { healthy_panic_threshold: { value: 30 } },
      typed_extension_protocol_options: { [protocol]: {
        common_http_protocol_options: { idle_timeout: "0.250s" } } },
    });
  });

  test("answers 503 where a Service has no endpoint, 404 where no route matches", async () => {
    const routed = ir([withRoutes(gatewayPort("shop", 80), { "/empty": [[0, 1]] })],
      [cluster("empty", [])]);
    const address = await run(routed);
    expect((await ask(address, { path: "/empty" })).status).toBe(503);
    expect((await ask(address, { path: "/other" })).status).toBe(404);
  });

  test("one worker shares ten requests of a half and half split five to five", async () => {
    const address = await run(await split("v1", "v2"));
    const counts: Record<string, number> = {};
    for (let i = 0; i < 10; i += 1) {
      const { body } = await ask(address);
      counts[body] = (counts[body] ?? 0) + 1;
    }
    expect(counts).toEqual({ v1: 5, v2: 5 });
  });

  test("dials a name where there are no EndpointSlices", async () => {
    const { address: { port } } = await backend("named");
    const named: Cluster = {
      ...cluster("named", []), endpoints: { kind: "dns", hostname: "localhost", port },
    };
    const address = await run(ir([withRoutes(gatewayPort("shop", 80), toFirst)], [named]));
    expect((await ask(address)).body).toBe("named");
  });

  test("speaks HTTP/2 to a backend that asks for it", async () => {
    const server = createHttp2Server((incoming, response) => response.end(incoming.httpVersion));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const h2c: Cluster = { ...cluster("h2c", [{ address: "127.0.0.1", port }]), protocol: "h2c" };
    const address = await run(ir([withRoutes(gatewayPort("shop", 80), toFirst)], [h2c]));
    expect((await ask(address)).body).toBe("2.0");
    server.close();
  });

  test("each port has its own routes in the one filter", async () => {
    const [one, two] = [await backend("one"), await backend("two")];
    const routed = ir([withRoutes(gatewayPort("left", 80), { "": [[0, 1]] }),
      withRoutes(gatewayPort("right", 81), { "": [[1, 1]] })],
    [cluster("one", [one.address]), cluster("two", [two.address])]);
    envoy = await startEnvoy({ config: staticConfig(routed) });
    const bound = await envoy.admin.listeners();
    expect((await ask(bound.get("demo/left:80")!)).body).toBe("one");
    expect((await ask(bound.get("demo/right:81")!)).body).toBe("two");
  });

  test("adds no header of its own but the ones about the client", async () => {
    const routed = await split("v1");
    const { headers } = await ask(await run(routed), {
      headers: { "x-request-id": "mine", "x-envoy-retry-on": "5xx", "x-forwarded-proto": "https",
        "x-envoy-upstream-rq-timeout-ms": "1" },
    });
    expect(Object.keys(headers).sort()).toEqual(["connection", "content-length", "date", "x-seen"]);
    const { seen } = backends[0]!;
    await ask((await envoy!.admin.listeners()).get("demo/shop:80")!);
    const names = seen.map((request) => Object.keys(request.headers).sort());
    expect(names).toEqual([
      ["host", "x-forwarded-for", "x-forwarded-proto", "x-request-id"],
      ["host", "x-forwarded-for", "x-forwarded-proto"],
    ]);
    // From whoever is not a proxy of ours these are claims.
    expect(seen[0]!.headers).toMatchObject({ "x-request-id": "mine", "x-forwarded-proto": "http" });
  });

  test.each([
    ["/a/../b", "/b"], ["/a/./b", "/a/b"], ["/a/..", "/"], ["/../../x?y=/../z", "/x?y=/../z"],
    ["/a/%2e%2E/b", "/b"], ["/a/%2e/b", "/a/b"], ["/a\\b", "/a/b"],
    ["//a//b", "//a//b"], ["/a%2Fb", "/a%2Fb"], ["/a%5cb", "/a%5cb"], ["/%zz", "/%zz"],
  ])("matches on a URL parser's form of the path %s", async (path, normal) => {
    expect(new URL(path.replace(/^\/\//, "http://h//"), "http://h").href.slice(8)).toBe(normal);
    const address = await run(await split("v1"));
    expect((await ask(address, { path })).headers["x-seen"]).toBe(`GET ${normal}`);
  });

  // Where Envoy does more than a URL parser; the edge has to do the same before it matches.
  test.each([
    ["/%41%7e%2D", "/A~-", "/%41%7e%2D"],
    ["/a/..;/b", "/b", "/a/..;/b"],
    ["/a|b", "/a%7Cb", "/a|b"],
  ])("decodes or encodes in the path %s what a URL parser leaves", async (path, normal, url) => {
    expect(new URL(path, "http://h").pathname).toBe(url);
    const address = await run(await split("v1"));
    expect((await ask(address, { path })).headers["x-seen"]).toBe(`GET ${normal}`);
    expect((await ask(address, { path: "/a%00" })).status).toBe(400);
  });

  test("passes WebSocket upgrades on", async () => {
    const server = createServer();
    server.on("upgrade", (_, socket) => {
      socket.end("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
        + "connection: upgrade\r\n\r\nhello from the socket");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const address = await run(ir([withRoutes(gatewayPort("shop", 80), toFirst)],
      [cluster("ws", [{ address: "127.0.0.1", port }])]));
    const received = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(address.split(":")[1]), "127.0.0.1");
      let text = "";
      socket.on("data", (chunk: Buffer) => { text += chunk.toString(); });
      socket.on("close", () => resolve(text));
      socket.on("error", reject);
      socket.write("GET /chat HTTP/1.1\r\nhost: h\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
        + "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
    });
    server.close();
    expect(received).toMatch(/^HTTP\/1\.1 101 /);
    expect(received).toContain("hello from the socket");
  });

  async function backend(name: string): Promise<Backend> {
    const started = await startBackend(name);
    backends.push(started);
    return started;
  }

  /** Routes with equal weights to new backends of these names. */
  async function split(...names: readonly string[]): Promise<Ir> {
    const started: Backend[] = [];
    for (const name of names) started.push(await backend(name));
    return ir(
      [withRoutes(gatewayPort("shop", 80), { "": names.map((_, index) => [index, 1] as const) })],
      started.map(({ name, address }) => cluster(name, [address])),
    );
  }

  async function run(routed: Ir): Promise<string> {
    envoy = await startEnvoy({ config: staticConfig(routed) });
    return (await envoy.admin.listeners()).get("demo/shop:80")!;
  }
});
