// Routes to their parents: which listeners take a route, for which hostnames, and what the route is
// told where none does.

import { formatPath, type ValuePath } from "../manifest.ts";
import type { ObjectKey, ParentRef, Resource } from "../resources.ts";
import { acceptedAs, refusedAs, type Facets } from "./conditions.ts";
import {
  anyHost, canonicalHost, compareSpecificity, intersect,
} from "./hostname.ts";
import { gatewayGroup, keyText, selects, type Lookup } from "./lookup.ts";
import { isService } from "./mesh.ts";
import { didYouMean, list, type Facts, type Report } from "./report.ts";
import type {
  AttachedHost, Attachment, ResolvedGateway, ResolvedListener, ResolvedListenerSet,
  ResolvedParent, RouteKind,
} from "./resolved.ts";

export interface Parents {
  readonly gateways: ReadonlyMap<string, ResolvedGateway>;
  readonly listenerSets: ReadonlyMap<string, ResolvedListenerSet>;
  readonly defaults: readonly ResolvedGateway[];
}

export function indexParents(
  gateways: readonly ResolvedGateway[], listenerSets: readonly ResolvedListenerSet[],
): Parents {
  return {
    gateways: new Map(gateways.map((g) => [keyText(g.resource.metadata), g])),
    listenerSets: new Map(listenerSets.map((s) => [keyText(s.resource.metadata), s])),
    defaults: gateways.filter((g) => g.resource.spec.defaultScope === "All"),
  };
}

/** What attaching needs to know of a route, whatever its kind. */
export interface AttachableRoute {
  readonly kind: RouteKind;
  readonly resource: Resource<{
    readonly parentRefs?: readonly ParentRef[];
    readonly useDefaultGateways?: "All" | "None";
    readonly hostnames?: readonly string[];
  }>;
}

const hostless: ReadonlySet<RouteKind> = new Set(["TCPRoute", "UDPRoute"]);

/** The route's hostnames as this listener has them, most specific first. */
function sharedHosts(route: AttachableRoute, listener: ResolvedListener): readonly AttachedHost[] {
  const written = route.resource.spec.hostnames ?? [];
  const hosts = (written.length > 0 ? written : [anyHost]).flatMap((name) => {
    const canonical = canonicalHost(name);
    const hostname = intersect(canonical, listener.hostname);
    return hostname === undefined ? [] : [{ hostname, written: canonical }];
  });
  return hosts.sort((a, b) => compareSpecificity(a.hostname, b.hostname)
    || compareSpecificity(a.written, b.written));
}

export function admitsNamespace(
  listener: ResolvedListener, namespace: string, look: Lookup,
): boolean {
  const { from, selector } = listener.spec.allowedRoutes.namespaces;
  if (from === "All") return true;
  if (from === "Same") return namespace === listener.owner.metadata.namespace;
  return from === "Selector" && selects(selector, look.namespaceLabels(namespace));
}

type Outcome =
  | { readonly attachments: readonly Attachment[] }
  | { readonly reason: string; readonly message: string; readonly path: ValuePath;
      readonly facts: Facts };

/** Why no listener admits the route, listener by listener. */
function refusalText(
  route: AttachableRoute, selected: readonly ResolvedListener[],
): string {
  return selected.map((l) => {
    if (!l.supportedKinds.includes(route.kind)) {
      const kinds = l.supportedKinds.length > 0 ? list(l.supportedKinds) : "no routes";
      return `listener \`${l.spec.name}\` takes ${kinds}`;
    }
    const { from } = l.spec.allowedRoutes.namespaces;
    const named = from === "Same" ? `only of namespace \`${l.owner.metadata.namespace}\``
      : from === "Selector" ? "only of the namespaces that its selector chooses"
      : "of no namespace";
    return `listener \`${l.spec.name}\` takes routes ${named}`;
  }).join("; ");
}

