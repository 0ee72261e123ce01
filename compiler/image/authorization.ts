// How a registry's challenge is met (RFC 9110, section 11; distribution specification, "Token
// Authentication"). The answer is the value of an Authorization header.

import type { Dispatcher } from "undici";

import type { Credentials } from "./credentials.ts";
import { RegistryError } from "./registry-error.ts";

export interface Challenge {
  readonly scheme: "basic" | "bearer";
  readonly parameters: Readonly<Record<string, string>>;
}

/** The first challenge that we can meet. */
export function readChallenge(
  header: string | readonly string[] | undefined,
): Challenge | undefined {
  for (const text of [header ?? []].flat()) {
    const [, scheme = "", rest = ""] = /^\s*(basic|bearer)\b(.*)$/is.exec(text) ?? [];
    if (scheme === "") continue;
    const pairs = [...rest.matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g)]
      .map(([, name = "", quoted, bare]) =>
        [name.toLowerCase(), quoted?.replace(/\\(.)/g, "$1") ?? bare ?? ""]);
    const kind = scheme.toLowerCase() === "basic" ? "basic" : "bearer";
    return { scheme: kind, parameters: Object.fromEntries(pairs) };
  }
  return undefined;
}

export interface TokenRequest {
  readonly registry: string;
  /** A registry in plain text may name a token service in plain text; no other may. */
  readonly isPlainText: boolean;
  readonly repository: string;
  readonly credentials?: Credentials | undefined;
}

export async function authorize(
  challenge: Challenge, request: TokenRequest, dispatcher: Dispatcher,
): Promise<string> {
  const { registry, credentials } = request;
  if (challenge.scheme === "bearer") return bearer(challenge, request, dispatcher);
  if (credentials?.kind !== "password") {
    throw new RegistryError(`${registry} asks for a user name and a password`, loginHint(registry));
  }
  return basic(credentials);
}

export function loginHint(registry: string): string {
  return `log in first, with \`docker login ${registry}\` or a config.json that \`DOCKER_CONFIG\``
    + " leads to";
}

function basic({ username, password }: Extract<Credentials, { kind: "password" }>): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

async function bearer(
  { parameters }: Challenge, request: TokenRequest, dispatcher: Dispatcher,
): Promise<string> {
  const { registry, repository, credentials } = request;
  const { realm = "", service } = parameters;
  const url = URL.canParse(realm) ? new URL(realm) : undefined;
  const isAllowed = url?.protocol === "https:"
    || (url?.protocol === "http:" && request.isPlainText);
  if (!url || !isAllowed) {
    throw new RegistryError(`${registry} names a token service that is no https address`);
  }
  const scope = parameters["scope"] ?? `repository:${repository}:pull,push`;
  const query = { scope, ...(service !== undefined && { service }) };
  const isRefresh = credentials?.kind === "token";
  if (!isRefresh) {
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  }
  const answer = await dispatcher.request({
    origin: url.origin,
    path: url.pathname + url.search,
    ...(isRefresh
      ? {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams({
          ...query, grant_type: "refresh_token", client_id: "fairlead",
          refresh_token: credentials.token,
        }).toString(),
      }
      : { method: "GET", headers: credentials ? { authorization: basic(credentials) } : {} }),
  });
  const text = await answer.body.text();
  if (answer.statusCode !== 200) {
    throw new RegistryError(
      `${url.host} gives no token for ${registry}: ${answer.statusCode}`, loginHint(registry));
  }
  const token = tokenIn(text);
  if (token === undefined) throw new RegistryError(`${url.host} answers without a token`);
  return `Bearer ${token}`;
}

function tokenIn(text: string): string | undefined {
  try {
    const { token, access_token } = JSON.parse(text) as Record<string, unknown>;
    return [token, access_token].find((value) => typeof value === "string" && value !== "") as
      string | undefined;
  } catch {
    return undefined;
  }
}
