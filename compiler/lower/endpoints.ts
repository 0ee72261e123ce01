// What is dialled for a backend: addresses, or a name that is looked up.

import type { Lookup } from "../resolve/lookup.ts";
import { keyText } from "../resolve/lookup.ts";
import { describe, type Report } from "../resolve/report.ts";
import type { BackendTarget } from "../resolve/resolved.ts";
import type { Resource, ServiceEntrySpec, ServicePort, WorkloadEntrySpec } from "../resources.ts";
import { hostOf } from "./targets.ts";
import {
  containerPort, distinct, entryWorkload, type Labels, type Workload, type Workloads,
} from "./workloads.ts";

/** Before subsets and localities are looked at. */
export type Supply =
  | { readonly kind: "static"; readonly workloads: readonly Workload[] }
  | { readonly kind: "dns"; readonly hostname: string; readonly port: number;
    /** One address at a time is used, as DNS gives it. */
    readonly isLogical?: boolean };

export interface Sources {
  readonly workloads: Workloads;
  readonly look: Lookup;
  readonly report: Report;
}

type ServiceTarget = Extract<BackendTarget, { kind: "service" }>;
type EntryTarget = Extract<BackendTarget, { kind: "entry" }>;

/** WorkloadEntries that a Service's selector chooses are endpoints of it, as in Istio. */
function selectedByService(
  { service, port }: ServiceTarget, { workloads }: Sources,
): readonly Workload[] {
  const { selector = {} } = service.spec;
  if (Object.keys(selector).length === 0) return [];
  return workloads.selectedEntries(service.metadata.namespace, selector)
    // A Service has addresses only: names and sockets are for ServiceEntries.
    .filter(({ spec: { address = "" } }) => isIp(address))
    .map(({ metadata, spec }) => {
      const { targetPort } = port;
      const named = spec.ports?.[port.name ?? ""]
        ?? (typeof targetPort === "string" ? spec.ports?.[targetPort] : undefined);
      return entryWorkload({ ...spec, labels: { ...metadata.labels, ...spec.labels } },
        named ?? containerPort(port));
    });
}

function isIp(address: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(address) || /^[0-9a-f.]*:[0-9a-f:.]*$/i.test(address);
}

function ofService(target: ServiceTarget, sources: Sources): Supply {
  const { service, port } = target;
  const { type, externalName, clusterIP } = service.spec;
  const host = hostOf(target);
  if (type === "ExternalName") {
    return { kind: "dns", hostname: externalName ?? host, port: port.port };
  }
  const slices = sources.workloads.slicesOf(keyText(service.metadata));
  const selected = selectedByService(target, sources);
  const joined = entriesOf(host, service.metadata.namespace, port, sources);
  if (!slices && selected.length + joined.length === 0) {
    // A headless Service's name leads to the pods themselves, past the Service's own port.
    const dialled = clusterIP === "None" ? containerPort(port) : port.port;
    return { kind: "dns", hostname: host, port: dialled };
  }
  const found = distinct([
    ...(slices ?? []).flatMap((slice) => sources.workloads.inSlice(slice, port)),
    ...selected, ...joined,
  ]);
  const [only, ...others] = found;
  if (only && others.length === 0 && !isIp(only.address) && !target.subset) {
    return { kind: "dns", hostname: only.address, port: only.port };
  }
  return { kind: "static", workloads: found };
}

/** A ServiceEntry for a Service's own host adds its endpoints to the port of the same name. */
function entriesOf(
  host: string, namespace: string, { name = "" }: ServicePort, sources: Sources,
): readonly Workload[] {
  return sources.look.entries(namespace, host).flatMap((entry) => {
    const port = (entry.spec.ports ?? []).find((p) => (p.name ?? "") === name);
    return port?.number === undefined ? []
      : entryWorkloads(entry, { ...port, protocol: "TCP", port: port.number }, sources);
  });
}

