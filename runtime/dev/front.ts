// Plays the platform's front end for the worker: a listener for one gateway port that passes
// requests to workerd and says which gateway port they came in by. As Envoy and the platform do, it
// ends TLS, tells the client's address and scheme, frames bodies anew, and refuses what is no
// request or was meant for another listener.

import * as http from "node:http";
import type { Socket } from "node:net";
import { pipeline, type Readable } from "node:stream";

import type { GatewayPort } from "../../compiler/ir.ts";
import { responseHeadMax } from "../edge/connection/http1.ts";
import { devHeader } from "../edge/swap.ts";
import { openAcceptor, type Acceptor, type Connection } from "./accept.ts";
import { untilMark } from "./end-mark.ts";
import {
  askedOf1, framing, linesOf, valuesOf, type Asked, type Line, type Reply,
} from "./message.ts";

export interface FrontOptions {
  /** `namespace/name:port` */
  readonly name: string;
  readonly gatewayPort: GatewayPort;
  /** 0: the system chooses. */
  readonly port: number;
  readonly secret: string;
  readonly upstream: Upstream;
}

/** workerd's own socket, and the connections to it. */
export interface Upstream {
  readonly port: number;
  readonly agent: http.Agent;
}

/** `close` takes no new requests and resolves once those under way have ended, or after a time. */
export type Front = Acceptor;

/** workerd closes a connection that was idle for 5 s; ours must be gone before. */
const idleMs = 3_000;

export function openUpstream(port: number): Upstream {
  return { port, agent: new http.Agent({ keepAlive: true, timeout: idleMs }) };
}

export function openFront(options: FrontOptions): Promise<Front> {
  return openAcceptor(options.gatewayPort, options.port, {
    request: (asked, reply, connection) => answer(options, asked, reply, connection),
    upgrade: (request, socket, head, connection) =>
      passUpgrade(options, request, socket, head, connection),
  });
}

interface Target {
  readonly path: string;
  readonly host: string;
  readonly lines: readonly Line[];
}

/** What goes to the worker, or undefined where the request is none (400). */
function targetOf(
  options: FrontOptions,
  asked: Asked,
  { isSecure }: Connection,
): Target | undefined {
  let hosts = valuesOf(asked.lines, "host");
  let path = asked.target;
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(path);
  if (absolute !== null) {
    // RFC 9112, section 3.2.2: the target's authority counts, not the Host field.
    hosts = [absolute[1] ?? ""];
    path = absolute[2] ?? "";
    if (!path.startsWith("/")) path = `/${path}`;
  }
  const host = hosts[0] ?? "";
  // workerd would cut a target off where it cannot read on.
  const isTarget = path.startsWith("/") && /^[\x21-\x7e]*$/.test(path);
  if (hosts.length !== 1 || !isAuthority(host) || !isTarget) return undefined;
  const own: readonly Line[] = [
    ["host", host],
    ["x-forwarded-for", [...valuesOf(asked.lines, "x-forwarded-for"), asked.client].join(",")],
    ["x-forwarded-proto", isSecure ? "https" : "http"],
    [devHeader, `${options.secret} ${options.name} ${asked.client}`],
  ];
  const named = nominated(valuesOf(asked.lines, "connection"));
  const replaced = new Set(own.map(([name]) => name));
  const lines = asked.lines.filter(([name]) => {
    const lower = name.toLowerCase();
    return !framing.has(lower) && !replaced.has(lower) && !named.has(lower);
  });
  return { path, host, lines: [...own, ...lines] };
}

