// Carries out a verdict to forward: the route policy around one or more attempts.
//
//   response headers   edited on every answer of the route, ours in place of a backend's included
//   timeouts           both begin when the client has sent its request, as in Envoy; `request` ends
//                      with the response's last byte, `backendRequest` with its head; 504
//   retry              after a connection that could not be made, a refused stream, and codes. With
//                      `backendRequest` also after that has run out, or a connection was lost. Not
//                      otherwise: a lost request may have been carried out (HTTPRouteRetry).
//                      Envoy's backoff; another endpoint where there is one; bodies up to 1 MiB

import { noPolicy, type RoutePolicy } from "../../compiler/ir.ts";
import { affinityOf, freshCookie, type Affinity } from "./balancing/affinity.ts";
import { answer, isGrpc, refuseGrpc } from "./answer.ts";
import { attempt, type Outcome } from "./attempt.ts";
import { shareBody, type SharedBody } from "./connection/body.ts";
import {
  enterRetry, isTracked, leaveRetry, report, type LiveCluster,
} from "./balancing/cluster.ts";
import type { RequestParts, Verdict } from "./core.ts";
import { expose, preflight } from "./cors.ts";
import { isAborted, type DialFailure, type Outgoing } from "./connection/dial.ts";
import type { Engine } from "./engine.ts";
import { applyEdits, editHeaders, endToEnd } from "./headers.ts";
import { mirror, mirrorsDue } from "./mirror.ts";
import { isShort, pass } from "./pass.ts";
import { resume, tell, type Pinned } from "./session.ts";

export interface Context {
  waitUntil(promise: Promise<unknown>): void;
}

const failureTexts: Readonly<Record<DialFailure, string>> = {
  "connect": "no connection to the backend",
  "connect-timeout": "no connection to the backend in time",
  "refused": "the backend refused the request",
  "reset": "the backend closed the connection before it answered",
  "protocol": "the backend's answer is not HTTP",
  "gone": "the client went away",
};

export function forward(
  engine: Engine,
  verdict: Verdict,
  parts: RequestParts,
  request: Request,
  context: Context,
): Response | Promise<Response> {
  const live = engine.clusters[verdict.cluster];
  if (verdict.policy === 0 && live !== undefined && isShort(live)
    // Asking the request for its method once more costs more than to compare the one that is known.
    && (parts.method !== "POST" || !isGrpc(request))) {
    const passed = pass(live, verdict, engine.editLists[verdict.edits] ?? [], parts, request);
    if (passed !== undefined) return guarded(passed, request);
  }
  return forwardUnderPolicy(engine, verdict, parts, request, context);
}

/** Awaiting costs less than `catch`, which makes another promise. */
async function guarded(passed: Promise<Response>, request: Request): Promise<Response> {
  try {
    return await passed;
  } catch {
    return answer(request, 503, failureTexts.connect);
  }
}

async function forwardUnderPolicy(
  engine: Engine,
  verdict: Verdict,
  parts: RequestParts,
  request: Request,
  context: Context,
): Promise<Response> {
  const policy = engine.config.routePolicies[verdict.policy] ?? noPolicy;
  const { cors, session } = policy;
  const early = cors && preflight(cors, request);
  if (early !== undefined) return early;
  if (isGrpc(request)) return refuseGrpc();
  const pinned = session
    && resume(session, request, engine.clusters, verdict.cluster, Date.now());
  const cluster = pinned?.cluster ?? verdict.cluster;
  const live = engine.clusters[cluster];
  if (live === undefined) return answer(request, 503, "the cluster is not configured");
  const outcome = await carry({ engine, verdict, parts, request, context, policy, live, pinned });
  const response = outcome.kind === "answer"
    ? outcome.response
    : answer(request, outcome.status, outcome.text);
  editHeaders(response.headers, policy.responseHeaders);
  if (cors) expose(cors, request, response.headers);
  if (session && outcome.kind === "answer") {
    const isKnown = pinned?.cluster === cluster && pinned.endpoint === outcome.endpoint;
    if (!isKnown) tell(session, live, outcome.endpoint, Date.now(), response.headers);
  }
  return response;
}

