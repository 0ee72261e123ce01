// The inventory by key, so that following a reference costs the same however many resources there
// are.

import type {
  DataSpec, GatewayClassSpec, Inventory, LabelSelector, ObjectKey, ReferenceGrantSpec, Resource,
  ServiceEntrySpec, ServiceSpec,
} from "../resources.ts";
import { compareAge, compareText } from "../order.ts";

export const gatewayGroup = "gateway.networking.k8s.io";

export function keyText(key: ObjectKey): string {
  return `${key.namespace}/${key.name}`;
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
  /** Names of the namespace's Services, for "did you mean". */
  serviceNames(namespace: string): readonly string[];
  secretNames(namespace: string): readonly string[];
  grants(namespace: string): readonly Resource<ReferenceGrantSpec>[];
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

export function lookup(inventory: Inventory): Lookup {
  const services = byKey(inventory.services);
  const servicesOf = byNamespace(inventory.services);
  const secrets = byKey(inventory.secrets);
  const configMaps = byKey(inventory.configMaps);
  const classes = new Map(inventory.gatewayClasses.map((c) => [c.metadata.name, c]));
  const grants = byNamespace(inventory.referenceGrants);
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
    serviceNames: (namespace) => (servicesOf.get(namespace) ?? []).map((s) => s.metadata.name),
    secretNames: (namespace) => inventory.secrets
      .filter((s) => s.metadata.namespace === namespace).map((s) => s.metadata.name),
    grants: (namespace) => grants.get(namespace) ?? [],
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

/** Does a ReferenceGrant in the referent's namespace permit the reference? */
export function isGranted(
  look: Lookup,
  from: { readonly group: string; readonly kind: string; readonly namespace: string },
  to: { readonly group: string; readonly kind: string } & ObjectKey,
): boolean {
  if (from.namespace === to.namespace) return true;
  return look.grants(to.namespace).some(({ spec }) =>
    spec.from.some((f) => f.group === from.group && f.kind === from.kind
      && f.namespace === from.namespace)
    && spec.to.some((t) => t.group === to.group && t.kind === to.kind
      && (!t.name || t.name === to.name)));
}
