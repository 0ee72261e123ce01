// A backend that reports what it received. It runs here and not as a process of its own, so that a
// test can also ask it which copies came in. Request headers tell it how to answer:
//   x-echo-id       names the exchange in the log
//   x-echo-status   the status to answer with
//   x-echo-fail     so many requests with this id get 503, the further ones an answer
//   x-echo-delay    milliseconds to wait before it answers
//   x-echo-set      `name=value;name=value`: header lines of the response

import * as http from "node:http";
import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";

export interface Seen {
  readonly backend: string;
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly host: string;
  /** Names in lower case, in the order received, without `host`. */
  readonly headers: readonly (readonly [string, string])[];
}

export interface Echo {
  readonly name: string;
  readonly port: number;
  /** Of one exchange, oldest first. */
  seen(id: string): readonly Seen[];
  close(): Promise<void>;
}

function headersOf(raw: readonly string[]): readonly (readonly [string, string])[] {
  const lines: (readonly [string, string])[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] ?? "").toLowerCase();
    if (name !== "host") lines.push([name, raw[i + 1] ?? ""]);
  }
  return lines;
}

export async function startEcho(name: string): Promise<Echo> {
  const log = new Map<string, Seen[]>();
  const server = http.createServer((request, response) => {
    const told = (field: string): string => String(request.headers[`x-echo-${field}`] ?? "");
    const id = told("id");
    const seen: Seen = {
      backend: name, id, method: request.method ?? "", path: request.url ?? "",
      host: request.headers.host ?? "", headers: headersOf(request.rawHeaders),
    };
    const before = log.get(id) ?? [];
    log.set(id, [...before, seen]);
    request.resume();
    const answer = (): void => {
      const failing = before.length < Number(told("fail"));
      response.statusCode = failing ? 503 : Number(told("status") || 200);
      for (const line of told("set").split(";").filter(Boolean)) {
        const [field = "", value = ""] = line.split("=", 2);
        response.appendHeader(field, value);
      }
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(seen));
    };
    const delay = Number(told("delay"));
    if (delay > 0) setTimeout(answer, delay).unref();
    else answer();
  });
  // Longer than any test: none of them is about a backend that hangs up.
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    name,
    port: (server.address() as AddressInfo).port,
    seen: (id) => log.get(id) ?? [],
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

/** The one message of every call: a length-prefixed message of no bytes. */
export const emptyMessage = Buffer.alloc(5);

/** A gRPC server for every service and method. It answers with its name in `x-echo-backend`. */
export async function startGrpcEcho(name: string): Promise<Echo> {
  const log = new Map<string, Seen[]>();
  const sessions = new Set<http2.ServerHttp2Session>();
  const server = http2.createServer();
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  server.on("stream", (stream, headers) => {
    const lines = Object.entries(headers).filter(([field]) => !field.startsWith(":"))
      .map(([field, value]) => [field, String(value)] as const);
    const id = String(headers["x-echo-id"] ?? "");
    const seen: Seen = {
      backend: name, id, method: String(headers[":method"]), path: String(headers[":path"]),
      host: String(headers[":authority"] ?? headers["host"]), headers: lines,
    };
    log.set(id, [...log.get(id) ?? [], seen]);
    stream.on("error", () => stream.destroy());
    stream.resume();
    stream.respond({ ":status": 200, "content-type": "application/grpc", "x-echo-backend": name }, {
      waitForTrailers: true,
    });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(emptyMessage);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    name,
    port: (server.address() as AddressInfo).port,
    seen: (id) => log.get(id) ?? [],
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      for (const session of sessions) session.destroy();
    }),
  };
}
