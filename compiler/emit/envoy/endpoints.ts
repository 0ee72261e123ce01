// A cluster's endpoints: how Envoy comes to know them, and in which localities and priorities they
// stand.

import type { Cluster, ClusterPolicy, EndpointAddress, Endpoints } from "../../ir.ts";
import { compareText } from "../../order.ts";
import type { Json } from "../artifact.ts";
import { fittingAddresses } from "./fitting.ts";

type Fields = { readonly [key: string]: Json };

export interface DiscoveryOptions {
  /**
   * Whether a server starts to listen only once the names are resolved. Wanted in production; a
   * developer's machine may not be able to resolve them at all and should not wait for it.
   */
  readonly waitForDns: boolean;
}

/** A share of the endpoints of a cluster that has those of several. */
export interface Member {
  readonly weight: number;
  readonly cluster: Cluster;
}

export function discovery(cluster: Cluster, options: DiscoveryOptions): Fields {
  const { endpoints, name, policy } = cluster;
  // Without Istio's certificates it could only be reached in plain text, which nobody asked for.
  const addresses = cluster.tls?.mesh ? [] : fittingAddresses(addressesOf(endpoints));
  const found = discover(name, localities(addresses, policy), hasOnlyIps(endpoints), options);
  const isLogical = endpoints.kind === "dns" && endpoints.isLogical === true && !cluster.tls?.mesh;
  return isLogical ? { ...found, type: "LOGICAL_DNS" } : found;
}

/** Each member's endpoints are a locality, whose weight is the member's share. */
export function unionDiscovery(
  name: string, members: readonly Member[], options: DiscoveryOptions,
): Fields {
  const groups = members.flatMap(({ weight, cluster }) => {
    const all = fittingAddresses(addressesOf(cluster.endpoints), members.length);
    return byPriority(all).map(([priority, addresses]) => ({
      locality: { region: cluster.name },
      priority: priority > 0 ? priority : undefined,
      load_balancing_weight: weight,
      lb_endpoints: addresses.map(lbEndpoint),
    }));
  });
  return discover(name, groups, members.every((m) => hasOnlyIps(m.cluster.endpoints)), options);
}

function discover(
  cluster_name: string, endpoints: readonly Fields[], isStatic: boolean, options: DiscoveryOptions,
): Fields {
  const load_assignment = { cluster_name, endpoints };
  if (isStatic) return { type: "STATIC", load_assignment };
  return {
    type: "STRICT_DNS",
    // Envoy's default asks for IPv6 first and would then dial addresses that a cluster without
    // IPv6 cannot reach. This takes IPv4 where there is any, and IPv6 where there is nothing else.
    dns_lookup_family: "V4_PREFERRED",
    wait_for_warm_on_init: options.waitForDns ? undefined : false,
    load_assignment,
  };
}

// --- Localities ----------------------------------------------------------------------------------

function localities(
  addresses: readonly EndpointAddress[], { localityWeights }: ClusterPolicy,
): readonly Fields[] {
  return byPriority(addresses).flatMap(([priority, ofPriority]) =>
    byLocality(ofPriority).flatMap(([name, members]) => {
      const weight = localityWeights?.find(({ locality }) => locality === name)?.weight;
      // A locality that gets no share has no place in the cluster: Envoy would take it for one
      // that happens to be down.
      if (localityWeights && !weight) return [];
      return [{
        locality: name === "" ? undefined : localityOf(name),
        priority: priority > 0 ? priority : undefined,
        load_balancing_weight: weight,
        lb_endpoints: members.map(lbEndpoint),
      }];
    }));
}

/** Envoy wants priorities from 0 without gaps, also where a priority has no ready endpoint. */
function byPriority(
  addresses: readonly EndpointAddress[],
): readonly (readonly [number, readonly EndpointAddress[]])[] {
  const found = [...new Set(addresses.map(({ priority = 0 }) => priority))].sort((a, b) => a - b);
  return found.map((priority, index) =>
    [index, addresses.filter((address) => (address.priority ?? 0) === priority)]);
}

function byLocality(
  addresses: readonly EndpointAddress[],
): readonly (readonly [string, readonly EndpointAddress[]])[] {
  const names = [...new Set(addresses.map(({ locality = "" }) => locality))].sort(compareText);
  return names.map((name) => [name, addresses.filter(({ locality = "" }) => locality === name)]);
}

function localityOf(name: string): Fields {
  const [region, zone, ...sub_zone] = name.split("/");
  return { region, zone, sub_zone: sub_zone.length > 0 ? sub_zone.join("/") : undefined };
}

function addressesOf(endpoints: Endpoints): readonly EndpointAddress[] {
  if (endpoints.kind === "static") return endpoints.addresses;
  return [{ address: endpoints.hostname, port: endpoints.port }];
}

function lbEndpoint({ address, port, weight }: EndpointAddress): Fields {
  return {
    endpoint: { address: { socket_address: { address, port_value: port } } },
    load_balancing_weight: weight,
  };
}

function hasOnlyIps(endpoints: Endpoints): boolean {
  return endpoints.kind === "static" && endpoints.addresses.every((a) => isIp(a.address));
}

/** EndpointSlices may hold names (addressType FQDN), which only a resolving cluster can dial. */
function isIp(address: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(address) || address.includes(":");
}
