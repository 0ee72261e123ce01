// The rules of the conformance data's compile plane: what a step expects of the status. A check
// returns the first fact that differs, or nothing.

import { isDeepStrictEqual } from "node:util";
import { controller, keyOf, type World } from "./world.ts";
import type { Json } from "./json.ts";

type Fact = string | undefined;

const group = "gateway.networking.k8s.io";
const text = (c: Json): string => `${c.type}=${c.status}/${c.reason}`;

function conditions(expected: Json[], actual: Json[] | undefined, where: string): Fact {
  for (const want of expected) {
    const got = (actual ?? []).find((c) => c.type === want.type);
    if (!got) return `${where}: no condition ${want.type}`;
    const same = (!want.status || got.status === want.status)
      && (!want.reason || got.reason === want.reason);
    if (!same) return `${where}: ${text(got)}, expected ${text(want)}`;
  }
  return undefined;
}

function generations(list: Json[] | undefined, generation: number, where: string): Fact {
  const old = (list ?? []).find((c) => c.observedGeneration !== generation);
  return old && `${where}: ${old.type} observed ${old.observedGeneration}, not ${generation}`;
}

function firstFact(list: Json[], check: (item: Json) => Fact): Fact {
  for (const item of list) {
    const fact = check(item);
    if (fact) return fact;
  }
  return undefined;
}

function listeners(expected: Json[], actual: Json[] | undefined, where: string): Fact {
  if ((actual ?? []).length !== expected.length) return `${where}: ${actual?.length} listeners`;
  return firstFact(expected, (want) => {
    const got = actual?.find((l) => l.name === want.name);
    if (!got) return `${where}: no listener ${want.name}`;
    const at = `${where} ${want.name}`;
    if (got.attachedRoutes !== want.attachedRoutes) return `${at}: ${got.attachedRoutes} routes`;
    const has = got.supportedKinds.map((k: Json) => `${k.group ?? group}/${k.kind}`);
    const kinds = (want.supportedKinds ?? []).map((k: Json) => `${k.group ?? group}/${k.kind}`);
    if (kinds.length === 0 && has.length > 0) return `${at}: kinds ${has}, expected none`;
    const missing = kinds.find((k: string) => !has.includes(k));
    return missing ? `${at}: no kind ${missing}` : conditions(want.conditions ?? [],
      got.conditions, at);
  });
}

/** "status.listeners[name=http].conditions[type=X]" */
function valueAt(object: Json, path: string): Json {
  let value = object;
  for (const [, field, key,
    wanted] of path.matchAll(/([A-Za-z]+)(?:\[(\w+)=([^\]]+)\])?(?:\.|$)/g)) {
    value = value?.[field ?? ""];
    if (key) value = value?.find((entry: Json) => entry[key] === wanted);
  }
  return value;
}

function routeParents(step: Json, world: World, status: Json): Fact {
  const where = `${step.routeKind} ${step.route.name}`;
  const parents: Json[] = status.parents ?? [];
  const fact = firstFact(step.parents, (want) => {
    const { parentRef } = want;
    const candidates = parents.filter(({ controllerName, parentRef: got }) =>
      controllerName === want.controllerName && got.name === parentRef.name
      && (got.group ?? group) === (parentRef.group ?? group)
      && (got.kind ?? "Gateway") === (parentRef.kind ?? "Gateway")
      && (got.namespace === parentRef.namespace
        || (got.namespace === undefined && !step.namespaceRequired)));
    if (candidates.length === 0) return `${where}: no entry for ${parentRef.name}`;
    const facts = candidates.map((p) => conditions(want.conditions, p.conditions, where));
    return facts.includes(undefined) ? undefined : facts[0];
  });
  const generation = world.objects.get(keyOf(step.routeKind, step.route))?.metadata.generation;
  return fact ?? firstFact(parents.filter((p) => p.controllerName === controller),
    (p) => generations(p.conditions, generation, where));
}

function entryCondition(step: Json, world: World): Fact {
  const [kind, ref] = step.policy ? ["BackendTLSPolicy", step.policy] : [step.routeKind,
    step.route];
  const status = world.status().get(keyOf(kind, ref))?.status;
  const entries: Json[] = (step.policy ? status?.ancestors : status?.parents) ?? [];
  const named = entries.filter((e) => {
    const target = e.ancestorRef ?? e.parentRef;
    return target.name === step.parent.name && (!target.namespace || !step.parent.namespace
      || target.namespace === step.parent.namespace);
  });
  const where = `${kind} ${ref.name} for ${step.parent.name}`;
  if (named.length === 0) return `${where}: no entry`;
  const generation = world.objects.get(keyOf(kind, ref))?.metadata.generation;
  const facts = named.map((e) => conditions([step.condition], e.conditions, where)
    ?? (e.controllerName === controller ? generations(e.conditions, generation, where)
      : undefined));
  return facts.includes(undefined) ? undefined : facts[0];
}

