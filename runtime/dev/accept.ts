// A listening port that takes HTTP/1.1 and HTTP/2: by ALPN behind TLS, else by the first bytes of a
// connection (prior knowledge, RFC 9113, section 3.3).

import * as http from "node:http";
import * as http2 from "node:http2";
import * as net from "node:net";
import type { TLSSocket } from "node:tls";

import type { GatewayPort } from "../../compiler/ir.ts";
import { headLengthMax } from "../edge/connection/http1.ts";
import { PortInUse } from "./contract.ts";
import { askedOf1, askedOf2, replyOf1, replyOf2, type Asked, type Reply } from "./message.ts";
import { secure, type Security } from "./secure.ts";

export interface Handlers {
  request(asked: Asked, reply: Reply, connection: Connection): void;
  upgrade(
    request: http.IncomingMessage, socket: net.Socket, head: Buffer, connection: Connection): void;
}

export interface Connection {
  readonly isSecure: boolean;
  isMisdirected(host: string): boolean;
}

export interface Acceptor {
  readonly port: number;
  /** New connections are taken as the gateway port says from now on. */
  adopt(readied: Readied): void;
  /** Throws where a certificate cannot be used; changes nothing yet. */
  ready(gatewayPort: GatewayPort): Readied;
  close(graceMs: number): Promise<void>;
}

/** What `ready` made of a gateway port; absent: no TLS. */
export type Readied = Security | undefined;

/** Clients may keep their connections for as long as Envoy would let them, within reason. */
const keepAliveMs = 60_000;
const preface = "PRI * HTTP/2.0";

export async function openAcceptor(
  gatewayPort: GatewayPort,
  port: number,
  handlers: Handlers,
): Promise<Acceptor> {
  const live = new Map<net.Socket, { requests: number }>();
  const byPeer = new Map<string, net.Socket>();
  const sessions = new Set<http2.Http2Session>();
  let isClosing = false;
  const servers = openServers(handlers, {
    begin: (socket) => { (live.get(baseOf(socket)) ?? { requests: 0 }).requests += 1; },
    end: (socket) => {
      const base = baseOf(socket);
      const state = live.get(base);
      if (state === undefined) return;
      state.requests -= 1;
      if (isClosing && state.requests === 0) base.end();
    },
    isClosing: () => isClosing,
    sessions,
  });
  const ready = (wanted: GatewayPort): Readied => wanted.protocol === "HTTPS"
    ? secure(wanted, (socket) => {
      const base = byPeer.get(peerOf(socket));
      if (base === undefined) return void socket.destroy();
      bases.set(socket, base);
      socket.on("error", () => socket.destroy());
      servers.take(socket, socket.alpnProtocol === "h2");
    })
    : undefined;
  let security = ready(gatewayPort);
  const listener = net.createServer((socket) => {
    const peer = peerOf(socket);
    live.set(socket, { requests: 0 });
    byPeer.set(peer, socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => {
      live.delete(socket);
      if (byPeer.get(peer) === socket) byPeer.delete(peer);
    });
    securities.set(socket, security);
    if (security !== undefined) security.server.emit("connection", socket);
    else sniff(socket, (isHttp2) => servers.take(socket, isHttp2));
  });
  await listen(listener, port);
  const close = (graceMs: number): Promise<void> => {
    isClosing = true;
    for (const session of sessions) session.close();
    return closeWithin(listener, live, graceMs);
  };
  return {
    port: (listener.address() as net.AddressInfo).port,
    ready,
    adopt: (readied) => { security = readied; },
    close,
  };
}

type LiveSockets = ReadonlyMap<net.Socket, { readonly requests: number }>;

/** Idle connections at once, the others when they have answered or had their time. */
async function closeWithin(server: net.Server, live: LiveSockets, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const [socket, { requests }] of live) if (requests === 0) socket.destroy();
  const timer = setTimeout(() => live.forEach((_, socket) => socket.destroy()), graceMs);
  await closed;
  clearTimeout(timer);
}

async function listen(server: net.Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "EADDRINUSE" ? new PortInUse(port) : error);
    });
    server.listen(port, "127.0.0.1", resolve);
  });
}

/** By the connection's own socket: which certificates it was taken with. */
const securities = new WeakMap<net.Socket, Readied>();

/** By TLS socket: the one that was accepted. */
const bases = new WeakMap<net.Socket, net.Socket>();

function baseOf(socket: net.Socket): net.Socket {
  return bases.get(socket) ?? socket;
}

function peerOf({ remoteAddress, remotePort }: net.Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function connectionOf(socket: net.Socket): Connection {
  const security = securities.get(baseOf(socket));
  const name = (socket as TLSSocket & { readonly servername?: string | false }).servername;
  return {
    isSecure: security !== undefined,
    isMisdirected: (host) => security?.isMisdirected(name || undefined, host) === true,
  };
}

/** Reads as much of a connection as tells the two protocols apart, and puts it back. */
function sniff(socket: net.Socket, decide: (isHttp2: boolean) => void): void {
  let bytes = Buffer.alloc(0);
  const take = (part: Buffer): void => {
    bytes = Buffer.concat([bytes, part]);
    const text = bytes.toString("latin1", 0, preface.length);
    if (text.length < preface.length && preface.startsWith(text)) return;
    socket.off("data", take);
    socket.pause();
    socket.unshift(bytes);
    decide(text === preface);
    process.nextTick(() => socket.resume());
  };
  socket.on("data", take);
}

interface Watch {
  begin(socket: net.Socket): void;
  end(socket: net.Socket): void;
  isClosing(): boolean;
  readonly sessions: Set<http2.Http2Session>;
}

interface Servers {
  take(socket: net.Socket, isHttp2: boolean): void;
}

function openServers(handlers: Handlers, watch: Watch): Servers {
  const first = http.createServer({
    requestTimeout: 0,
    keepAliveTimeout: keepAliveMs,
    maxHeaderSize: headLengthMax,
    // Other upgrades are declined by answering the request as it is (RFC 9110, section 7.8).
    shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === "websocket",
  });
  first.on("request", (request, response) => {
    const { socket } = request;
    if (watch.isClosing()) response.shouldKeepAlive = false;
    watch.begin(socket);
    response.once("close", () => watch.end(socket));
    handlers.request(askedOf1(request), replyOf1(response), connectionOf(socket));
  });
  first.on("upgrade", (request, socket: net.Socket, head) => {
    watch.begin(socket);
    handlers.upgrade(request, socket, head, connectionOf(socket));
  });
  const second = http2.createServer({ maxHeaderListPairs: 2 * 100 });
  second.on("sessionError", () => undefined);
  second.on("session", (session) => {
    watch.sessions.add(session);
    session.once("close", () => watch.sessions.delete(session));
    session.on("error", () => undefined);
  });
  second.on("stream", (stream, _headers, flags, raw) => {
    stream.on("error", () => undefined);
    const socket = stream.session && sockets.get(stream.session);
    if (socket === undefined) return stream.close();
    watch.begin(socket);
    stream.once("close", () => watch.end(socket));
    const isEnded = (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    handlers.request(askedOf2(stream, raw, isEnded), replyOf2(stream), connectionOf(socket));
  });
  const sockets = new WeakMap<object, net.Socket>();
  const take = (socket: net.Socket, isHttp2: boolean): void => {
    if (!isHttp2) {
      first.emit("connection", socket);
      return;
    }
    second.once("session", (session) => sockets.set(session, socket));
    second.emit("connection", socket);
  };
  return { take };
}
