// The edge worker on this machine: one workerd (through miniflare) that lives through all swaps,
// and a front for each gateway port. A new table is pushed into the live isolate.

import { randomBytes } from "node:crypto";
import { get } from "node:http";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { Miniflare, MiniflareOptions } from "miniflare";

import type { GatewayPort, Ir } from "../../compiler/ir.ts";
import { edgeConfig } from "../edge/config.ts";
import { compatibilityDate, compatibilityFlags, v8Flags } from "../edge/platform.ts";
import { devHeader, eventsWord, sightsWord, swapWord, writeSwap } from "../edge/swap.ts";
import type { HealthEvent } from "../health/event.ts";
import type { ClusterSight, HealthSource } from "../health/view.ts";
import {
  servedListeners, SetupProblem, type Runtime, type RuntimeInput, type Served,
} from "./contract.ts";
import { openFront, openUpstream, type Front, type Upstream } from "./front.ts";

export interface EdgeParts {
  /** core.wasm */
  readonly core: Uint8Array;
  /** The bundle of runtime/edge/dev-worker.ts. */
  readonly worker: string;
  /** What workerd writes on its output: the worker's own errors, mostly. */
  readonly onLog?: (text: string) => void;
}

/** How long requests under way may take when a gateway port, or all, close. */
const removedGraceMs = 30_000;
const stopGraceMs = 500;
const tellingMs = 5_000;

interface Running {
  readonly miniflare: Miniflare;
  readonly upstream: Upstream;
  readonly secret: string;
}

/** workerd starts right away, beside whatever else there is to do before `start`. */
export function createEdgeRuntime(parts: EdgeParts): Runtime {
  let launching: Promise<Running> | undefined = launch(parts);
  launching.catch(() => undefined);
  let fronts: ReadonlyMap<string, Front> = new Map();

  const serveOn = async (host: Running, input: RuntimeInput): Promise<Served> => {
    const opened = await openMissing(host, input, fronts);
    try {
      const adopt = readyCertificates(input, fronts);
      await push(host, input);
      adopt();
    } catch (error) {
      await Promise.all([...opened.values()].map((front) => front.close(0)));
      throw error;
    }
    const names = new Set(input.ir.gatewayPorts.map(nameOf));
    for (const [name, front] of fronts) if (!names.has(name)) void front.close(removedGraceMs);
    fronts = new Map([...fronts, ...opened].filter(([name]) => names.has(name)));
    return served(input.ir, fronts);
  };

  const stop = async (): Promise<void> => {
    const host = await launching?.catch(() => undefined);
    launching = undefined;
    await Promise.all([...fronts.values()].map((front) => front.close(stopGraceMs)));
    fronts = new Map();
    host?.upstream.agent.destroy();
    await host?.miniflare.dispose();
  };

  const start = async (input: RuntimeInput): Promise<Served> => {
    launching ??= launch(parts);
    try {
      return await serveOn(await launching, input);
    } catch (error) {
      await stop();
      throw error;
    }
  };

  const update = async (input: RuntimeInput): Promise<Served> => {
    if (launching === undefined) throw new Error("the edge runtime is not running");
    return serveOn(await launching, input);
  };
  const told = async <T>(word: string): Promise<readonly T[]> => {
    const host = await launching?.catch(() => undefined);
    return host === undefined ? [] : ask<T>(host, word);
  };
  const health: HealthSource = {
    events: () => told<HealthEvent>(eventsWord),
    sight: () => told<ClusterSight>(sightsWord),
  };
  return { start, update, stop, health };
}

function nameOf({ gateway, port }: GatewayPort): string {
  return `${gateway.namespace}/${gateway.name}:${port}`;
}

function served(ir: Ir, fronts: ReadonlyMap<string, Front>): Served {
  const addressOf = (index: number): string | undefined => {
    const gatewayPort = ir.gatewayPorts[index];
    const front = gatewayPort && fronts.get(nameOf(gatewayPort));
    return front && `127.0.0.1:${front.port}`;
  };
  return { listeners: servedListeners(ir, addressOf) };
}

