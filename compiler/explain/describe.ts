// A match in the API's words: what it asks for, and where it stands.

import type { PathMatch, RouteMatch } from "../ir.ts";

/** "PathPrefix /store", "GET", "header version: v2": what a match asks for, in the API's words. */
export function describeMatch(match: RouteMatch): string {
  return [
    describePath(match.path),
    ...(match.method === undefined ? [] : [`method ${match.method}`]),
    ...match.headers.map((h) => `header ${h.name}: ${h.value}`),
    ...match.queryParams.map((q) => `query ${q.name}=${q.value}`),
  ].join(", ");
}

function describePath(path: PathMatch): string {
  if (path.kind === "exact") return `Exact ${path.value}`;
  if (path.kind === "regex") return `RegularExpression ${path.value}`;
  return `PathPrefix ${path.value || "/"}`;
}

/** "HTTPRoute shop/checkout rules[1] matches[0]", with the rule's name where it has one. */
export function describeOrigin(match: RouteMatch): string {
  const { route, ruleIndex, ruleName } = match.rule;
  const name = ruleName === undefined ? "" : ` (${ruleName})`;
  return `${route.kind} ${route.namespace}/${route.name} `
    + `rules[${ruleIndex}]${name} matches[${match.matchIndex}]`;
}