/** Everything about one request. */
interface Exchange {
  readonly engine: Engine;
  readonly verdict: Verdict;
  readonly parts: RequestParts;
  readonly request: Request;
  readonly context: Context;
  readonly policy: RoutePolicy;
  readonly live: LiveCluster;
  readonly pinned: Pinned | undefined;
}

type Final = Exclude<Outcome, { readonly kind: "failed" }>;

async function carry(exchange: Exchange): Promise<Final> {
  const { engine, verdict, request, context, policy, live } = exchange;
  const isUpgrade = request.headers.get("upgrade")?.toLowerCase() === "websocket";
  const mirrors = isUpgrade || live.endpoints.length === 0
    ? []
    : mirrorsDue(engine, verdict.policy);
  const source = request.body as ReadableStream<Uint8Array> | null;
  const limits = (policy.requestTimeoutMs ?? 0) + (policy.backendRequestTimeoutMs ?? 0);
  const needsShare = mirrors.length > 0 || policy.retry !== undefined || limits > 0;
  const body = source !== null && needsShare ? shareBody(source) : undefined;
  const outgoing = outgoingOf(exchange, isUpgrade);
  const key = live.cluster.policy.consistentHash?.key;
  const affinity = key && affinityOf(key, outgoing, freshCookie);
  if (mirrors.length > 0) context.waitUntil(mirror(engine, mirrors, policy, outgoing, body));
  let over = (): void => undefined;
  // Keeps this request's code running until it is over, even where the client goes away.
  const isFollowed = isTracked(live);
  if (isFollowed) context.waitUntil(new Promise<void>((resolve) => { over = resolve; }));
  // A signal costs time that most requests need not spend.
  const isLimited = (policy.requestTimeoutMs ?? 0) > 0;
  const whole = isFollowed || isLimited ? new AbortController() : undefined;
  if (isFollowed) request.signal.addEventListener("abort", () => whole?.abort());
  const deadline = startTimer(policy.requestTimeoutMs, body, () => whole?.abort());
  const finish = (): void => {
    deadline.stop();
    over();
  };
  try {
    const outcome = await tries(exchange, outgoing, affinity, body, whole?.signal);
    if (outcome.kind === "answer") {
      if (affinity?.setCookie) outcome.response.headers.append("set-cookie", affinity.setCookie);
      void outcome.done.then(outcome.isFollowed ? finish : over);
      return outcome;
    }
    finish();
    if (deadline.isOver()) {
      if (outcome.kind === "failed") report(live, outcome.endpoint, "timeout");
      return timedOut;
    }
    return outcome.kind === "refused" ? outcome : {
      kind: "refused",
      status: outcome.failure === "protocol" ? 502 : 503,
      text: failureTexts[outcome.failure],
    };
  } catch (error) {
    finish();
    throw error;
  }
}

const timedOut: Final = { kind: "refused", status: 504, text: "no answer in time" };

async function tries(
  { policy, live, pinned }: Exchange,
  outgoing: Outgoing,
  affinity: Affinity | undefined,
  body: SharedBody | undefined,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const { retry, backendRequestTimeoutMs } = policy;
  const failed = new Set<number>();
  for (let count = 0; ; count += 1) {
    const wish = count === 0 && pinned !== undefined
      ? { ...affinity, endpoint: pinned.endpoint }
      : { ...affinity, failed };
    const own: Outgoing = body === undefined
      ? outgoing
      : { ...outgoing, body: body.open() ?? null, isCopied: true };
    const { outcome, isLate } =
      await timedAttempt(live, wish, own, body, backendRequestTimeoutMs, signal)
        .finally(() => { if (count > 0) leaveRetry(live); });
    const isGivenUp = isAborted(signal);
    const isLast = isGivenUp || count >= (retry?.attempts ?? 0)
      || (own.body !== null && body?.isKept() !== true)
      || !isRetriable(outcome, isLate, policy);
    if (isLast || !enterRetry(live)) return isLate && !isGivenUp ? timedOut : outcome;
    if (outcome.kind === "answer") outcome.drop();
    if (outcome.kind !== "refused") failed.add(outcome.endpoint);
    await pause(retry?.backoffMs, count, signal);
    if (isAborted(signal)) {
      leaveRetry(live);
      return timedOut;
    }
  }
}

