// One request at the edge: ask the core, carry out the verdict.

import {
  VERDICT_FORWARD, VERDICT_NO_MATCH, VERDICT_REDIRECT, VERDICT_RESPOND,
} from "../../filters/core/format.ts";
import {
  enter, isTracked, leave, pickEndpoint, releaseEndpoint, report, type LiveCluster,
} from "./cluster.ts";
import type { RequestParts, Verdict } from "./core.ts";
import {
  connectTimeoutDefaultMs, dialFetch, dialSocket, type DialFailure, type Outgoing,
} from "./dial.ts";
import type { Engine } from "./engine.ts";
import { applyEdits, endToEnd } from "./headers.ts";
import type { Header } from "./http1.ts";

export interface Context {
  waitUntil(promise: Promise<unknown>): void;
}

export async function serve(
  engine: Engine,
  gatewayPort: number,
  request: Request,
  context: Context,
): Promise<Response> {
  const parts = partsOf(gatewayPort, request);
  const verdict = engine.core.decide(parts);
  switch (verdict.kind) {
    case VERDICT_FORWARD:
      return forward(engine, verdict, parts, request, context);
    case VERDICT_REDIRECT: {
      const headers = { location: verdict.text ?? "" };
      return new Response(null, { status: verdict.status, headers });
    }
    case VERDICT_NO_MATCH:
    case VERDICT_RESPOND:
      return new Response(null, { status: verdict.status });
    default:
      throw new Error(`the core gave a verdict of unknown kind ${verdict.kind}`);
  }
}

/** Slices the URL that the runtime made of the request line: building a `URL` would cost more. */
function partsOf(gatewayPort: number, request: Request): RequestParts {
  const { url, method, headers } = request;
  const start = url.indexOf("//") + 2;
  const slash = url.indexOf("/", start);
  return {
    gatewayPort,
    authority: headers.get("host") ?? url.slice(start, slash < 0 ? undefined : slash),
    target: slash < 0 ? "/" : url.slice(slash),
    method,
    header: (name) => headers.get(name),
  };
}

/** Envoy's reading: an overflow and every failure but a malformed answer is a 503. */
function unavailable(reason: string, status = 503): Response {
  return new Response(`${reason}\n`, { status, headers: { "content-type": "text/plain" } });
}

const failureTexts: Readonly<Record<DialFailure, string>> = {
  "connect": "no connection to the backend",
  "connect-timeout": "no connection to the backend in time",
  "reset": "the backend closed the connection before it answered",
  "protocol": "the backend's answer is not HTTP",
  "gone": "the client went away",
};

async function forward(
  engine: Engine,
  verdict: Verdict,
  parts: RequestParts,
  request: Request,
  context: Context,
): Promise<Response> {
  const live = engine.clusters[verdict.cluster];
  if (live === undefined) return unavailable("the cluster is not configured");
  if (live.endpoints.length === 0) return unavailable("no ready endpoint");
  if (!(await enter(live))) return unavailable("too many requests under way to the backend");
  const endpoint = pickEndpoint(live);
  const isUpgrade = request.headers.get("upgrade")?.toLowerCase() === "websocket";
  const outgoing = outgoingOf(engine, verdict, parts, request, isUpgrade, isTracked(live));
  let over = (): void => undefined;
  // Keeps this request's code running until it is over, even where the client goes away.
  if (isTracked(live)) context.waitUntil(new Promise<void>((resolve) => { over = resolve; }));
  const finish = (): void => {
    leave(live);
    if (endpoint >= 0) releaseEndpoint(live, endpoint);
    over();
  };
  try {
    const { response, done } = await dial(live, endpoint, outgoing, isUpgrade);
    void done.then(finish);
    return response;
  } catch (error) {
    finish();
    throw error;
  }
}

function outgoingOf(
  engine: Engine,
  verdict: Verdict,
  parts: RequestParts,
  request: Request,
  isUpgrade: boolean,
  isFollowed: boolean,
): Outgoing {
  const edits = engine.editLists[verdict.edits] ?? [];
  const lines = applyEdits(endToEnd(request.headers), edits).filter(([name]) => name !== "host");
  return {
    method: parts.method,
    target: verdict.text ?? parts.target,
    host: verdict.host ?? parts.authority,
    lines: isUpgrade ? [...lines, ["upgrade", "websocket"]] : lines,
    body: request.body as ReadableStream<Uint8Array> | null,
    signal: isFollowed ? request.signal : undefined,
  };
}

interface Answered {
  readonly response: Response;
  readonly done: Promise<void>;
}

async function dial(
  live: LiveCluster,
  index: number,
  outgoing: Outgoing,
  isUpgrade: boolean,
): Promise<Answered> {
  const done = Promise.resolve();
  const endpoint = live.endpoints[index];
  if (endpoint === undefined) {
    return { response: unavailable("all endpoints are ejected"), done };
  }
  const fail = (failure: DialFailure): Answered => {
    const status = failure === "protocol" ? 502 : 503;
    if (failure !== "gone") report(live, index, status);
    return { response: unavailable(failureTexts[failure], status), done };
  };
  if (endpoint.isName) {
    const answer = await dialFetch(endpoint, outgoing);
    if (typeof answer === "string") return fail(answer);
    report(live, index, answer.status);
    return { response: answer, done };
  }
  if (isUpgrade) {
    return { response: unavailable("WebSocket to an address is not carried yet", 501), done };
  }
  const timeout = live.cluster.policy.connectTimeoutMs ?? connectTimeoutDefaultMs;
  const answer = await dialSocket(endpoint, outgoing, timeout);
  if (!answer.ok) return fail(answer.failure);
  report(live, index, answer.status);
  return { response: responseOf(answer), done: answer.done };
}

function responseOf(
  { status, headers, body }: {
    readonly status: number;
    readonly headers: readonly Header[];
    readonly body: ReadableStream<Uint8Array> | Uint8Array | null;
  },
): Response {
  const out = new Headers();
  for (const [name, value] of endToEnd(headers)) {
    // The runtime writes the length of a body it has; without one (HEAD, 304) ours tells it.
    if (name !== "content-length" || body === null) out.append(name, value);
  }
  // "manual": the bytes are encoded already, as `content-encoding` says.
  const init = { status, headers: out, encodeBody: "manual" };
  return new Response(body, init);
}
