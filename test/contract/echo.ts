// A backend that reports what it received. It runs here and not as a process of its own, so that a
// test can also ask it which copies came in. Request headers tell it how to answer:
//   x-echo-id       names the exchange in the log
//   x-echo-status   the status to answer with
//   x-echo-fail     so many requests with this id get 503, the further ones an answer
//   x-echo-delay    milliseconds to wait before it answers
//   x-echo-set      `name=value;name=value`: header lines of the response

import * as http from "node:http";
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
