// What Envoy's own routes cannot say with the meaning of the specification. Each is an error that
// names the rule: a build goes on with our filter instead, never with another answer.

import { diagnostic, type Diagnostic } from "../../../diagnostic.ts";
import type { Forward, HeaderEdits, RouteMatch, ValueMatch, VirtualHost } from "../../../ir.ts";
import { buildAutomaton } from "../../../regex/automaton.ts";
import { parse } from "../../../regex/parse.ts";
import { isRedirectStatus } from "./redirect.ts";

/** Reasons why a match cannot be expressed. */
export function limitsOf(match: RouteMatch): readonly string[] {
  const { headers, queryParams, path, rule: { action } } = match;
  return [
    ...headers.filter((header) => !isJoinable(header)).map(({ name }) =>
      `Envoy joins repeated lines of the header \`${name}\` by a comma without a space, so that `
      + "this value cannot tell them from one line"),
    ...(queryParams.some(({ name }) => name === "")
      ? ["Envoy does not match a query parameter without a name"] : []),
    ...(action.kind === "forward" ? forwardLimits(action) : []),
    ...(action.kind === "redirect" && !isRedirectStatus(action.statusCode)
      ? [`Envoy does not redirect with status ${action.statusCode}`] : []),
    ...replacements(match).flatMap(({ kind, value }) => {
      if (kind === "prefix" && path.kind === "regex") {
        return ["a regular expression has no prefix that Envoy could replace"];
      }
      return /[?#]/.test(value) || !/^(\/|$)/.test(value)
        ? [`Envoy cannot put \`${value}\` in the place of a path`] : [];
    }),
  ];
}

/**
 * Whether it comes to the same for a header in several lines if they are joined by "," (as Envoy
 * does) or by ", " (as the API has it): a comma is not allowed at all, or a space behind it makes
 * no difference.
 */
function isJoinable({ kind, value }: ValueMatch): boolean {
  if (kind === "exact") return !value.includes(",");
  const parsed = parse(value);
  const made = parsed.kind === "parsed" ? buildAutomaton([{ id: 0, node: parsed.node }]) : parsed;
  // An expression that is refused matches nothing.
  if (made.kind !== "automaton") return true;
  const { next, classOf, classCount, stateCount } = made;
  const step = (state: number, byte: number): number =>
    (state === 0 ? 0 : next[state * classCount + (classOf[byte] ?? 0)] ?? 0);
  for (let state = 1; state <= stateCount; state += 1) {
    const after = step(state, 0x2c);
    if (step(after, 0x20) !== after) return false;
  }
  return true;
}

function forwardLimits({ backends, requestHeaders, pin }: Forward): readonly string[] {
  const edits = [requestHeaders, ...backends.map((b) => b.requestHeaders)];
  return [
    ...(pin && backends.length > 1
      ? ["Envoy cannot pin a split by a header or cookie as the other targets do"] : []),
    ...[...new Set(edits.flatMap(editedNames))].filter((name) => /^(:|host$)/.test(name))
      .map((name) => `Envoy does not let a route change the header \`${name}\``),
  ];
}

function editedNames({ set, add, remove }: HeaderEdits): readonly string[] {
  return [...set.map(({ name }) => name), ...add.map(({ name }) => name), ...remove];
}

function replacements({ rule: { action } }: RouteMatch) {
  const all = action.kind === "redirect" ? [action.path]
    : [action.rewrite?.path, ...action.backends.map(({ rewrite }) => rewrite?.path)];
  return all.flatMap((path) => path ?? []);
}

export function inexpressible(
  { origin, rule: { route, ruleIndex }, matchIndex }: RouteMatch, reason: string,
): Diagnostic {
  return diagnostic({
    code: "FL0408", title: `rule cannot be routed by Envoy itself: ${reason}`,
    primary: { span: origin }, resource: `${route.kind} ${route.namespace}/${route.name}`,
    path: `spec.rules[${ruleIndex}].matches[${matchIndex}]`,
    help: "build without `--routing native`: the filter carries it out",
  });
}

/** A tree whose leaves would list more routes than a configuration should hold. */
export function tooManyRoutes(host: VirtualHost, routes: number): readonly Diagnostic[] {
  return host.matches.slice(0, 1).map((match) => inexpressible(match, "the rules of "
    + `\`${host.hostname}\` overlap so much that each would be written out many times `
    + `(more than ${routes} routes for ${host.matches.length} matches)`));
}
