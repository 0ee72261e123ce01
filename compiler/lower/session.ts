// Session persistence of a rule.

import { createHash } from "node:crypto";
import type { RouteRef, Session } from "../ir.ts";
import { durationMs } from "../policy/durations.ts";
import type { SessionPersistence } from "../resources.ts";

/**
 * "If not specified, a unique cookie name SHOULD be generated." It has to be the same after every
 * build, or a deployment would end all sessions; a named rule keeps it wherever it moves.
 */
function defaultName(
  { kind, namespace, name }: RouteRef, ruleIndex: number, ruleName: string | undefined,
): string {
  const text = [kind, namespace, name, ruleName ?? ruleIndex].join("/");
  return `fairlead-${createHash("sha256").update(text).digest("hex").slice(0, 12)}`;
}

export function sessionOf(
  asked: SessionPersistence, route: RouteRef, ruleIndex: number, ruleName: string | undefined,
): Session {
  const { type, cookie, header } = asked;
  const limit = durationMs(asked.absoluteTimeout ?? "");
  const absolute = limit === undefined ? {} : { absoluteTimeoutMs: limit };
  if (type === "Header") {
    const name = (header?.name ?? "").toLowerCase();
    return { kind: "header", name, path: "/", permanent: false, ...absolute };
  }
  return {
    kind: "cookie", name: cookie?.name || defaultName(route, ruleIndex, ruleName),
    path: cookie?.path || "/", permanent: cookie?.lifetimeType === "Permanent", ...absolute,
  };
}
