// BackendTLSPolicies: which Services they govern, which of two wins, and whether their certificates
// are there.

import type { ClusterTls } from "../ir.ts";
import { compareAge, compareText } from "../order.ts";
import type { BackendTlsPolicySpec, Resource, ServiceSpec } from "../resources.ts";
import { joinPem } from "./certificates.ts";
import { keyText, type Lookup } from "./lookup.ts";
import { followAuthority, sift } from "./references.ts";
import { describe, didYouMean, label, list, type Report } from "./report.ts";
import type {
  Condition, ResolvedGateway, ResolvedRoute, ResolvedTlsPolicy, Target,
} from "./resolved.ts";

type Policy = Resource<BackendTlsPolicySpec>;

/** One target, down to the port's name. */
function targetText(policy: Policy, index: number): string {
  const { group, kind, name, sectionName = "" } = policy.spec.targetRefs[index] ?? {};
  return [group, kind, policy.metadata.namespace, name, sectionName].join("/");
}

/** The winner of each target: the oldest, then the first by `{namespace}/{name}`. */
function winners(policies: readonly Policy[]): ReadonlyMap<string, Policy> {
  const ordered = [...policies].sort((a, b) =>
    compareAge(a.metadata.creationTimestamp, b.metadata.creationTimestamp)
    || compareText(keyText(a.metadata), keyText(b.metadata)));
  const first = new Map<string, Policy>();
  for (const policy of ordered) {
    policy.spec.targetRefs.forEach((_, index) => {
      const target = targetText(policy, index);
      if (!first.has(target)) first.set(target, policy);
    });
  }
  return first;
}

function authorities(
  policy: Policy, look: Lookup, report: Report,
): { readonly refs: Condition; readonly found: readonly string[]; readonly none?: string } {
  const { caCertificateRefs = [] } = policy.spec.validation;
  const { found, faults } = sift(caCertificateRefs.map((ref) =>
    followAuthority(look, policy, ref)));
  faults.forEach((fault, index) => {
    if (!fault || fault.known) return;
    report.say(policy, ["spec", "validation", "caCertificateRefs", index, "name"], {
      code: "FL0208", title: fault.message, effect: "connections to the backend fail",
      ...(fault.help ? { help: fault.help } : {}),
    });
  });
  const first = faults.find((fault) => fault !== undefined);
  const type = "ResolvedRefs";
  if (!first) {
    return { found, refs: { type, status: "True", reason: "ResolvedRefs",
      message: "all references are resolved" } };
  }
  const reason = first.cause === "kind" ? "InvalidKind" : "InvalidCACertificateRef";
  return {
    found, refs: { type, status: "False", reason, message: first.message },
    ...(found.length > 0 ? {} : { none: first.message }),
  };
}

/** A well-known set of certificates that we do not know makes the policy invalid. */
function unknownWellKnown(policy: Policy, report: Report): string | undefined {
  const set = policy.spec.validation.wellKnownCACertificates;
  if (!set || set === "System") return undefined;
  const message = `\`${set}\` is not a known set of certificates`;
  report.say(policy, ["spec", "validation", "wellKnownCACertificates"], {
    code: "FL0208", title: message, effect: "connections to the backend fail",
    help: "the only known set is `System`",
  });
  return message;
}

function targetsOf(
  policy: Policy, look: Lookup, report: Report,
): readonly Resource<ServiceSpec>[] {
  const { namespace } = policy.metadata;
  return policy.spec.targetRefs.flatMap((ref, index) => {
    const path = ["spec", "targetRefs", index];
    if (ref.group !== "" || ref.kind !== "Service") {
      report.say(policy, [...path, "kind"], {
        code: "FL0208", title: `a target of kind \`${ref.kind}\` cannot have a BackendTLSPolicy`,
        effect: "the policy changes nothing", help: "only `Service` can",
      });
      return [];
    }
    const service = look.service({ namespace, name: ref.name });
    if (service) {
      sayNoPort(policy, service, index, report);
      return [service];
    }
    if (!look.isBroken("Service", { namespace, name: ref.name })) {
      const hint = didYouMean(ref.name, look.serviceNames(namespace));
      report.say(policy, [...path, "name"], {
        code: "FL0208", title: `no Service \`${ref.name}\` in namespace \`${namespace}\``,
        ...(hint ? { label: hint } : {}), effect: "the policy changes nothing",
      });
    }
    return [];
  });
}

/** A port's name that the Service does not have. */
function sayNoPort(
  policy: Policy, service: Resource<ServiceSpec>, index: number, report: Report,
): void {
  const name = policy.spec.targetRefs[index]?.sectionName;
  const names = (service.spec.ports ?? []).map((port) => port.name ?? "");
  if (!name || names.includes(name)) return;
  const hint = didYouMean(name, names);
  report.say(policy, ["spec", "targetRefs", index, "sectionName"], {
    code: "FL0208", title: `Service \`${service.metadata.name}\` has no port named \`${name}\``,
    ...(hint ? { label: hint } : {}), effect: "the policy changes nothing",
    help: `it has ${list(names.filter(Boolean))}`,
  });
}

