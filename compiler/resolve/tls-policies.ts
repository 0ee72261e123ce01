// BackendTLSPolicies: which Services they govern, which of two wins, and whether their certificates
// are there.

import { compareAge, compareText } from "../order.ts";
import type { BackendTlsPolicySpec, Resource, ServiceSpec } from "../resources.ts";
import { keyText, type Lookup } from "./lookup.ts";
import { authorityRefFault } from "./references.ts";
import { describe, didYouMean, label, type Report } from "./report.ts";
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
): { readonly refs: Condition; readonly none?: string } {
  const { caCertificateRefs = [] } = policy.spec.validation;
  const faults = caCertificateRefs.map((ref) => authorityRefFault(look, policy, ref));
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
    return { refs: { type, status: "True", reason: "ResolvedRefs",
      message: "all references are resolved" } };
  }
  const reason = first.cause === "kind" ? "InvalidKind" : "InvalidCACertificateRef";
  return {
    refs: { type, status: "False", reason, message: first.message },
    ...(faults.includes(undefined) ? {} : { none: first.message }),
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
    if (service) return [service];
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

function acceptance(
  policy: Policy, first: ReadonlyMap<string, Policy>, none: string | undefined, report: Report,
): Condition {
  const type = "Accepted";
  const lost = policy.spec.targetRefs.findIndex((_, index) =>
    first.get(targetText(policy, index)) !== policy);
  const winner = first.get(targetText(policy, lost));
  if (lost >= 0 && winner) {
    const name = policy.spec.targetRefs[lost]?.name ?? "";
    const message = `${describe(winner)} already governs Service \`${name}\``;
    report.say(policy, ["spec", "targetRefs", lost], {
      code: "FL0603", title: message, label: "this policy is ignored",
      secondary: [label(winner, ["spec", "targetRefs"], "older, or first by name")],
    });
    return { type, status: "False", reason: "Conflicted", message };
  }
  const strange = unknownWellKnown(policy, report);
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
    const { refs, none } = authorities(policy, look, report);
    const accepted = acceptance(policy, first, none, report);
    const reached = new Set(targets.flatMap((t) => [...gatewaysOf.get(keyText(t.metadata)) ?? []]));
    const ancestors = gateways.filter((g) => reached.has(keyText(g.resource.metadata)))
      .map((g) => ({ controllerName: g.controllerName, gateway: {
        namespace: g.resource.metadata.namespace, name: g.resource.metadata.name } }));
    return { resource: policy, accepted: accepted.status === "True", targets, ancestors,
      conditions: [accepted, refs] };
  });
}