function sayUnused(
  entry: Resource<ServiceEntrySpec>, path: readonly (string | number)[], title: string,
  { report }: Sources, help?: string,
): void {
  report.say(entry, path, {
    code: "FL0610", title, effect: "requests that only it could take get 503",
    ...(help === undefined ? {} : { help }),
  });
}

/** An entry's port by the endpoint, then the entry's `targetPort`, then its number. */
function portOf({ ports }: WorkloadEntrySpec, port: ServicePort): number {
  return ports?.[port.name ?? ""] || containerPort(port);
}

function entryWorkloads(
  entry: Resource<ServiceEntrySpec>, port: ServicePort, sources: Sources,
): readonly Workload[] {
  const { endpoints = [], workloadSelector, resolution } = entry.spec;
  const { namespace } = entry.metadata;
  const isDns = resolution === "DNS" || resolution === "DNS_ROUND_ROBIN";
  const own = endpoints.flatMap((endpoint, index) => {
    const { address = "" } = endpoint;
    if (isIp(address) || (isDns && address && !address.startsWith("unix://"))) {
      return [entryWorkload(endpoint, portOf(endpoint, port))];
    }
    const why = address.startsWith("unix://") ? "a socket of the proxy's machine"
      : address ? "a name, and `resolution` is not DNS" : "no address";
    sayUnused(entry, ["spec", "endpoints", index, "address"],
      `an endpoint of ${describe(entry)} cannot be dialled: ${why}`, sources);
    return [];
  });
  const selector: Labels | undefined = workloadSelector?.labels;
  if (!selector) return own;
  const { workloads } = sources;
  return [
    ...own,
    ...workloads.selectedEntries(namespace, selector)
      .filter(({ spec: { address = "" } }) => isIp(address) || (isDns && address !== ""))
      .map(({ metadata, spec }) => entryWorkload(
        { ...spec, labels: { ...metadata.labels, ...spec.labels } }, portOf(spec, port))),
    ...workloads.selectedPods(namespace, selector)
      .map((pod) => ({ ...pod, port: containerPort(port) })),
  ];
}

function ofEntry(target: EntryTarget, sources: Sources): Supply {
  const { entry, host, port } = target;
  const { endpoints = [], workloadSelector, resolution = "NONE" } = entry.spec;
  if (resolution === "NONE" || resolution === "DYNAMIC_DNS") {
    sayUnused(entry, ["spec", "resolution"], `${describe(entry)} gives a Gateway nothing to dial:`
      + ` its resolution is ${resolution}`, sources, "say DNS, or STATIC with endpoints");
    return { kind: "static", workloads: [] };
  }
  const isLogical = resolution === "DNS_ROUND_ROBIN";
  const isDns = isLogical || resolution === "DNS";
  if (isDns && endpoints.length === 0 && !workloadSelector) {
    return { kind: "dns", hostname: host, port: containerPort(port),
      ...(isLogical ? { isLogical } : {}) };
  }
  const all = sources.look.entries(entry.metadata.namespace, host).flatMap((other) => {
    const same = (other.spec.ports ?? []).find((p) => p.number === port.port);
    return same?.number === undefined ? [] : entryWorkloads(other, {
      protocol: "TCP", port: same.number, name: same.name ?? "",
      ...(same.targetPort ? { targetPort: same.targetPort } : {}),
    }, sources);
  });
  const found = distinct(all);
  const [first] = found;
  if (isDns && first && (isLogical || (found.length === 1 && !isIp(first.address)))
    && !target.subset) {
    return { kind: "dns", hostname: first.address, port: first.port,
      ...(isLogical ? { isLogical } : {}) };
  }
  if (found.length === 0) {
    sayUnused(entry, ["spec", "hosts"], `${describe(entry)} has no endpoints`, sources);
  }
  return { kind: "static", workloads: found };
}

export function supplyOf(target: BackendTarget, sources: Sources): Supply {
  return target.kind === "service" ? ofService(target, sources) : ofEntry(target, sources);
}
