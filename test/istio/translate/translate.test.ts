// Real Istio translates our manifests, and a real Envoy serves what came out of it: from files, and
// from a running istiod. Only where there is a translator: XLATE=path/to/xlate npx vitest run
// test/istio/translate; with UPDATE=1 it writes recorded/ anew. README.md has the rest.

import { execFile, spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";

import { startEnvoy } from "../../../runtime/envoy/process.ts";
import { envoyOrReason } from "../../envoy/binary.ts";
import { startBackend } from "../../envoy/world.ts";
import { makeCertificate } from "../../middle/certificate.ts";
import { laws, type Running } from "../laws.ts";
import { comparable, recordingText, type Recorded } from "../recorded.ts";
import { startRecorded } from "../running.ts";
import { inputOf, scenarios, type Scenario } from "../scenarios.ts";
import { build, type Built } from "../world.ts";

const xlate = process.env["XLATE"];
const { reason: noEnvoy } = await envoyOrReason();
const reason = xlate === undefined ? " (skipped: XLATE names no translator)" : noEnvoy;
const run = promisify(execFile);
// Stock Envoy does not have these filters of Istio's own.
const env = {
  ...process.env, PILOT_ENABLE_METADATA_EXCHANGE: "false", PILOT_ENABLE_ALPN_FILTER: "false",
};
const pair = makeCertificate("own.example");
const secret = (namespace: string): string => stringify({
  apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls",
  metadata: { name: "pair", namespace },
  data: { "tls.crt": Buffer.from(pair.certificate).toString("base64"),
    "tls.key": Buffer.from(pair.key).toString("base64") },
});

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fairlead-translate-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function builtFor(scenario: Scenario, text: string, image: string): Built {
  const secured = `${text}\n---\n${secret(scenario.gateway.namespace)}`;
  return build(secured, { ...scenario.options, image });
}

/** The files that the translator gets: the cluster's own, and ours. */
async function filesFor(
  { name, applied, gateway }: Scenario, { manifests }: Built, more = "",
): Promise<readonly string[]> {
  const theirs = join(folder, `${name}-cluster.yaml`);
  const ours = join(folder, `${name}-ours.yaml`);
  await writeFile(theirs, `${applied}\n---\n${secret(gateway.namespace)}\n---\n${more}`);
  await writeFile(ours, manifests.map((m) => stringify(m)).join("---\n"));
  return [theirs, ours];
}

function labelsOf({ gateway: { name }, podLabels }: Scenario): Readonly<Record<string, string>> {
  return podLabels ?? { "gateway.networking.k8s.io/gateway-name": name };
}

function argumentsFor(scenario: Scenario): readonly string[] {
  const labels = Object.entries(labelsOf(scenario)).map(([key, value]) => `${key}=${value}`);
  return ["-ns", scenario.gateway.namespace, "-labels", labels.join(",")];
}

async function translate(scenario: Scenario): Promise<readonly [Recorded, Built]> {
  const built = builtFor(scenario, inputOf(scenario), "oci://registry.example/filter:1");
  const out = join(folder, scenario.name);
  const files = await filesFor(scenario, built);
  await run(xlate!, [...argumentsFor(scenario), "-out", out, ...files], { env });
  const read = async (list: string): Promise<Recorded["routes"]> =>
    JSON.parse(await readFile(join(out, `${list}.json`), "utf8")) as Recorded["routes"];
  return [{
    manifests: comparable(built.manifests), listeners: await read("listeners"),
    routes: await read("routes"), clusters: await read("clusters"),
  }, built];
}

describe.each(scenarios)("$name", (scenario) => {
  test.skipIf(reason)(`what Istio makes of it, in files, keeps every law${reason}`, async () => {
    const [what, { files }] = await translate(scenario);
    if (process.env["UPDATE"] === "1") {
      const path = new URL(`../recorded/${scenario.name}.json`, import.meta.url);
      await writeFile(path, recordingText(what));
    }
    const stage = await startRecorded(scenario, what,
      { filterWasm: files.get("istio/filter.wasm")!, pair });
    try {
      for (const { name, holds } of laws[scenario.name]!) {
        await holds(stage).catch((error: Error) => {
          throw new Error(`${name}: ${error.message}`, { cause: error });
        });
      }
    } finally {
      await stage.close();
    }
  }, 60_000);
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function slice(namespace: string, service: string, port: number): string {
  return stringify({
    apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", addressType: "IPv4",
    metadata: { name: `${service}-1`, namespace,
      labels: { "kubernetes.io/service-name": service } },
    ports: [{ name: "http", port, protocol: "TCP" }],
    endpoints: [{ addresses: ["127.0.0.1"], conditions: { ready: true, serving: true } }],
  });
}

/** An Envoy that asks for everything, as istio-proxy does. */
function discovering(scenario: Scenario, istiod: number): string {
  const { namespace } = scenario.gateway;
  const ads = { ads: {}, resource_api_version: "V3" };
  return JSON.stringify({
    node: {
      id: `router~127.0.0.1~gateway.${namespace}~${namespace}.svc.cluster.local`,
      cluster: "gateway",
      metadata: {
        NAMESPACE: namespace, CLUSTER_ID: "Kubernetes", ISTIO_VERSION: "1.31.0",
        INSTANCE_IPS: "127.0.0.1",
        LABELS: labelsOf(scenario),
      },
    },
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } },
    dynamic_resources: {
      ads_config: {
        api_type: "DELTA_GRPC", transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: "istiod" } }],
      },
      cds_config: ads, lds_config: ads,
    },
    static_resources: { clusters: [{
      name: "istiod", type: "STATIC", connect_timeout: "5s",
      load_assignment: { cluster_name: "istiod", endpoints: [{ lb_endpoints: [{ endpoint: {
        address: { socket_address: { address: "127.0.0.1", port_value: istiod } } } }] }] },
      typed_extension_protocol_options: {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
          "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
          explicit_http_config: { http2_protocol_options: {} },
        },
      },
    }] },
  });
}

