// Gateways with the ListenerSets attached to them: their listeners, in the order of precedence, and
// their conditions.

import type { Certificate } from "../ir.ts";
import { compareAge, compareText } from "../order.ts";
import type {
  GatewayClassSpec, GatewaySpec, ListenerSetSpec, ObjectKey, Resource,
} from "../resources.ts";
import { resolveAddresses, type Addresses } from "./addresses.ts";
import { findConflicts, reportConflicts, type Conflict, type ListenerDraft } from "./conflicts.ts";
import { canonicalHost, intersect } from "./hostname.ts";
import { gatewayKey, resolveListener } from "./listeners.ts";
import { gatewayGroup, keyText, selects, type Lookup } from "./lookup.ts";
import { followCertificate, parametersRefFault, type Followed } from "./references.ts";
import { describe, didYouMean, list, type Report } from "./report.ts";
import type {
  Condition, ResolvedClass, ResolvedGateway, ResolvedListener, ResolvedListenerSet,
} from "./resolved.ts";

/** Written where the input does not hold a Gateway's class. */
export const defaultController = "fairlead.dev/gateway-controller";

export function resolveClass(
  resource: Resource<GatewayClassSpec>, look: Lookup, report: Report,
): ResolvedClass {
  const ref = resource.spec.parametersRef;
  const fault = ref && parametersRefFault(look, resource, ref);
  if (fault && !fault.known) {
    report.say(resource, ["spec", "parametersRef"], {
      code: "FL0208", title: fault.message, effect: "the GatewayClass is not accepted",
    });
  }
  const version: Condition = { type: "SupportedVersion", status: "True",
    reason: "SupportedVersion", message: "Gateway API v1.7.0 is supported" };
  return { resource, conditions: [fault
    ? { type: "Accepted", status: "False", reason: "InvalidParameters", message: fault.message }
    : { type: "Accepted", status: "True", reason: "Accepted", message: "the class is served" },
  version] };
}

function allows(
  gateway: Resource<GatewaySpec>, set: Resource<ListenerSetSpec>, look: Lookup,
): boolean {
  const rule = gateway.spec.allowedListeners?.namespaces;
  const namespace = set.metadata.namespace;
  if (rule?.from === "All") return true;
  if (rule?.from === "Same") return namespace === gateway.metadata.namespace;
  return rule?.from === "Selector" && selects(rule.selector, look.namespaceLabels(namespace));
}

/** The Gateway that a ListenerSet names, whether it is in the input or not. */
function parentKey(set: Resource<ListenerSetSpec>): ObjectKey | undefined {
  const { group, kind, namespace, name } = set.spec.parentRef;
  if (group !== gatewayGroup || kind !== "Gateway") return undefined;
  return { namespace: namespace || set.metadata.namespace, name };
}

function terminatesTls({ spec }: ListenerDraft): boolean {
  return spec.protocol === "HTTPS" || (spec.protocol === "TLS" && spec.tls?.mode !== "Passthrough");
}

/** Listeners whose TLS settings may be used for one another's names on a shared connection. */
function overlapsOf(
  draft: ListenerDraft, drafts: readonly ListenerDraft[],
  conflicts: ReadonlyMap<ListenerDraft, Conflict>,
): readonly string[] {
  if (!terminatesTls(draft) || conflicts.has(draft)) return [];
  const host = canonicalHost(draft.spec.hostname);
  return drafts
    .filter((other) => other !== draft && terminatesTls(other) && !conflicts.has(other)
      && other.spec.port === draft.spec.port
      && intersect(host, canonicalHost(other.spec.hostname)) !== undefined)
    .map((other) => other.spec.name);
}

function listenersNotValid(listeners: readonly ResolvedListener[]): string | undefined {
  const bad = listeners.filter((l) => !l.accepted).map((l) => l.spec.name);
  if (bad.length === 0) return undefined;
  const good = listeners.filter((l) => l.accepted).map((l) => l.spec.name);
  return `not accepted: ${list(bad)}; accepted: ${list(good)}`;
}

function acceptedCondition(
  gateway: Resource<GatewaySpec>, listeners: readonly ResolvedListener[], addresses: Addresses,
  look: Lookup, report: Report,
): Condition {
  const type = "Accepted";
  const ref = gateway.spec.infrastructure?.parametersRef;
  const fault = ref && parametersRefFault(look, gateway, ref);
  if (fault) {
    if (!fault.known) {
      report.say(gateway, ["spec", "infrastructure", "parametersRef"], {
        code: "FL0208", title: fault.message, effect: "the Gateway serves no requests",
      });
    }
    return { type, status: "False", reason: "InvalidParameters", message: fault.message };
  }
  if (addresses.unsupported) {
    return { type, status: "False", reason: "UnsupportedAddress", message: addresses.unsupported };
  }
  const message = listenersNotValid(listeners);
  if (message === undefined) {
    return { type, status: "True", reason: "Accepted", message: "the Gateway is served" };
  }
  const some = listeners.some((l) => l.accepted);
  return { type, status: some ? "True" : "False", reason: "ListenersNotValid", message };
}

