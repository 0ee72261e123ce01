// Clusters: one for each way in which some route speaks to a Service's port.

import type { Cluster, ClusterIndex } from "../ir.ts";
import { compareText } from "../order.ts";
import type { Policies } from "../policy.ts";
import { serviceHostOf } from "../policy/hosts.ts";
import { keyText } from "../resolve/lookup.ts";
import type { Report } from "../resolve/report.ts";
import { clusterName, type Destination } from "./destinations.ts";
import { endpointsOf, type SlicesByService } from "./endpoints.ts";

export interface Clusters {
  readonly clusters: readonly Cluster[];
  readonly indexOf: (destination: Destination) => ClusterIndex | undefined;
}

/**
 * A Service's port has Istio's name for the cluster. Only where it is spoken to in several ways
 * does what sets a way apart become part of its name.
 */
function nameOf(destination: Destination, waysOf: ReadonlyMap<string, number>): string {
  const name = clusterName(destination.target);
  return waysOf.get(name) === 1 ? name : destination.key;
}

export function makeClusters(
  found: Iterable<Destination>, slices: SlicesByService, policies: Policies, report: Report,
): Clusters {
  const byKey = new Map([...found].map((destination) => [destination.key, destination]));
  const waysOf = new Map<string, number>();
  for (const { target } of byKey.values()) {
    const name = clusterName(target);
    waysOf.set(name, (waysOf.get(name) ?? 0) + 1);
  }
  const named = [...byKey.values()]
    .map((destination) => ({ name: nameOf(destination, waysOf), destination }))
    .sort((a, b) => compareText(a.name, b.name));
  const index = new Map(named.map(({ destination }, i) => [destination.key, i]));
  const clusters = named.map(({ name, destination: { target, protocol, tls } }): Cluster => {
    const { namespace, name: serviceName } = target.service.metadata;
    const service = { namespace, name: serviceName };
    return {
      name, host: serviceHostOf(service), service, port: target.port.port, protocol,
      endpoints: endpointsOf(target, slices.get(keyText(service)), report),
      policy: policies.find(service, target.port.port),
      ...(tls ? { tls } : {}),
    };
  });
  return { clusters, indexOf: ({ key }) => index.get(key) };
}