async function serving(args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(xlate!, args, { env, stdio: ["ignore", "pipe", "ignore"] });
  await new Promise<void>((resolve, reject) => {
    child.stdout!.on("data", (text: Buffer) => {
      if (text.toString().includes("serving ADS")) resolve();
    });
    child.once("exit", () => reject(new Error("the translator ended")));
  });
  return child;
}

// istiod gives secrets only to proxies that it knows; HTTPS is asked from files, above.
describe.each(scenarios.filter(({ name }) => name !== "https"))("$name, live", (scenario) => {
  test.skipIf(reason)(`an Envoy that istiod configures keeps every law${reason}`, async () => {
    const { namespace } = scenario.gateway;
    const [istiod, listener] = [await freePort(), await freePort()];
    const backends = await Promise.all(scenario.backends.map((name) => startBackend(name)));
    const own = { ...scenario, name: `${scenario.name}-live`,
      applied: scenario.applied.replace("targetPort: 8080", `targetPort: ${listener}`) };
    const filterPath = join(folder, `${scenario.name}.wasm`);
    const built = builtFor(own, inputOf(own), `file://${filterPath}`);
    await writeFile(filterPath, built.files.get("istio/filter.wasm")!);
    const slices = [
      ...backends.map(({ name, address }) => slice(namespace, name, address.port)),
      slice(namespace, scenario.service, listener),
    ];
    const files = await filesFor(own, built, slices.join("---\n"));
    const child = await serving(
      [...argumentsFor(own), "-serve", `127.0.0.1:${istiod}`, ...files]);
    const envoy = await startEnvoy({ config: discovering(own, istiod) }).catch((error: unknown) => {
      child.kill();
      throw error;
    });
    try {
      const running: Running = {
        address: `127.0.0.1:${listener}`,
        backend: (wanted) => backends.find(({ name }) => name === wanted)!,
      };
      await expect.poll(async () => [...(await envoy.admin.listeners()).values()].join())
        .toContain(String(listener));
      for (const { name, holds } of laws[scenario.name]!) {
        await holds(running).catch((error: Error) => {
          throw new Error(`${name}: ${error.message}\n${envoy.log().slice(-2000)}`);
        });
      }
    } finally {
      await envoy.stop();
      child.kill();
      await Promise.all(backends.map((backend) => backend.close()));
    }
  }, 60_000);
});
