// The endpoints behind Services and ServiceEntries with what is known of them: the labels that
// subsets choose by, and where they are. EndpointSlices name Pods, Pods name Nodes, WorkloadEntries
// and a ServiceEntry's own endpoints say it themselves.

import { compareText } from "../order.ts";
import { keyText } from "../resolve/lookup.ts";
import type {
  EndpointSliceSpec, Inventory, Resource, ServicePort, WorkloadEntrySpec,
} from "../resources.ts";

export type Labels = Readonly<Record<string, string>>;

export interface Workload {
  readonly address: string;
  readonly port: number;
  /** Absent: nothing is known of them. */
  readonly labels?: Labels;
  /** `region/zone/subzone` as far as it is known; an unknown region is empty. */
  readonly locality?: string;
  readonly weight?: number;
}

type Slice = Resource<EndpointSliceSpec>;

export interface Workloads {
  /** Of a Service, by `namespace/name`; absent: the input says nothing of its endpoints. */
  readonly slicesOf: (service: string) => readonly Slice[] | undefined;
  /** The ready endpoints of a slice that have the port. */
  readonly inSlice: (slice: Slice, port: ServicePort) => readonly Workload[];
  /** WorkloadEntries of the namespace that a selector chooses, sorted by name. */
  readonly selectedEntries: (namespace: string, selector: Labels) =>
    readonly Resource<WorkloadEntrySpec>[];
  /** Endpoints of Pods that a ServiceEntry's selector chooses. */
  readonly selectedPods: (namespace: string, selector: Labels) => readonly PodEndpoint[];
}

/** A Pod's address as some slice has it. */
export interface PodEndpoint extends Omit<Workload, "port"> {
  readonly labels: Labels;
}

const topology = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone",
  "topology.istio.io/subzone"] as const;
const hostnameLabel = "kubernetes.io/hostname";

/** Istio's own label; it writes dots for the slashes, which a label's value cannot have. */
const localityLabel = "istio-locality";

function localityText(parts: readonly (string | undefined)[]): string | undefined {
  const text = parts.map((part) => part ?? "").join("/").replace(/\/+$/, "");
  return text === "" ? undefined : text;
}

export function selects(selector: Labels, labels: Labels): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

function group<Item>(items: readonly Item[], keyOf: (item: Item) => string | undefined):
  ReadonlyMap<string, readonly Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    if (key === undefined) continue;
    const known = groups.get(key);
    if (known) known.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

function serviceOfSlice({ metadata: { namespace, labels } }: Slice): string | undefined {
  const name = labels?.["kubernetes.io/service-name"];
  return name ? keyText({ namespace, name }) : undefined;
}

/** The port behind the Service's, found by its name; a slice without a number means every port. */
function portIn({ spec }: Slice, port: ServicePort): number | undefined {
  const found = (spec.ports ?? []).find((p) => (p.name ?? "") === (port.name ?? ""));
  return found && (found.port ?? containerPort(port));
}

export function containerPort({ port, targetPort }: ServicePort): number {
  return typeof targetPort === "number" ? targetPort : port;
}

type SliceEndpoint = EndpointSliceSpec["endpoints"][number];

/** What the Pod and the Node behind an endpoint say of it. */
function describer({ pods, nodes }: Inventory): (endpoint: SliceEndpoint, slice: Slice) =>
  Pick<Workload, "labels" | "locality"> {
  const podOf = new Map(pods.map((pod) => [keyText(pod.metadata), pod]));
  const nodeOf = new Map(nodes.map((node) => [node.metadata.name, node.metadata.labels ?? {}]));
  return ({ targetRef, nodeName, zone }, slice) => {
    const key = { namespace: targetRef?.namespace ?? slice.metadata.namespace,
      name: targetRef?.name ?? "" };
    const pod = targetRef?.kind === "Pod" ? podOf.get(keyText(key)) : undefined;
    const node = nodeName ?? pod?.spec.nodeName;
    const place = nodeOf.get(node ?? "") ?? {};
    // A slice that is written by hand may say itself which version its endpoints are.
    const own = pod ? pod.metadata.labels ?? {} : targetRef ? undefined : slice.metadata.labels;
    const [region, zoneLabel, subzone] = topology.map((name) => place[name]);
    const locality = own?.[localityLabel]?.replaceAll(".", "/")
      ?? localityText([region, zoneLabel ?? zone, subzone]);
    const known = Object.fromEntries([
      ...topology.flatMap((name) => (place[name] ? [[name, place[name]]] : [])),
      ...(node ? [[hostnameLabel, node]] : []),
    ]);
    return {
      ...(own ? { labels: { ...own, ...known } } : {}), ...(locality ? { locality } : {}),
    };
  };
}

export function workloads(inventory: Inventory): Workloads {
  const { endpointSlices, workloadEntries } = inventory;
  const slices = group(endpointSlices, serviceOfSlice);
  const entries = group(workloadEntries, ({ metadata }) => metadata.namespace);
  const describe = describer(inventory);
  const podSlices = group(endpointSlices, ({ metadata }) => metadata.namespace);
  return {
    slicesOf: (service) => slices.get(service),
    inSlice: (slice, port) => {
      const number = portIn(slice, port);
      if (number === undefined) return [];
      return slice.spec.endpoints
        // An absent `ready` is unknown, which counts as ready.
        .filter(({ conditions }) => conditions?.ready !== false)
        .flatMap((endpoint) => endpoint.addresses.map((address) =>
          ({ address, port: number, ...describe(endpoint, slice) })));
    },
    selectedEntries: (namespace, selector) => (entries.get(namespace) ?? [])
      .filter(({ spec: { labels = {} }, metadata }) =>
        selects(selector, { ...metadata.labels, ...labels }))
      .sort((a, b) => compareText(a.metadata.name, b.metadata.name)),
    selectedPods: (namespace, selector) => (podSlices.get(namespace) ?? []).flatMap((slice) =>
      slice.spec.endpoints.flatMap((endpoint) => {
        const { labels, ...rest } = describe(endpoint, slice);
        if (endpoint.targetRef?.kind !== "Pod" || !labels || !selects(selector, labels)
          || endpoint.conditions?.ready === false) return [];
        return endpoint.addresses.map((address) => ({ address, labels, ...rest }));
      })),
  };
}

/** A WorkloadEntry, or one that stands in a ServiceEntry, as an endpoint. */
export function entryWorkload(
  { address = "", labels = {}, locality, weight }: WorkloadEntrySpec, port: number,
): Workload {
  const place = locality ?? labels[localityLabel]?.replaceAll(".", "/");
  return {
    address, port, labels,
    ...(place ? { locality: place } : {}), ...(weight ? { weight } : {}),
  };
}

/** Each address and port once, sorted. */
export function distinct(found: readonly Workload[]): readonly Workload[] {
  const unique = new Map<string, Workload>();
  for (const workload of found) {
    const key = `${workload.address} ${workload.port}`;
    if (!unique.has(key)) unique.set(key, workload);
  }
  return [...unique.values()]
    .sort((a, b) => compareText(a.address, b.address) || a.port - b.port);
}
