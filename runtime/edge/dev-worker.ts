// The worker of `fairlead dev`: like worker.ts, but its table comes through a control request, so
// that one isolate lives through all swaps. Only the dev server's front can reach it: every request
// carries `x-fairlead-dev: <secret> <namespace/name:port> <client's address>`, or `<secret> swap`
// with a new table, or `<secret> events` and `<secret> sights` to ask for the health of backends.

import core from "./core.wasm";

import type { HealthEvent } from "../health/event.ts";
import { openLedger } from "../health/ledger.ts";
import { sightOf, step } from "./balancing/cluster.ts";
import { openEnded } from "./connection/dial.ts";
import { createEngine, type Engine } from "./engine.ts";
import { serve, type Context } from "./serve.ts";
import { devHeader, eventsWord, readSwap, sightsWord, swapWord } from "./swap.ts";

interface Environment {
  /** Of this process of the dev server. */
  readonly FAIRLEAD_SECRET: string;
}

let engine: Engine | undefined;
const ledger = openLedger();

async function answer(
  request: Request,
  environment: Environment,
  context: Context,
): Promise<Response> {
  const [secret, word] = (request.headers.get(devHeader) ?? "").split(" ");
  if (secret !== environment.FAIRLEAD_SECRET || word === undefined) {
    return new Response("this port belongs to fairlead dev\n", { status: 403 });
  }
  if (word === swapWord) return swap(request);
  if (word === eventsWord) return Response.json(newEvents());
  if (word === sightsWord) return Response.json(engine?.clusters.map(sightOf) ?? []);
  if (engine === undefined) return new Response("no table yet\n", { status: 503 });
  const port = engine.config.gatewayPorts.findIndex((p) => `${p.gateway}:${p.port}` === word);
  // Its front is about to open, or about to close.
  if (port < 0) return new Response(null, { status: 404 });
  return marked(await serve(engine, port, request, context), secret);
}

/** What `fetch` gave. What is encoded it would decode for whoever reads it. */
function isFetchedInChunks({ headers }: Response): boolean {
  return headers.get("transfer-encoding") === "chunked" && !headers.has("content-encoding");
}

/** An answer of unknown length ends with the secret where it is whole: see runtime/dev/end-mark. */
function marked(response: Response, secret: string): Response {
  const body = response.body as ReadableStream<Uint8Array> | null;
  if (body === null || !(openEnded.has(body) || isFetchedInChunks(response))) return response;
  const { readable, writable } = new IdentityTransformStream();
  const reader = body.getReader();
  const writer = writable.getWriter();
  const pass = async (): Promise<void> => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      await writer.write(part.value);
    }
    await writer.write(new TextEncoder().encode(secret));
    await writer.close();
  };
  pass().catch((error: unknown) => {
    writer.abort(error).catch(() => undefined);
    // The client may have gone: then there is nobody to read for.
    reader.cancel(error).catch(() => undefined);
  });
  const headers = new Headers(response.headers);
  headers.set(devHeader, secret);
  const init = { status: response.status, headers, encodeBody: "manual" } as const;
  return new Response(readable, init);
}

/** The front says it; nobody else knows the secret that goes with it. */
function clientOf(request: Request): string | undefined {
  return request.headers.get(devHeader)?.split(" ")[2];
}

/** Requests that began before keep the engine they began with. */
async function swap(request: Request): Promise<Response> {
  const { config, table } = readSwap(new Uint8Array(await request.arrayBuffer()));
  const result = createEngine(core, table, config, clientOf, engine, ledger.note);
  if (!result.ok) return new Response(String(result.code), { status: 422 });
  engine = result.engine;
  return new Response(null, { status: 204 });
}

/** Ends of ejections are noticed by looking, also where no request comes. */
function newEvents(): readonly HealthEvent[] {
  for (const live of engine?.clusters ?? []) step(live, { kind: "tick" });
  return ledger.take();
}

// The platform's modules are the one place where a default export is not a choice.
export default { fetch: answer };