function observedGeneration(step: Json, world: World): Fact {
  const key = keyOf(step.kind, step.resource);
  const status = world.status().get(key)?.status ?? {};
  const entries = [...status.parents ?? [], ...status.ancestors ?? []]
    .filter((e: Json) => e.controllerName === controller);
  const all = [...status.conditions ?? [], ...entries.flatMap((e: Json) => e.conditions),
    ...(step.includeListeners ? status.listeners.flatMap((l: Json) => l.conditions) : [])];
  if (all.length === 0) return `${key}: no conditions at all`;
  return generations(all.filter((c: Json) => !c.type.endsWith("/StaleCondition")),
    world.objects.get(key)?.metadata.generation, key);
}

function ready(step: Json, world: World): Fact {
  const gateways = [...world.objects.values()].filter((o) => o.kind === "Gateway"
    && step.namespaces.includes(o.metadata.namespace)
    && o.metadata.annotations?.["gateway-api/skip-this-for-readiness"] !== "true");
  return firstFact(gateways, ({ metadata }) => {
    const list = world.status().get(keyOf("Gateway", metadata))?.status.conditions;
    const where = `Gateway ${metadata.name}`;
    return conditions([{ type: "Accepted", status: "True" }, { type: "Programmed",
      status: "True" }],
      list, where) ?? generations(list.filter((c: Json) =>
      c.type === "Accepted" || c.type === "Programmed"), metadata.generation, where);
  });
}

/** The first fact that differs from what the step expects. */
export function judge(step: Json, world: World): Fact {
  const statusOf = (kind: string, ref: Json): Json => world.status().get(keyOf(kind, ref))?.status;
  const gateway = (): Json => statusOf("Gateway", step.gateway) ?? {};
  switch (step.type) {
    case "namespacesReady": return ready(step, world);
    case "gatewayAddress": return gateway().addresses?.length > 0 ? undefined : "no address";
    case "routeParents":
      return routeParents(step, world, statusOf(step.routeKind, step.route) ?? {});
    case "routeCondition": case "backendTLSPolicyCondition": return entryCondition(step, world);
    case "routeNoAcceptedParents": {
      const parents = statusOf(step.routeKind, step.route)?.parents ?? [];
      if (parents.length > 1) return `${parents.length} parents`;
      return parents[0]
        && conditions([{ type: "Accepted", status: "False" }], parents[0].conditions, "the parent");
    }
    case "listenerConditions": {
      const all: Json[] = statusOf(step.kind, step.resource)?.listeners ?? [];
      const missing = (step.listeners ?? []).find((n: string) => !all.some((l) => l.name === n));
      if (missing || all.length === 0) return `no status for listener ${missing}`;
      return firstFact(all.filter((l) => !step.listeners || step.listeners.includes(l.name)),
        (l) => conditions(step.conditions, l.conditions, l.name));
    }
    case "gatewayListeners": return listeners(step.listeners, gateway().listeners,
      step.gateway.name);
    case "listenerSetListeners": return listeners(step.listeners,
      statusOf("ListenerSet", step.listenerSet)?.listeners, step.listenerSet.name);
    case "gatewayCondition": case "listenerSetCondition": case "gatewayClassCondition": {
      const [kind, ref] = step.gateway ? ["Gateway", step.gateway]
        : step.listenerSet ? ["ListenerSet", step.listenerSet]
        : ["GatewayClass", { name: step.gatewayClass }];
      const list = statusOf(kind, ref)?.conditions;
      return conditions([step.condition], list, ref.name)
        ?? generations(list, world.objects.get(keyOf(kind, ref))?.metadata.generation, ref.name);
    }
    case "gatewayZeroRoutes": {
      const all = gateway().listeners ?? [];
      return all.length > 1 || all[0]?.attachedRoutes > 0 ? "there are routes" : undefined;
    }
    case "gatewayAttachedListenerSets": {
      const count = gateway().attachedListenerSets ?? 0;
      return count === step.count ? undefined : `attachedListenerSets ${count}`;
    }
    case "gatewayAddressesExact":
      return isDeepStrictEqual(gateway().addresses, step.addresses) ? undefined
        : `addresses ${JSON.stringify(gateway().addresses)}`;
    case "observedGeneration": return observedGeneration(step, world);
    case "generationChanged": {
      const key = keyOf(step.object.kind, step.object);
      const before = world.generationBefore.get(key);
      return before !== world.objects.get(key)?.metadata.generation ? undefined : "no change";
    }
    case "statusPreserved": {
      const key = keyOf(step.object.kind, step.object);
      const wanted = valueAt(world.seeded.get(key), step.path);
      const got = valueAt(world.status().get(key), step.path);
      return wanted && isDeepStrictEqual(got, wanted) ? undefined
        : `${step.path} is ${JSON.stringify(got)}`;
    }
    default: return `no rule for a step of type ${step.type}`;
  }
}
