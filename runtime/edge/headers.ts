// Header lines of a forwarded request and of its answer.
//
// Both runtimes send backends the same headers. Beside the rule's edits a gateway changes only:
//   host               as the client sent it (dialling by `fetch` cannot: see dial.ts)
//   x-forwarded-for    the client's address appended; by the platform (in dev, by its front), as
//   x-forwarded-proto  the scheme the client used              Envoy's use_remote_address does it
//   x-request-id       a client's own stays; neither runtime makes one
//   hop-by-hop fields  removed in both directions (RFC 9110, section 7.6.1)
//   our own            (`internal`) removed in both directions: nothing a client sends can steer
// No x-envoy-* and no `server` of the gateway's own, in either direction.

import type { HeaderEdits } from "../../compiler/ir.ts";
import { internalHeaders } from "../../compiler/emit/envoy/names.ts";
import type { Header } from "./connection/http1.ts";
import { devHeader } from "./swap.ts";

export interface Edit {
  readonly kind: "set" | "add" | "remove";
  /** Lower case. */
  readonly name: string;
  readonly value: string;
}

/** Fields that speak about one connection, and those that frame a message. */
const hopByHop: ReadonlySet<string> = new Set([
  "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
  // The platform answers 100 (Continue) itself.
  "expect",
]);

/** Fields of our own that steer, here or in an Envoy behind us. */
const internal: ReadonlySet<string> = new Set([...internalHeaders, devHeader]);

/** What no edit can touch: the framing of the message and the place it goes to. */
function isFixed(name: string): boolean {
  return hopByHop.has(name) || name === "content-length" || name === "host";
}

/** Carries out a policy's edits of a response. */
export function editHeaders(headers: Headers, { set, add, remove }: HeaderEdits): void {
  for (const { name, value } of set) if (!isFixed(name)) headers.set(name, value);
  for (const { name, value } of add) if (!isFixed(name)) headers.append(name, value);
  for (const name of remove) if (!isFixed(name)) headers.delete(name);
}

/** Names are lower case. Without hop-by-hop fields, those named in `connection`, and our own. */
export function endToEnd(lines: Iterable<Header>): Header[] {
  const all = [...lines];
  const named = all.flatMap(([name, value]) => (name === "connection" ? namedIn(value) : []));
  return all.filter(([name]) => !isConnections(name) && !named.includes(name));
}

/**
 * The names of fields that a request must lose before `fetch` sends it on; names that are not there
 * may be among them. workerd sends none of the other hop-by-hop fields on. Asking for a few names
 * costs less than to look at all that are there.
 */
export function dropped(headers: Headers): readonly string[] {
  let names: string[] = none;
  for (const name of sentOn) {
    if (!headers.has(name)) continue;
    if (names === none) names = [];
    names.push(name);
    if (name === "connection") names.push(...namedIn(headers.get(name) ?? ""));
  }
  return names;
}

const none: string[] = [];

const sentOn: readonly string[] = ["connection", "proxy-connection", "expect", ...internal];

/** Whether a field speaks to us alone. */
function isConnections(name: string): boolean {
  return hopByHop.has(name) || internal.has(name);
}

function namedIn(connection: string): readonly string[] {
  return connection.toLowerCase().split(",").map((name) => name.trim())
    .filter((name) => token.test(name) && !isFixed(name));
}

/** RFC 9110, section 5.6.2: what can be a field's name at all. */
const token = /^[!#$%&'*+\-.^_`|~\w]+$/;

/** `set` replaces all lines of the name, `add` appends a line, `remove` takes all lines away. */
export function applyEdits(lines: Header[], edits: readonly Edit[]): Header[] {
  let result = lines;
  for (const { kind, name, value } of edits) {
    if (isFixed(name)) continue;
    if (kind !== "add") result = result.filter(([n]) => n !== name);
    if (kind !== "remove") result.push([name, value]);
  }
  return result;
}

/** As `applyEdits`, in place. */
export function editFields(headers: Headers, edits: readonly Edit[]): void {
  for (const { kind, name, value } of edits) {
    if (isFixed(name)) continue;
    if (kind === "set") headers.set(name, value);
    else if (kind === "add") headers.append(name, value);
    else headers.delete(name);
  }
}
