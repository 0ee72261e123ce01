// Cross-origin requests, as HTTPCORSFilter has them and with the decisions of our Envoy target: an
// allowed origin is echoed, never answered by "*"; a wildcard answers with what was asked for; a
// preflight of a foreign origin gets a 204 that allows nothing; other requests are forwarded
// whatever their origin, since it is the browser that keeps the answer to itself.

import type { Cors } from "../../compiler/ir.ts";

/** The answer to a preflight; undefined where the request is none. */
export function preflight(cors: Cors, request: Request): Response | undefined {
  const origin = originOf(request);
  const method = request.headers.get("access-control-request-method");
  if (request.method !== "OPTIONS" || origin === undefined || method === null) return undefined;
  if (!isAllowed(cors, origin)) return new Response(null, { status: 204 });
  const headers = new Headers();
  allowOrigin(cors, origin, headers);
  const fields = request.headers.get("access-control-request-headers");
  const answers: readonly (readonly [string, string | null])[] = [
    ["access-control-allow-methods", asked(cors.allowMethods, method)],
    ["access-control-allow-headers", asked(cors.allowHeaders, fields)],
    ["access-control-max-age", String(cors.maxAgeSeconds)],
  ];
  for (const [name, value] of answers) if (value) headers.set(name, value);
  return new Response(null, { status: 200, headers });
}

/** What an actual request's answer needs so that a browser lets the page read it. */
export function expose(cors: Cors, request: Request, headers: Headers): void {
  const origin = originOf(request);
  if (origin !== undefined && isAllowed(cors, origin)) allowOrigin(cors, origin, headers);
}

function originOf(request: Request): string | undefined {
  return request.headers.get("origin") || undefined;
}

function allowOrigin({ allowCredentials, exposeHeaders }: Cors, origin: string, to: Headers): void {
  to.set("access-control-allow-origin", origin);
  if (allowCredentials) to.set("access-control-allow-credentials", "true");
  // To a browser that sends credentials "*" is a header's name.
  const exposed = allowCredentials ? exposeHeaders.filter((name) => name !== "*") : exposeHeaders;
  if (exposed.length > 0) to.set("access-control-expose-headers", list(exposed));
}

function list(values: readonly string[]): string {
  return values.includes("*") ? "*" : values.join(",");
}

function asked(allowed: readonly string[], wanted: string | null): string | null {
  return allowed.includes("*") ? wanted : allowed.join(",");
}

const defaultPorts: Readonly<Record<string, string>> = { http: "80", https: "443" };

/** `Origin` may leave out its scheme's port or not; `*` stands for any text of a hostname. */
export function isAllowed({ allowOrigins }: Cors, origin: string): boolean {
  const wanted = partsOf(origin);
  return allowOrigins.some((allowed) => {
    if (allowed === "*" || allowed.toLowerCase() === origin.toLowerCase()) return true;
    const parts = partsOf(allowed);
    if (parts === undefined || wanted === undefined) return false;
    return parts.scheme === wanted.scheme && parts.port === wanted.port
      && covers(parts.host, wanted.host);
  });
}

interface Origin {
  readonly scheme: string;
  readonly host: string;
  readonly port: string | undefined;
}

function partsOf(origin: string): Origin | undefined {
  const [, scheme = "", host = "", port] =
    /^([^:/]*):\/\/([^/:]+|\[[^\]/]*\])(?::(\d+))?$/.exec(origin.toLowerCase()) ?? [];
  return scheme === "" ? undefined : { scheme, host, port: port ?? defaultPorts[scheme] };
}

function covers(pattern: string, host: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return pattern === host;
  if (host.length < first.length + last.length || !host.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = host.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return host.endsWith(last) && host.length - last.length >= at;
}
