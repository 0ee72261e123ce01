// Listeners that cannot be told apart. Of one resource's listeners all that conflict are refused,
// because the spec forbids picking a winner; between a Gateway and its ListenerSets, and between
// ListenerSets, the one that comes first stays.

import type { GatewaySpec, Listener, ListenerSetSpec, Resource } from "../resources.ts";
import { anyHost, canonicalHost } from "./hostname.ts";
import { describe, label, type Report } from "./report.ts";

/** A listener before it has been judged. */
export interface ListenerDraft {
  readonly owner: Resource<GatewaySpec> | Resource<ListenerSetSpec>;
  readonly spec: Listener;
  readonly index: number;
}

export interface Conflict {
  readonly reason: "HostnameConflict" | "ProtocolConflict";
  readonly with: ListenerDraft;
}

/** Protocols of one family share a port by hostname; of two families they cannot share it. */
function family(protocol: string): string {
  return protocol === "HTTPS" ? "TLS" : protocol;
}

const known = new Set(["HTTP", "HTTPS", "TLS", "TCP", "UDP"]);

function conflictOf(a: Listener, b: Listener): Conflict["reason"] | undefined {
  if (a.port !== b.port || !known.has(a.protocol) || !known.has(b.protocol)) return undefined;
  // UDP has ports of its own.
  if ((a.protocol === "UDP") !== (b.protocol === "UDP")) return undefined;
  if (family(a.protocol) !== family(b.protocol)) return "ProtocolConflict";
  if (a.protocol === "TCP" || a.protocol === "UDP") return "ProtocolConflict";
  return canonicalHost(a.hostname) === canonicalHost(b.hostname) ? "HostnameConflict" : undefined;
}

function firstConflict(
  draft: ListenerDraft, others: readonly ListenerDraft[],
): Conflict | undefined {
  for (const other of others) {
    const reason = other === draft ? undefined : conflictOf(draft.spec, other.spec);
    if (reason) return { reason, with: other };
  }
  return undefined;
}

/**
 * `groups` are the Gateway's own listeners, then each ListenerSet's, by precedence. A refused
 * listener of a ListenerSet stands in nobody's way; the Gateway's own always do.
 */
export function findConflicts(
  groups: readonly (readonly ListenerDraft[])[],
): ReadonlyMap<ListenerDraft, Conflict> {
  const conflicts = new Map<ListenerDraft, Conflict>();
  const standing: ListenerDraft[] = [];
  groups.forEach((group, position) => {
    // Those that lose to an earlier resource are out before their siblings are compared.
    for (const rivals of [standing, group]) {
      const left = group.filter((draft) => !conflicts.has(draft));
      const among = rivals === group ? left : rivals;
      for (const draft of left) {
        const conflict = firstConflict(draft, among);
        if (conflict) conflicts.set(draft, conflict);
      }
    }
    standing.push(...group.filter((draft) => position === 0 || !conflicts.has(draft)));
  });
  return conflicts;
}

function listenerText(draft: ListenerDraft): string {
  const { name, protocol, port, hostname } = draft.spec;
  const host = canonicalHost(hostname);
  const named = host === anyHost ? "any hostname" : `hostname \`${host}\``;
  return `listener \`${name}\` (${protocol}, port ${port}, ${named})`;
}

export function conflictMessage(draft: ListenerDraft, conflict: Conflict): string {
  const owner = conflict.with.owner === draft.owner ? "" : ` of ${describe(conflict.with.owner)}`;
  return `${listenerText(draft)} cannot be told apart from `
    + `${listenerText(conflict.with)}${owner}`;
}

/** One message for a pair: both of a Gateway are refused, but there is one thing to mend. */
export function reportConflicts(
  conflicts: ReadonlyMap<ListenerDraft, Conflict>, report: Report,
): void {
  for (const [draft, conflict] of conflicts) {
    const both = conflict.with.owner === draft.owner;
    const mutual = conflicts.get(conflict.with)?.with === draft;
    if (mutual && both && conflict.with.index > draft.index) continue;
    report.say(draft.owner, ["spec", "listeners", draft.index, "name"], {
      code: "FL0501",
      title: conflictMessage(draft, conflict),
      label: conflict.reason === "HostnameConflict" ? "same hostname" : "another protocol",
      secondary: [label(conflict.with.owner, ["spec", "listeners", conflict.with.index, "name"],
        both ? "refused as well" : "stays, it comes first")],
      effect: both ? "neither of them serves requests" : "it serves no requests",
      help: "give them different ports or different hostnames",
    });
  }
}