/** Opens what is not served yet: all of it or, where one port is taken, nothing. */
async function openMissing(
  { upstream, secret }: Running,
  { ir, ports }: RuntimeInput,
  fronts: ReadonlyMap<string, Front>,
): Promise<ReadonlyMap<string, Front>> {
  const opened = new Map<string, Front>();
  try {
    for (const [index, gatewayPort] of ir.gatewayPorts.entries()) {
      const name = nameOf(gatewayPort);
      if (fronts.has(name)) continue;
      const options = { name, gatewayPort, port: ports(index), secret, upstream };
      opened.set(name, await openFront(options));
    }
    return opened;
  } catch (error) {
    await Promise.all([...opened.values()].map((front) => front.close(0)));
    throw error;
  }
}

/** What makes the fronts that are open already use the certificates of `input`. */
function readyCertificates(
  { ir }: RuntimeInput,
  fronts: ReadonlyMap<string, Front>,
): () => void {
  const readied = ir.gatewayPorts.flatMap((gatewayPort) => {
    const front = fronts.get(nameOf(gatewayPort));
    return front === undefined ? [] : [{ front, security: front.ready(gatewayPort) }];
  });
  return () => readied.forEach(({ front, security }) => front.adopt(security));
}

async function push(
  host: Running,
  { ir, routePolicies, table }: RuntimeInput,
): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${host.upstream.port}/`, {
    method: "POST",
    headers: { [devHeader]: `${host.secret} ${swapWord}` },
    body: writeSwap({ config: edgeConfig(ir, routePolicies), table }),
  });
  const text = await response.text();
  if (response.status === 422) throw new Error(`the core refuses the table (load code ${text})`);
  if (!response.ok) throw new Error(`the worker took no table: ${response.status} ${text}`);
}

/** On a connection of its own: workerd closes idle ones, and a lost answer is lost events. */
function ask<T>({ upstream, secret }: Running, word: string): Promise<readonly T[]> {
  const headers = { [devHeader]: `${secret} ${word}` };
  return new Promise((resolve, reject) => {
    const url = `http://127.0.0.1:${upstream.port}/`;
    const request = get(url, { agent: false, headers, timeout: tellingMs }, (response) => {
      text(response).then((body) => JSON.parse(body) as readonly T[]).then(resolve, reject);
    });
    request.on("timeout", () => request.destroy(new Error("the worker tells nothing")));
    request.on("error", reject);
  });
}

async function launch({ core, worker, onLog }: EdgeParts): Promise<Running> {
  const { Miniflare, NoOpLog } = await import("miniflare").catch((cause: unknown) => {
    throw new SetupProblem(
      "the edge runtime needs the package `miniflare`; `npm install miniflare@4` adds it",
      { cause },
    );
  });
  const secret = randomBytes(16).toString("hex");
  const options: MiniflareOptions = {
    host: "127.0.0.1",
    port: 0,
    cf: false,
    telemetry: { enabled: false },
    log: new NoOpLog(),
    handleRuntimeStdio: (out: Readable, error: Readable) => {
      for (const stream of [out, error]) stream.on("data", (text) => onLog?.(String(text)));
    },
    modules: [
      { type: "ESModule", path: "dev-worker.js", contents: worker },
      { type: "CompiledWasm", path: "core.wasm", contents: core },
    ],
    bindings: { FAIRLEAD_SECRET: secret },
    compatibilityDate,
    compatibilityFlags: [...compatibilityFlags],
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  };
  // Miniflare has no option for them, and reads this each time it starts workerd.
  process.env["MINIFLARE_WORKERD_V8_FLAGS"] ??= v8Flags.join(" ");
  const miniflare = withoutSignals(() => new Miniflare(options));
  try {
    const url = await miniflare.unsafeGetDirectURL();
    return { miniflare, secret, upstream: openUpstream(Number(url.port)) };
  } catch (error) {
    await miniflare.dispose();
    throw error;
  }
}

/**
 * Miniflare ends the process on the first signal. Ours ends by itself, once the requests under way
 * had their time and the ready file is gone; what miniflare does at the very end stays.
 */
function withoutSignals<T>(make: () => T): T {
  const signals = ["SIGINT", "SIGTERM"] as const;
  const before = new Map(signals.map((signal) => [signal, process.listeners(signal)]));
  const made = make();
  for (const signal of signals) {
    for (const listener of process.listeners(signal)) {
      if (!before.get(signal)?.includes(listener)) process.off(signal, listener);
    }
  }
  return made;
}
