// Reaching an endpoint. Two ways, since the platform has two:
//
// - An address is dialled with a socket and HTTP/1.1 of our own (`dialSocket`), so that the
//   client's Host reaches the backend. Every request has its own connection: sockets cannot be
//   shared between requests on the platform.
// - A name is dialled by the global `fetch` (`dialFetch`), which alone reaches origins behind the
//   platform's own network. It cannot send another Host than the name; the client's is told in
//   x-forwarded-host instead.
//
// What a client sees when it fails, the same as from Envoy:
//
//   outcome           when                                                         status
//   connect           refused, unreachable, the name unknown                       503
//   connect-timeout   no connection within connectTimeoutMs                        503
//   refused           turned down before anything was done with it (HTTP/2)        503
//   reset             closed or reset before the response's head                   503
//   protocol          the head is no HTTP/1.1, ambiguous, or not whole, or too     502
//                     large (80 KiB, 100 lines), or an unasked-for change of protocol
//   (mid-body)        closed, reset or malformed after the head: the client's connection breaks
//                     off as well, so that it cannot take a part for the whole. Not so where the
//                     length was unknown: workerd ends such an answer as if it were whole.
//
// A WebSocket passes through `fetch`, or over a socket with frames of our own (websocket.ts).

import { connect, type Socket } from "cloudflare:sockets";

import {
  framingOf, headEnd, parseHead, responseHeadMax, startChunked, unchunk, type Framing, type Header,
  type ResponseHead,
} from "./http1.ts";

export interface Outgoing {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly host: string;
  /** Without `host`, hop-by-hop and framing fields, but with the client's `content-length`. */
  readonly lines: readonly Header[];
  readonly body: ReadableStream<Uint8Array> | null;
  /** The body is a stream made here, of which the platform does not know the length. */
  readonly isCopied?: boolean;
  /** The client asks for a WebSocket. */
  readonly isUpgrade: boolean;
  /** The client's address. */
  readonly client?: () => string | undefined;
}

/** `gone`: the caller gave it up, or the client broke off its body; no fault of the endpoint's. */
export type DialFailure =
  | "connect" | "connect-timeout" | "refused" | "reset" | "protocol" | "gone";

/** `broken`: the backend broke off within its response. */
export type End = "over" | "broken";

export type Dialed =
  | {
    readonly ok: true;
    readonly status: number;
    readonly headers: readonly Header[];
    readonly body: ReadableStream<Uint8Array> | Uint8Array | null;
    /** Resolves when the response is over, however it ended. Never rejects. */
    readonly done: Promise<End>;
    /** Gives the response up. */
    drop(): void;
    readonly webSocket?: WebSocket;
  }
  | { readonly ok: false; readonly failure: DialFailure };

export interface Address {
  readonly address: string;
  readonly port: number;
}

/** Istio's default, as in our Envoy target. */
export const connectTimeoutDefaultMs = 10_000;

const encoder = new TextEncoder();
const lineEnd = encoder.encode("\r\n");
const ended = Promise.resolve("over" as const);

export interface DialOptions {
  readonly connectTimeoutMs: number;
  /** Goes before everything else (proxy-protocol.ts). */
  readonly preamble?: Uint8Array;
  /** Called once the connection is made. */
  readonly opened?: () => void;
}

export type Reader = ReadableStreamDefaultReader<Uint8Array>;
export type Writer = WritableStreamDefaultWriter<Uint8Array>;

/** A connection that was made. */
export interface Line {
  readonly reader: Reader;
  readonly writer: Writer;
  close(): void;
  /** Closes it, and notes that this was ours to do. So does the signal it was opened with. */
  abandon(): void;
  isAbandoned(): boolean;
  /** The signal does not concern it any more. */
  detach(): void;
}

/**
 * Whoever opens a line closes it, so that nothing is lost by keeping it open for writing when the
 * other side has sent all it will. Closing it by itself makes workerd keep 7 KB of every socket for
 * as long as the isolate lives, whatever is done with it (seen with 2026-07-30).
 */
const socketOptions = { allowHalfOpen: true } as const;

export async function openLine(
  { address, port }: Address,
  { connectTimeoutMs, preamble, opened }: DialOptions,
  signal: AbortSignal | undefined,
): Promise<Line | DialFailure> {
  if (isAborted(signal)) return "gone";
  let socket: Socket;
  try {
    socket = connect({ hostname: address, port }, socketOptions);
  } catch {
    return "connect";
  }
  socket.closed.catch(() => undefined);
  const state = await openedWithin(socket, connectTimeoutMs, signal);
  if (state !== "open") {
    void socket.close().catch(() => undefined);
    return state;
  }
  opened?.();
  const writer = socket.writable.getWriter();
  if (preamble !== undefined) writer.write(preamble).catch(() => undefined);
  let isAbandoned = false;
  const detach = (): void => signal?.removeEventListener("abort", abandon);
  const close = (): void => {
    detach();
    void socket.close().catch(() => undefined);
  };
  const abandon = (): void => {
    isAbandoned = true;
    close();
  };
  signal?.addEventListener("abort", abandon);
  const reader = socket.readable.getReader();
  return { reader, writer, close, abandon, isAbandoned: () => isAbandoned, detach };
}

