// `fairlead dev` on manifests given as text, with all it prints.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ServedListener } from "../../runtime/dev/contract.ts";
import { dev } from "../../runtime/dev/dev.ts";
import type { RuntimeName } from "../../runtime/dev/runtimes.ts";
import type { HealthView } from "../../runtime/health/view.ts";

export interface DevSession {
  readonly listeners: readonly ServedListener[];
  /** Where `GET /health` is answered. */
  readonly healthUrl: string;
  /** What was printed so far, a line each. */
  lines(): readonly string[];
  readonly warnings: readonly string[];
  health(): Promise<HealthView>;
  stop(): Promise<void>;
}

interface Ready {
  readonly listeners: readonly ServedListener[];
  readonly health: string;
}

export async function startDev(runtime: RuntimeName, manifests: string): Promise<DevSession> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-session-"));
  const readyFile = join(folder, "ready.json");
  const controller = new AbortController();
  let printed = "";
  const warnings: string[] = [];
  let announced = (): void => undefined;
  const served = new Promise<undefined>((resolve) => { announced = () => resolve(undefined); });
  const ended = dev({
    inputs: [], runtime, port: 0, readyFile, signal: controller.signal,
    load: async () => ({ files: [{ path: "all.yaml", text: manifests }], diagnostics: [] }),
    report: (found) => {
      for (const { level, code, title } of found) {
        if (level === "error") warnings.push(`${code} ${title}`);
      }
    },
    print: (text) => {
      printed += text;
      announced();
    },
    warn: (text) => void warnings.push(text),
  });
  const early = await Promise.race([served, ended]);
  if (early !== undefined) throw new Error(`it ended at once: ${JSON.stringify(early)}`);
  const ready = JSON.parse(await readFile(readyFile, "utf8")) as Ready;
  return {
    listeners: ready.listeners,
    healthUrl: ready.health,
    lines: () => printed.split("\n"),
    warnings,
    health: async () => await (await fetch(ready.health)).json() as HealthView,
    stop: async () => {
      controller.abort();
      await ended.finally(() => rm(folder, { recursive: true, force: true }));
    },
  };
}

/** A Service with these endpoints, and its DestinationRule's trafficPolicy where there is one. */
export function serviceManifests(
  name: string,
  ports: readonly number[],
  trafficPolicy?: object,
): readonly object[] {
  const host = `${name}.default.svc.cluster.local`;
  return [
    { apiVersion: "v1", kind: "Service", metadata: { name },
      spec: { ports: [{ name: "http", port: 80 }] } },
    ...ports.map((port) => ({
      apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", addressType: "IPv4",
      metadata: { name: `${name}-${port}`, labels: { "kubernetes.io/service-name": name } },
      endpoints: [{ addresses: ["127.0.0.1"] }], ports: [{ name: "http", port }],
    })),
    ...(trafficPolicy === undefined ? [] : [{
      apiVersion: "networking.istio.io/v1", kind: "DestinationRule", metadata: { name },
      spec: { host, trafficPolicy },
    }]),
  ];
}

/** A Gateway with a route `/name` to each Service; `rule` adds to the rule. */
export function routeManifests(
  names: readonly string[],
  rule: (name: string) => object = () => ({}),
): readonly object[] {
  return [
    { apiVersion: "gateway.networking.k8s.io/v1", kind: "Gateway", metadata: { name: "gw" },
      spec: { gatewayClassName: "fairlead",
        listeners: [{ name: "http", port: 80, protocol: "HTTP" }] } },
    ...names.map((name) => ({
      apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", metadata: { name },
      spec: { parentRefs: [{ name: "gw" }], rules: [{
        matches: [{ path: { type: "PathPrefix", value: `/${name}` } }],
        backendRefs: [{ name, port: 80 }], ...rule(name),
      }] },
    })),
  ];
}

export function yaml(documents: readonly object[]): string {
  return documents.map((document) => `---\n${JSON.stringify(document)}\n`).join("");
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!await condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}
