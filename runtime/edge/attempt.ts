// One attempt to have a request answered by a cluster: admission, an endpoint, dialling. What comes
// of it is for the caller to judge.

import {
  enter, isLimited, leave, pickEndpoint, report, type LiveCluster, type Wish,
} from "./balancing/cluster.ts";
import {
  connectTimeoutDefaultMs, dialFetch, dialSocket, isAborted, type Address, type DialFailure,
  type DialOptions, type Outgoing,
} from "./connection/dial.ts";
import { endToEnd } from "./headers.ts";
import type { Header } from "./connection/http1.ts";
import { dialHttp2 } from "./connection/http2.ts";
import { proxyHeader } from "./connection/proxy-protocol.ts";
import { dialWebSocket } from "./connection/websocket.ts";

export type Outcome =
  | {
    readonly kind: "answer";
    readonly endpoint: number;
    /** Its headers can be changed. */
    readonly response: Response;
    /** Resolves when the response is over, however it ended. Never rejects. */
    readonly done: Promise<unknown>;
    /** Where not, `done` tells nothing about the response's end. */
    readonly isFollowed: boolean;
    /** Gives the response up. */
    drop(): void;
  }
  /** The request did not get as far as an endpoint. */
  | { readonly kind: "refused"; readonly status: number; readonly text: string }
  | { readonly kind: "failed"; readonly endpoint: number; readonly failure: DialFailure };

const refused = (status: number, text: string): Outcome => ({ kind: "refused", status, text });

/** `signal` gives the attempt up, also while its response is on the way. */
export async function attempt(
  live: LiveCluster,
  wish: Wish,
  outgoing: Outgoing,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const { refusal } = live.cluster;
  if (refusal !== undefined) {
    return refused(502, `the platform cannot reach the backend: ${refusal}`);
  }
  if (live.endpoints.length === 0) return refused(503, "no ready endpoint");
  const endpoint = pickEndpoint(live, wish);
  if (endpoint < 0) return refused(503, "all endpoints are ejected");
  if (!(await enter(live, endpoint, signal))) {
    return isAborted(signal) ? refused(503, "nobody waits for the answer any more") : overflowed;
  }
  const finish = (): void => leave(live, endpoint);
  try {
    const outcome = await dial(live, endpoint, outgoing, signal);
    if (outcome.kind === "answer") void outcome.done.then(finish);
    else finish();
    return outcome;
  } catch (error) {
    finish();
    throw error;
  }
}

const overflowed = refused(503, "too many requests under way to the backend: overflow");

async function dial(
  live: LiveCluster,
  index: number,
  outgoing: Outgoing,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const endpoint = live.endpoints[index];
  if (endpoint === undefined) return refused(503, "all endpoints are ejected");
  const { protocol, policy: { proxyProtocol, connectTimeoutMs } } = live.cluster;
  const isHttp2 = protocol === "h2c" && !outgoing.isUpgrade;
  // `fetch` has no HTTP/2 to origins that are not the platform's own, and sends nothing before
  // the request.
  if (endpoint.isName && !isHttp2 && proxyProtocol === undefined) {
    return dialByName(live, index, endpoint, outgoing, signal);
  }
  const options: DialOptions = {
    connectTimeoutMs: connectTimeoutMs ?? connectTimeoutDefaultMs,
    opened: () => report(live, index, "connected"),
    ...(proxyProtocol && { preamble: proxyHeader(proxyProtocol, outgoing.client?.()) }),
  };
  const dialed = outgoing.isUpgrade ? dialWebSocket : isHttp2 ? dialHttp2 : dialSocket;
  const answer = await dialed(endpoint, outgoing, options, signal);
  if (!answer.ok) return failed(live, index, answer.failure);
  report(live, index, answer.status);
  const { done, drop } = answer;
  void done.then((end) => { if (end === "broken") report(live, index, "failed"); });
  return {
    kind: "answer", endpoint: index, response: responseOf(answer), done, isFollowed: true, drop,
  };
}

function failed(live: LiveCluster, endpoint: number, failure: DialFailure): Outcome {
  // What the caller gave up is for the caller to report.
  if (failure !== "gone") report(live, endpoint, "failed");
  return { kind: "failed", endpoint, failure };
}

const ended = Promise.resolve();

async function dialByName(
  live: LiveCluster,
  index: number,
  address: Address,
  outgoing: Outgoing,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const answer = await dialFetch(address, live.cluster.tls !== undefined, outgoing, signal);
  if (typeof answer === "string") return failed(live, index, answer);
  report(live, index, "connected");
  report(live, index, answer.status);
  const drop = (): void => void answer.body?.cancel().catch(() => undefined);
  // The platform tells nothing of a body's end. Where limits count requests under way it is worth
  // passing the body on by hand; a WebSocket, and a body that is encoded, are counted to the head.
  const isPlain = !outgoing.isUpgrade && !answer.headers.has("content-encoding");
  const followed = isLimited(live) && isPlain ? follow(answer) : undefined;
  // One's own: the headers of what `fetch` gives are fixed.
  const response = new Response(followed?.body ?? answer.body, answer);
  const done = followed?.done ?? ended;
  return {
    kind: "answer", endpoint: index, response, done, isFollowed: followed !== undefined, drop,
  };
}

function follow(
  { body, headers }: Response,
): { readonly body: ReadableStream<Uint8Array>; readonly done: Promise<void> } | undefined {
  if (body === null) return undefined;
  const length = headers.get("content-length");
  const { readable, writable } = length === null
    ? new IdentityTransformStream()
    : new FixedLengthStream(Number(length));
  return { body: readable, done: body.pipeTo(writable).catch(() => undefined) };
}

function responseOf(
  { status, headers, body, webSocket }: {
    readonly status: number;
    readonly headers: readonly Header[];
    readonly body: ReadableStream<Uint8Array> | Uint8Array | null;
    readonly webSocket?: WebSocket;
  },
): Response {
  const out = new Headers();
  for (const [name, value] of endToEnd(headers)) {
    // The runtime writes the length of a body it has; without one (HEAD, 304) ours tells it.
    if (name !== "content-length" || body === null) out.append(name, value);
  }
  // "manual": the bytes are encoded already, as `content-encoding` says.
  const init = { status, headers: out, encodeBody: "manual", webSocket };
  return new Response(body, init);
}
