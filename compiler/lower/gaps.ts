// What a route asks for that no target carries out. Nothing is left out without a word: where
// leaving it out would send a request to the wrong place it is an error, else a warning. What only
// one target lacks, that target's emitter says.

import type { ValuePath } from "../manifest.ts";
import type { Report } from "../resolve/report.ts";
import type { RouteFilter } from "../resources.ts";
import { ruleFilter, type Filters, type RouteRule } from "./filters.ts";
import { pinAnnotation } from "./pin.ts";
import { writtenRules, type RequestRoute } from "./rules.ts";

interface Gap {
  readonly code: "FL0401" | "FL0402" | "FL0210";
  readonly title: string;
  readonly effect: string;
  readonly help?: string;
}

/** Filters that a redirect knows nothing of: it is answered at once. */
const notBesideRedirect: ReadonlySet<string> = new Set([
  "ResponseHeaderModifier", "RequestMirror", "CORS",
]);

/** Absent: carried out. */
function ruleGap({ type, extensionRef }: RouteFilter, redirects: boolean): Gap | undefined {
  if (type === "ExtensionRef") {
    const name = extensionRef ? `${extensionRef.group}/${extensionRef.kind}` : type;
    return { code: "FL0210", title: `filter \`${name}\` is not known`,
      effect: "requests that match the rule get 500" };
  }
  if (type === "ExternalAuth") {
    return { code: "FL0402", title: "filter `ExternalAuth` is not supported",
      effect: "the route is not accepted" };
  }
  if (redirects && notBesideRedirect.has(type)) {
    return { code: "FL0401", title: `filter \`${type}\` is not carried out beside a redirect`,
      effect: "the redirect is answered without it" };
  }
  return undefined;
}

function backendGap(filter: RouteFilter, rule: RouteRule): Gap | undefined {
  const { type } = filter;
  if (type !== "CORS" && type !== "RequestRedirect") {
    const gap = ruleGap(filter, false);
    return gap?.code === "FL0210"
      ? { ...gap, effect: "requests for this backend get 500" } : gap;
  }
  if (ruleFilter(rule, type)) return undefined;
  return {
    code: "FL0402", title: `filter \`${type}\` is not carried out on one backendRef of several`,
    effect: type === "CORS" ? "preflight requests go to the backend"
      : "requests for this backend get 500",
    help: "put it on the rule, or alike on each of its backendRefs",
  };
}

function say(
  route: RequestRoute, filters: Filters, path: ValuePath,
  gapOf: (filter: RouteFilter) => Gap | undefined, report: Report,
): void {
  (filters ?? []).forEach((filter, index) => {
    const gap = gapOf(filter);
    if (gap) report.say(route.resource, [...path, "filters", index, "type"], gap);
  });
}

/** Backends with filters of their own are chosen by the split before a session is looked at. */
function saySplitSession(
  route: RequestRoute, rule: RouteRule, path: ValuePath, report: Report,
): void {
  const backends = (rule.backendRefs ?? []).filter((ref) => ref.weight > 0);
  if (!rule.sessionPersistence || backends.length < 2) return;
  if (backends.every((ref) => (ref.filters ?? []).length === 0)) return;
  if (route.resource.metadata.annotations?.[pinAnnotation] !== undefined) return;
  report.say(route.resource, [...path, "sessionPersistence"], {
    code: "FL0401",
    title: "a session does not hold a client to one of several backendRefs with filters",
    effect: "each request is split anew, and its session holds within the backend it comes to",
    help: `pin the split to a header or a cookie of the client's with \`${pinAnnotation}\``,
  });
}

/** Envoy gives a cookie an age or none; it keeps no time of its own for a session. */
function saySessionEnd(
  route: RequestRoute, rule: RouteRule, path: ValuePath, report: Report,
): void {
  const { sessionPersistence: session } = rule;
  if (session?.absoluteTimeout === undefined) return;
  if (session.type !== "Header" && session.cookie?.lifetimeType === "Permanent") return;
  report.say(route.resource, [...path, "sessionPersistence", "absoluteTimeout"], {
    code: "FL0401", title: "the Envoy targets do not end a session that has no permanent cookie",
    effect: "there it lasts as long as the client keeps it; the edge ends it",
  });
}

export function reportGaps(route: RequestRoute, report: Report): void {
  writtenRules(route).forEach((rule, ruleIndex) => {
    const path: ValuePath = ["spec", "rules", ruleIndex];
    saySplitSession(route, rule, path, report);
    saySessionEnd(route, rule, path, report);
    const redirects = ruleFilter(rule, "RequestRedirect") !== undefined;
    say(route, rule.filters, path, (filter) => ruleGap(filter, redirects), report);
    (rule.backendRefs ?? []).forEach((ref, index) => {
      const here = [...path, "backendRefs", index];
      say(route, ref.filters, here, (filter) => backendGap(filter, rule), report);
    });
  });
}
