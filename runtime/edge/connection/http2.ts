// A backend that speaks HTTP/2 with prior knowledge (appProtocol kubernetes.io/h2c), over a socket:
// the platform's `fetch` has no HTTP/2 to origins. One request a connection, so there is one
// stream, and nothing to share. Trailers are dropped, as the platform would do behind us.

import {
  openEnded, openLine, type Address, type Dialed, type DialFailure, type DialOptions, type End,
  type Line, type Outgoing, type Reader,
} from "./dial.ts";
import { joined } from "./body.ts";
import { decodeHeaders, encodeHeaders, startHeaderTable } from "./hpack.ts";
import { headLengthMax, headLinesMax, type Header } from "./http1.ts";

const kinds = {
  data: 0, headers: 1, reset: 3, settings: 4, push: 5, ping: 6, goAway: 7, window: 8, more: 9,
} as const;
const endStream = 1;
const acknowledge = 1;
const endHeaders = 4;
const padded = 8;
const prioritised = 32;
const refusedStream = 7;
const initialWindow = 65_535;
/** What every peer takes (SETTINGS_MAX_FRAME_SIZE), and what we take. */
const frameLengthMax = 16_384;
const noBytes = new Uint8Array(0);

interface Stream {
  readonly line: Line;
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** How much the backend lets us send: on the connection, on the stream. */
  readonly windows: { connection: number; stream: number; initial: number };
  /** Wakes who waits for a window. */
  wake: () => void;
  isOver: boolean;
  /** The client's method: the answer to HEAD has no body. */
  readonly method: string;
  status: number;
  body: WritableStreamDefaultWriter<Uint8Array> | undefined;
  /** The parts of the body on their way to the client. */
  sending: Promise<void>;
}

export async function dialHttp2(
  address: Address,
  outgoing: Outgoing,
  options: DialOptions,
  signal: AbortSignal | undefined,
): Promise<Dialed> {
  const line = await openLine(address, options, signal);
  if (typeof line === "string") return { ok: false, failure: line };
  const stream: Stream = {
    line, method: outgoing.method, status: 0, isOver: false,
    body: undefined, sending: Promise.resolve(),
    write: (bytes) => line.writer.write(bytes),
    windows: { connection: initialWindow, stream: initialWindow, initial: initialWindow },
    wake: () => undefined,
  };
  void send(stream, outgoing).catch(() => undefined);
  const { head, done } = receive(stream, line.reader);
  const finish = (): void => {
    stream.isOver = true;
    stream.wake();
    line.close();
  };
  const answer = await head;
  if (typeof answer === "string") {
    finish();
    return { ok: false, failure: line.isAbandoned() ? "gone" : answer };
  }
  void done.then(finish);
  const drop = (): void => {
    line.abandon();
    finish();
  };
  return { ok: true, ...answer, done, drop };
}

function frame(kind: number, flags: number, stream: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(9 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length * 256 + kind);
  bytes[4] = flags;
  view.setUint32(5, stream);
  bytes.set(payload, 9);
  return bytes;
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

async function send(stream: Stream, outgoing: Outgoing): Promise<void> {
  const { method, target, host, lines, body } = outgoing;
  const block = encodeHeaders([
    [":method", method], [":scheme", "http"], [":authority", host], [":path", target],
    ...lines.map(([name, value]): Header => [name, value.replace(/[\0\r\n]+/g, " ")]),
  ]);
  const pieces = piecesOf(block);
  // SETTINGS_ENABLE_PUSH 0: nothing is asked for but the answer.
  const settings = Uint8Array.from([0, 2, 0, 0, 0, 0]);
  await stream.write(joined([
    new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    frame(kinds.settings, 0, 0, settings),
    ...pieces.map((piece, i) => frame(
      i === 0 ? kinds.headers : kinds.more,
      (i === 0 && body === null ? endStream : 0) | (i === pieces.length - 1 ? endHeaders : 0),
      1, piece)),
  ]));
  if (body === null) return;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      stream.line.abandon();
      throw cause;
    });
    if (done) return stream.write(frame(kinds.data, endStream, 1, noBytes));
    for (const piece of piecesOf(value)) await sendPiece(stream, piece);
  }
}