export async function dialSocket(
  address: Address,
  outgoing: Outgoing,
  options: DialOptions,
  signal: AbortSignal | undefined,
): Promise<Dialed> {
  const line = await openLine(address, options, signal);
  if (typeof line === "string") return { ok: false, failure: line };
  send(line.writer, outgoing).catch((error: unknown) => {
    // A backend may answer and stop reading; a client that broke off its body gets no answer.
    if (error instanceof BodyError) line.abandon();
  });
  return answered(line, await receive(line.reader, outgoing.method));
}

/** What was received, with its body under way. */
export function answered(line: Line, answer: Answer | DialFailure): Dialed {
  if (typeof answer === "string") {
    line.close();
    return { ok: false, failure: line.isAbandoned() ? "gone" : answer };
  }
  const { head: { status, headers }, framing, rest } = answer;
  const { body, done } = bodyOf(framing, rest, line);
  void done.then(line.close);
  return { ok: true, status, headers, body, done, drop: line.abandon };
}

async function openedWithin(
  socket: Socket,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<"open" | "connect" | "connect-timeout" | "gone"> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let abort = (): void => undefined;
  const gone = new Promise<"gone">((resolve) => { abort = () => resolve("gone"); });
  signal?.addEventListener("abort", abort);
  const late = new Promise<"connect-timeout">((resolve) => {
    timer = setTimeout(() => resolve("connect-timeout"), timeoutMs);
  });
  const opened = socket.opened.then(() => "open" as const, () => "connect" as const);
  const result = await Promise.race([opened, late, gone]);
  clearTimeout(timer);
  signal?.removeEventListener("abort", abort);
  return result;
}

class BodyError extends Error {}

/** The head of a request; `own` lines are the connection's, each with its line end. */
export function headOf({ method, target, host, lines }: Outgoing, own: string): Uint8Array {
  let head = `${method} ${target} HTTP/1.1\r\nhost: ${host}\r\n`;
  for (const [name, value] of lines) head += `${name}: ${value.replace(/[\0\r\n]+/g, " ")}\r\n`;
  return encoder.encode(`${head}${own}\r\n`);
}

async function send(
  writer: Writer,
  outgoing: Outgoing,
): Promise<void> {
  const { lines, body } = outgoing;
  const isChunked = body !== null && !lines.some(([name]) => name === "content-length");
  const coding = isChunked ? "transfer-encoding: chunked\r\n" : "";
  await writer.write(headOf(outgoing, `${coding}connection: close\r\n`));
  if (body === null) return;
  const reader = body.getReader();
  const read = (): ReturnType<typeof reader.read> => reader.read().catch((cause: unknown) => {
    throw new BodyError("the client broke off its request body", { cause });
  });
  for (let part = await read(); !part.done; part = await read()) {
    const { value } = part;
    if (!isChunked) await writer.write(value);
    else if (value.length > 0) await writer.write(chunkOf(value));
  }
  if (isChunked) await writer.write(encoder.encode("0\r\n\r\n"));
}

function chunkOf(bytes: Uint8Array): Uint8Array {
  return join([encoder.encode(`${bytes.length.toString(16)}\r\n`), bytes, lineEnd]);
}

export interface Answer {
  readonly head: ResponseHead;
  readonly framing: Framing;
  /** What arrived behind the head. */
  readonly rest: Uint8Array;
}

/** The head of the final response; interim ones (1xx) are passed over. */
export async function receive(
  reader: Reader,
  method: string,
  isUpgrade = false,
): Promise<Answer | "reset" | "protocol"> {
  let bytes: Uint8Array = new Uint8Array(0);
  let interimLength = 0;
  let searched = 0;
  for (;;) {
    const end = headEnd(bytes, searched);
    if (end >= 0) {
      const head = end <= responseHeadMax ? parseHead(bytes.subarray(0, end)) : undefined;
      if (head === undefined || (head.status === 101 && !isUpgrade)) return "protocol";
      const rest = bytes.subarray(end);
      if (head.status === 101) return { head, framing: { kind: "none" }, rest };
      if (head.status >= 200) {
        const framing = framingOf(head, method);
        return framing === undefined ? "protocol" : { head, framing, rest };
      }
      interimLength += end;
      bytes = rest;
      searched = 0;
      continue;
    }
    if (bytes.length + interimLength > responseHeadMax) return "protocol";
    searched = Math.max(0, bytes.length - 3);
    const part = await reader.read().catch(() => undefined);
    // A head that has begun and does not go on is one that cannot be read, as in Envoy.
    if (part === undefined || part.done) return bytes.length > 0 ? "protocol" : "reset";
    bytes = join([bytes, part.value]);
  }
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1 || parts[0]?.length === 0 && parts.length === 2) {
    return parts[parts.length - 1] ?? new Uint8Array(0);
  }
  const whole = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Bodies of answers that do not tell their length. */
