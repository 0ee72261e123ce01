// One attempt to have a request answered by a cluster: admission, an endpoint, dialling. What comes
// of it is for the caller to judge.

import { enter, leave, pickEndpoint, report, type LiveCluster, type Wish } from "./cluster.ts";
import {
  connectTimeoutDefaultMs, dialFetch, dialSocket, isAborted, type DialFailure,
  type DialOptions, type Outgoing,
} from "./dial.ts";
import { endToEnd } from "./headers.ts";
import type { Header } from "./http1.ts";
import { dialHttp2 } from "./http2.ts";
import { dialWebSocket } from "./websocket.ts";

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

const ended = Promise.resolve();

async function dial(
  live: LiveCluster,
  index: number,
  outgoing: Outgoing,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const endpoint = live.endpoints[index];
  if (endpoint === undefined) return refused(503, "all endpoints are ejected");
  const fail = (failure: DialFailure): Outcome => {
    // What the caller gave up is for the caller to report.
    if (failure !== "gone") report(live, index, "failed");
    return { kind: "failed", endpoint: index, failure };
  };
  const isHttp2 = live.cluster.protocol === "h2c" && !outgoing.isUpgrade;
  // `fetch` has no HTTP/2 to origins that are not the platform's own.
  if (endpoint.isName && !isHttp2) {
    const answer = await dialFetch(endpoint, live.cluster.tls !== undefined, outgoing, signal);
    if (typeof answer === "string") return fail(answer);
    report(live, index, "connected");
    report(live, index, answer.status);
    const drop = (): void => void answer.body?.cancel().catch(() => undefined);
    // One's own: the headers of what `fetch` gives are fixed.
    const response = new Response(answer.body, answer);
    return { kind: "answer", endpoint: index, response, done: ended, isFollowed: false, drop };
  }
  const options: DialOptions = {
    connectTimeoutMs: live.cluster.policy.connectTimeoutMs ?? connectTimeoutDefaultMs,
    opened: () => report(live, index, "connected"),
  };
  const dialed = outgoing.isUpgrade ? dialWebSocket : isHttp2 ? dialHttp2 : dialSocket;
  const answer = await dialed(endpoint, outgoing, options, signal);
  if (!answer.ok) return fail(answer.failure);
  report(live, index, answer.status);
  const { done, drop } = answer;
  void done.then((end) => { if (end === "broken") report(live, index, "failed"); });
  return {
    kind: "answer", endpoint: index, response: responseOf(answer), done, isFollowed: true, drop,
  };
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