function isRetriable(
  outcome: Outcome,
  isLate: boolean,
  { retry, backendRequestTimeoutMs = 0 }: RoutePolicy,
): boolean {
  const isTimed = backendRequestTimeoutMs > 0;
  if (isLate) return true;
  if (outcome.kind === "answer") return retry?.codes.includes(outcome.response.status) === true;
  if (outcome.kind === "refused" || outcome.failure === "gone") return false;
  return isTimed || ["connect", "connect-timeout", "refused"].includes(outcome.failure);
}

interface Timed {
  readonly outcome: Outcome;
  /** The attempt's own time has run out. */
  readonly isLate: boolean;
}

async function timedAttempt(
  live: LiveCluster,
  wish: Parameters<typeof attempt>[1],
  outgoing: Outgoing,
  body: SharedBody | undefined,
  limitMs: number | undefined,
  signal: AbortSignal | undefined,
): Promise<Timed> {
  if (limitMs === undefined || limitMs === 0) {
    return { outcome: await attempt(live, wish, outgoing, signal), isLate: false };
  }
  const own = new AbortController();
  const abort = (): void => own.abort();
  if (isAborted(signal)) abort();
  signal?.addEventListener("abort", abort);
  const timer = startTimer(limitMs, body, abort);
  const outcome = await attempt(live, wish, outgoing, own.signal);
  timer.stop();
  const isLate = outcome.kind !== "answer" && timer.isOver() && !isAborted(signal);
  if (isLate && outcome.kind === "failed") report(live, outcome.endpoint, "timeout");
  return { outcome, isLate };
}

interface Timer {
  isOver(): boolean;
  stop(): void;
}

const noTimer: Timer = { isOver: () => false, stop: () => undefined };

/** Begins once the client has sent its body. 0 and absent: no limit. */
function startTimer(
  limitMs: number | undefined,
  body: SharedBody | undefined,
  end: () => void,
): Timer {
  if (limitMs === undefined || limitMs === 0) return noTimer;
  let isOver = false;
  let isStopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const begin = (): void => {
    if (isStopped) return;
    timer = setTimeout(() => {
      isOver = true;
      end();
    }, limitMs);
  };
  if (body === undefined) begin();
  else void body.complete.then(begin);
  const stop = (): void => {
    isStopped = true;
    clearTimeout(timer);
  };
  return { isOver: () => isOver, stop };
}

const backoffDefaultMs = 25;

/** Envoy's: by chance below the base doubled with each retry, at most ten times the base. */
async function pause(baseMs = 0, count: number, signal?: AbortSignal): Promise<void> {
  const base = baseMs > 0 ? baseMs : backoffDefaultMs;
  const longest = Math.min(base * 2 ** Math.min(count, 10), base * 10);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, Math.random() * longest);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function outgoingOf({ engine, verdict, parts, request }: Exchange, isUpgrade: boolean): Outgoing {
  const edits = engine.editLists[verdict.edits] ?? [];
  const lines = applyEdits(endToEnd(request.headers), edits).filter(([name]) => name !== "host");
  return {
    method: parts.method,
    target: verdict.text ?? parts.target,
    host: verdict.host ?? parts.authority,
    lines,
    isUpgrade,
    client: () => engine.clientOf(request),
    body: request.body as ReadableStream<Uint8Array> | null,
  };
}
