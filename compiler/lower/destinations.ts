// How a Service's port is spoken to. That depends on who refers to it as well: a GRPCRoute needs
// HTTP/2, a listener that passes TLS on must not begin a session of its own, a Gateway may have a
// client certificate to show, and its namespace decides which DestinationRules it sees. Each such
// way is a destination, and each destination one cluster.

import type { Certificate, Cluster, ClusterTls, PolicyOrigin } from "../ir.ts";
import type { Client, Destined, FoundPolicy, Policies } from "../policy.ts";
import { serviceHostOf } from "../policy/hosts.ts";
import { needsSecret, tlsChoice, type TlsChoice } from "../policy/tls.ts";
import { keyText, lookup } from "../resolve/lookup.ts";
import { describe, label, type Report } from "../resolve/report.ts";
import type { Resolved, ResolvedTlsPolicy, RouteKind, Target } from "../resolve/resolved.ts";
import type { GatewaySpec, Resource } from "../resources.ts";

export type ServiceTarget = Extract<Target, { kind: "service" }>;

/** Who sends something to a Service. */
export interface Sender {
  readonly kind: RouteKind;
  /** Absent: a workload of the mesh. */
  readonly gateway?: Resource<GatewaySpec>;
  readonly client: Client;
  /** What the Gateway shows to backends that ask for a certificate. */
  readonly certificate?: Certificate;
  /** The client's own TLS session goes through to the backend, or there is none at all. */
  readonly passesThrough?: boolean;
}

