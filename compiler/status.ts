// The `.status` that a conforming controller would write, for every Gateway API resource of the
// input. Times come from the input alone: a condition that was there with the same status keeps its
// time, any other gets the resource's creationTimestamp, or 1970-01-01T00:00:00Z without one.

import { defaultController } from "./resolve/gateways.ts";
import { keyText } from "./resolve/lookup.ts";
import { meshController } from "./resolve/mesh.ts";
import type {
  Resolved, ResolvedGateway, ResolvedListener, ResolvedListenerSet, ResolvedRoute,
  ResolvedTlsPolicy,
} from "./resolve/resolved.ts";
import type { ObjectKey, Resource } from "./resources.ts";
import { record, records, stamp, type StatusCondition } from "./status/conditions.ts";
import { compareText } from "./order.ts";

export interface StatusResource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: unknown;
  readonly spec: unknown;
  readonly status: Readonly<Record<string, unknown>>;
}

const group = "gateway.networking.k8s.io";

function print(resource: Resource, status: Readonly<Record<string, unknown>>): StatusResource {
  const written = record(resource.manifest.value);
  return {
    apiVersion: resource.apiVersion, kind: resource.kind,
    metadata: written.metadata, spec: written.spec, status,
  };
}

/** How many routes each listener has taken. */
function countRoutes(routes: readonly ResolvedRoute[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const route of routes) {
    const ids = route.parents.flatMap((p) => p.attachments.map((a) => a.listener.id));
    for (const id of new Set(ids)) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

function listenerStatuses(
  resource: Resource, listeners: readonly ResolvedListener[], counts: ReadonlyMap<string, number>,
): readonly unknown[] {
  const before = records(record(resource.status).listeners);
  return listeners.map((listener) => ({
    name: listener.spec.name,
    supportedKinds: listener.supportedKinds.map((kind) => ({ group, kind })),
    attachedRoutes: counts.get(listener.id) ?? 0,
    conditions: stamp(resource, listener.conditions,
      before.find((l) => l.name === listener.spec.name)?.conditions),
  }));
}

function gatewayStatus(
  gateway: ResolvedGateway, counts: ReadonlyMap<string, number>,
): StatusResource {
  const { resource } = gateway;
  return print(resource, {
    addresses: gateway.addresses,
    conditions: stamp(resource, gateway.conditions, record(resource.status).conditions),
    listeners: listenerStatuses(resource, gateway.listeners, counts),
    attachedListenerSets: gateway.attachedListenerSets,
  });
}

function listenerSetStatus(
  set: ResolvedListenerSet, counts: ReadonlyMap<string, number>,
): StatusResource {
  const { resource } = set;
  return print(resource, {
    conditions: stamp(resource, set.conditions, record(resource.status).conditions),
    ...(set.listeners.length > 0
      ? { listeners: listenerStatuses(resource, set.listeners, counts) } : {}),
  });
}

interface Entry {
  readonly controllerName: string;
  readonly ref: Readonly<Record<string, unknown>>;
  readonly conditions: (before: unknown) => readonly StatusCondition[];
}

/**
 * Our entries of status.parents or status.ancestors, then those of other controllers as they stood.
 * Which of the input's entries are ours is told by the controller's name, as the spec has it.
 */
function entries(
  resource: Resource, list: "parents" | "ancestors", refName: "parentRef" | "ancestorRef",
  own: readonly Entry[], controllers: ReadonlySet<string>,
): readonly unknown[] {
  const before = records(record(resource.status)[list]);
  const printed = own.map(({ controllerName, ref, conditions }) => {
    const old = before.find((entry) => entry.controllerName === controllerName
      && sameRef(record(entry[refName]), ref));
    return { [refName]: ref, controllerName, conditions: conditions(old?.conditions) };
  });
  const foreign = before.filter((e) => !controllers.has(String(e.controllerName)));
  return [...printed, ...foreign];
}

function sameRef(
  a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>,
): boolean {
  return a.name === b.name && (a.namespace ?? b.namespace) === b.namespace
    && (a.kind ?? b.kind) === b.kind && a.sectionName === b.sectionName && a.port === b.port;
}

function routeStatus(route: ResolvedRoute, controllers: ReadonlySet<string>): StatusResource {
  const { resource } = route;
  const parents = [...route.parents, ...route.mesh];
  const own = parents.map(({ ref, controllerName, conditions }): Entry => ({
    controllerName,
    ref: {
      group: ref.group, kind: ref.kind, namespace: ref.namespace, name: ref.name,
      ...(ref.sectionName ? { sectionName: ref.sectionName } : {}),
      ...(ref.port !== undefined ? { port: ref.port } : {}),
    },
    conditions: (before) => stamp(resource, conditions, before),
  }));
  return print(resource, { parents: entries(resource, "parents", "parentRef", own, controllers) });
}

function policyStatus(policy: ResolvedTlsPolicy, controllers: ReadonlySet<string>): StatusResource {
  const { resource } = policy;
  const own = policy.ancestors.map(({ gateway, controllerName }): Entry => ({
    controllerName,
    ref: { group, kind: "Gateway", namespace: gateway.namespace, name: gateway.name },
    conditions: (before) => stamp(resource, policy.conditions, before),
  }));
  return print(resource, {
    ancestors: entries(resource, "ancestors", "ancestorRef", own, controllers),
  });
}

/** The names under which this compiler answers for the input's Gateways. */
function controllerNames(resolved: Resolved): ReadonlySet<string> {
  const named = resolved.gateways.map((g) => g.controllerName);
  return new Set([defaultController, meshController, ...named]);
}

/** By kind, namespace and name. */
export function status(resolved: Resolved): readonly StatusResource[] {
  const counts = countRoutes(resolved.routes);
  const controllers = controllerNames(resolved);
  const printed: readonly (readonly [ObjectKey, StatusResource])[] = [
    ...resolved.gatewayClasses.map(({ resource, conditions }) => [resource.metadata,
      print(resource, {
        conditions: stamp(resource, conditions, record(resource.status).conditions),
      })] as const),
    ...resolved.gateways.map((g) => [g.resource.metadata, gatewayStatus(g, counts)] as const),
    ...resolved.listenerSets.map((s) =>
      [s.resource.metadata, listenerSetStatus(s, counts)] as const),
    ...resolved.routes.map((r) => [r.resource.metadata, routeStatus(r, controllers)] as const),
    ...resolved.backendTlsPolicies.map((p) =>
      [p.resource.metadata, policyStatus(p, controllers)] as const),
  ];
  return [...printed]
    .sort(([a, left], [b, right]) => compareText(left.kind, right.kind)
      || compareText(keyText(a), keyText(b)))
    .map(([, resource]) => resource);
}
