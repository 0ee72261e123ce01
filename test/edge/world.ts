// What the edge tests share: routes as an IR, tables made of it, backends, and the dev worker.

import { readFileSync } from "node:fs";
import * as http from "node:http";
import * as net from "node:net";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

import type {
  Cluster, ClusterPolicy, GatewayPort, HeaderEdits, Ir, RouteMatch, RoutePolicy, Rule,
  VirtualHost,
} from "../../compiler/ir.ts";
import { noEdits, noPolicy } from "../../compiler/ir.ts";
import { encode } from "../../compiler/table/encode.ts";
import { plan } from "../../compiler/table/plan.ts";
import { createEdgeRuntime } from "../../runtime/dev/edge-runtime.ts";
import type { Runtime, RuntimeInput } from "../../runtime/dev/contract.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const origin = { file: { path: "test.yaml", text: "" }, start: 0, end: 0 };

// --- Routes --------------------------------------------------------------------------------------

export interface Address {
  readonly address: string;
  readonly port: number;
}

export function cluster(
  name: string,
  addresses: readonly Address[],
  policy: ClusterPolicy = {},
): Cluster {
  return {
    name: `outbound|80||${name}.test.svc.cluster.local`,
    host: `${name}.test.svc.cluster.local`,
    service: { namespace: "test", name },
    port: 80,
    protocol: "http1",
    endpoints: { kind: "static", addresses },
    policy,
  };
}

export function rule(action: Rule["action"]): Rule {
  const route = { kind: "HTTPRoute", namespace: "test", name: "route" } as const;
  return { route, ruleIndex: 0, action, origin };
}

/** Backends are `[weight, cluster index]`; without an index the backend is invalid. */
export function forward(
  backends: readonly (readonly [number, number?])[],
  requestHeaders: HeaderEdits = noEdits,
): Rule {
  return rule({
    kind: "forward",
    requestHeaders,
    backends: backends.map(([weight, index]) =>
      ({ weight, cluster: index, requestHeaders: noEdits, origin })),
  });
}

/** The rule with a policy. */
export function under(policy: Partial<RoutePolicy>, to: Rule): Rule {
  if (to.action.kind !== "forward") return to;
  return rule({ ...to.action, policy: { ...noPolicy, ...policy } });
}

export function match(
  prefix: string,
  to: Rule,
  headers: Readonly<Record<string, string>> = {},
): RouteMatch {
  return {
    path: { kind: "prefix", value: prefix },
    headers: Object.entries(headers).map(([name, value]) => ({ kind: "exact", name, value })),
    queryParams: [],
    rule: to,
    matchIndex: 0,
    routeHostname: "*",
    origin,
  };
}

export function gatewayPort(
  name: string,
  port: number,
  hosts: Readonly<Record<string, readonly RouteMatch[]>>,
): GatewayPort {
  return {
    gateway: { namespace: "test", name },
    port,
    protocol: "HTTP",
    listeners: [{ name: "http" }],
    virtualHosts: Object.entries(hosts).map(([hostname, matches]): VirtualHost =>
      ({ hostname, listener: "http", matches })),
  };
}

export function tableOf(ir: Ir): Uint8Array {
  return encode(plan(ir).plan);
}

// --- The worker ----------------------------------------------------------------------------------

export async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await esbuild.build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    write: false,
    logLevel: "silent",
    plugins: [{
      name: "beside-the-worker",
      setup: (build) => build.onResolve(
        { filter: /^\.\/(core\.wasm|routes\.bin|config\.js)$/ },
        ({ path }) => ({ path, external: true }),
      ),
    }],
    external: ["cloudflare:*"],
  });
  return outputFiles[0]?.text ?? "";
}

export function coreWasm(): Uint8Array {
  return readFileSync(`${root}dist/core.wasm`);
}

let devWorker: Promise<string> | undefined;

/** The edge runtime from sources; `log` gathers what workerd says. */
export async function edgeRuntime(log: string[] = []): Promise<Runtime> {
  devWorker ??= bundle("runtime/edge/dev-worker.ts");
  return createEdgeRuntime({
    core: coreWasm(),
    worker: await devWorker,
    onLog: (text) => log.push(text),
  });
}

export function inputOf(ir: Ir): RuntimeInput {
  const { routePolicies } = plan(ir).plan;
  return { ir, routePolicies, table: tableOf(ir), filterWasm: new Uint8Array(), ports: () => 0 };
}

// --- Backends and clients ------------------------------------------------------------------------

export interface Backend extends Address {
  close(): Promise<void>;
}

/** A server of raw sockets: the listener writes what it likes. */
export async function rawBackend(listener: (socket: net.Socket) => void): Promise<Backend> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => sockets.delete(socket));
    listener(socket);
  });
  return listening(server, () => sockets.forEach((s) => s.destroy()));
}

export async function httpBackend(listener: http.RequestListener): Promise<Backend> {
  const server = http.createServer(listener);
  return listening(server, () => server.closeAllConnections());
}

/** Answers its name. */
export function namedBackend(name: string): Promise<Backend> {
  return httpBackend((_, response) => void response.end(name));
}

async function listening(server: net.Server, end: () => void): Promise<Backend> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    end();
    await closed;
  };
  return { address: "127.0.0.1", port: (server.address() as net.AddressInfo).port, close };
}

/** A port on which nothing listens. */
export async function deadPort(): Promise<number> {
  const backend = await rawBackend(() => undefined);
  await backend.close();
  return backend.port;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

export interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>> | readonly string[];
  readonly body?: string | Uint8Array;
}

/** One request on a connection of its own. Rejects where the answer breaks off. */
export function ask(address: string, path: string, asking: Asking = {}): Promise<Answer> {
  const [host, port] = address.split(":");
  return new Promise((resolve, reject) => {
    const request = http.request({
      host, port, path, agent: false,
      method: asking.method ?? "GET",
      headers: asking.headers as http.OutgoingHttpHeaders,
      timeout: 20_000,
    });
    request.on("timeout", () => request.destroy(new Error("no answer in time")));
    request.on("error", reject);
    request.on("response", (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        rawHeaders: response.rawHeaders,
        body: Buffer.concat(parts).toString(),
      }));
    });
    request.end(asking.body);
  });
}
