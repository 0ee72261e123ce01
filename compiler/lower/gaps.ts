// What a route asks for that is not carried out yet. Nothing is left out without a word: where
// leaving it out would send a request to the wrong place it is an error, else a warning.

import type { ValuePath } from "../manifest.ts";
import type { Report } from "../resolve/report.ts";
import type { ResolvedHttpRoute, ResolvedRoute, ResolvedTlsPolicy } from "../resolve/resolved.ts";
import type { HttpRouteRule, RouteFilter } from "../resources.ts";

interface Gap {
  readonly code: "FL0401" | "FL0402" | "FL0210";
  readonly effect: string;
}

/** Absent: carried out. */
const filterGaps: { readonly [Type in RouteFilter["type"]]?: Gap } = {
  ResponseHeaderModifier: { code: "FL0401", effect: "responses keep their headers" },
  RequestMirror: { code: "FL0401", effect: "requests are not mirrored" },
  CORS: { code: "FL0401", effect: "preflight requests go to the backend" },
  URLRewrite: { code: "FL0402", effect: "backends would see the host and path of the client" },
  ExternalAuth: { code: "FL0402", effect: "requests that match the rule get 500" },
  ExtensionRef: { code: "FL0210", effect: "requests that match the rule get 500" },
};

/** On a backendRef a redirect has no meaning of its own either. */
const backendGaps: { readonly [Type in RouteFilter["type"]]?: Gap } = {
  ...filterGaps,
  RequestRedirect: { code: "FL0402", effect: "requests are forwarded instead" },
};

const fieldGaps = {
  timeouts: "requests are not limited in time",
  retry: "requests are not retried",
  sessionPersistence: "requests of one session go to any backend",
} as const;

/** Must not be skipped: where one is not carried out the rule answers with an error. */
export function mustRefuse(filters: readonly RouteFilter[] | undefined): boolean {
  return (filters ?? []).some((f) => f.type === "ExtensionRef" || f.type === "ExternalAuth");
}

function reportFilters(
  route: ResolvedHttpRoute, filters: readonly RouteFilter[] | undefined, path: ValuePath,
  gaps: typeof filterGaps, report: Report,
): void {
  (filters ?? []).forEach((filter, index) => {
    const gap = gaps[filter.type];
    if (!gap) return;
    const ref = filter.extensionRef;
    const title = ref ? `filter \`${ref.group}/${ref.kind}\` is not known`
      : `filter \`${filter.type}\` is not carried out yet`;
    report.say(route.resource, [...path, "filters", index, "type"], {
      code: gap.code, title, effect: gap.effect,
    });
  });
}

export function reportRuleGaps(
  route: ResolvedHttpRoute, rule: HttpRouteRule, ruleIndex: number, report: Report,
): void {
  const path: ValuePath = ["spec", "rules", ruleIndex];
  reportFilters(route, rule.filters, path, filterGaps, report);
  (rule.backendRefs ?? []).forEach((ref, index) => {
    reportFilters(route, ref.filters, [...path, "backendRefs", index], backendGaps, report);
  });
  for (const field of Object.keys(fieldGaps) as (keyof typeof fieldGaps)[]) {
    if (rule[field] === undefined) continue;
    report.say(route.resource, [...path, field], {
      code: "FL0401", title: `\`${field}\` is not carried out yet`, effect: fieldGaps[field],
    });
  }
}

/** Kinds of routes that are attached, but take no traffic yet. */
export function reportKindGap(route: ResolvedRoute, report: Report): void {
  report.say(route.resource, ["kind"], {
    code: "FL0402", title: `${route.kind}s are not carried out yet`,
    effect: "the route takes no traffic",
  });
}

/** Without its policy a backend would be spoken to in clear text. */
export function reportPolicyGap(
  policy: ResolvedTlsPolicy, used: ReadonlySet<unknown>, report: Report,
): void {
  const target = policy.targets.find((service) => used.has(service));
  if (!target) return;
  report.say(policy.resource, ["spec", "targetRefs"], {
    code: "FL0402", title: "BackendTLSPolicy is not carried out yet",
    effect: `Service \`${target.metadata.name}\` would be spoken to without TLS`,
  });
}