export const openEnded = new WeakSet<object>();

interface Body {
  readonly body: ReadableStream<Uint8Array> | Uint8Array | null;
  readonly done: Promise<End>;
}

/** Takes wire bytes, gives body bytes; `isOver` tells the body's end. */
interface Unframe {
  take(bytes: Uint8Array): readonly Uint8Array[];
  isOver(): boolean;
  isBroken(): boolean;
  /** Whether the connection may end here. */
  mayEnd(): boolean;
}

function unframe(framing: Exclude<Framing, { readonly kind: "none" }>): Unframe {
  if (framing.kind === "chunked") {
    const chunked = startChunked();
    return {
      take: (bytes) => unchunk(chunked, bytes),
      isOver: () => chunked.state === "end",
      isBroken: () => chunked.state === "broken",
      mayEnd: () => false,
    };
  }
  let left = framing.kind === "length" ? framing.length : Infinity;
  return {
    take: (bytes) => {
      const part = bytes.length > left ? bytes.subarray(0, left) : bytes;
      left -= part.length;
      return part.length > 0 ? [part] : [];
    },
    isOver: () => left === 0,
    isBroken: () => false,
    mayEnd: () => left === Infinity,
  };
}

function bodyOf(framing: Framing, rest: Uint8Array, line: Line): Body {
  if (framing.kind === "none") return { body: null, done: ended };
  const wire = unframe(framing);
  const parts = wire.take(rest);
  // Most answers are small and arrive with their head: no stream is needed for them.
  if (wire.isOver()) return { body: parts.length === 0 ? null : join(parts), done: ended };
  const { readable, writable } = framing.kind === "length"
    ? new FixedLengthStream(framing.length)
    : new IdentityTransformStream();
  if (framing.kind !== "length") openEnded.add(readable);
  const writer = writable.getWriter();
  const done = pump(wire, parts, line.reader, writer)
    .then((): End => "over", async (error: unknown): Promise<End> => {
      await writer.abort(error).catch(() => undefined);
      return error instanceof BrokenOff && !line.isAbandoned() ? "broken" : "over";
    });
  return { body: readable, done };
}

/** It is the backend that did not go on, and not the client. */
class BrokenOff extends Error {}

async function pump(
  wire: Unframe,
  first: readonly Uint8Array[],
  reader: Reader,
  writer: Writer,
): Promise<void> {
  let parts = first;
  for (;;) {
    for (const part of parts) await writer.write(part);
    if (wire.isOver()) return writer.close();
    if (wire.isBroken()) throw new BrokenOff("the backend's chunked body is malformed");
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw new BrokenOff("the connection to the backend was lost", { cause });
    });
    if (done) {
      if (wire.mayEnd()) return writer.close();
      throw new BrokenOff("the backend closed the connection within its response");
    }
    parts = wire.take(value);
  }
}

/** Requests under way are not followed past the head here: the platform pools these connections. */
export async function dialFetch(
  { address, port }: Address,
  isSecure: boolean,
  { method, target, host, lines, body, isCopied, isUpgrade }: Outgoing,
  signal: AbortSignal | undefined,
): Promise<Response | DialFailure> {
  if (isAborted(signal)) return "gone";
  const headers = new Headers();
  for (const [name, value] of lines) headers.append(name, value);
  headers.set("x-forwarded-host", host);
  if (isUpgrade) headers.set("upgrade", "websocket");
  const url = `http${isSecure ? "s" : ""}://${address}:${port}${target}`;
  const sent = body && isCopied ? withLength(body, headers.get("content-length")) : body;
  const init = { method, headers, body: sent, signal, redirect: "manual", duplex: "half" } as const;
  try {
    return await fetch(url, init);
  } catch {
    return isAborted(signal) ? "gone" : "connect";
  }
}

/** `fetch` sends a stream of ours in chunks unless it knows the length. */
function withLength(
  body: ReadableStream<Uint8Array>,
  length: string | null,
): ReadableStream<Uint8Array> {
  if (length === null) return body;
  const { readable, writable } = new FixedLengthStream(Number(length));
  void body.pipeTo(writable).catch(() => undefined);
  return readable;
}

export function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}
