// How a Service's port is spoken to. That depends on who refers to it as well: a GRPCRoute needs
// HTTP/2, a listener that passes TLS on must not begin a session of its own, a Gateway may have a
// client certificate to show, and its namespace decides which DestinationRules it sees. Each such
// way is a destination, and each destination one cluster.

import type { Certificate, Cluster, ClusterTls, PolicyOrigin } from "../ir.ts";
import type { Client, FoundPolicy, PlacedSubset, Policies } from "../policy.ts";
import { needsSecret, sanOf, tlsChoice, type TlsChoice } from "../policy/tls.ts";
import { keyText, type Lookup } from "../resolve/lookup.ts";
import { describe, label, type Report } from "../resolve/report.ts";
import type { BackendTarget, ResolvedTlsPolicy, RouteKind } from "../resolve/resolved.ts";
import type { GatewaySpec, Resource } from "../resources.ts";
import { reportUnknown } from "./subsets.ts";
import { clusterName, destinedOf, hostOf } from "./targets.ts";

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
  readonly target: BackendTarget;
  /** Of the first that sends something there; others are as good. */
  readonly client: Client;
  readonly subset?: PlacedSubset;
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

interface Governing {
  whole?: ResolvedTlsPolicy;
  readonly byPort: Map<string, ResolvedTlsPolicy>;
}

export interface Destinations {
  /** Nothing where TLS to the Service cannot be carried out: nobody may go there. */
  readonly of: (target: BackendTarget, sender: Sender) => Destination | undefined;
  /** Equal for Gateways whose requests for the target are treated alike. */
  readonly wayOf: (target: BackendTarget, sender: Omit<Sender, "kind">) => string;
}

/** A policy for one port is more specific than one for all of the Service's. */
function governor(
  policies: readonly ResolvedTlsPolicy[],
): (target: BackendTarget) => ResolvedTlsPolicy | undefined {
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
  return (target) => {
    if (target.kind !== "service") return undefined;
    const found = governing.get(keyText(target.service.metadata));
    return found && (found.byPort.get(target.port.name ?? "") ?? found.whole);
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

/** The rules, and what of the Gateway they look at. */
function ownerTag({ key, sections }: FoundPolicy, { namespace, labels }: Client): string {
  const { localityLbSetting, zoneAwareLbSetting } = sections.loadBalancer?.value ?? {};
  const priority = { ...localityLbSetting, ...zoneAwareLbSetting }.failoverPriority ?? [];
  const own = priority.flatMap((written) => {
    const value = written.includes("=") ? undefined : labels[written];
    return value === undefined ? [] : [`${written}=${value}`];
  });
  return [key, ...needsSecret(sections.tls) ? [namespace] : [], ...own].join("@");
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
  { port }: BackendTarget, kind: RouteKind, { sections }: FoundPolicy,
): Cluster["protocol"] {
  const own = protocols[port.appProtocol ?? ""] ?? (kind === "GRPCRoute" ? "h2c" : "http1");
  const { h2UpgradePolicy, useClientProtocol } = sections.connectionPool?.value.http ?? {};
  const upgrades = h2UpgradePolicy === "UPGRADE" && useClientProtocol !== true;
  return own === "http1" && upgrades ? "h2c" : own;
}

function tagsOf(
  target: BackendTarget, found: FoundPolicy, protocol: Cluster["protocol"], isBare: boolean,
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

/** A ServiceEntry that is not exported to the Gateway's namespace is not there for it. */
function isHidden(target: BackendTarget, { namespace }: Client, report: Report): boolean {
  if (target.kind !== "entry") return false;
  const { metadata, spec: { exportTo = [] } } = target.entry;
  const seen = exportTo.length === 0 || exportTo.includes("*") || exportTo.includes(namespace)
    || (exportTo.includes(".") && namespace === metadata.namespace);
  if (!seen) {
    report.say(target.entry, ["spec", "exportTo"], {
      code: "FL0610", title: `${describe(target.entry)} is not exported to namespace `
        + `\`${namespace}\`, where a Gateway is that routes to it`,
      effect: "requests for it get 500",
    });
  }
  return !seen;
}

/** Names that a ServiceEntry gives count where the rule gives none. */
function withEntryNames(choice: TlsChoice | undefined, target: BackendTarget):
  TlsChoice | undefined {
  const names = target.kind === "entry" ? target.entry.spec.subjectAltNames ?? [] : [];
  if (choice?.kind !== "tls" || names.length === 0) return choice;
  if (choice.tls.subjectAltNames.length > 0 || choice.tls.insecureSkipVerify) return choice;
  const { anyName: _, ...tls } = choice.tls;
  return { ...choice, tls: { ...tls, subjectAltNames: sanOf(names) } };
}

export interface DestinationInput {
  readonly backendTlsPolicies: readonly ResolvedTlsPolicy[];
  readonly policies: Policies;
  readonly look: Lookup;
  readonly report: Report;
}

export function destinations(
  { backendTlsPolicies, policies, look, report }: DestinationInput,
): Destinations {
  const policyOf = governor(backendTlsPolicies);
  const find = (target: BackendTarget, client: Client): FoundPolicy =>
    policies.find(destinedOf(target), target.port.port, client, target.subset?.name);
  const choiceOf = (
    target: BackendTarget, { sections: { tls } }: FoundPolicy, { namespace }: Client,
  ): TlsChoice | undefined => withEntryNames(tlsChoice(tls, {
    host: hostOf(target), namespace, report, look,
  }), target);
  return {
    wayOf: (target, { client, certificate }) => {
      const found = find(target, client);
      const { tls } = found.sections;
      const secured = tls !== undefined || policyOf(target) !== undefined;
      return JSON.stringify([
        ownerTag(found, client), target.kind === "entry" ? client.namespace : "",
        secured && certificate ? keyText(certificate.secret) : "",
      ]);
    },
    of: (target, sender) => {
      const { client, kind, passesThrough = false } = sender;
      const found = find(target, client);
      const subset = target.subset && found.subsets.get(target.subset.name);
      if (target.subset && !subset) {
        reportUnknown(target, target.subset, found, { report });
        return undefined;
      }
      if (isHidden(target, client, report)) return undefined;
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
      return {
        target, client, protocol, found, tags, ...(subset ? { subset } : {}),
        key: [clusterName(target), ...tags, `rules=${ownerTag(found, client)}`].join("|"),
        ...(tls ? { tls: { ...tls, ...(shown ? { client: shown } : {}) } } : {}),
        ...(origin && !passesThrough ? { tlsOrigin: origin } : {}),
      };
    },
  };
}
