// What the worker must know beside the table: where clusters are and how to treat them. Plain JSON,
// aligned with the table by index. The compiler makes it from the IR.

import type {
  Cluster, ClusterPolicy, Endpoints, GatewayPort, Ir, RoutePolicy,
} from "../../compiler/ir.ts";

export interface EdgeConfig {
  /** The index is the core's gateway port. */
  readonly gatewayPorts: readonly EdgeGatewayPort[];
  /** The index is the table's cluster index. */
  readonly clusters: readonly EdgeCluster[];
  /** The index is the table's policy index; 0 asks for nothing. */
  readonly routePolicies: readonly RoutePolicy[];
}

export interface EdgeGatewayPort {
  /** `namespace/name` */
  readonly gateway: string;
  readonly port: number;
  readonly protocol: "HTTP" | "HTTPS";
}

export interface EdgeCluster {
  readonly name: string;
  readonly protocol: "http1" | "h2c" | "websocket";
  readonly endpoints: Endpoints;
  readonly policy: ClusterPolicy;
  /** The connection is secured; the name is the certificate's and the one that is dialled. */
  readonly tls?: { readonly hostname: string };
  /** Why nothing can be sent there: the platform cannot secure the connection as asked. */
  readonly refusal?: string;
}

function portOf(port: GatewayPort): EdgeGatewayPort {
  const gateway = `${port.gateway.namespace}/${port.gateway.name}`;
  return { gateway, port: port.port, protocol: port.protocol };
}

/**
 * What keeps the platform from securing a connection as a BackendTLSPolicy asks. It trusts public
 * authorities alone, has no client certificates outside of bindings, and takes the name that it
 * dials for the certificate's.
 */
export function tlsObstacle({ tls, endpoints }: Cluster): string | undefined {
  if (tls === undefined) return undefined;
  if (tls.caCertificates !== undefined) return "it trusts public certificate authorities only";
  if (tls.client !== undefined) return "it shows no client certificate";
  const isOther = tls.subjectAltNames.some(({ kind, value }) =>
    kind !== "dns" || value !== tls.hostname);
  if (isOther) return "it checks a certificate for its hostname only";
  const isNamed = endpoints.kind === "dns"
    ? endpoints.hostname === tls.hostname
    : endpoints.addresses.every(({ address }) => address === tls.hostname);
  return isNamed ? undefined : `it can only ask for the name that it dials, not ${tls.hostname}`;
}

function clusterOf(cluster: Cluster): EdgeCluster {
  const { name, protocol, endpoints, policy, tls } = cluster;
  const refusal = tlsObstacle(cluster);
  return {
    name, protocol, endpoints, policy,
    ...(tls && !refusal && { tls: { hostname: tls.hostname } }),
    ...(refusal !== undefined && { refusal }),
  };
}

export function edgeConfig(ir: Ir, routePolicies: readonly RoutePolicy[] = []): EdgeConfig {
  return {
    gatewayPorts: ir.gatewayPorts.map(portOf),
    clusters: ir.clusters.map(clusterOf),
    routePolicies,
  };
}

/**
 * The gateway port that a request to a deployed worker belongs to, or -1. A worker stands for one
 * Gateway (`gateway`; without it, the first of the table). The platform accepts requests on many
 * ports: one that the Gateway has counts as it stands, any other as the Gateway's first port of
 * the same scheme, then as its first port at all.
 */
export function choosePort(
  config: Pick<EdgeConfig, "gatewayPorts">,
  gateway: string | undefined,
  url: string,
): number {
  const own = gateway ?? config.gatewayPorts[0]?.gateway;
  if (config.gatewayPorts.length === 1) return config.gatewayPorts[0]?.gateway === own ? 0 : -1;
  const https = url.startsWith("https:");
  const wanted = portOfUrl(url, https);
  let best = -1;
  let bestRank = 0;
  config.gatewayPorts.forEach((port, index) => {
    if (port.gateway !== own) return;
    const sameScheme = (port.protocol === "HTTPS") === https;
    const rank = port.port === wanted ? 3 : sameScheme ? 2 : 1;
    if (rank <= bestRank) return;
    best = index;
    bestRank = rank;
  });
  return best;
}

function portOfUrl(url: string, https: boolean): number {
  const start = url.indexOf("//") + 2;
  const slash = url.indexOf("/", start);
  const authority = url.slice(start, slash < 0 ? undefined : slash);
  const digits = /:(\d+)$/.exec(authority)?.[1];
  return digits === undefined ? (https ? 443 : 80) : Number(digits);
}