function piecesOf(bytes: Uint8Array): Uint8Array[] {
  const count = Math.max(1, Math.ceil(bytes.length / frameLengthMax));
  return Array.from({ length: count }, (_, i) =>
    bytes.subarray(i * frameLengthMax, (i + 1) * frameLengthMax));
}

async function sendPiece(stream: Stream, piece: Uint8Array): Promise<void> {
  const { windows } = stream;
  for (let at = 0; at < piece.length;) {
    const room = Math.min(windows.connection, windows.stream);
    if (room <= 0) {
      await new Promise<void>((resolve) => { stream.wake = resolve; });
      if (stream.isOver) throw new Error("nobody waits for the answer any more");
      continue;
    }
    const part = piece.subarray(at, at + room);
    at += part.length;
    windows.connection -= part.length;
    windows.stream -= part.length;
    await stream.write(frame(kinds.data, 0, 1, part));
  }
}

interface Head {
  readonly status: number;
  readonly headers: readonly Header[];
  readonly body: ReadableStream<Uint8Array> | null;
}

interface Received {
  readonly head: Promise<Head | DialFailure>;
  /** Resolves when the response is over, however it ended. */
  readonly done: Promise<End>;
}

function receive(stream: Stream, reader: Reader): Received {
  let tell: (answer: Head | DialFailure) => void = () => undefined;
  const head = new Promise<Head | DialFailure>((resolve) => { tell = resolve; });
  const done = readFrames(stream, reader, tell).then(async (failure): Promise<End> => {
    await stream.sending.catch(() => undefined);
    // Means something only where no head has come.
    tell(failure ?? "protocol");
    if (failure === undefined) await stream.body?.close().catch(() => undefined);
    else await stream.body?.abort(new Error(failure)).catch(() => undefined);
    return failure !== undefined && !stream.line.isAbandoned() ? "broken" : "over";
  });
  return { head, done };
}

/** To the end of the stream; undefined where that is a good one. */
async function readFrames(
  stream: Stream,
  reader: Reader,
  tell: (head: Head) => void,
): Promise<DialFailure | undefined> {
  const table = startHeaderTable();
  let bytes = noBytes as Uint8Array;
  let block: { readonly parts: Uint8Array[]; readonly isEnd: boolean } | undefined;
  for (;;) {
    while (bytes.length < 9 || bytes.length < 9 + lengthOf(bytes)) {
      if (bytes.length >= 9 && lengthOf(bytes) > frameLengthMax) return "protocol";
      const part = await reader.read().catch(() => undefined);
      if (part === undefined || part.done) return "reset";
      bytes = bytes.length === 0 ? part.value : joined([bytes, part.value]);
    }
    const [kind = 0, flags = 0] = bytes.subarray(3, 5);
    const isConnection = bytes.subarray(5, 9).every((byte) => byte === 0);
    const payload = bytes.slice(9, 9 + lengthOf(bytes));
    bytes = bytes.subarray(9 + lengthOf(bytes));
    if (kind === kinds.headers || kind === kinds.more) {
      const part = kind === kinds.headers ? withoutPadding(payload, flags) : payload;
      if (kind === kinds.headers) block = { parts: [], isEnd: (flags & endStream) !== 0 };
      block?.parts.push(part);
      const all = joined(block?.parts ?? []);
      if (block === undefined || all.length > headLengthMax) return "protocol";
      if ((flags & endHeaders) === 0) continue;
      const fields = decodeHeaders(table, all);
      if (fields === undefined) return "protocol";
      const isOver = takeHead(stream, fields, block.isEnd, tell);
      if (isOver === "protocol") return "protocol";
      if (isOver) return undefined;
      block = undefined;
      continue;
    }
    const over = takeFrame(stream, kind, flags, isConnection, payload);
    if (over !== undefined) return over === "end" ? undefined : over;
  }
}