function programmedCondition(
  accepted: boolean, listeners: readonly ResolvedListener[], addresses: Addresses,
): Condition {
  const type = "Programmed";
  if (!accepted) {
    return { type, status: "False", reason: "Invalid", message: "the Gateway is not accepted" };
  }
  if (addresses.notUsable) {
    return { type, status: "False", reason: "AddressNotUsable", message: addresses.notUsable };
  }
  if (!listeners.some((l) => l.programmed)) {
    return { type, status: "False", reason: "Invalid", message: "no listener can be programmed" };
  }
  return { type, status: "True", reason: "Programmed", message: "the configuration is complete" };
}

function resolvedRefsCondition(
  gateway: Resource<GatewaySpec>, listeners: readonly ResolvedListener[],
  client: Followed<Certificate> | undefined, report: Report,
): Condition {
  const type = "ResolvedRefs";
  if (client && "fault" in client) {
    const { fault } = client;
    if (!fault.known) {
      report.say(gateway, ["spec", "tls", "backend", "clientCertificateRef", "name"], {
        code: "FL0208", title: fault.message,
        effect: "backends that ask for a client certificate get none",
        ...(fault.help ? { help: fault.help } : {}),
      });
    }
    const reason = fault.cause === "grant" ? "RefNotPermitted" : "InvalidClientCertificateRef";
    return { type, status: "False", reason, message: fault.message };
  }
  const bad = listeners.filter((l) => !l.resolvedRefs).map((l) => l.spec.name);
  if (bad.length > 0) {
    const message = `references of ${list(bad)} are not resolved`;
    return { type, status: "False", reason: "ListenersNotResolved", message };
  }
  return { type, status: "True", reason: "ResolvedRefs", message: "all references are resolved" };
}

/** Set only while it is true, as the spec asks. */
function insecureFrontend(gateway: Resource<GatewaySpec>): readonly Condition[] {
  const frontend = gateway.spec.tls?.frontend;
  const configs = frontend ? [frontend.default, ...(frontend.perPort ?? []).map((p) => p.tls)] : [];
  if (!configs.some((c) => c.validation?.mode === "AllowInsecureFallback")) return [];
  return [{ type: "InsecureFrontendValidationMode", status: "True", reason: "ConfigurationChanged",
    message: "connections without a valid client certificate are let in" }];
}

export interface GatewaysResult {
  readonly gateways: readonly ResolvedGateway[];
  readonly listenerSets: readonly ResolvedListenerSet[];
}

function draftsOf(
  owner: Resource<GatewaySpec> | Resource<ListenerSetSpec>,
): readonly ListenerDraft[] {
  return owner.spec.listeners.map((spec, index) => ({ owner, spec, index }));
}

function resolveGateway(
  gateway: Resource<GatewaySpec>, allowed: readonly Resource<ListenerSetSpec>[],
  look: Lookup, report: Report,
): { readonly gateway: ResolvedGateway; readonly sets: readonly ResolvedListenerSet[] } {
  const groups = [draftsOf(gateway), ...allowed.map(draftsOf)];
  const conflicts = findConflicts(groups);
  reportConflicts(conflicts, report);
  const all = groups.flat();
  const listeners = groups.map((group) => group.map((draft) =>
    resolveListener(draft, gateway, conflicts.get(draft), overlapsOf(draft, all, conflicts),
      look, report)));
  const own = listeners[0] ?? [];
  const addresses = resolveAddresses(gateway, report);
  const accepted = acceptedCondition(gateway, own, addresses, look, report);
  const isAccepted = accepted.status === "True";
  const sets = allowed.map((set, i) =>
    resolveSet(set, gateway, isAccepted, listeners[i + 1] ?? []));
  const controllerName = look.gatewayClass(gateway.spec.gatewayClassName)?.spec.controllerName
    ?? defaultController;
  const clientRef = gateway.spec.tls?.backend?.clientCertificateRef;
  const client = clientRef && followCertificate(look, gateway, clientRef);
  return {
    sets,
    gateway: {
      resource: gateway, controllerName, accepted: isAccepted, addresses: addresses.addresses,
      listeners: own, allListeners: listeners.flat(),
      ...(client && "found" in client ? { clientCertificate: client.found } : {}),
      attachedListenerSets: sets.filter((s) => s.conditions[0]?.status === "True").length,
      conditions: [
        accepted,
        programmedCondition(isAccepted, own, addresses),
        resolvedRefsCondition(gateway, own, client, report),
        ...insecureFrontend(gateway),
      ],
    },
  };
}

