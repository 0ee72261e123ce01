// A client's request and the way to answer it, of HTTP/1.1 and HTTP/2 alike.

import type * as http from "node:http";
import type * as http2 from "node:http2";
import type { Socket } from "node:net";
import { pipeline, type Readable } from "node:stream";

export type Line = readonly [name: string, value: string];

export interface Asked {
  readonly method: string;
  /** The request target as the client wrote it. */
  readonly target: string;
  readonly lines: readonly Line[];
  readonly body: Readable;
  readonly hasBody: boolean;
  /** The client's address. */
  readonly client: string;
}

export interface Reply {
  isOver(): boolean;
  /** Whether a head can still be sent. */
  isOpen(): boolean;
  onClose(listener: () => void): void;
  offClose(listener: () => void): void;
  /** Lines without those about the connection. */
  send(status: number, lines: readonly Line[], body: string | Readable): void;
}

/** What speaks about one connection, or frames a message. */
export const framing: ReadonlySet<string> = new Set([
  "connection", "keep-alive", "proxy-connection", "transfer-encoding", "te", "trailer", "expect",
  "upgrade",
]);

export function linesOf(raw: readonly string[]): Line[] {
  const result: Line[] = [];
  for (let i = 0; i < raw.length; i += 2) result.push([raw[i] ?? "", raw[i + 1] ?? ""]);
  return result;
}

export function valuesOf(lines: readonly Line[], name: string): readonly string[] {
  return lines.filter(([n]) => n.toLowerCase() === name).map(([, value]) => value);
}

export function askedOf1(request: http.IncomingMessage): Asked {
  const { "content-length": length, "transfer-encoding": coding } = request.headers;
  return {
    method: request.method ?? "GET",
    target: request.url ?? "",
    lines: linesOf(request.rawHeaders),
    body: request,
    hasBody: coding !== undefined || (length !== undefined && length !== "0"),
    client: request.socket.remoteAddress ?? "unknown",
  };
}

export function replyOf1(response: http.ServerResponse): Reply {
  return {
    isOver: () => response.writableFinished,
    isOpen: () => !response.destroyed,
    onClose: (listener) => void response.once("close", listener),
    offClose: (listener) => void response.off("close", listener),
    send: (status, lines, body) => {
      response.writeHead(status, lines.flat());
      if (typeof body === "string") response.end(body);
      else pipeline(body, response, () => undefined);
    },
  };
}

/** `:authority` becomes `host`. */
export function askedOf2(
  stream: http2.ServerHttp2Stream,
  raw: readonly string[],
  isEnded: boolean,
): Asked {
  const all = linesOf(raw);
  const [authority] = valuesOf(all, ":authority");
  const lines = all.filter(([name]) =>
    !name.startsWith(":") && name !== "host" && name !== "cookie");
  const cookies = valuesOf(all, "cookie");
  const hosts = authority === undefined ? valuesOf(all, "host") : [authority];
  return {
    method: valuesOf(all, ":method")[0] ?? "GET",
    target: valuesOf(all, ":path")[0] ?? "",
    lines: [
      ...hosts.map((host): Line => ["host", host]), ...lines,
      // RFC 9113, section 8.2.3: HTTP/2 may split it, HTTP/1.1 may not.
      ...(cookies.length > 0 ? [["cookie", cookies.join("; ")] as const] : []),
    ],
    body: stream,
    hasBody: !isEnded,
    client: (stream.session?.socket as Socket | undefined)?.remoteAddress ?? "unknown",
  };
}

export function replyOf2(stream: http2.ServerHttp2Stream): Reply {
  return {
    isOver: () => stream.writableFinished,
    isOpen: () => !stream.destroyed,
    onClose: (listener) => void stream.once("close", listener),
    offClose: (listener) => void stream.off("close", listener),
    send: (status, lines, body) => {
      const headers: Record<string, string[]> = {};
      for (const [name, value] of lines) (headers[name.toLowerCase()] ??= []).push(value);
      const single = Object.entries(headers).map(([name, values]) =>
        [name, name === "set-cookie" ? values : values.join(", ")]);
      stream.respond({ ":status": status, ...Object.fromEntries(single) });
      if (typeof body === "string") stream.end(body);
      else pipeline(body, stream, () => undefined);
    },
  };
}