function lengthOf(bytes: Uint8Array): number {
  return (bytes[0] ?? 0) * 65536 + (bytes[1] ?? 0) * 256 + (bytes[2] ?? 0);
}

function withoutPadding(payload: Uint8Array, flags: number): Uint8Array {
  const padding = (flags & padded) === 0 ? 0 : payload[0] ?? 0;
  const start = ((flags & padded) === 0 ? 0 : 1) + ((flags & prioritised) === 0 ? 0 : 5);
  return payload.subarray(start, Math.max(start, payload.length - padding));
}

/** Whether the stream is over with it. */
function takeHead(
  stream: Stream,
  fields: readonly Header[],
  isEnd: boolean,
  tell: (head: Head) => void,
): boolean | "protocol" {
  // Trailers.
  if (stream.status > 0) return isEnd ? true : "protocol";
  const status = fields.find(([name]) => name === ":status")?.[1] ?? "";
  if (!/^[1-5][0-9]{2}$/.test(status) || fields.length > headLinesMax) return "protocol";
  if (status.startsWith("1")) return false;
  stream.status = Number(status);
  const headers = fields.filter(([name]) => !name.startsWith(":"));
  const hasNone = isEnd || stream.method === "HEAD" || [204, 205, 304].includes(stream.status);
  if (hasNone) {
    tell({ status: stream.status, headers, body: null });
    return isEnd;
  }
  const length = headers.find(([name]) => name === "content-length")?.[1];
  const { readable, writable } = length !== undefined && /^[0-9]{1,15}$/.test(length)
    ? new FixedLengthStream(Number(length))
    : new IdentityTransformStream();
  if (length === undefined) openEnded.add(readable);
  stream.body = writable.getWriter();
  tell({ status: stream.status, headers, body: readable });
  return false;
}

/** Anything but headers. */
function takeFrame(
  stream: Stream,
  kind: number,
  flags: number,
  isConnection: boolean,
  payload: Uint8Array,
): DialFailure | "end" | undefined {
  const { windows, write } = stream;
  const view = new DataView(payload.buffer);
  const reply = (bytes: Uint8Array): void => void write(bytes).catch(() => undefined);
  if (kind === kinds.data) {
    const part = withoutPadding(payload, flags & padded);
    // The backend may send as much again once this has gone on: what waits here is bounded.
    stream.sending = stream.sending.then(async () => {
      if (part.length > 0) await stream.body?.write(part);
      if (payload.length === 0) return;
      const grown = word(payload.length);
      reply(joined([frame(kinds.window, 0, 0, grown), frame(kinds.window, 0, 1, grown)]));
    });
    stream.sending.catch(() => stream.line.abandon());
    return (flags & endStream) === 0 ? undefined : "end";
  }
  if (kind === kinds.reset) {
    const isRefused = payload.length >= 4 && view.getUint32(0) === refusedStream;
    return isRefused ? "refused" : "reset";
  }
  if (kind === kinds.goAway) {
    return payload.length >= 4 && view.getUint32(0) === 0 ? "refused" : undefined;
  }
  if (kind === kinds.window && payload.length === 4) {
    windows[isConnection ? "connection" : "stream"] += view.getUint32(0) & 0x7fffffff;
    stream.wake();
  }
  if (kind === kinds.push) return "protocol";
  if (kind === kinds.ping && (flags & acknowledge) === 0) {
    reply(frame(kinds.ping, acknowledge, 0, payload));
  }
  if (kind === kinds.settings && (flags & acknowledge) === 0) {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      // SETTINGS_INITIAL_WINDOW_SIZE changes the stream's window by the difference.
      if (view.getUint16(at) !== 4) continue;
      windows.stream += view.getUint32(at + 2) - windows.initial;
      windows.initial = view.getUint32(at + 2);
    }
    reply(frame(kinds.settings, acknowledge, 0, noBytes));
    stream.wake();
  }
  return undefined;
}
