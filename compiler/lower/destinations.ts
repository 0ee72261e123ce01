// How a Service's port is spoken to. That depends on who refers to it as well: a GRPCRoute needs
// HTTP/2, a listener that passes TLS on must not begin a session of its own, and a Gateway may have
// a client certificate to show. Each such way is a destination, and each destination one cluster.

import type { Certificate, Cluster, ClusterTls } from "../ir.ts";
import { serviceHostOf } from "../policy/hosts.ts";
import { keyText } from "../resolve/lookup.ts";
import type { ResolvedTlsPolicy, RouteKind, Target } from "../resolve/resolved.ts";

export type ServiceTarget = Extract<Target, { kind: "service" }>;

/** Who sends something to a Service. */
export interface Sender {
  readonly kind: RouteKind;
  /** What the Gateway shows to backends that ask for a certificate. */
  readonly client?: Certificate;
  /** The client's own TLS session goes through to the backend, or there is none at all. */
  readonly passesThrough?: boolean;
}

export interface Destination {
  readonly target: ServiceTarget;
  readonly protocol: Cluster["protocol"];
  readonly tls?: ClusterTls;
  /** Unique. Without what sets it apart from the usual this is Istio's name of the cluster. */
  readonly key: string;
}

const protocols: Readonly<Record<string, Cluster["protocol"]>> = {
  "kubernetes.io/h2c": "h2c",
  "kubernetes.io/ws": "websocket",
  "kubernetes.io/wss": "websocket",
  // Istio's names for the same.
  http2: "h2c",
  grpc: "h2c",
};

/** Istio's form, so that one table serves a plain Envoy, Istio and the edge. */
export function clusterName({ service, port }: ServiceTarget): string {
  return `outbound|${port.port}||${serviceHostOf(service.metadata)}`;
}

interface Governing {
  whole?: ResolvedTlsPolicy;
  readonly byPort: Map<string, ResolvedTlsPolicy>;
}

export interface Destinations {
  /** Nothing where the Service's BackendTLSPolicy cannot be carried out: nobody may go there. */
  readonly of: (target: ServiceTarget, sender: Sender) => Destination | undefined;
  readonly isGoverned: (target: ServiceTarget) => boolean;
}

/** What sets a destination apart from the one that the Service's port itself asks for. */
function tagsOf(
  target: ServiceTarget, protocol: Cluster["protocol"], isBare: boolean, client?: Certificate,
): readonly string[] {
  const usual = protocols[target.port.appProtocol ?? ""] ?? "http1";
  return [
    ...(protocol === usual ? [] : [protocol]),
    ...(target.port.protocol === "UDP" ? ["udp"] : []),
    ...(isBare ? ["bare"] : []),
    ...(client ? [`client=${keyText(client.secret)}`] : []),
  ];
}

export function destinations(policies: readonly ResolvedTlsPolicy[]): Destinations {
  const governing = new Map<string, Governing>();
  for (const policy of policies) {
    for (const { service, portName } of policy.governs) {
      const key = keyText(service);
      const known = governing.get(key) ?? { byPort: new Map<string, ResolvedTlsPolicy>() };
      governing.set(key, known);
      if (portName === undefined) known.whole = policy;
      else known.byPort.set(portName, policy);
    }
  }
  // A policy for one port is more specific than one for all of the Service's.
  const policyOf = ({ service, port }: ServiceTarget): ResolvedTlsPolicy | undefined => {
    const found = governing.get(keyText(service.metadata));
    return found && (found.byPort.get(port.name ?? "") ?? found.whole);
  };
  return {
    isGoverned: (target) => policyOf(target) !== undefined,
    of: (target, { kind, client, passesThrough = false }) => {
      const policy = policyOf(target);
      if (policy && !policy.tls && !passesThrough) return undefined;
      const tls = passesThrough ? undefined : policy?.tls;
      // "Implementations MAY infer the protocol from the Route type": gRPC needs HTTP/2.
      const protocol = protocols[target.port.appProtocol ?? ""]
        ?? (kind === "GRPCRoute" ? "h2c" : "http1");
      const shown = tls ? client : undefined;
      const tags = tagsOf(target, protocol, passesThrough && policy !== undefined, shown);
      return {
        target, protocol, key: [clusterName(target), ...tags].join("|"),
        ...(tls ? { tls: { ...tls, ...(shown ? { client: shown } : {}) } } : {}),
      };
    },
  };
}
