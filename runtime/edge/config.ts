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
 * What keeps the platform from securing a connection as a BackendTLSPolicy or a DestinationRule
 * asks. It trusts public authorities alone, has no client certificates outside of bindings, and
 * takes the name that it dials for SNI and for the certificate's.
 */
export function tlsObstacle({ tls, endpoints, policy, protocol }: Cluster): string | undefined {
  if (tls === undefined) return undefined;
  if (protocol === "h2c") return "it speaks no HTTP/2 over TLS to backends";
  const { hostname, subjectAltNames, files } = tls;
  if (tls.mesh === true) return "it is no part of the mesh and has none of its certificates";
  if (tls.client !== undefined || files?.clientCertificate !== undefined) {
    return "it shows no client certificate";
  }
  if (tls.caCertificates !== undefined || files?.caCertificates !== undefined) {
    return "it trusts public certificate authorities only";
  }
  if (tls.crl !== undefined || files?.caCrl !== undefined) return "it takes no revocation lists";
  if (policy.proxyProtocol !== undefined) return "nothing can be sent before TLS begins";
  const names = endpoints.kind === "dns"
    ? [endpoints.hostname]
    : endpoints.addresses.map(({ address }) => address);
  // `fetch` sends the dialled name as the request's host, so that this is what the SNI follows.
  const isDialled = names.every((name) => (tls.autoSni ? !isIpAddress(name) : name === hostname));
  const wanted = tls.autoSni ? "the request's host" : hostname;
  if (!isDialled) return `it can only ask for the name that it dials, not ${wanted}`;
  const isOther = subjectAltNames.some(({ kind, value }) =>
    kind !== "dns" || names.some((name) => name !== value));
  return isOther ? "it checks a certificate for its hostname only" : undefined;
}

/** Otherwise it is a name. */
export function isIpAddress(address: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(address) || address.includes(":");
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
  request: { readonly url: string },
): number {
  const own = gateway ?? config.gatewayPorts[0]?.gateway;
  if (config.gatewayPorts.length === 1) return config.gatewayPorts[0]?.gateway === own ? 0 : -1;
  // Not read before it is needed: the runtime makes a new text each time.
  const { url } = request;
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
