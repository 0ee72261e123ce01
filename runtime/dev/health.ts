// Health in the open: while `fairlead dev` runs it asks the runtime twice a second what happened to
// its backends and prints that; `GET /health` answers with what is known.

import * as http from "node:http";
import type { AddressInfo } from "node:net";

import type { Ir } from "../../compiler/ir.ts";
import { eventLine, localClock } from "../health/render.ts";
import { noThrottle, throttle, type Throttle } from "../health/throttle.ts";
import {
  clusterViews, isWatched, learn, nothingKnown, type HealthSource, type HealthView, type Known,
} from "../health/view.ts";
import { PortInUse } from "./contract.ts";

export interface HealthOptions {
  /** The runtime's name. */
  readonly runtime: string;
  readonly source: HealthSource;
  /** 0: the system chooses. */
  readonly port: number;
  /** Takes whole lines. */
  readonly print: (text: string) => void;
}

export interface Health {
  /** Where the view is, `http://127.0.0.1:40123/health`. */
  readonly url: string;
  /** From now on these routes are served. */
  adopt(ir: Ir, generation: number): void;
  close(): Promise<void>;
}

interface State {
  ir: Ir;
  generation: number;
  known: Known;
  throttle: Throttle;
}

const lookMs = 500;

/** Rejects with a PortInUse. */
export async function openHealth(options: HealthOptions): Promise<Health> {
  const state: State = {
    ir: { gatewayPorts: [], clusters: [] }, generation: 0, known: nothingKnown,
    throttle: noThrottle,
  };
  const server = await openServer(options.port, () => view(options, state));
  const watch = keepLooking(options, state);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/health`,
    adopt: (ir, generation) => {
      state.ir = ir;
      state.generation = generation;
    },
    close: async () => {
      await watch.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function view({ runtime, source }: HealthOptions, state: State): Promise<HealthView> {
  const clusters = clusterViews(state.ir.clusters, await source.sight(), state.known);
  return { runtime, generation: state.generation, clusters };
}

async function look({ source, print }: HealthOptions, state: State): Promise<void> {
  const events = await source.events();
  state.known = learn(state.known, events);
  const shown = throttle(state.throttle, events, Date.now());
  state.throttle = shown.throttle;
  if (shown.events.length === 0) return;
  const byName = new Map(state.ir.clusters.map((cluster) => [cluster.name, cluster]));
  const lines = shown.events.map((event) =>
    eventLine(event, byName.get(event.cluster), localClock));
  if (shown.omitted > 0) lines.push(`… and ${shown.omitted} more ejections and returns`);
  print(`${lines.join("\n")}\n`);
}

/** One look after the other; a runtime that takes long to answer is asked less often. */
function keepLooking(options: HealthOptions, state: State): { close(): Promise<void> } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isClosed = false;
  let last: Promise<void> = Promise.resolve();
  const again = (afterMs: number): void => {
    if (!isClosed) timer = setTimeout(() => { last = once(); }, afterMs);
  };
  const once = async (): Promise<void> => {
    const start = performance.now();
    // A runtime that cannot tell right now is asked again: it says itself what ails it.
    if (state.ir.clusters.some(isWatched)) await look(options, state).catch(() => undefined);
    again(Math.max(lookMs, 10 * (performance.now() - start)));
  };
  again(lookMs);
  return {
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      await last;
    },
  };
}

async function openServer(
  port: number,
  answer: () => Promise<HealthView>,
): Promise<http.Server> {
  const server = http.createServer((request, response) => {
    const send = (status: number, value: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(`${JSON.stringify(value, null, 2)}\n`);
    };
    // A page in a browser must not read it under a name that it made point here.
    const isLocal = /^(localhost|127\.0\.0\.1)(:\d+)?$/.test(request.headers.host ?? "");
    if (!isLocal) return send(403, { error: "ask as 127.0.0.1 or localhost" });
    if (request.url !== "/health") return send(404, { error: "there is only /health" });
    if (request.method !== "GET") return send(405, { error: "there is only GET" });
    answer().then((value) => send(200, value), (error: unknown) =>
      send(503, { error: error instanceof Error ? error.message : String(error) }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(error.code === "EADDRINUSE" ? new PortInUse(port) : error));
    server.listen(port, "127.0.0.1", resolve);
  });
  return server;
}