function choose(
  route: AttachableRoute, ref: ParentRef, listeners: readonly ResolvedListener[], path: ValuePath,
  look: Lookup,
): Outcome {
  const parent = `${ref.kind} \`${ref.name}\``;
  const selected = listeners.filter((l) =>
    (!ref.sectionName || l.spec.name === ref.sectionName)
    && (ref.port === undefined || l.spec.port === ref.port));
  if (selected.length === 0) {
    const named = [ref.sectionName && `named \`${ref.sectionName}\``,
      ref.port !== undefined && `on port \`${ref.port}\``].filter(Boolean).join(" and ");
    const message = `${parent} has no listener ${named}`.trimEnd();
    const has = listeners.map((l) => `${l.spec.name}:${l.spec.port}`);
    const guess = didYouMean(ref.sectionName ?? "", listeners.map((l) => l.spec.name));
    return { reason: "NoMatchingParent", message,
      path: [...path, ref.sectionName ? "sectionName" : "port"],
      facts: { code: "FL0202", title: message, help: `it has ${list(has)}`,
        ...(guess && ref.sectionName ? { label: guess } : {}) } };
  }
  const admitting = selected.filter((l) => l.supportedKinds.includes(route.kind)
    && admitsNamespace(l, route.resource.metadata.namespace, look));
  if (admitting.length === 0) {
    const message = `no listener of ${parent} admits this route: ${refusalText(route, selected)}`;
    return { reason: "NotAllowedByListeners", message, path: [...path, "name"],
      facts: { code: "FL0203", title: message } };
  }
  if (hostless.has(route.kind)) {
    return { attachments: admitting.map((listener) => ({ listener, hostnames: [] })) };
  }
  const attachments = admitting
    .map((listener) => ({ listener, hostnames: sharedHosts(route, listener) }))
    .filter((a) => a.hostnames.length > 0);
  if (attachments.length > 0) return { attachments };
  const wanted = route.resource.spec.hostnames ?? [];
  const offered = admitting.map((l) => l.hostname);
  const message = `no hostname of the route (${list(wanted)}) is one of ${parent}'s `
    + `listeners (${list(offered)})`;
  return { reason: "NoMatchingListenerHostname", message, path: ["spec", "hostnames"],
    facts: { code: "FL0203", title: message } };
}

/** The listeners that a parentRef offers, whoever owns them. */
interface Offer {
  readonly gateway: ResolvedGateway;
  readonly listeners: readonly ResolvedListener[];
  /** The parent is there, but itself not attached. */
  readonly refusal?: string;
}

function offerOf(ref: ParentRef, key: ObjectKey, parents: Parents): Offer | undefined {
  if (ref.kind === "Gateway") {
    const gateway = parents.gateways.get(keyText(key));
    return gateway && { gateway, listeners: gateway.listeners };
  }
  const set = parents.listenerSets.get(keyText(key));
  const gateway = set?.gateway && parents.gateways.get(keyText(set.gateway));
  if (!set || !gateway) return undefined;
  if (set.allowed) return { gateway, listeners: set.listeners };
  return { gateway, listeners: [],
    refusal: `ListenerSet \`${key.name}\` is not attached to its Gateway` };
}

