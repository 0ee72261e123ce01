// Clusters: one for each way in which some route speaks to a Service's port.

import type { Cluster, ClusterIndex, ClusterPolicy, Endpoints } from "../ir.ts";
import { compareText } from "../order.ts";
import { place, steering, type Vantage } from "../policy/locality.ts";
import { describe } from "../resolve/report.ts";
import type { Destination } from "./destinations.ts";
import { supplyOf, type Sources } from "./endpoints.ts";
import { subsetSupply } from "./subsets.ts";
import { clusterName, hostOf, ownerOf } from "./targets.ts";

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

/** Where the Gateways are, `region/zone/subzone`; absent: nobody said. */
export type Locality = string | undefined;

/** What is asked of localities, and why it may come to nothing. */
function reportLocality(
  { found }: Destination, locality: Locality, { report }: Sources,
): void {
  const { loadBalancer, outlierDetection } = found.sections;
  const { localityLbSetting, zoneAwareLbSetting } = loadBalancer?.value ?? {};
  const setting = zoneAwareLbSetting ?? localityLbSetting;
  if (!loadBalancer || !setting || setting.enabled === false) return;
  const name = zoneAwareLbSetting ? "zoneAwareLbSetting" : "localityLbSetting";
  const path = [...loadBalancer.path, name];
  if (locality === undefined) {
    report.say(loadBalancer.rule, path, {
      code: "FL0611", title: `nobody says where the Gateways are, so that \`${name}\` of `
        + `${describe(loadBalancer.rule)} counts in Istio only`,
      effect: "Envoy and the edge take endpoints of all localities alike",
      help: "build with `--locality region/zone`",
    });
  }
  const fails = localityLbSetting?.failover ?? localityLbSetting?.failoverPriority;
  if (fails && !zoneAwareLbSetting && !localityLbSetting?.distribute && !outlierDetection) {
    report.say(loadBalancer.rule, path, {
      code: "FL0604", title: "failover has no effect without `outlierDetection`",
      help: "an endpoint that is never found to have failed is never left for another",
    });
  }
}

function endpointsOf(destination: Destination, locality: Locality, sources: Sources): {
  readonly endpoints: Endpoints; readonly policy?: Pick<ClusterPolicy, "localityWeights">;
} {
  const { target, subset, found, client } = destination;
  const supply = target.subset && subset
    ? subsetSupply(target, target.subset, subset, sources) : supplyOf(target, sources);
  if (supply.kind === "dns") return { endpoints: supply };
  const service = target.kind === "service" ? target.service.spec : {};
  const vantage: Vantage | undefined = locality === undefined
    ? undefined : { locality, labels: client.labels };
  const how = steering(found.sections.loadBalancer?.value, service);
  const { addresses, localityWeights } = place(
    supply.workloads, vantage, how, found.policy.outlierDetection !== undefined);
  return {
    endpoints: { kind: "static", addresses },
    ...(localityWeights ? { policy: { localityWeights } } : {}),
  };
}

function clusterOf(
  name: string, destination: Destination, locality: Locality, sources: Sources,
): Cluster {
  const { target, protocol, tls, tlsOrigin, found } = destination;
  const { namespace, name: owner } = ownerOf(target);
  const origins = { ...found.origins, ...(tlsOrigin ? { tls: tlsOrigin } : {}) };
  reportLocality(destination, locality, sources);
  const { endpoints, policy } = endpointsOf(destination, locality, sources);
  return {
    name, host: hostOf(target), service: { namespace, name: owner }, port: target.port.port,
    ...(target.subset ? { subset: target.subset.name } : {}),
    protocol, endpoints, policy: { ...found.policy, ...policy },
    ...(Object.keys(origins).length > 0 ? { policyOrigins: origins } : {}),
    ...(tls ? { tls } : {}),
  };
}

export function makeClusters(
  found: Iterable<Destination>, locality: Locality, sources: Sources,
): Clusters {
  const destinations = [...new Map([...found].map((d) => [d.key, d])).values()];
  const nameOf = namer(destinations);
  const named = destinations
    .map((destination) => ({ name: nameOf(destination), destination }))
    .sort((a, b) => compareText(a.name, b.name));
  const index = new Map(named.map(({ destination }, i) => [destination.key, i]));
  return {
    clusters: named.map(({ name, destination }) =>
      clusterOf(name, destination, locality, sources)),
    indexOf: ({ key }) => index.get(key),
  };
}
