// Matches that can never be chosen, because another one takes all of their requests first. On
// ranked IR, so that the winner and the criterion that decided can be named.

import { diagnostic, type Diagnostic } from "./diagnostic.ts";
import { describeMatch, describeOrigin } from "./explain/describe.ts";
import type { Ir, RouteMatch, RouteRef, ValueMatch, VirtualHost } from "./ir.ts";
import { memo } from "./memo.ts";
import { deciding } from "./rank.ts";
import { segmentsOf } from "./table/plan.ts";

/** With more matches than this on one path only identical ones are looked for. */
const comparedMax = 64;

/** A match as written: the same one stands in every virtual host its route is attached to. */
function identity({ rule: { route, ruleIndex }, matchIndex }: RouteMatch): string {
  return `${nameOf(route)}/${ruleIndex}/${matchIndex}`;
}

function nameOf({ kind, namespace, name }: RouteRef): string {
  return `${kind}/${namespace}/${name}`;
}

/** A match of a virtual host that an earlier one covers there. */
export interface Shadowed {
  readonly match: RouteMatch;
  readonly winner: RouteMatch;
}

/** On ranked IR. `shadowedIn` answers as `findShadowed` does. */
export function overlap(
  ir: Ir, shadowedIn: (host: VirtualHost) => readonly Shadowed[] = findShadowed,
): readonly Diagnostic[] {
  const hosts = ir.gatewayPorts.flatMap((port) => port.virtualHosts);
  const found = new Map(hosts.flatMap(shadowedIn).map((s) => [identity(s.match), s]));
  if (found.size === 0) return [];
  const routes = new Set([...found.values()].map(({ match }) => nameOf(match.rule.route)));
  const { of: isAmongThem } = memo((route: RouteRef) => routes.has(nameOf(route)));
  for (const host of hosts) {
    const dead = new Set(shadowedIn(host).map(({ match }) => match));
    // One that is reached in some other virtual host is of use.
    for (const match of host.matches) {
      if (!dead.has(match) && isAmongThem(match.rule.route)) found.delete(identity(match));
    }
  }
  return [...found.values()].map(({ match, winner }) => report(match, winner));
}

function report(match: RouteMatch, winner: RouteMatch): Diagnostic {
  const { route, ruleIndex } = match.rule;
  const criterion = deciding(winner, match);
  return diagnostic({
    code: "FL0301",
    title: "this match can never be chosen",
    primary: { span: match.origin, text: `\`${describeMatch(match)}\` is taken first` },
    secondary: [{
      span: winner.origin, text: `by ${describeOrigin(winner)}; decided by ${criterion}`,
    }],
    resource: `${route.kind} ${route.namespace}/${route.name}`,
    path: `spec.rules[${ruleIndex}].matches[${match.matchIndex}]`,
    help: "add a header or method to one of them, or delete this match",
  });
}

/** The matches of a virtual host that an earlier one covers. */
export function findShadowed(host: VirtualHost): readonly Shadowed[] {
  const byPath = new Map<string, RouteMatch[]>();
  const identical = new Map<string, RouteMatch>();
  return host.matches.flatMap((match) => {
    const key = `${match.path.kind} ${match.path.value}`;
    const asked = `${key} ${JSON.stringify([match.method, match.headers, match.queryParams])}`;
    const winner = identical.get(asked)
      ?? coveringPaths(match).flatMap((path) => {
        const earlier = byPath.get(path) ?? [];
        return earlier.length > comparedMax ? [] : earlier;
      }).find((earlier) => covers(earlier, match));
    const group = byPath.get(key);
    if (group) group.push(match);
    else byPath.set(key, [match]);
    if (!identical.has(asked)) identical.set(asked, match);
    return winner ? [{ match, winner }] : [];
  });
}

/** The paths, as keys, that take every request this match's path takes. */
function coveringPaths({ path }: RouteMatch): readonly string[] {
  const own = `${path.kind} ${path.value}`;
  // What an expression takes is not compared with anything but "every path".
  if (path.kind === "regex") return [own, "prefix "];
  const segments = segmentsOf(path.value);
  const prefixes = segments.map((_, i) =>
    `prefix ${segments.slice(0, i).map((s) => `/${s}`).join("")}`);
  return path.kind === "exact" ? [own, ...prefixes, `prefix ${path.value}`] : [own, ...prefixes];
}

/** Whether `earlier` takes every request on its path that `later` takes. */
function covers(earlier: RouteMatch, later: RouteMatch): boolean {
  return (earlier.method === undefined || earlier.method === later.method)
    && within(earlier.headers, later.headers) && within(earlier.queryParams, later.queryParams);
}

function within(fewer: readonly ValueMatch[], more: readonly ValueMatch[]): boolean {
  return fewer.every((a) =>
    more.some((b) => a.kind === b.kind && a.name === b.name && a.value === b.value));
}
