// The runners with real traffic: the runtimes of `fairlead dev`, before echo backends.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { Routing } from "../../compiler/emit/envoy.ts";
import type { SourceFile } from "../../compiler/source.ts";
import type { Served, ServedListener } from "../../runtime/dev/contract.ts";
import { dev } from "../../runtime/dev/dev.ts";
import type { RuntimeName } from "../../runtime/dev/runtimes.ts";
import { send, type Answer } from "./client.ts";
import { startEcho, startGrpcEcho, type Echo, type Seen } from "./echo.ts";
import { isSplit, type Observation } from "./judge.ts";
import {
  backendNames, grpcNames, type Exchange, type Request, type Scenario, type Split,
} from "./scenario.ts";
import { fileOf, slug, type Ports } from "./world.ts";

export interface Backends {
  readonly ports: Ports;
  readonly all: readonly Echo[];
  close(): Promise<void>;
}

export async function startBackends(): Promise<Backends> {
  const all = await Promise.all([...backendNames.map(startEcho), ...grpcNames.map(startGrpcEcho)]);
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

interface Session {
  readonly listeners: readonly ServedListener[];
  stop(): Promise<void>;
}

/** `fairlead dev` itself, but for its files: the manifests come from here. */
export async function serve(
  runtime: RuntimeName, files: readonly SourceFile[], warn: (text: string) => void,
  routing: Routing,
): Promise<Session> {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-contract-"));
  const readyFile = join(folder, "ready.json");
  const controller = new AbortController();
  let announced = (): void => undefined;
  const served = new Promise<void>((resolve) => { announced = resolve; });
  const ended = dev({
    inputs: [], load: async () => ({ files, diagnostics: [] }), report: () => undefined, runtime,
    routing,
    port: 0, readyFile, print: () => announced(), warn, signal: controller.signal,
  });
  const stop = async (): Promise<void> => {
    controller.abort();
    await ended.finally(() => rmSync(folder, { recursive: true, force: true }));
  };
  const early = await Promise.race([served, ended]);
  if (early !== undefined) throw new Error(`it ended at once: ${JSON.stringify(early)}`);
  return { stop, ...JSON.parse(readFileSync(readyFile, "utf8")) as Served };
}

/** Serves all scenarios at once on one runtime. */
export async function openGateways(
  name: RuntimeName, scenarios: readonly Scenario[], backends: Backends,
  routing: Routing = "filter",
): Promise<Gateways> {
  const warnings: string[] = [];
  const files = scenarios.map((scenario) => fileOf(scenario, backends.ports));
  const { listeners, stop } = await serve(
    name, files, (text) => warnings.push(text), routing);
  let exchanges = 0;
  const askOnce = async (scenario: Scenario, request: Request | Exchange): Promise<Observation> => {
    const { gateway = "gateway", port = 80 } = request;
    const wanted = `${slug(scenario.name)}/${gateway}`;
    const listener = listeners.find((l) => l.gateway === wanted && l.port === port);
    if (listener === undefined) throw new Error(`Gateway ${wanted} is not served on port ${port}`);
    exchanges += 1;
    const id = `${name}-${exchanges}`;
    const answer = await send(listener.address, request, id);
    await copiesArrived(request, backends, id);
    return observe(answer, backends, id);
  };
  return {
    warnings,
    ask: async (scenario, request) => {
      if (!isSplit(request)) return [await askOnce(scenario, request)];
      const seen: Observation[] = [];
      for (let i = 0; i < request.times; i += 1) {
        const headers = [...request.headers ?? [], ...sessionOf(request, seen[0])];
        seen.push(await askOnce(scenario, { ...request, headers }));
      }
      return seen;
    },
    stop,
  };
}

/** Nobody waits for a copy but this: it may come after the answer. */
async function copiesArrived(
  request: Request | Exchange, backends: Backends, id: string,
): Promise<void> {
  const names = "expect" in request ? request.expect.mirrored ?? [] : [];
  const wanted = backends.all.filter(({ name }) => names.includes(name));
  for (let i = 0; i < 50 && wanted.some((echo) => echo.seen(id).length === 0); i += 1) {
    await sleep(20);
  }
}

/** What a client of the session sends back of its first answer. */
function sessionOf(
  { session }: Split, first: Observation | undefined,
): readonly (readonly [string, string])[] {
  if (session === undefined || first === undefined) return [];
  const values = (first.headers ?? []).filter(([name]) => name === session).map(([, v]) => v);
  if (session !== "set-cookie") return values.map((value) => [session, value]);
  return [["cookie", values.map((value) => value.split(";", 1)[0] ?? "").join("; ")]];
}

function parseSeen({ headers, body }: Answer): Seen | undefined {
  const type = headers.find(([name]) => name === "content-type")?.[1];
  return type === "application/json" && body !== "" ? JSON.parse(body) as Seen : undefined;
}

function observe(answer: Answer, backends: Backends, id: string): Observation {
  const { certificate, grpcStatus, headers, status } = answer;
  const field = (wanted: string): string | undefined =>
    headers.find(([name]) => name === wanted)?.[1];
  const reached = backends.all.filter((echo) => echo.seen(id).length > 0);
  const teller = reached.find((echo) => echo.name === field("x-echo-backend"));
  // An answer to HEAD, or one whose body a filter took away, does not say who gave it.
  const isBodiless = answer.body === "" && status < 300 && reached.length === 1;
  const upstream = parseSeen(answer) ?? (teller ?? (isBodiless ? reached[0] : undefined))
    ?.seen(id).at(-1);
  const attempts = Math.max(0, ...reached.map((echo) => echo.seen(id).length));
  const mirrored = reached.map((echo) => echo.name).filter((name) => name !== upstream?.backend);
  return {
    status, headers, upstream, backend: upstream?.backend, attempts, grpcStatus, certificate,
    // Where no backend answered (a timeout), those that were reached got no copies.
    mirrored: upstream === undefined ? [] : mirrored.sort(),
    location: field("location"),
  };
}