/** Accepted stands first; it decides whether the set counts as attached. */
function resolveSet(
  set: Resource<ListenerSetSpec>, gateway: Resource<GatewaySpec>, parentAccepted: boolean,
  listeners: readonly ResolvedListener[],
): ResolvedListenerSet {
  const base = { resource: set, gateway: gatewayKey(gateway), allowed: true, listeners };
  if (!parentAccepted) {
    const message = `${describe(gateway)} is not accepted`;
    return { ...base, conditions: [
      { type: "Accepted", status: "False", reason: "ParentNotAccepted", message },
      { type: "Programmed", status: "False", reason: "ParentNotProgrammed", message },
    ] };
  }
  const invalid = listenersNotValid(listeners);
  const some = listeners.some((l) => l.accepted);
  const programmed = listeners.some((l) => l.programmed);
  return { ...base, conditions: [
    invalid === undefined
      ? { type: "Accepted", status: "True", reason: "Accepted",
        message: "the ListenerSet is served" }
      : { type: "Accepted", status: some ? "True" : "False", reason: "ListenersNotValid",
        message: invalid },
    programmed
      ? { type: "Programmed", status: "True", reason: "Programmed",
        message: "the configuration is complete" }
      : { type: "Programmed", status: "False", reason: "ListenersNotValid",
        message: invalid ?? "no listener can be programmed" },
  ] };
}

function refusedSet(
  set: Resource<ListenerSetSpec>, gateway: Resource<GatewaySpec>, look: Lookup, report: Report,
): ResolvedListenerSet {
  const from = gateway.spec.allowedListeners?.namespaces.from ?? "None";
  const message = `${describe(gateway)} does not allow ListenerSets of namespace `
    + `\`${set.metadata.namespace}\` (allowedListeners.namespaces.from is ${from})`;
  const namespace = { namespace: "", name: set.metadata.namespace };
  if (from !== "Selector" || !look.isBroken("Namespace", namespace)) {
    report.say(set, ["spec", "parentRef", "name"], {
      code: "FL0503", title: message, effect: "its listeners serve no requests",
    });
  }
  return { resource: set, gateway: gatewayKey(gateway), allowed: false, listeners: [], conditions: [
    { type: "Accepted", status: "False", reason: "NotAllowed", message },
    { type: "Programmed", status: "False", reason: "NotAllowed", message },
  ] };
}

function orphanSet(
  set: Resource<ListenerSetSpec>, look: Lookup, report: Report,
): ResolvedListenerSet {
  const key = parentKey(set);
  if (key && !look.isBroken("Gateway", key)) {
    report.say(set, ["spec", "parentRef", "name"], {
      code: "FL0201", title: `no Gateway \`${key.name}\` in namespace \`${key.namespace}\``,
      label: didYouMean(key.name, look.gatewayNames()),
      effect: "its listeners serve no requests",
    });
  }
  return { resource: set, allowed: false, listeners: [], conditions: [] };
}

/** The spec's order of ListenerSets: oldest first, then by `{namespace}/{name}`. */
function byPrecedence(a: Resource, b: Resource): number {
  return compareAge(a.metadata.creationTimestamp, b.metadata.creationTimestamp)
    || compareText(keyText(a.metadata), keyText(b.metadata));
}

export function resolveGateways(look: Lookup, report: Report): GatewaysResult {
  const { gateways, listenerSets } = look.inventory;
  const setsOf = new Map<string, Resource<ListenerSetSpec>[]>();
  const known = new Set(gateways.map((g) => keyText(g.metadata)));
  const sets: ResolvedListenerSet[] = [];
  for (const set of listenerSets) {
    const key = parentKey(set);
    if (!key || !known.has(keyText(key))) sets.push(orphanSet(set, look, report));
    else setsOf.set(keyText(key), [...(setsOf.get(keyText(key)) ?? []), set]);
  }
  const resolved = gateways.map((gateway) => {
    const mine = setsOf.get(keyText(gateway.metadata)) ?? [];
    const allowed = mine.filter((s) => allows(gateway, s, look)).sort(byPrecedence);
    const result = resolveGateway(gateway, allowed, look, report);
    sets.push(...result.sets, ...mine.filter((s) => !allowed.includes(s))
      .map((s) => refusedSet(s, gateway, look, report)));
    return result.gateway;
  });
  const order = new Map(listenerSets.map((s, i) => [s, i]));
  const position = (s: ResolvedListenerSet): number => order.get(s.resource) ?? 0;
  return { gateways: resolved, listenerSets: sets.sort((a, b) => position(a) - position(b)) };
}
