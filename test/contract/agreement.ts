// Whether two runtimes gave the same answer. What may differ is listed here, with the reason, and
// in docs/conformance.md.

import { isSplit, sharesOf, showRequest, type Observation } from "./judge.ts";
import type { Exchange, Split } from "./scenario.ts";

type Lines = readonly (readonly [string, string])[];

/** Response fields that speak about one connection, the framing of one message, or the time. */
export const ownOfResponse: Readonly<Record<string, string>> = {
  "connection": "speaks about one connection (RFC 9110, section 7.6.1)",
  "keep-alive": "speaks about one connection",
  "transfer-encoding": "frames the message; which framing is chosen is each server's own",
  "content-length": "frames the message, as above",
  "date": "the time of the answer",
};

/** Request fields that backends may see in one runtime only. */
export const ownOfRequest: Readonly<Record<string, string>> = {
  "connection": "speaks about one connection (RFC 9110, section 7.6.1)",
  "transfer-encoding": "frames the message; which framing is chosen is each client's own",
  "content-length": "frames the message, as above",
  "x-echo-id": "the suite's own: tells the exchanges apart",
};

/** Fields of which only the form may differ, and what is held against each other instead. */
export const formsOfRequest: Readonly<Record<string, string>> = {
  "any repeated field": "the edge platform joins the lines of a field by a comma, which means the "
    + "same (RFC 9110, section 5.3); they are compared joined",
  "x-forwarded-for": "its last entry is the client's address, for which Envoy puts the machine's "
    + "own where the client is on loopback; what stands before is compared",
  "x-envoy-*": "Envoy takes its own fields away from what clients send, at the edge they are "
    + "fields like any other; they are not compared",
};

/** A line for each name, sorted; the values of one name joined in their order. */
function normal(lines: Lines | undefined, own: Readonly<Record<string, string>>): string {
  const values = new Map<string, string>();
  for (const [name, value] of lines ?? []) {
    if (name in own || name.startsWith("x-envoy-")) continue;
    const before = values.get(name);
    values.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  const client = values.get("x-forwarded-for");
  if (client !== undefined) values.set("x-forwarded-for", client.replace(/[^,]*$/, "(client)"));
  return [...values].map(([name, value]) => `${name}: ${value}`).sort().join("\n");
}

function parts(seen: Observation): Readonly<Record<string, unknown>> {
  const { upstream } = seen;
  return {
    "status": seen.status, "backend": seen.backend, "location": seen.location,
    "copies": seen.mirrored?.join(), "attempts": seen.attempts,
    "gRPC status": seen.grpcStatus, "certificate": seen.certificate,
    "response headers": normal(seen.headers, ownOfResponse),
    "the backend's method": upstream?.method,
    "the backend's path": upstream?.path,
    "the backend's host": upstream?.host,
    "the backend's headers": normal(upstream?.headers, ownOfRequest),
  };
}

export function differences(
  request: Exchange | Split, left: readonly Observation[], right: readonly Observation[],
): readonly string[] {
  const sorted = (seen: readonly Observation[]): string =>
    JSON.stringify(Object.entries(sharesOf(seen)).sort());
  // Which of the backends a session is tied to is the runtime's choice.
  if (isSplit(request) && request.session !== undefined) return [];
  if (isSplit(request)) {
    return sorted(left) === sorted(right) ? []
      : [`${showRequest(request)}: shares ${sorted(left)} and ${sorted(right)}`];
  }
  const none: Observation = { status: 0 };
  const [one, other] = [parts(left[0] ?? none), parts(right[0] ?? none)];
  return Object.keys(one).filter((key) => one[key] !== other[key]).map((key) =>
    `${showRequest(request)}: ${key} differ:\n${String(one[key])}\n--\n${String(other[key])}`);
}