/** Registered names and addresses with an optional port (RFC 3986, section 3.2). */
function isAuthority(text: string): boolean {
  return /^(?:[A-Za-z0-9\-._~%!$&'()*+,;=]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?$/.test(text);
}

/** Fields that `connection` declares to be about this connection only. */
function nominated(values: readonly string[]): ReadonlySet<string> {
  const names = values.flatMap((v) => v.split(",")).map((s) => s.trim().toLowerCase());
  return new Set(names.filter((name) => name !== "host" && name !== "content-length"));
}

/** Tells workerd that nobody waits any more. A plain end of the connection it sees too late. */
function abandon(out: http.ClientRequest): void {
  out.socket?.resetAndDestroy();
  out.destroy();
}

function answer(
  options: FrontOptions,
  asked: Asked,
  reply: Reply,
  connection: Connection,
): void {
  const target = targetOf(options, asked, connection);
  if (target === undefined) reply.send(400, [], "");
  else if (connection.isMisdirected(target.host)) reply.send(421, [], "");
  else pass(options, asked, target, reply, true);
}

function pass(
  options: FrontOptions,
  asked: Asked,
  target: Target,
  reply: Reply,
  mayRetry: boolean,
): void {
  const { method, body, hasBody } = asked;
  const isChunked = hasBody && valuesOf(target.lines, "content-length").length === 0;
  const coding: readonly Line[] = isChunked ? [["transfer-encoding", "chunked"]] : [];
  const out = http.request({
    host: "127.0.0.1",
    port: options.upstream.port,
    // One that has been used may be closed by workerd as we write to it, for instance after it has
    // answered before it read a body. Without a body the request is then sent again; with one it
    // cannot be, and so it gets a connection of its own.
    agent: hasBody ? false : options.upstream.agent,
    method,
    path: target.path,
    headers: [...target.lines, ...coding].flat(),
    setHost: false,
    maxHeaderSize: 2 * responseHeadMax,
  });
  const gone = (): void => {
    if (!reply.isOver()) abandon(out);
  };
  reply.onClose(gone);
  // From here on the connection serves other requests.
  out.once("close", () => reply.offClose(gone));
  let isAnswered = false;
  out.once("response", (response) => {
    isAnswered = true;
    const { lines, content } = ofWorker(response, options);
    reply.send(response.statusCode ?? 502, lines, content);
  });
  // From its head on, whatever becomes of the answer is the pipeline's to see: a backend that
  // answered early may well have stopped reading the request.
  out.on("error", () => {
    if (isAnswered || !reply.isOpen()) return;
    isAnswered = true;
    reply.offClose(gone);
    // workerd closed an idle connection at the moment we used it: it has not seen the request.
    if (out.reusedSocket && mayRetry && !hasBody) {
      return pass(options, asked, target, reply, false);
    }
    reply.send(502, [["content-type", "text/plain"]], "the worker did not answer\n");
  });
  if (hasBody) pipeline(body, out, () => undefined);
  else out.end();
}

/** An answer without what is between the worker and its front alone. */
function ofWorker(
  answered: http.IncomingMessage, { secret }: FrontOptions,
): { readonly lines: readonly Line[]; readonly content: Readable } {
  const lines = linesOf(answered.rawHeaders).filter(([name]) =>
    !framing.has(name.toLowerCase()) && name.toLowerCase() !== devHeader);
  const isMarked = answered.headers[devHeader] === secret;
  const content = isMarked
    ? pipeline(answered, untilMark(Buffer.from(secret)), () => undefined) : answered;
  return { lines, content };
}

function passUpgrade(
  options: FrontOptions,
  request: http.IncomingMessage,
  socket: Socket,
  head: Buffer,
  connection: Connection,
): void {
  socket.on("error", () => socket.destroy());
  const target = targetOf(options, askedOf1(request), connection);
  const isMisdirected = target !== undefined && connection.isMisdirected(target.host);
  if (target === undefined || isMisdirected) {
    const status = isMisdirected ? "421 Misdirected Request" : "400 Bad Request";
    socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\n\r\n`);
    return;
  }
  const upgrade = ["connection", "upgrade", "upgrade", request.headers.upgrade ?? ""];
  const out = http.request({
    host: "127.0.0.1",
    port: options.upstream.port,
    method: request.method,
    path: target.path,
    headers: [...target.lines.flat(), ...upgrade],
    setHost: false,
  });
  socket.once("close", () => abandon(out));
  out.once("upgrade", (answered, peer, peerHead) => {
    socket.write(headOf(answered, linesOf(answered.rawHeaders)));
    socket.write(peerHead);
    peer.write(head);
    pipeline(peer, socket, peer, () => undefined);
  });
  out.once("response", (answered) => {
    const { lines, content } = ofWorker(answered, options);
    socket.write(headOf(answered, [...lines, ["connection", "close"]]));
    pipeline(content, socket, () => undefined);
  });
  out.on("error", () => socket.end("HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\n\r\n"));
  out.end();
}

function headOf(answered: http.IncomingMessage, all: readonly Line[]): string {
  const lines = all.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return `HTTP/1.1 ${answered.statusCode} ${answered.statusMessage}\r\n${lines}\r\n`;
}
