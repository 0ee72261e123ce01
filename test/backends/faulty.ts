// An HTTP/1.1 backend that misbehaves as a test asks it to, and remembers what came: requests,
// connections, and what stood before the first request of a connection.

import { createServer as createHttpServer, type IncomingHttpHeaders, type IncomingMessage,
  type Server as HttpServer, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { TlsOptions, TLSSocket } from "node:tls";

/** What becomes of one request. */
export type Fault =
  | {
    readonly kind: "answer";
    /** 200 where it is left out. */
    readonly status?: number;
    readonly headers?: Readonly<Record<string, string>>;
    /** The backend's name where it is left out. */
    readonly body?: string;
    /** Milliseconds before the first byte. */
    readonly afterMs?: number;
    /** Closes the connection behind the answer and says so. */
    readonly last?: boolean;
  }
  /** The connection is reset before any byte of an answer. */
  | { readonly kind: "reset" }
  /** The connection is closed in good order before any byte of an answer. */
  | { readonly kind: "hangUp" }
  /** Half of the body that `content-length` promises, then a reset. */
  | { readonly kind: "resetMidBody" }
  /** A header `x-huge` of so many bytes. */
  | { readonly kind: "hugeHeader"; readonly bytes: number }
  /** No answer until `release` is called. */
  | { readonly kind: "hold" }
  /** These bytes instead of an answer, and the connection's end a moment later. */
  | { readonly kind: "bytes"; readonly text: string; readonly end: "close" | "reset" }
  /** What is no HTTP. */
  | { readonly kind: "garbage" };

export const ok: Fault = { kind: "answer" };

export function status(code: number): Fault {
  return { kind: "answer", status: code };
}

/** The fault of the n-th request to this backend, counted from 1; the last one repeats. */
export type Script = readonly [Fault, ...Fault[]] | ((request: number, url: string) => Fault);

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Which of the backend's connections it came by, counted from 1. */
  readonly connection: number;
  /** The PROXY protocol header that the connection began with, as Latin-1 text. */
  readonly proxyHeader?: string;
  /** The common name of the certificate that the client showed. */
  readonly clientName?: string;
  readonly serverName?: string;
}

export interface FaultyBackend {
  readonly name: string;
  readonly address: { readonly address: string; readonly port: number };
  /** Oldest first. */
  readonly requests: readonly SeenRequest[];
  /** Connections that were accepted, and how many are open now or ever were at one time. */
  readonly connections: { readonly accepted: number; readonly open: number; readonly most: number };
  /** How many requests wait for `release`. */
  readonly held: number;
  /** Takes effect from the next request on, whose number is 1 again. */
  play(script: Script): void;
  /** Answers the requests that are held, and holds no more. */
  release(): void;
  /** Forgets what came. Open connections stay, and keep their numbers. */
  forget(): void;
  /** Connections are refused from now on, open ones reset. */
  refuse(): Promise<void>;
  /** Listens on the same port again. */
  recover(): Promise<void>;
  close(): Promise<void>;
}

export interface FaultyOptions {
  /** `1` and `2`: each connection has to begin with a PROXY protocol header of that version. */
  readonly proxyProtocol?: 1 | 2;
  /** Serves HTTPS. With `requestCert` the client's name is remembered. */
  readonly tls?: TlsOptions;
}

interface State {
  script: Script;
  asked: number;
  accepted: number;
  /** Of the last connection. Unlike the count it never goes back. */
  id: number;
  most: number;
  requests: SeenRequest[];
  held: (() => void)[];
  readonly open: Set<Socket>;
  readonly known: WeakMap<object, { readonly id: number; proxyHeader?: string }>;
}

