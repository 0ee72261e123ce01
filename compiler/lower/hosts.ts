// The virtual hosts of one port. A hostname belongs to the most specific listener that takes it, so
// that a request for `foo.example.com` never sees the routes of a listener for `*.example.com`; a
// listener's own hostname makes a virtual host even without routes, for the same reason.

import type { RouteMatch, VirtualHost } from "../ir.ts";
import { compareText } from "../order.ts";
import { compareSpecificity, covers } from "../resolve/hostname.ts";
import type { AttachedHost, ResolvedListener } from "../resolve/resolved.ts";
import type { HostlessMatch } from "./rules.ts";

/** A route on a listener. */
export interface ServedRoute {
  readonly hostnames: readonly AttachedHost[];
  readonly matches: readonly HostlessMatch[];
}

interface Growing {
  readonly listener: ResolvedListener;
  readonly matches: RouteMatch[];
  /** A route may come to one hostname by several of its own, or by several parentRefs. */
  readonly seen: Set<HostlessMatch>;
}

/** `listeners` are those of the port that are accepted, none of them in conflict. */
export function virtualHosts(
  listeners: readonly ResolvedListener[],
  routesOf: (listener: ResolvedListener) => readonly ServedRoute[],
): readonly VirtualHost[] {
  const bySpecificity = [...listeners]
    .sort((a, b) => compareSpecificity(a.hostname, b.hostname));
  const hosts = new Map<string, Growing>();
  const grow = (hostname: string): Growing | undefined => {
    const known = hosts.get(hostname);
    if (known) return known;
    const listener = bySpecificity.find((l) => covers(l.hostname, hostname));
    if (!listener) return undefined;
    const host = { listener, matches: [], seen: new Set<HostlessMatch>() };
    hosts.set(hostname, host);
    return host;
  };
  for (const listener of listeners) {
    grow(listener.hostname);
    if (!listener.programmed) continue;
    for (const { hostnames, matches } of routesOf(listener)) {
      // Most specific as written comes first, and is the one that counts.
      for (const { hostname, written } of hostnames) {
        const host = grow(hostname);
        if (host?.listener !== listener) continue;
        for (const match of matches) {
          if (host.seen.has(match)) continue;
          host.seen.add(match);
          host.matches.push({ ...match, routeHostname: written });
        }
      }
    }
  }
  return [...hosts]
    .map(([hostname, { listener, matches }]) => ({ hostname, listener: listener.label, matches }))
    .sort((a, b) => compareSpecificity(a.hostname, b.hostname)
      || compareText(a.hostname, b.hostname));
}
