// What the tests around a real Envoy share: an IR to emit, backends to reach, requests to send.

import { createServer, request, type Agent, type IncomingHttpHeaders, type IncomingMessage,
  type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { emitEnvoy, type EnvoyInput } from "../../compiler/emit/envoy.ts";
import { bake } from "../../compiler/emit/bake.ts";
import { noEdits, type Cluster, type ClusterPolicy, type GatewayPort, type Ir, type RouteMatch }
  from "../../compiler/ir.ts";
import { filterWasm } from "../../compiler/prebuilt.ts";
import type { Span } from "../../compiler/source.ts";
import { encode } from "../../compiler/table/encode.ts";
import { plan } from "../../compiler/table/plan.ts";

export interface Backend {
  readonly name: string;
  readonly address: { readonly address: string; readonly port: number };
  /** The headers of each request that came in, oldest first. */
  readonly seen: { readonly url: string; readonly headers: IncomingHttpHeaders }[];
  close(): Promise<void>;
}

type Handler = (incoming: IncomingMessage, response: ServerResponse) => void;

/** Answers its name, and the request line it got in `x-seen`; or as `handle` says. */
export async function startBackend(name: string, handle?: Handler): Promise<Backend> {
  const seen: Backend["seen"] = [];
  const server = createServer((incoming, response) => {
    seen.push({ url: incoming.url ?? "", headers: incoming.headers });
    incoming.resume();
    if (handle) return handle(incoming, response);
    response.setHeader("x-seen", `${incoming.method} ${incoming.url}`);
    response.end(name);
  });
  // Longer than any test: none of them is about a backend that hangs up.
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    name,
    address: { address: "127.0.0.1", port },
    seen,
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

export function cluster(
  name: string, addresses: readonly { address: string; port: number }[], policy: ClusterPolicy = {},
): Cluster {
  return {
    name: `outbound|80||${name}.demo.svc.cluster.local`,
    host: `${name}.demo.svc.cluster.local`,
    service: { namespace: "demo", name },
    port: 80,
    protocol: "http1",
    endpoints: { kind: "static", addresses },
    policy,
  };
}

export function gatewayPort(name: string, port: number): GatewayPort {
  return {
    gateway: { namespace: "demo", name },
    port,
    protocol: "HTTP",
    listeners: [{ name: "http" }],
    virtualHosts: [],
  };
}

export function ir(gatewayPorts: readonly GatewayPort[], clusters: readonly Cluster[]): Ir {
  return { gatewayPorts, clusters };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Ask {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly agent?: Agent;
}

/** Sends the path as it stands: no URL parser on the way. */
export function ask(
  address: string, { path = "/", method = "GET", headers = {}, agent }: Ask = {},
): Promise<Answer> {
  const [host, port] = address.split(":");
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host, port, method, path, agent: agent ?? false, timeout: 10_000,
      headers: headers as Record<string, string | string[]>,
    }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: Buffer.concat(chunks).toString("utf8"),
      }));
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error("no answer in time")));
    outgoing.on("error", reject);
    outgoing.end();
  });
}

// --- Tables: the real filter with routes of the test's choosing ----------------------------------

const nowhere: Span = { file: { path: "test.yaml", text: "" }, start: 0, end: 0 };

/** Prefix (without a trailing slash) → weights by cluster index. Longer prefixes come first. */
export type Routes = Readonly<Record<string, readonly Share[]>>;
type Share = readonly [cluster: number, weight: number];

/** The gateway port with these routes for every hostname. */
export function withRoutes(port: GatewayPort, routes: Routes): GatewayPort {
  const matches = Object.entries(routes)
    .sort(([a], [b]) => b.length - a.length)
    .map(([prefix, backends], ruleIndex): RouteMatch => ({
      path: { kind: "prefix", value: prefix },
      headers: [],
      queryParams: [],
      matchIndex: 0,
      routeHostname: "*",
      origin: nowhere,
      rule: {
        route: { kind: "HTTPRoute", namespace: "demo", name: "route" },
        ruleIndex,
        origin: nowhere,
        action: {
          kind: "forward",
          requestHeaders: noEdits,
          backends: backends.map(([index, weight]) =>
            ({ cluster: index, weight, requestHeaders: noEdits, origin: nowhere })),
        },
      },
    }));
  return { ...port, virtualHosts: [{ hostname: "*", listener: "http", matches }] };
}

/** The filter as `build` makes it: the prebuilt one with this IR's table baked in. */
export function filterFor(routed: Ir): Uint8Array {
  const planned = plan(routed);
  if (planned.diagnostics.length > 0) throw new Error(JSON.stringify(planned.diagnostics));
  return bake(filterWasm(), encode(planned.plan));
}

/** The bootstrap that `build` writes, but on loopback and on ports the system chooses. */
export function staticConfig(
  routed: Ir, wasm = filterFor(routed), more: Partial<EnvoyInput> = {},
): string {
  const { artifacts } = emitEnvoy({ ir: routed, filterWasm: wasm, ...more });
  const [artifact] = artifacts;
  if (artifacts.length !== 1 || !artifact) throw new Error("these Gateways share a port");
  return new TextDecoder().decode(artifact.bytes)
    .replace("port_value: 9901", "port_value: 0")
    .replaceAll(/address: 0\.0\.0\.0(\s+)port_value: \d+/g, "address: 127.0.0.1$1port_value: 0");
}