export interface Destination {
  readonly target: ServiceTarget;
  readonly protocol: Cluster["protocol"];
  readonly tls?: ClusterTls;
  readonly tlsOrigin?: PolicyOrigin;
  /** What DestinationRules ask for. */
  readonly found: FoundPolicy;
  /** What sets it apart from what the Service's port itself asks for. */
  readonly tags: readonly string[];
  /** Unique. */
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

export function destinedOf({ service: { metadata } }: ServiceTarget): Destined {
  return { host: serviceHostOf(metadata), namespace: metadata.namespace };
}

/** Istio's form, so that one table serves a plain Envoy, Istio and the edge. */
export function clusterName(target: ServiceTarget): string {
  return `outbound|${target.port.port}||${destinedOf(target).host}`;
}

interface Governing {
  whole?: ResolvedTlsPolicy;
  readonly byPort: Map<string, ResolvedTlsPolicy>;
}

export interface Destinations {
  /** Nothing where TLS to the Service cannot be carried out: nobody may go there. */
  readonly of: (target: ServiceTarget, sender: Sender) => Destination | undefined;
  /** Equal for Gateways whose requests for the target are treated alike. */
  readonly wayOf: (target: ServiceTarget, sender: Omit<Sender, "kind">) => string;
}

/** A policy for one port is more specific than one for all of the Service's. */
function governor(
  policies: readonly ResolvedTlsPolicy[],
): (target: ServiceTarget) => ResolvedTlsPolicy | undefined {
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
  return ({ service, port }) => {
    const found = governing.get(keyText(service.metadata));
    return found && (found.byPort.get(port.name ?? "") ?? found.whole);
  };
}

/** A rule's `tls` wins over a BackendTLSPolicy, as in Istio; nobody should have to find out. */
function reportLoser(
  { resource }: ResolvedTlsPolicy, { sections: { tls } }: FoundPolicy, report: Report,
): void {
  if (!tls) return;
  const winner = describe(tls.rule);
  report.say(resource, ["spec", "validation"], {
    code: "FL0605", title: `\`tls\` of ${winner} counts in place of ${describe(resource)}`,
    label: "not looked at for this backend",
    secondary: [label(tls.rule, tls.path, "this one counts")],
    effect: tls.value.mode === undefined || tls.value.mode === "DISABLE"
      ? "the backend is spoken to in plain text" : "the rule's names and authorities are checked",
    help: "Istio decides so; say it in one place only",
  });
}

function reportCertificate(sender: Sender, found: FoundPolicy, report: Report): void {
  const { tls } = found.sections;
  if (!tls || !sender.certificate || !sender.gateway) return;
  report.say(tls.rule, tls.path, {
    code: "FL0606", title: `${describe(tls.rule)} brings its own client certificate in place of `
      + `the one of ${describe(sender.gateway)}`,
    secondary: [label(sender.gateway, ["spec", "tls", "backend", "clientCertificateRef"],
      "not shown to this backend")],
  });
}

/** How the connection is secured, once all that have a say in it were asked. */
type Secured =
  | { readonly tls?: ClusterTls; readonly shown?: Certificate; readonly origin?: PolicyOrigin }
  | undefined;

function secure(
  choice: TlsChoice | undefined, policy: ResolvedTlsPolicy | undefined, sender: Sender,
): Secured {
  if (sender.passesThrough) return {};
  if (choice?.kind === "unusable") return undefined;
  if (choice?.kind === "plain") return { origin: choice.origin };
  if (choice) {
    const shown = choice.isMutual ? undefined : sender.certificate;
    return { tls: choice.tls, origin: choice.origin, ...(shown ? { shown } : {}) };
  }
  if (!policy) return {};
  if (!policy.tls) return undefined;
  return { tls: policy.tls, ...(sender.certificate ? { shown: sender.certificate } : {}) };
}

/** "Implementations MAY infer the protocol from the Route type": gRPC needs HTTP/2. */
function protocolOf(
  { port }: ServiceTarget, kind: RouteKind, { sections }: FoundPolicy,
): Cluster["protocol"] {
  const own = protocols[port.appProtocol ?? ""] ?? (kind === "GRPCRoute" ? "h2c" : "http1");
  const { h2UpgradePolicy, useClientProtocol } = sections.connectionPool?.value.http ?? {};
  const upgrades = h2UpgradePolicy === "UPGRADE" && useClientProtocol !== true;
  return own === "http1" && upgrades ? "h2c" : own;
}

function tagsOf(
  target: ServiceTarget, found: FoundPolicy, protocol: Cluster["protocol"], isBare: boolean,
  client: Certificate | undefined,
): readonly string[] {
  const usual = protocolOf(target, "HTTPRoute", found);
  return [
    ...(protocol === usual ? [] : [protocol]),
    ...(target.port.protocol === "UDP" ? ["udp"] : []),
    ...(isBare ? ["bare"] : []),
    ...(client ? [`client=${keyText(client.secret)}`] : []),
  ];
}

export function destinations(
  { backendTlsPolicies, inventory }: Resolved, policies: Policies, report: Report,
): Destinations {
  const look = lookup(inventory);
  const policyOf = governor(backendTlsPolicies);
  const find = (target: ServiceTarget, client: Client): FoundPolicy =>
    policies.find(destinedOf(target), target.port.port, client);
  const choiceOf = (
    target: ServiceTarget, { sections: { tls } }: FoundPolicy, { namespace }: Client,
  ): TlsChoice | undefined => tlsChoice(tls, {
    host: destinedOf(target).host, namespace, report,
    secret: look.secret, secretNames: look.secretNames,
  });
  return {
    wayOf: (target, { client, certificate }) => {
      const found = find(target, client);
      const { tls } = found.sections;
      const secured = tls !== undefined || policyOf(target) !== undefined;
      return [
        found.key, needsSecret(tls) ? client.namespace : "",
        secured && certificate ? keyText(certificate.secret) : "",
      ].join("|");
    },
    of: (target, sender) => {
      const { client, kind, passesThrough = false } = sender;
      const found = find(target, client);
      const policy = policyOf(target);
      const choice = choiceOf(target, found, client);
      if (choice && policy && !passesThrough) reportLoser(policy, found, report);
      if (choice?.kind === "tls" && choice.isMutual) reportCertificate(sender, found, report);
      const secured = secure(choice, policy, sender);
      if (!secured) return undefined;
      const { tls, shown, origin } = secured;
      const protocol = protocolOf(target, kind, found);
      const isBare = passesThrough && (policy ?? choice) !== undefined;
      const tags = tagsOf(target, found, protocol, isBare, shown);
      const owner = needsSecret(found.sections.tls) ? [client.namespace] : [];
      return {
        target, protocol, found, tags,
        key: [clusterName(target), ...tags, `rules=${[found.key, ...owner].join("@")}`].join("|"),
        ...(tls ? { tls: { ...tls, ...(shown ? { client: shown } : {}) } } : {}),
        ...(origin && !passesThrough ? { tlsOrigin: origin } : {}),
      };
    },
  };
}