export async function startFaulty(
  name: string, script: Script = [ok], options: FaultyOptions = {},
): Promise<FaultyBackend> {
  const state: State = {
    script, asked: 0, accepted: 0, id: 0, most: 0, requests: [], held: [], open: new Set(),
    known: new WeakMap(),
  };
  const http = httpServer(name, state, options);
  const server = acceptor(http, state, options);
  await listen(server, 0);
  const { port } = server.address() as AddressInfo;
  const refuse = (): Promise<void> => new Promise((resolve) => {
    if (!server.listening) return resolve();
    state.held.splice(0);
    server.close(() => resolve());
    for (const socket of state.open) socket.resetAndDestroy();
    // Their own "close" may come after the server's.
    state.open.clear();
  });
  return {
    name,
    address: { address: "127.0.0.1", port },
    get requests() { return state.requests; },
    get connections() {
      return { accepted: state.accepted, open: state.open.size, most: state.most };
    },
    get held() { return state.held.length; },
    play(next) {
      state.script = next;
      state.asked = 0;
    },
    release() {
      state.script = [ok];
      for (const answer of state.held.splice(0)) answer();
    },
    forget() {
      state.requests = [];
      state.asked = 0;
      state.accepted = state.open.size;
      state.most = state.open.size;
    },
    refuse,
    recover: () => (server.listening ? Promise.resolve() : listen(server, port)),
    close: refuse,
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
}

// --- Connections ---------------------------------------------------------------------------------

/** Takes connections, counts them, and hands them to the HTTP server without a PROXY header. */
function acceptor(http: HttpServer, state: State, options: FaultyOptions): Server {
  const { proxyProtocol, tls } = options;
  return createServer((socket) => {
    state.accepted += 1;
    state.id += 1;
    state.open.add(socket);
    state.most = Math.max(state.most, state.open.size);
    const facts: { id: number; proxyHeader?: string } = { id: state.id };
    state.known.set(socket, facts);
    socket.on("close", () => state.open.delete(socket));
    // Whoever resets a connection makes the other end's writes fail.
    socket.on("error", () => socket.destroy());
    if (proxyProtocol === undefined) return void http.emit("connection", socket);
    readProxyHeader(socket, proxyProtocol, (header) => {
      facts.proxyHeader = header;
      http.emit("connection", socket);
      // TLS takes over the socket and what it has read; it must not read on by itself.
      if (!tls) socket.resume();
    });
  });
}

const signature2 = Buffer.from("0d0a0d0a000d0a515549540a", "hex");

/** Bytes of the header, once they are all there; undefined before. */
function proxyHeaderLength(read: Buffer, version: 1 | 2): number | undefined {
  if (version === 1) {
    const end = read.indexOf("\r\n");
    return end < 0 ? undefined : end + 2;
  }
  if (read.length < 16) return undefined;
  const length = 16 + read.readUInt16BE(14);
  return read.length < length ? undefined : length;
}

function isProxyHeader(header: Buffer, version: 1 | 2): boolean {
  return version === 1
    ? header.toString("latin1").startsWith("PROXY ") : header.indexOf(signature2) === 0;
}

function readProxyHeader(
  socket: Socket, version: 1 | 2, then: (header: string) => void,
): void {
  let read: Buffer = Buffer.alloc(0);
  const take = (chunk: Buffer): void => {
    read = Buffer.concat([read, chunk]);
    const length = proxyHeaderLength(read, version);
    if (length === undefined) return;
    socket.off("data", take);
    const header = read.subarray(0, length);
    if (!isProxyHeader(header, version)) return void socket.destroy();
    socket.pause();
    if (read.length > length) socket.unshift(read.subarray(length));
    then(header.toString("latin1"));
  };
  socket.on("data", take);
}

// --- Requests ------------------------------------------------------------------------------------

function httpServer(name: string, state: State, { tls }: FaultyOptions): HttpServer {
  const handle = (incoming: IncomingMessage, response: ServerResponse): void => {
    remember(incoming, state);
    state.asked += 1;
    const { script } = state;
    const fault = typeof script === "function" ? script(state.asked, incoming.url ?? "")
      : script[Math.min(state.asked, script.length) - 1] ?? ok;
    incoming.resume();
    carryOut(fault, name, response, state);
  };
  const server: HttpServer = tls ? createHttpsServer(tls, handle) : createHttpServer(handle);
  // Longer than any test: the backend hangs up only when it is told to.
  server.keepAliveTimeout = 60_000;
  if (tls) {
    // A TLS socket stands before the accepted one, whose number it takes over.
    server.on("secureConnection", (secured: TLSSocket & { _parent?: object }) => {
      const facts = secured._parent && state.known.get(secured._parent);
      if (facts) state.known.set(secured, facts);
      secured.on("error", () => secured.destroy());
    });
  }
  return server;
}

function remember({ method = "", url = "", headers, socket }: IncomingMessage, state: State): void {
  const secured = socket as Partial<TLSSocket>;
  const { id = 0, proxyHeader } = state.known.get(socket) ?? {};
  const clientName = secured.getPeerCertificate?.()?.subject?.CN;
  const { servername } = secured as { readonly servername?: string | false };
  state.requests.push({
    method, url, headers, connection: id,
    ...(proxyHeader !== undefined && { proxyHeader }),
    ...(clientName !== undefined && { clientName: String(clientName) }),
    ...(typeof servername === "string" && { serverName: servername }),
  });
}

function carryOut(fault: Fault, name: string, response: ServerResponse, state: State): void {
  const { socket } = response;
  switch (fault.kind) {
    case "answer": return answer(fault, name, response);
    case "reset": return void socket?.resetAndDestroy();
    case "hangUp": return void socket?.end();
    case "resetMidBody":
      response.writeHead(200, { "content-length": "2000" });
      // The reset must not overtake the bytes.
      response.write("x".repeat(1000), () => setTimeout(() => socket?.resetAndDestroy(), 50));
      return;
    case "hugeHeader":
      response.writeHead(200, { "x-huge": "h".repeat(fault.bytes) });
      return void response.end(name);
    case "hold":
      state.held.push(() => response.end(name));
      return;
    case "bytes":
      // The end must not overtake the bytes.
      socket?.write(fault.text, () => setTimeout(() => {
        if (fault.end === "reset") socket.resetAndDestroy();
        else socket.end();
      }, 50));
      return;
    case "garbage": return void socket?.end("no HTTP at all\r\n\r\n");
  }
}

function answer(
  fault: Fault & { readonly kind: "answer" }, name: string, response: ServerResponse,
): void {
  const { status: code = 200, headers = {}, body = name, afterMs = 0, last } = fault;
  const send = (): void => {
    response.writeHead(code, { ...headers, ...(last && { connection: "close" }) });
    response.end(body);
  };
  if (afterMs > 0) setTimeout(send, afterMs).unref();
  else send();
}
