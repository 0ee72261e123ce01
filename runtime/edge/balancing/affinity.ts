// The key of a request by which consistent hashing chooses its endpoint, hashed as Envoy does it.
// It is read off the request as the backend gets it, after edits and rewrites.

import type { ConsistentHash } from "../../../compiler/ir.ts";
import { cookieOf, setCookie } from "../cookies.ts";
import type { Outgoing } from "../connection/dial.ts";
import { hashText, type Hash64 } from "./xxhash.ts";

export interface Affinity {
  /** Absent where the request has no key: chance decides. */
  readonly hash?: Hash64;
  /** A cookie that is given to a client without one, so that it comes back to its endpoint. */
  readonly setCookie?: string;
}

export type Asking = Pick<Outgoing, "lines" | "host" | "target" | "client">;

/** `fresh` makes the value of a new cookie. */
export function affinityOf(
  key: ConsistentHash["key"],
  asking: Asking,
  fresh: () => string,
): Affinity {
  if (key.kind === "cookie") return cookieAffinity(key, asking, fresh);
  if (key.kind === "header") return headerAffinity(key.name.toLowerCase(), asking);
  const text = key.kind === "sourceIp" ? asking.client?.() : queryText(key.name, asking.target);
  return text === undefined ? {} : { hash: hashText(text) };
}

/** Lines of one name are hashed in their order as text, each on top of those before. */
function headerAffinity(name: string, { lines, host }: Asking): Affinity {
  if (name === "host" || name === ":authority") return { hash: hashText(host) };
  const [first, ...others] = lines.filter(([own]) => own === name).map(([, value]) => value).sort();
  if (first === undefined) return {};
  return { hash: others.reduce((hash, value) => hashText(value, hash), hashText(first)) };
}

/** The first of that name, escapes as they are. */
function queryText(name: string, target: string): string | undefined {
  const query = target.split("#", 1)[0]?.split("?").slice(1).join("?") ?? "";
  for (const pair of query.split("&")) {
    const equals = pair.indexOf("=");
    const own = equals < 0 ? pair : pair.slice(0, equals);
    if (own === name) return equals < 0 ? "" : pair.slice(equals + 1);
  }
  return undefined;
}

function cookieAffinity(
  { name, path, ttlMs, attributes }: Extract<ConsistentHash["key"], { readonly kind: "cookie" }>,
  { lines }: Asking,
  fresh: () => string,
): Affinity {
  const header = lines.filter(([own]) => own === "cookie").map(([, value]) => value).join("; ");
  const value = cookieOf(header, name) ?? "";
  if (value !== "") return { hash: hashText(value) };
  if (ttlMs === undefined) return {};
  const made = fresh();
  const seconds = Math.floor(ttlMs / 1000);
  const scope = { path, attributes, ...(seconds > 0 && { maxAgeSeconds: seconds }) };
  return { hash: hashText(made), setCookie: setCookie(name, made, scope) };
}

/** 64 bits, as hexadecimal digits. */
export function freshCookie(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
