// Plays the platform's front end for the worker: a listener for one gateway port that passes
// requests to workerd and says which gateway port they came in by. As Envoy and the platform do, it
// tells the client's address and scheme, frames bodies anew, and refuses what is no request.

import * as http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { pipeline } from "node:stream";

import { headLengthMax } from "../edge/http1.ts";
import { devHeader } from "../edge/swap.ts";
import { PortInUse } from "./contract.ts";

export interface FrontOptions {
  /** `namespace/name:port` */
  readonly name: string;
  readonly scheme: "http" | "https";
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

export interface Front {
  readonly port: number;
  /** Takes no new requests and resolves once those under way have ended, or after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** workerd closes a connection that was idle for 5 s; ours must be gone before. */
const idleMs = 3_000;

/** Clients may keep their connections for as long as Envoy would let them, within reason. */
const keepAliveMs = 60_000;

export function openUpstream(port: number): Upstream {
  return { port, agent: new http.Agent({ keepAlive: true, timeout: idleMs }) };
}

export async function openFront(options: FrontOptions): Promise<Front> {
  // Certificates of an HTTPS listener will go in here (https.createServer with an SNICallback).
  const server = http.createServer({
    requestTimeout: 0,
    keepAliveTimeout: keepAliveMs,
    maxHeaderSize: headLengthMax,
    // Other upgrades are declined by answering the request as it is (RFC 9110, section 7.8).
    shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === "websocket",
  });
  const upgraded = new Set<Socket>();
  server.on("request", (request, response) => {
    if (!server.listening) response.shouldKeepAlive = false;
    pass(options, request, response, true);
  });
  server.on("upgrade", (request, socket: Socket, head) => {
    upgraded.add(socket);
    socket.once("close", () => upgraded.delete(socket));
    passUpgrade(options, request, socket, head);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "EADDRINUSE" ? new PortInUse(options.port) : error);
    });
    server.listen(options.port, "127.0.0.1", resolve);
  });
  const close = async (graceMs: number): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    const timer = setTimeout(() => {
      server.closeAllConnections();
      for (const socket of upgraded) socket.destroy();
    }, graceMs);
    await closed;
    clearTimeout(timer);
  };
  return { port: (server.address() as AddressInfo).port, close };
}

const framing: ReadonlySet<string> = new Set([
  "connection", "keep-alive", "proxy-connection", "transfer-encoding", "te", "trailer", "expect",
  "upgrade",
]);

interface Target {
  readonly path: string;
  /** Name, value, name, value, … as node:http takes them to keep lines apart. */
  readonly headers: string[];
}

/** What goes to the worker, or undefined where the request is none (400). */
function targetOf(options: FrontOptions, request: http.IncomingMessage): Target | undefined {
  let hosts = request.headersDistinct["host"] ?? [];
  let path = request.url ?? "";
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(path);
  if (absolute !== null) {
    // RFC 9112, section 3.2.2: the target's authority counts, not the Host field.
    hosts = [absolute[1] ?? ""];
    path = absolute[2] ?? "";
    if (!path.startsWith("/")) path = `/${path}`;
  }
  const host = hosts[0] ?? "";
  if (hosts.length !== 1 || !isAuthority(host) || !path.startsWith("/")) return undefined;
  const seen = request.headersDistinct["x-forwarded-for"] ?? [];
  const client = request.socket.remoteAddress ?? "unknown";
  const own: readonly string[] = [
    "host", host,
    "x-forwarded-for", [...seen, client].join(","),
    "x-forwarded-proto", options.scheme,
    devHeader, `${options.secret} ${options.name}`,
  ];
  const named = nominated(request.headersDistinct["connection"]);
  const replaced = new Set(own.filter((_, i) => i % 2 === 0));
  const headers = pairs(request.rawHeaders).filter(([name]) => {
    const lower = name.toLowerCase();
    return !framing.has(lower) && !replaced.has(lower) && !named.has(lower);
  });
  return { path, headers: [...own, ...headers.flat()] };
}

