// HTTPRoutes and GRPCRoutes that want the same hostname of one listener. Their rules are not merged
// (GRPCRouteRule.matches), so only one of the two kinds has a hostname: the older route's, then
// that of the first by `{namespace}/{name}` (GRPCRouteSpec.hostnames).

import { sameItems } from "../memo.ts";
import { compareAge, compareText } from "../order.ts";
import { anyHost } from "./hostname.ts";
import { keyText } from "./lookup.ts";
import { describe, label, list, type Report } from "./report.ts";
import type { Attachment, ResolvedParent, ResolvedRoute } from "./resolved.ts";

/** Hostnames that routes of one kind have on a listener. */
interface Holdings {
  readonly holders: Map<string, ResolvedRoute>;
  /** By domain: a hostname that stands for names below it. */
  readonly below: Map<string, string>;
}

/** "a.b.c" lies in "a.b.c", "b.c", "c" and "". */
function domains(hostname: string): readonly string[] {
  const name = hostname === anyHost ? "" : hostname.replace(/^\*\./, "");
  const labels = name === "" ? [] : name.split(".");
  return [...labels.map((_, i) => labels.slice(i).join(".")), ""];
}

function take(held: Holdings, hostname: string, route: ResolvedRoute): void {
  if (held.holders.has(hostname)) return;
  held.holders.set(hostname, route);
  const [own = "", ...wider] = domains(hostname);
  for (const domain of hostname.startsWith("*") ? [own, ...wider] : wider) {
    if (!held.below.has(domain)) held.below.set(domain, hostname);
  }
}

/** Who has some of the names that `hostname` stands for. */
function holderOf(held: Holdings, hostname: string): ResolvedRoute | undefined {
  const [own = "", ...wider] = domains(hostname);
  const isWildcard = hostname.startsWith("*");
  const names = [hostname, ...wider.filter(Boolean).map((domain) => `*.${domain}`), anyHost];
  for (const name of names) {
    const holder = held.holders.get(name);
    if (holder) return holder;
  }
  if (!isWildcard) return undefined;
  const inside = held.below.get(own);
  return inside === undefined ? undefined : held.holders.get(inside);
}

type Ours = Extract<ResolvedRoute, { kind: "HTTPRoute" | "GRPCRoute" }>;

function isOurs(route: ResolvedRoute): route is Ours {
  return route.kind === "HTTPRoute" || route.kind === "GRPCRoute";
}

function byPrecedence(a: Ours, b: Ours): number {
  const [left, right] = [a.resource.metadata, b.resource.metadata];
  return compareAge(left.creationTimestamp, right.creationTimestamp)
    || compareText(keyText(left), keyText(right)) || compareText(a.kind, b.kind);
}

function sayRefused(
  route: Ours, holder: ResolvedRoute, { listener, hostnames }: Attachment, report: Report,
): void {
  const path = route.resource.spec.hostnames ? ["spec", "hostnames"] : ["spec"];
  report.say(route.resource, path, {
    code: "FL0303",
    title: `${describe(holder.resource)} has hostnames of this ${route.kind} on listener `
      + `\`${listener.label}\``,
    label: `here ${list(hostnames.map((h) => h.hostname))}`,
    secondary: [label(holder.resource, ["kind"], "older, or first by name")],
    effect: "the route takes no requests there",
    help: "a hostname of a listener is either for HTTPRoutes or for GRPCRoutes; give them "
      + "different hostnames, or write an HTTPRoute for both",
  });
}

function refuse(parent: ResolvedParent, route: Ours, holder: ResolvedRoute): ResolvedParent {
  const message = `${describe(holder.resource)} has the hostnames of this ${route.kind}`;
  const [, ...others] = parent.conditions;
  return {
    ...parent, attachments: [],
    conditions: [
      { type: "Accepted", status: "False", reason: "HostnameConflict", message },
      ...others.filter((c) => c.type !== "PartiallyInvalid"),
    ],
  };
}

/** Whether both kinds are on some listener at all; hardly ever they are. */
function contested(routes: readonly Ours[]): ReadonlySet<string> {
  const kinds = new Map<string, Ours["kind"]>();
  const both = new Set<string>();
  for (const { kind, parents } of routes) {
    for (const { listener } of parents.flatMap((p) => p.attachments)) {
      if ((kinds.get(listener.id) ?? kind) !== kind) both.add(listener.id);
      kinds.set(listener.id, kind);
    }
  }
  return both;
}

export function settle(
  routes: readonly ResolvedRoute[], report: Report,
): readonly ResolvedRoute[] {
  const ours = routes.filter(isOurs);
  const listeners = contested(ours);
  if (listeners.size === 0) return routes;
  const held = new Map<string, Holdings>();
  const heldBy = (id: string, kind: Ours["kind"]): Holdings => {
    const key = `${kind} ${id}`;
    const known = held.get(key) ?? { holders: new Map(), below: new Map() };
    held.set(key, known);
    return known;
  };
  const settled = new Map<ResolvedRoute, ResolvedRoute>();
  for (const route of [...ours].sort(byPrecedence)) {
    const rival = route.kind === "HTTPRoute" ? "GRPCRoute" : "HTTPRoute";
    const parents = route.parents.map((parent): ResolvedParent => {
      let holder: ResolvedRoute | undefined;
      const attachments = parent.attachments.filter((attachment) => {
        const { listener, hostnames } = attachment;
        if (!listeners.has(listener.id)) return true;
        const found = hostnames.map((h) => holderOf(heldBy(listener.id, rival), h.hostname))
          .find((h) => h !== undefined);
        if (!found) {
          for (const h of hostnames) take(heldBy(listener.id, route.kind), h.hostname, route);
          return true;
        }
        holder ??= found;
        sayRefused(route, found, attachment, report);
        return false;
      });
      if (!holder) return parent;
      return attachments.length > 0 ? { ...parent, attachments } : refuse(parent, route, holder);
    });
    if (!sameItems(parents, route.parents)) {
      settled.set(route, { ...route, parents } as ResolvedRoute);
    }
  }
  return routes.map((route) => settled.get(route) ?? route);
}
