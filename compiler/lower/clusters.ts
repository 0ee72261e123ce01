// Services' ports as destinations: their names, endpoints and policies.

import type { Cluster, ClusterIndex, Endpoints } from "../ir.ts";
import { compareText } from "../order.ts";
import type { Policies } from "../policy.ts";
import { keyText } from "../resolve/lookup.ts";
import type { Report } from "../resolve/report.ts";
import type { Target } from "../resolve/resolved.ts";
import type { EndpointSliceSpec, Resource, ServicePort } from "../resources.ts";

export type ServiceTarget = Extract<Target, { kind: "service" }>;

export function serviceHost(service: Resource): string {
  return `${service.metadata.name}.${service.metadata.namespace}.svc.cluster.local`;
}

/** Istio's form, so that one table serves a plain Envoy, Istio and the edge. */
export function clusterName({ service, port }: ServiceTarget): string {
  return `outbound|${port.port}||${serviceHost(service)}`;
}

const protocols: Readonly<Record<string, Cluster["protocol"]>> = {
  "kubernetes.io/h2c": "h2c",
  "kubernetes.io/ws": "websocket",
  // Istio's names for the same.
  http2: "h2c",
  grpc: "h2c",
};

type Slice = Resource<EndpointSliceSpec>;
export type SlicesByService = ReadonlyMap<string, readonly Slice[]>;

export function slicesByService(slices: readonly Slice[]): SlicesByService {
  const groups = new Map<string, Slice[]>();
  for (const slice of slices) {
    const name = slice.metadata.labels?.["kubernetes.io/service-name"];
    if (!name) continue;
    const key = keyText({ namespace: slice.metadata.namespace, name });
    const group = groups.get(key);
    if (group) group.push(slice);
    else groups.set(key, [slice]);
  }
  return groups;
}

/** The port behind the Service's, found by its name; a slice without a number means every port. */
function portIn({ spec }: Slice, port: ServicePort): number | undefined {
  const found = (spec.ports ?? []).find((p) => (p.name ?? "") === (port.name ?? ""));
  return found && (found.port ?? containerPort(port));
}

function containerPort({ port, targetPort }: ServicePort): number {
  return typeof targetPort === "number" ? targetPort : port;
}

interface Dialled {
  readonly address: string;
  readonly port: number;
}

function readyAddresses(slices: readonly Slice[], port: ServicePort): readonly Dialled[] {
  const found = new Map<string, Dialled>();
  for (const slice of slices) {
    const number = portIn(slice, port);
    if (number === undefined) continue;
    for (const endpoint of slice.spec.endpoints) {
      // An absent `ready` is unknown, which counts as ready.
      if (endpoint.conditions?.ready === false) continue;
      for (const address of endpoint.addresses) {
        found.set(`${address} ${number}`, { address, port: number });
      }
    }
  }
  return [...found.values()].sort((a, b) => compareText(a.address, b.address) || a.port - b.port);
}

function endpointsOf(
  { service, port }: ServiceTarget, slices: readonly Slice[] | undefined, report: Report,
): Endpoints {
  const { type, externalName, clusterIP } = service.spec;
  if (type === "ExternalName") {
    return { kind: "dns", hostname: externalName ?? serviceHost(service), port: port.port };
  }
  if (!slices) {
    // A headless Service's name leads to the pods themselves, past the Service's own port.
    const dialled = clusterIP === "None" ? containerPort(port) : port.port;
    return { kind: "dns", hostname: serviceHost(service), port: dialled };
  }
  const byName = slices.filter((s) => s.spec.addressType === "FQDN");
  const names = readyAddresses(byName, port);
  const addresses = readyAddresses(slices.filter((s) => s.spec.addressType !== "FQDN"), port);
  const [first, ...rest] = names;
  const named = byName[0];
  if (named && (rest.length > 0 || (first && addresses.length > 0))) {
    const used = addresses.length > 0
      ? "only the IP addresses are" : `only \`${first?.address}\` is`;
    report.say(named, ["endpoints"], {
      code: "FL0401", title: "several kinds of addresses for one Service are not carried out yet",
      effect: `${used} dialled`,
    });
  }
  if (first && addresses.length === 0) {
    return { kind: "dns", hostname: first.address, port: first.port };
  }
  return { kind: "static", addresses };
}

export interface Clusters {
  readonly clusters: readonly Cluster[];
  readonly indexOf: (target: ServiceTarget) => ClusterIndex | undefined;
}

export function makeClusters(
  targets: readonly ServiceTarget[], slices: SlicesByService, policies: Policies, report: Report,
): Clusters {
  const byName = new Map(targets.map((target) => [clusterName(target), target]));
  const names = [...byName.keys()].sort();
  const index = new Map(names.map((name, i) => [name, i]));
  const clusters = [...byName].sort(([a], [b]) => compareText(a, b))
    .map(([name, target]): Cluster => {
      const { namespace, name: serviceName } = target.service.metadata;
      const service = { namespace, name: serviceName };
      return {
        name, host: serviceHost(target.service), service, port: target.port.port,
        protocol: protocols[target.port.appProtocol ?? ""] ?? "http1",
        endpoints: endpointsOf(target, slices.get(keyText(service)), report),
        policy: policies.find(service, target.port.port),
      };
    });
  return { clusters, indexOf: (target) => index.get(clusterName(target)) };
}
