// The virtual hosts of one port. A hostname belongs to the most specific listener that takes it, so
// that a request for `foo.example.com` never sees the routes of a listener for `*.example.com`; a
// listener's own hostname makes a virtual host even without routes, for the same reason.

import type { RouteMatch, VirtualHost } from "../ir.ts";
import { compareText } from "../order.ts";
import { compareSpecificity, covers } from "../resolve/hostname.ts";
import type { AttachedHost, ResolvedListener } from "../resolve/resolved.ts";
import { serviceAsExpression, type HostlessMatch } from "./matches.ts";
import type { RequestRoute } from "./rules.ts";

/** A route on a listener. */
export interface ServedRoute {
  readonly route: RequestRoute;
  readonly hostnames: readonly AttachedHost[];
  readonly matches: readonly HostlessMatch[];
}

/** A hostname for which a route is attached, but which another listener takes. */
export interface HiddenHost {
  readonly route: RequestRoute;
  readonly hostname: string;
  readonly listener: ResolvedListener;
  readonly owner: ResolvedListener;
}

/** What a route brings to a virtual host. */
interface Part {
  readonly matches: readonly HostlessMatch[];
  /** The hostname as the route wrote it. */
  readonly written: string;
}

interface Growing {
  readonly listener: ResolvedListener;
  readonly parts: Part[];
}

/** A virtual host and what it is made of. */
export interface GrownHost {
  readonly parts: readonly Part[];
  readonly host: VirtualHost;
}

export interface PortHosts {
  readonly virtualHosts: readonly VirtualHost[];
  readonly hidden: readonly HiddenHost[];
  /** By hostname, for the next time. */
  readonly grown: ReadonlyMap<string, GrownHost>;
}

function sameParts(a: readonly Part[], b: readonly Part[]): boolean {
  return a.length === b.length
    && a.every(({ matches, written }, i) => matches === b[i]?.matches && written === b[i].written);
}

function grownHost(
  hostname: string, { listener: { label }, parts }: Growing, last: GrownHost | undefined,
): GrownHost {
  if (last?.host.listener === label && sameParts(last.parts, parts)) return last;
  // A route may come to one hostname by several of its own, or by several parentRefs.
  const seen = new Set<HostlessMatch>();
  const matches: RouteMatch[] = [];
  for (const { matches: brought, written } of parts) {
    for (const match of brought) {
      if (!seen.has(match)) matches.push({ ...match, routeHostname: written });
      seen.add(match);
    }
  }
  return { parts, host: { hostname, listener: label, matches: inOneOrder(matches) } };
}

/** See `serviceAsExpression`. */
export function inOneOrder(matches: readonly RouteMatch[]): readonly RouteMatch[] {
  if (!matches.some((m) => m.grpc && m.path.kind === "regex")) return matches;
  return matches.map((match) =>
    ({ ...serviceAsExpression(match), routeHostname: match.routeHostname }));
}

/** `listeners` are those of the port that can serve, none of them in conflict; `last`: `grown`. */
export function virtualHosts(
  listeners: readonly ResolvedListener[],
  routesOf: (listener: ResolvedListener) => readonly ServedRoute[],
  last?: ReadonlyMap<string, GrownHost>,
): PortHosts {
  const bySpecificity = [...listeners]
    .sort((a, b) => compareSpecificity(a.hostname, b.hostname));
  const hosts = new Map<string, Growing>();
  const hidden: HiddenHost[] = [];
  const shown = new Map<RequestRoute, Set<string>>();
  const grow = (hostname: string, listener: ResolvedListener): Growing => {
    const host = hosts.get(hostname) ?? { listener, parts: [] };
    hosts.set(hostname, host);
    return host;
  };
  for (const listener of listeners) {
    grow(listener.hostname, listener);
    for (const { route, hostnames, matches } of routesOf(listener)) {
      // Most specific as written comes first, and is the one that counts.
      for (const { hostname, written } of hostnames) {
        const owner = bySpecificity.find((l) => covers(l.hostname, hostname)) ?? listener;
        if (owner !== listener) {
          hidden.push({ route, hostname, listener, owner });
          continue;
        }
        shown.set(route, (shown.get(route) ?? new Set()).add(hostname));
        grow(hostname, listener).parts.push({ matches, written });
      }
    }
  }
  const grown = new Map([...hosts].map(([hostname, growing]) =>
    [hostname, grownHost(hostname, growing, last?.get(hostname))] as const));
  return {
    grown,
    hidden: hidden.filter(({ route, hostname }) => !shown.get(route)?.has(hostname)),
    virtualHosts: [...grown.values()].map(({ host }) => host)
      .sort((a, b) => compareSpecificity(a.hostname, b.hostname)
        || compareText(a.hostname, b.hostname)),
  };
}
