// The inventory by key, so that following a reference costs the same however many resources there
// are.

import type {
  DataSpec, GatewayClassSpec, Inventory, LabelSelector, ObjectKey, Resource,
  ServiceEntrySpec, ServiceSpec,
} from "../resources.ts";
import { compareAge, compareText } from "../order.ts";
import { namesOf, type Names } from "./nearest.ts";

export const gatewayGroup = "gateway.networking.k8s.io";

export function keyText(key: ObjectKey): string {
  return `${key.namespace}/${key.name}`;
}

/** Who refers to something, as a ReferenceGrant has it. */
export interface Referrer {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
}

/** What is referred to. */
export interface Referent extends ObjectKey {
  readonly group: string;
  readonly kind: string;
}

export interface Lookup {
  readonly inventory: Inventory;
  service(key: ObjectKey): Resource<ServiceSpec> | undefined;
  secret(key: ObjectKey): Resource<DataSpec> | undefined;
  configMap(key: ObjectKey): Resource<DataSpec> | undefined;
  /** The ServiceEntries of a namespace that have the host, the oldest first. */
  entries(namespace: string, host: string): readonly Resource<ServiceEntrySpec>[];
  /** Hosts of the namespace's ServiceEntries, for "did you mean". */
  entryHosts(namespace: string): readonly string[];
  gatewayClass(name: string): Resource<GatewayClassSpec> | undefined;
  /** Of every namespace. */
  gatewayNames(): Names;
  /** Names of the namespace's Services, for "did you mean". */
  serviceNames(namespace: string): Names;
  secretNames(namespace: string): Names;
  /** Does a ReferenceGrant in the referent's namespace permit the reference? */
  isGranted(from: Referrer, to: Referent): boolean;
  namespaceLabels(namespace: string): Readonly<Record<string, string>>;
  /** The document was there but had errors: a reference to it is not reported as missing. */
  isBroken(kind: string, key: ObjectKey): boolean;
  anyBroken(kind: string, namespace: string): boolean;
}

function byKey<Spec>(resources: readonly Resource<Spec>[]): ReadonlyMap<string, Resource<Spec>> {
  return new Map(resources.map((r) => [keyText(r.metadata), r]));
}

function byNamespace<Spec>(
  resources: readonly Resource<Spec>[],
): ReadonlyMap<string, readonly Resource<Spec>[]> {
  const groups = new Map<string, Resource<Spec>[]>();
  for (const resource of resources) {
    const group = groups.get(resource.metadata.namespace);
    if (group) group.push(resource);
    else groups.set(resource.metadata.namespace, [resource]);
  }
  return groups;
}

function grantKey(from: Referrer, to: Referent, name: string): string {
  return [from.group, from.kind, from.namespace, to.group, to.kind, to.namespace, name].join("/");
}

/** Every reference that some ReferenceGrant permits; without a name, to all of the kind. */
function grantKeys({ referenceGrants }: Inventory): ReadonlySet<string> {
  return new Set(referenceGrants.flatMap(({ spec, metadata: { namespace } }) =>
    spec.from.flatMap((from) => spec.to.map(({ group, kind, name = "" }) =>
      grantKey(from, { group, kind, namespace, name }, name)))));
}

/** By namespace, then by host in lower case, in which Istio finds them. */
function entriesByHost(
  { serviceEntries }: Inventory,
): ReadonlyMap<string, ReadonlyMap<string, readonly Resource<ServiceEntrySpec>[]>> {
  const found = new Map<string, Map<string, Resource<ServiceEntrySpec>[]>>();
  const ordered = [...serviceEntries].sort((a, b) =>
    compareAge(a.metadata.creationTimestamp, b.metadata.creationTimestamp)
    || compareText(a.metadata.name, b.metadata.name));
  for (const entry of ordered) {
    const { namespace } = entry.metadata;
    const hosts = found.get(namespace) ?? new Map<string, Resource<ServiceEntrySpec>[]>();
    found.set(namespace, hosts);
    for (const host of new Set((entry.spec.hosts ?? []).map((h) => h.toLowerCase()))) {
      hosts.set(host, [...hosts.get(host) ?? [], entry]);
    }
  }
  return found;
}

/** Each namespace's once, whoever asks for them. */
function namesIn(
  groups: ReadonlyMap<string, readonly Resource[]>,
): (namespace: string) => Names {
  const known = new Map<string, Names>();
  return (namespace) => {
    const names = known.get(namespace)
      ?? namesOf((groups.get(namespace) ?? []).map((r) => r.metadata.name));
    known.set(namespace, names);
    return names;
  };
}

export function lookup(inventory: Inventory): Lookup {
  const gatewayNames = namesOf(inventory.gateways.map((g) => g.metadata.name));
  const services = byKey(inventory.services);
  const servicesOf = byNamespace(inventory.services);
  const secrets = byKey(inventory.secrets);
  const configMaps = byKey(inventory.configMaps);
  const classes = new Map(inventory.gatewayClasses.map((c) => [c.metadata.name, c]));
  const grants = grantKeys(inventory);
  const namespaces = new Map(inventory.namespaces.map((n) => [n.metadata.name, n]));
  const brokenIn = new Set([...inventory.broken].map((b) => b.split("/", 2).join("/")));
  const entries = entriesByHost(inventory);
  return {
    inventory,
    service: (key) => services.get(keyText(key)),
    secret: (key) => secrets.get(keyText(key)),
    configMap: (key) => configMaps.get(keyText(key)),
    entries: (namespace, host) => entries.get(namespace)?.get(host) ?? [],
    entryHosts: (namespace) => [...entries.get(namespace)?.keys() ?? []],
    gatewayClass: (name) => classes.get(name),
    serviceNames: namesIn(servicesOf),
    secretNames: namesIn(byNamespace(inventory.secrets)),
    gatewayNames: () => gatewayNames,
    isGranted: (from, to) =>
      grants.has(grantKey(from, to, "")) || grants.has(grantKey(from, to, to.name)),
    // Kubernetes puts this label on every namespace; one that is not in the input has only it.
    namespaceLabels: (namespace) => ({
      ...namespaces.get(namespace)?.metadata.labels,
      "kubernetes.io/metadata.name": namespace,
    }),
    isBroken: (kind, key) => inventory.broken.has(`${kind}/${keyText(key)}`),
    anyBroken: (kind, namespace) => brokenIn.has(`${kind}/${namespace}`),
  };
}

/** An absent selector selects nothing, an empty one everything, as in Kubernetes. */
export function selects(
  selector: LabelSelector | undefined, labels: Readonly<Record<string, string>>,
): boolean {
  if (!selector) return false;
  const plain = Object.entries(selector.matchLabels ?? {})
    .every(([key, value]) => labels[key] === value);
  return plain && (selector.matchExpressions ?? []).every(({ key, operator, values }) => {
    const value = labels[key];
    if (operator === "Exists") return value !== undefined;
    if (operator === "DoesNotExist") return value === undefined;
    const named = value !== undefined && (values ?? []).includes(value);
    return operator === "In" ? named : !named;
  });
}

/** References within a namespace need no ReferenceGrant. */
export function isGranted(look: Lookup, from: Referrer, to: Referent): boolean {
  return from.namespace === to.namespace || look.isGranted(from, to);
}