/** Registered names and addresses with an optional port (RFC 3986, section 3.2). */
function isAuthority(text: string): boolean {
  return /^(?:[A-Za-z0-9\-._~%!$&'()*+,;=]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?$/.test(text);
}

/** Fields that `connection` declares to be about this connection only. */
function nominated(values: readonly string[] | undefined): ReadonlySet<string> {
  const names = (values ?? []).flatMap((v) => v.split(",")).map((s) => s.trim().toLowerCase());
  return new Set(names.filter((name) => name !== "host" && name !== "content-length"));
}

function pairs(raw: readonly string[]): [string, string][] {
  const result: [string, string][] = [];
  for (let i = 0; i < raw.length; i += 2) result.push([raw[i] ?? "", raw[i + 1] ?? ""]);
  return result;
}

/** Tells workerd that nobody waits any more. A plain end of the connection it sees too late. */
function abandon(out: http.ClientRequest): void {
  out.socket?.resetAndDestroy();
  out.destroy();
}

function hasBody(request: http.IncomingMessage): boolean {
  const { "content-length": length, "transfer-encoding": coding } = request.headers;
  return coding !== undefined || (length !== undefined && length !== "0");
}

function pass(
  options: FrontOptions,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  mayRetry: boolean,
): void {
  const target = targetOf(options, request);
  if (target === undefined) {
    response.writeHead(400, { connection: "close" }).end();
    return;
  }
  const body = hasBody(request);
  const chunked = body && request.headers["content-length"] === undefined;
  const out = http.request({
    host: "127.0.0.1",
    port: options.upstream.port,
    agent: options.upstream.agent,
    method: request.method,
    path: target.path,
    headers: chunked ? [...target.headers, "transfer-encoding", "chunked"] : target.headers,
    setHost: false,
    maxHeaderSize: 2 * headLengthMax,
  });
  const gone = (): void => {
    if (!response.writableFinished) abandon(out);
  };
  response.once("close", gone);
  // From here on the connection serves other requests.
  out.once("close", () => response.off("close", gone));
  let isAnswered = false;
  out.once("response", (answer) => {
    isAnswered = true;
    const headers = pairs(answer.rawHeaders).filter(([name]) => !framing.has(name.toLowerCase()));
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, headers.flat());
    pipeline(answer, response, () => undefined);
  });
  // From its head on, whatever becomes of the answer is the pipeline's to see: a backend that
  // answered early may well have stopped reading the request.
  out.on("error", () => {
    if (isAnswered || response.destroyed) return;
    isAnswered = true;
    response.off("close", gone);
    // workerd closed an idle connection at the moment we used it: it has not seen the request.
    if (out.reusedSocket && mayRetry && !body) return pass(options, request, response, false);
    response.writeHead(502, { "content-type": "text/plain" }).end("the worker did not answer\n");
  });
  if (body) pipeline(request, out, () => undefined);
  else out.end();
}

function passUpgrade(
  options: FrontOptions,
  request: http.IncomingMessage,
  socket: Socket,
  head: Buffer,
): void {
  socket.on("error", () => socket.destroy());
  const target = targetOf(options, request);
  if (target === undefined) {
    socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
    return;
  }
  const upgrade = ["connection", "upgrade", "upgrade", request.headers.upgrade ?? ""];
  const out = http.request({
    host: "127.0.0.1",
    port: options.upstream.port,
    method: request.method,
    path: target.path,
    headers: [...target.headers, ...upgrade],
    setHost: false,
  });
  socket.once("close", () => abandon(out));
  out.once("upgrade", (answer, peer, peerHead) => {
    socket.write(headOf(answer, answer.rawHeaders));
    socket.write(peerHead);
    peer.write(head);
    pipeline(peer, socket, peer, () => undefined);
  });
  out.once("response", (answer) => {
    const kept = pairs(answer.rawHeaders).filter(([name]) => !framing.has(name.toLowerCase()));
    socket.write(headOf(answer, [...kept.flat(), "connection", "close"]));
    pipeline(answer, socket, () => undefined);
  });
  out.on("error", () => socket.end("HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\n\r\n"));
  out.end();
}

function headOf(answer: http.IncomingMessage, raw: readonly string[]): string {
  const lines = pairs(raw).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return `HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\n${lines}\r\n`;
}
