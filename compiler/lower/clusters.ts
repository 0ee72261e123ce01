// Clusters: one for each way in which some route speaks to a Service's port.

import type { Cluster, ClusterIndex } from "../ir.ts";
import { compareText } from "../order.ts";
import { keyText } from "../resolve/lookup.ts";
import type { Report } from "../resolve/report.ts";
import { clusterName, destinedOf, type Destination } from "./destinations.ts";
import { endpointsOf, type SlicesByService } from "./endpoints.ts";

export interface Clusters {
  readonly clusters: readonly Cluster[];
  readonly indexOf: (destination: Destination) => ClusterIndex | undefined;
}

/**
 * A Service's port has Istio's name for the cluster. Only where it is spoken to in several ways
 * does what sets a way apart become part of its name, and the rules that it follows only where
 * nothing else does.
 */
function namer(found: readonly Destination[]): (destination: Destination) => string {
  const count = (names: readonly string[]): ReadonlyMap<string, number> => {
    const counts = new Map<string, number>();
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
    return counts;
  };
  const ways = count(found.map(({ target }) => clusterName(target)));
  const tagged = ({ target, tags }: Destination): string =>
    [clusterName(target), ...ways.get(clusterName(target)) === 1 ? [] : tags].join("|");
  const names = count(found.map(tagged));
  return (destination) => {
    const name = tagged(destination);
    return names.get(name) === 1 ? name : destination.key;
  };
}

function clusterOf(
  name: string, { target, protocol, tls, tlsOrigin, found }: Destination, slices: SlicesByService,
  report: Report,
): Cluster {
  const { namespace, name: serviceName } = target.service.metadata;
  const service = { namespace, name: serviceName };
  const origins = { ...found.origins, ...(tlsOrigin ? { tls: tlsOrigin } : {}) };
  return {
    name, host: destinedOf(target).host, service, port: target.port.port, protocol,
    endpoints: endpointsOf(target, slices.get(keyText(service)), report),
    policy: found.policy,
    ...(Object.keys(origins).length > 0 ? { policyOrigins: origins } : {}),
    ...(tls ? { tls } : {}),
  };
}

export function makeClusters(
  found: Iterable<Destination>, slices: SlicesByService, report: Report,
): Clusters {
  const destinations = [...new Map([...found].map((d) => [d.key, d])).values()];
  const nameOf = namer(destinations);
  const named = destinations
    .map((destination) => ({ name: nameOf(destination), destination }))
    .sort((a, b) => compareText(a.name, b.name));
  const index = new Map(named.map(({ destination }, i) => [destination.key, i]));
  return {
    clusters: named.map(({ name, destination }) => clusterOf(name, destination, slices, report)),
    indexOf: ({ key }) => index.get(key),
  };
}
