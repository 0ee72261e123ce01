// The runners with real traffic: a runtime of `fairlead dev`, and a client that sends requests as
// they stand.

import * as http from "node:http";

import { bakeFilter, type Compilation } from "../../compiler/compile.ts";
import type { Runtime, Served } from "../../runtime/dev/contract.ts";
import { openRuntime, type RuntimeName } from "../../runtime/dev/runtimes.ts";
import { startEcho, type Echo, type Seen } from "./echo.ts";
import { isSplit, type Observation } from "./judge.ts";
import { backendNames, type Exchange, type Request, type Scenario, type Split }
  from "./scenario.ts";
import { compileAll, slug, type Ports } from "./world.ts";

export interface Backends {
  readonly ports: Ports;
  readonly all: readonly Echo[];
  close(): Promise<void>;
}

export async function startBackends(): Promise<Backends> {
  const all = await Promise.all(backendNames.map(startEcho));
  return {
    all,
    ports: Object.fromEntries(all.map(({ name, port }) => [name, port])),
    close: async () => void await Promise.all(all.map((echo) => echo.close())),
  };
}

export interface Gateways {
  ask(scenario: Scenario, request: Exchange | Split): Promise<readonly Observation[]>;
  /** What the runtime said about failures of its own. */
  readonly warnings: readonly string[];
  stop(): Promise<void>;
}

async function start(
  runtime: Runtime, name: RuntimeName, compilation: Compilation,
): Promise<Served> {
  const { ir, table } = compilation;
  const filterWasm = name === "envoy" ? bakeFilter(compilation) : new Uint8Array();
  return runtime.start({ ir, table, filterWasm, ports: () => 0 });
}

/** Serves all scenarios at once on one runtime. */
export async function openGateways(
  name: RuntimeName, scenarios: readonly Scenario[], backends: Backends,
): Promise<Gateways> {
  const warnings: string[] = [];
  const runtime = await openRuntime(name, (text) => warnings.push(text));
  const { listeners } = await start(runtime, name, compileAll(scenarios, backends.ports))
    .catch(async (error: unknown) => {
      await runtime.stop();
      throw error;
    });
  let exchanges = 0;
  const askOnce = async (scenario: Scenario, request: Request): Promise<Observation> => {
    const { gateway = "gateway", port = 80 } = request;
    const wanted = `${slug(scenario.name)}/${gateway}`;
    const listener = listeners.find((l) => l.gateway === wanted && l.port === port);
    if (listener === undefined) throw new Error(`Gateway ${wanted} is not served on port ${port}`);
    exchanges += 1;
    const id = `${name}-${exchanges}`;
    return observe(await send(listener.address, request, id), backends, id);
  };
  return {
    warnings,
    ask: async (scenario, request) => {
      const seen: Observation[] = [];
      for (let i = 0; i < (isSplit(request) ? request.times : 1); i += 1) {
        seen.push(await askOnce(scenario, request));
      }
      return seen;
    },
    stop: () => runtime.stop(),
  };
}

interface Answer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

function send(address: string, request: Request, id: string): Promise<Answer> {
  const [hostname, port] = address.split(":");
  const lines = [
    ...(request.host === undefined ? [] : [["Host", request.host] as const]),
    ...(request.headers ?? []), ["x-echo-id", id] as const,
    ...(request.body === undefined ? [] : [["content-length", String(request.body.length)]]),
  ];
  return new Promise((resolve, reject) => {
    const out = http.request({
      hostname, port, agent: false, path: request.target, method: request.method ?? "GET",
      headers: lines.flat(), setHost: false, timeout: 10_000,
    }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => resolve({
        status: response.statusCode ?? 0,
        headers: Object.entries(response.headersDistinct)
          .flatMap(([n, values = []]) => values.map((v) => [n, v] as const)),
        body: Buffer.concat(chunks).toString("utf8"),
      }));
    });
    out.on("timeout", () => out.destroy(new Error("no answer in time")));
    out.on("error", reject);
    out.end(request.body);
  });
}

function parseSeen({ headers, body }: Answer): Seen | undefined {
  const type = headers.find(([name]) => name === "content-type")?.[1];
  return type === "application/json" && body !== "" ? JSON.parse(body) as Seen : undefined;
}

function observe(answer: Answer, backends: Backends, id: string): Observation {
  const { status, headers } = answer;
  const reached = backends.all.filter((echo) => echo.seen(id).length > 0);
  // An answer to HEAD, or one whose body a filter took away, does not say who gave it.
  const upstream = parseSeen(answer)
    ?? (reached.length === 1 ? reached[0]?.seen(id).at(-1) : undefined);
  const mirrored = reached.map((echo) => echo.name).filter((name) => name !== upstream?.backend);
  return {
    status, headers, upstream, backend: upstream?.backend, mirrored: mirrored.sort(),
    location: headers.find(([name]) => name === "location")?.[1],
  };
}
