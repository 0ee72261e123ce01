// A cluster of the IR as Envoy's Cluster. What a DestinationRule leaves open is as Istio has it, so
// that a Service behaves the same whether Istio or this bootstrap configures the proxy. Where Istio
// and Envoy differ, the comment says which we follow and why.

import type { Cluster, ClusterPolicy, Endpoints, OutlierDetection } from "../../ir.ts";
import type { Json } from "../artifact.ts";
import { upstreamTls, type KeyPairFiles } from "./tls.ts";

export interface ClusterOptions {
  /**
   * Whether a server starts to listen only once the names are resolved. Wanted in production; a
   * developer's machine may not be able to resolve them at all and should not wait for it.
   */
  readonly waitForDns: boolean;
  readonly keyPairs: KeyPairFiles;
  /** A file of PEM certificates: what is trusted where a policy says "system". */
  readonly systemRoots: string;
}

type Fields = { readonly [key: string]: Json };

/** The largest uint32: Envoy's way to say "no limit". */
const noLimit = 4294967295;

export function envoyCluster(cluster: Cluster, options: ClusterOptions): Fields {
  const { policy } = cluster;
  return {
    name: cluster.name,
    ...discovery(cluster, options),
    connect_timeout: duration(policy.connectTimeoutMs ?? 10_000),
    // Istio's choice where nothing is asked for. Of two endpoints picked at random it takes the
    // less busy one, which copes better with slow endpoints than taking turns.
    lb_policy: policy.loadBalancer ?? "LEAST_REQUEST",
    circuit_breakers: { thresholds: [threshold(policy)] },
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": protocolOptions(cluster),
    },
    transport_socket: cluster.tls
      && upstreamTls(cluster.tls, cluster.protocol, options.keyPairs, options.systemRoots),
    outlier_detection: policy.outlierDetection && outlierDetection(policy.outlierDetection),
    // Envoy's panic mode sends requests to ejected endpoints once half of them are out. Services
    // have few endpoints, so that this would defeat ejection: off unless asked for, as in Istio.
    common_lb_config: {
      healthy_panic_threshold: { value: policy.outlierDetection?.minHealthPercent ?? 0 },
    },
  };
}

/** Envoy wants seconds; three decimals carry every millisecond exactly. */
export function duration(ms: number): string {
  const text = (ms / 1000).toFixed(3);
  return `${text.replace(/\.?0+$/, "")}s`;
}

/** A cluster that has the endpoints of several, each with its share of the requests. */
export interface Union {
  readonly name: string;
  readonly members: readonly { readonly weight: number; readonly cluster: Cluster }[];
}

/** In everything but its endpoints it is as the first of them. */
export function unionCluster(
  { name, members }: Union, first: Cluster, options: ClusterOptions,
): Fields {
  const like = envoyCluster({ ...first, name }, options);
  const localities = members.flatMap(({ weight, cluster }) => {
    const addresses = addressesOf(cluster.endpoints);
    if (addresses.length === 0) return [];
    return [{
      locality: { region: cluster.name },
      load_balancing_weight: weight,
      lb_endpoints: addresses.map(lbEndpoint),
    }];
  });
  const isStatic = members.every(({ cluster }) => hasOnlyIps(cluster.endpoints));
  return {
    ...like,
    ...discover(name, localities, isStatic, options),
    common_lb_config: { ...like["common_lb_config"] as Fields, locality_weighted_lb_config: {} },
  };
}

function discovery(cluster: Cluster, options: ClusterOptions): Fields {
  const { endpoints } = cluster;
  const addresses = addressesOf(endpoints);
  const all = addresses.length === 0 ? [] : [{ lb_endpoints: addresses.map(lbEndpoint) }];
  return discover(cluster.name, all, hasOnlyIps(endpoints), options);
}

function hasOnlyIps(endpoints: Endpoints): boolean {
  return endpoints.kind === "static" && endpoints.addresses.every((a) => isIp(a.address));
}

function discover(
  cluster_name: string, endpoints: readonly Fields[], isStatic: boolean, options: ClusterOptions,
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

interface Address {
  readonly address: string;
  readonly port: number;
}

function addressesOf(endpoints: Endpoints): readonly Address[] {
  if (endpoints.kind === "static") return endpoints.addresses;
  return [{ address: endpoints.hostname, port: endpoints.port }];
}

function lbEndpoint({ address, port }: Address): Fields {
  return { endpoint: { address: { socket_address: { address, port_value: port } } } };
}

/** EndpointSlices may hold names (addressType FQDN), which only a resolving cluster can dial. */
function isIp(address: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(address) || address.includes(":");
}

/**
 * Istio lifts Envoy's default of 1024 connections, pending requests and requests a cluster: a
 * limit that nobody wrote down would turn load into 503 answers.
 */
function threshold(policy: ClusterPolicy): Fields {
  return {
    max_connections: policy.maxConnections ?? noLimit,
    max_pending_requests: policy.http1MaxPendingRequests ?? noLimit,
    max_requests: policy.http2MaxRequests ?? noLimit,
    max_retries: policy.maxRetries ?? noLimit,
  };
}

function protocolOptions({ protocol, policy }: Cluster): Fields {
  const common: Fields = {
    max_requests_per_connection: policy.maxRequestsPerConnection,
    idle_timeout: policy.httpIdleTimeoutMs === undefined
      ? undefined
      : duration(policy.httpIdleTimeoutMs),
  };
  const hasCommon = Object.values(common).some((value) => value !== undefined);
  return {
    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    common_http_protocol_options: hasCommon ? common : undefined,
    explicit_http_config: protocol === "h2c"
      ? { http2_protocol_options: {} }
      : { http_protocol_options: {} },
  };
}

/**
 * Only what is asked for ejects: an explicit figure is enforced fully, zero switches it off, and
 * Envoy's statistical detection, which no DestinationRule can ask for, stays off.
 */
function outlierDetection(asked: OutlierDetection): Fields {
  const enforce = (count: number | undefined): number | undefined =>
    count === undefined ? undefined : count > 0 ? 100 : 0;
  const optional = (ms: number | undefined): string | undefined =>
    ms === undefined ? undefined : duration(ms);
  return {
    consecutive_5xx: asked.consecutive5xxErrors,
    enforcing_consecutive_5xx: enforce(asked.consecutive5xxErrors),
    consecutive_gateway_failure: asked.consecutiveGatewayErrors,
    enforcing_consecutive_gateway_failure: enforce(asked.consecutiveGatewayErrors),
    interval: optional(asked.intervalMs),
    base_ejection_time: optional(asked.baseEjectionTimeMs),
    max_ejection_percent: asked.maxEjectionPercent || undefined,
    enforcing_success_rate: 0,
  };
}
