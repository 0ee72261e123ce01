// Sends requests as they stand: HTTP/1.1 with and without TLS, and gRPC over HTTP/2.

import * as http from "node:http";
import * as http2 from "node:http2";
import * as https from "node:https";
import type { TLSSocket } from "node:tls";

import { emptyMessage } from "./echo.ts";
import type { Request } from "./scenario.ts";

export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
  readonly grpcStatus?: number;
  /** Its common name. */
  readonly certificate?: string;
}

const limitMs = 10_000;

export function send(address: string, request: Request, id: string): Promise<Answer> {
  const sent: Request = { ...request, headers: [...request.headers ?? [], ["x-echo-id", id]] };
  return request.protocol === "grpc" ? call(address, sent) : get(address, sent);
}

function get(address: string, request: Request): Promise<Answer> {
  const [hostname, port] = address.split(":");
  const { body, host, headers = [], sni } = request;
  const lines: readonly (readonly [string, string])[] = [
    ...(host === undefined ? [] : [["Host", host] as const]), ...headers,
    ...(body === undefined ? [] : [["content-length", String(body.length)] as const]),
  ];
  const options: https.RequestOptions = {
    hostname, port, agent: false, path: request.target, method: request.method ?? "GET",
    headers: lines.flat(), setHost: false, timeout: limitMs,
    ...(sni !== undefined && { servername: sni, rejectUnauthorized: false }),
  };
  return new Promise((resolve, reject) => {
    const out = (sni === undefined ? http : https).request(options, (response) => {
      const shown = sni === undefined ? undefined
        : (response.socket as TLSSocket).getPeerCertificate().subject?.CN;
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => resolve({
        status: response.statusCode ?? 0,
        headers: Object.entries(response.headersDistinct)
          .flatMap(([n, values = []]) => values.map((v) => [n, v] as const)),
        body: Buffer.concat(chunks).toString("utf8"),
        ...(typeof shown === "string" && { certificate: shown }),
      }));
    });
    out.on("timeout", () => out.destroy(new Error("no answer in time")));
    out.on("error", reject);
    out.end(body);
  });
}

function call(address: string, request: Request): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const session = http2.connect(`http://${address}`);
    const fail = (error: Error): void => {
      session.destroy();
      reject(error);
    };
    session.on("error", fail);
    session.setTimeout(limitMs, () => fail(new Error("no answer in time")));
    const stream = session.request({
      ":method": "POST", ":path": request.target, ":authority": request.host ?? address,
      "content-type": "application/grpc", "te": "trailers",
      ...Object.fromEntries(request.headers ?? []),
    });
    let answered: http2.IncomingHttpHeaders = {};
    let trailers: http2.IncomingHttpHeaders = {};
    stream.on("response", (headers) => { answered = headers; });
    stream.on("trailers", (headers) => { trailers = headers; });
    stream.on("error", fail);
    stream.on("end", () => {
      const status = trailers["grpc-status"] ?? answered["grpc-status"];
      session.destroy();
      resolve({
        status: Number(answered[":status"]), body: "",
        headers: Object.entries(answered).filter(([name]) => !name.startsWith(":"))
          .map(([name, value]) => [name, String(value)] as const),
        ...(status !== undefined && { grpcStatus: Number(status) }),
      });
    });
    stream.resume();
    stream.end(emptyMessage);
  });
}
