// What is dialled for a Service's port: the addresses of its EndpointSlices, or a name.

import type { Endpoints } from "../ir.ts";
import { compareText } from "../order.ts";
import { serviceHostOf } from "../policy/hosts.ts";
import { keyText } from "../resolve/lookup.ts";
import type { Report } from "../resolve/report.ts";
import type { EndpointSliceSpec, Resource, ServicePort } from "../resources.ts";
import type { ServiceTarget } from "./destinations.ts";

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

export function endpointsOf(
  { service, port }: ServiceTarget, slices: readonly Slice[] | undefined, report: Report,
): Endpoints {
  const { type, externalName, clusterIP } = service.spec;
  if (type === "ExternalName") {
    const hostname = externalName ?? serviceHostOf(service.metadata);
    return { kind: "dns", hostname, port: port.port };
  }
  if (!slices) {
    // A headless Service's name leads to the pods themselves, past the Service's own port.
    const dialled = clusterIP === "None" ? containerPort(port) : port.port;
    return { kind: "dns", hostname: serviceHostOf(service.metadata), port: dialled };
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