/** What the policy asks for, where it can be carried out. */
function clusterTls(policy: Policy, bundles: readonly string[], isValid: boolean): {
  readonly tls?: ClusterTls;
} {
  if (!isValid) return {};
  const { hostname, subjectAltNames = [] } = policy.spec.validation;
  return { tls: {
    hostname: hostname.toLowerCase(),
    subjectAltNames: subjectAltNames.map((name) => (name.type === "URI"
      ? { kind: "uri", value: name.uri ?? "" }
      : { kind: "dns", value: (name.hostname ?? "").toLowerCase() })),
    ...(bundles.length > 0 ? { caCertificates: joinPem(bundles) } : {}),
  } };
}

function governed(
  policy: Policy, first: ReadonlyMap<string, Policy>,
): ResolvedTlsPolicy["governs"] {
  const { namespace } = policy.metadata;
  return policy.spec.targetRefs.flatMap((ref, index) => {
    if (ref.group !== "" || ref.kind !== "Service") return [];
    if (first.get(targetText(policy, index)) !== policy) return [];
    const service = { namespace, name: ref.name };
    return [{ service, ...(ref.sectionName ? { portName: ref.sectionName } : {}) }];
  });
}

function acceptance(
  policy: Policy, first: ReadonlyMap<string, Policy>, strange: string | undefined,
  none: string | undefined, report: Report,
): Condition {
  const type = "Accepted";
  const lost = policy.spec.targetRefs.findIndex((_, index) =>
    first.get(targetText(policy, index)) !== policy);
  const winner = first.get(targetText(policy, lost));
  if (lost >= 0 && winner) {
    const name = policy.spec.targetRefs[lost]?.name ?? "";
    const message = `${describe(winner)} already governs Service \`${name}\``;
    report.say(policy, ["spec", "targetRefs", lost], {
      code: "FL0603", title: message, label: "this policy is ignored for it",
      secondary: [label(winner, ["spec", "targetRefs"], "older, or first by name")],
    });
    return { type, status: "False", reason: "Conflicted", message };
  }
  if (strange) return { type, status: "False", reason: "Invalid", message: strange };
  if (none) return { type, status: "False", reason: "NoValidCACertificate", message: none };
  return { type, status: "True", reason: "Accepted", message: "the policy is in effect" };
}

function serviceOf(target: Target | undefined): string | undefined {
  return target?.kind === "service" ? keyText(target.service.metadata) : undefined;
}

/** Does a Gateway open connections to backends for this route, or only pass the client's on? */
function opensConnections(route: ResolvedRoute): boolean {
  if (route.kind !== "TLSRoute") return route.kind === "HTTPRoute" || route.kind === "GRPCRoute";
  return route.parents.some((p) =>
    p.attachments.some((a) => a.listener.spec.tls?.mode !== "Passthrough"));
}

/** Service -> the Gateways that reach it by some route. */
function reach(routes: readonly ResolvedRoute[]): ReadonlyMap<string, ReadonlySet<string>> {
  const gatewaysOf = new Map<string, Set<string>>();
  for (const route of routes.filter(opensConnections)) {
    const gateways = route.parents.filter((p) => p.attachments.length > 0)
      .map((p) => keyText(p.gateway));
    const targets = route.rules.flatMap((r) => [
      ...r.mirrors, ...r.backends.flatMap((b) => [b.target, ...b.mirrors]),
    ]);
    for (const service of targets.map(serviceOf)) {
      if (service === undefined) continue;
      const known = gatewaysOf.get(service) ?? new Set();
      gateways.forEach((g) => known.add(g));
      gatewaysOf.set(service, known);
    }
  }
  return gatewaysOf;
}

export function resolveTlsPolicies(
  routes: readonly ResolvedRoute[], gateways: readonly ResolvedGateway[], look: Lookup,
  report: Report,
): readonly ResolvedTlsPolicy[] {
  const policies = look.inventory.backendTlsPolicies;
  if (policies.length === 0) return [];
  const first = winners(policies);
  const gatewaysOf = reach(routes);
  return policies.map((policy) => {
    const targets = targetsOf(policy, look, report);
    const { refs, found, none } = authorities(policy, look, report);
    const strange = unknownWellKnown(policy, report);
    const accepted = acceptance(policy, first, strange, none, report);
    const reached = new Set(targets.flatMap((t) => [...gatewaysOf.get(keyText(t.metadata)) ?? []]));
    const ancestors = gateways.filter((g) => reached.has(keyText(g.resource.metadata)))
      .map((g) => ({ controllerName: g.controllerName, gateway: {
        namespace: g.resource.metadata.namespace, name: g.resource.metadata.name } }));
    return { resource: policy, accepted: accepted.status === "True", targets, ancestors,
      governs: governed(policy, first), ...clusterTls(policy, found, !strange && !none),
      conditions: [accepted, refs] };
  });
}