function sayNoParent(
  route: AttachableRoute, ref: ParentRef, key: ObjectKey, path: ValuePath, look: Lookup,
  report: Report,
): void {
  const isGateway = ref.group === gatewayGroup && ref.kind === "Gateway";
  const isSet = ref.group === gatewayGroup && ref.kind === "ListenerSet";
  if (!isGateway && !isSet) {
    report.say(route.resource, [...path, "kind"], {
      code: "FL0209", title: `a parent of kind \`${ref.kind}\` is not served`,
      effect: "the route takes no requests from it",
      help: "parents are Gateways, ListenerSets and Services",
    });
    return;
  }
  const there = isSet
    && look.inventory.listenerSets.some((l) => keyText(l.metadata) === keyText(key));
  // A ListenerSet without its Gateway has been reported where it stands.
  if (there || look.isBroken(ref.kind, key)) return;
  const names = isGateway ? look.gatewayNames()
    : look.inventory.listenerSets.map((g) => g.metadata.name);
  const elsewhere = (isGateway ? look.inventory.gateways : [])
    .filter((g) => g.metadata.name === key.name).map((g) => g.metadata.namespace);
  const hint = didYouMean(key.name, names);
  report.say(route.resource, [...path, "name"], {
    code: "FL0201", title: `no ${ref.kind} \`${key.name}\` in namespace \`${key.namespace}\``,
    ...(hint ? { label: hint } : {}),
    effect: "the route takes no requests from it",
    ...(elsewhere.length > 0
      ? { help: `there is one in namespace ${list(elsewhere)}; add \`namespace\`` } : {}),
  });
}

function attachTo(
  route: AttachableRoute, ref: ParentRef, offer: Offer, path: ValuePath, facets: Facets,
  look: Lookup, report: Report,
): ResolvedParent {
  const outcome: Outcome = offer.refusal === undefined
    ? choose(route, ref, offer.listeners, path, look)
    : { reason: "NoMatchingParent", message: offer.refusal, path: [...path, "name"],
      facts: { code: "FL0203", title: offer.refusal } };
  // A ListenerSet that may not attach has been reported where it stands.
  if (!("attachments" in outcome) && offer.refusal === undefined) {
    report.say(route.resource, outcome.path, {
      ...outcome.facts, effect: `the route takes no requests (${formatPath(path)})`,
    });
  }
  const conditions = "attachments" in outcome ? acceptedAs(facets) : refusedAs(outcome, facets);
  const isAccepted = conditions[0].status === "True";
  return {
    ref,
    gateway: { namespace: offer.gateway.resource.metadata.namespace,
      name: offer.gateway.resource.metadata.name },
    controllerName: offer.gateway.controllerName,
    attachments: isAccepted && "attachments" in outcome ? outcome.attachments : [],
    conditions,
  };
}

/** A Gateway with a default scope is a parent that the route need not name. */
function defaultParents(route: AttachableRoute, parents: Parents): readonly ParentRef[] {
  const { spec, metadata } = route.resource;
  if (spec.useDefaultGateways !== "All") return [];
  return parents.defaults.map((g) => g.resource.metadata)
    .filter((g) => !(spec.parentRefs ?? []).some((ref) => ref.kind === "Gateway"
      && ref.name === g.name && (ref.namespace || metadata.namespace) === g.namespace))
    .map(({ name, namespace }) => ({ group: gatewayGroup, kind: "Gateway", name, namespace }));
}

export function attach(
  route: AttachableRoute, parents: Parents, facets: Facets, look: Lookup, report: Report,
): readonly ResolvedParent[] {
  const refs = route.resource.spec.parentRefs ?? [];
  const named = refs.flatMap((ref, index) => {
    if (isService(ref)) return [];
    const path: ValuePath = ["spec", "parentRefs", index];
    const namespace = ref.namespace || route.resource.metadata.namespace;
    const key = { namespace, name: ref.name };
    const ours = ref.group === gatewayGroup
      && (ref.kind === "Gateway" || ref.kind === "ListenerSet");
    const offer = ours ? offerOf(ref, key, parents) : undefined;
    if (!offer) {
      sayNoParent(route, ref, key, path, look, report);
      return [];
    }
    return [attachTo(route, { ...ref, namespace }, offer, path, facets, look, report)];
  });
  const byDefault = defaultParents(route, parents).flatMap((ref) => {
    const offer = offerOf(ref, { namespace: ref.namespace ?? "", name: ref.name }, parents);
    const path: ValuePath = ["spec", "useDefaultGateways"];
    return offer ? [attachTo(route, ref, offer, path, facets, look, report)] : [];
  });
  return [...named, ...byDefault];
}
