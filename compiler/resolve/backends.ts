// Where the backendRefs of routes lead, and what is said about those that lead nowhere.

import type { ValuePath } from "../manifest.ts";
import type {
  BackendRef, GrpcRouteRule, HttpRouteRule, ObjectKey, Resource, RouteFilter, ServicePort,
  ServiceSpec,
} from "../resources.ts";
import { followSubset, hostnameGroup, resolveHostname } from "./hosts.ts";
import { gatewayGroup, isGranted, type Lookup } from "./lookup.ts";
import { didYouMean, list, type Facts, type Report } from "./report.ts";
import type { ResolvedBackend, ResolvedRule, RouteKind, Target } from "./resolved.ts";

/** `where` the reference stands and what its failure does to traffic. */
interface Place {
  readonly route: Resource;
  readonly kind: RouteKind;
  readonly path: ValuePath;
  readonly effect: string;
  /** Of the route so far: references to one port are one target. */
  readonly targets: Map<string, Target>;
  /** Another namespace's Service may be named only where a ReferenceGrant says so. */
  readonly needsGrant: boolean;
}

type Ref = Omit<BackendRef, "weight" | "filters">;

const effects: Readonly<Record<RouteKind, string>> = {
  HTTPRoute: "requests it would take get 500",
  GRPCRoute: "calls it would take get UNAVAILABLE",
  TLSRoute: "connections it would take are closed",
  TCPRoute: "connections it would take are closed",
  UDPRoute: "datagrams it would take are dropped",
};

function invalid(reason: string, message: string): Target {
  return { kind: "invalid", reason, message };
}

/** The Service's port that the reference names, of the transport that the route needs. */
function findPort(
  service: Resource<ServiceSpec>, port: number, kind: RouteKind,
): ServicePort | undefined {
  const protocol = kind === "UDPRoute" ? "UDP" : "TCP";
  const ports = service.spec.ports ?? [];
  // An ExternalName Service need not list its ports.
  if (service.spec.type === "ExternalName" && ports.length === 0) return { protocol, port };
  return ports.find((p) => p.port === port && (p.protocol ?? "TCP") === protocol);
}

/** A client's WebSocket can be passed on; a gRPC call cannot be made of one. */
const webSocket = new Set(["kubernetes.io/ws", "kubernetes.io/wss"]);

function portText({ name, port, protocol }: ServicePort): string {
  const transport = protocol && protocol !== "TCP" ? `/${protocol}` : "";
  return name ? `${port}${transport} (${name})` : `${port}${transport}`;
}

function targetOf(ref: Ref, place: Place, look: Lookup, report: Report): Target {
  const { group, kind, namespace, name, port } = ref;
  const key = [group, kind, namespace, name, port].join("/");
  const target = place.targets.get(key) ?? resolveBackendRef(ref, place, look, report);
  // What leads nowhere is said wherever it stands.
  if (target.kind !== "invalid") place.targets.set(key, target);
  return target;
}

function resolveBackendRef(
  ref: Ref, place: Place, look: Lookup, report: Report,
): Target {
  const { route, kind, path, effect, needsGrant } = place;
  const key: ObjectKey = { namespace: ref.namespace || route.metadata.namespace, name: ref.name };
  const say = (field: string, facts: Facts): void =>
    report.say(route, [...path, field], { effect, ...facts });
  if (ref.group === hostnameGroup && ref.kind === "Hostname") {
    return resolveHostname(ref, route.metadata.namespace, look, say);
  }
  if (ref.group !== "" || ref.kind !== "Service") {
    const text = ref.group ? `${ref.group}/${ref.kind}` : ref.kind;
    const message = `a backend of kind \`${text}\` cannot be routed to`;
    const help = ref.kind === "ServiceImport"
      ? "only `Service` can; name the cluster's own Service instead"
      : "only `Service` can, and `Hostname` of `networking.istio.io`";
    say("kind", { code: "FL0206", title: message, help });
    return invalid("InvalidKind", message);
  }
  const from = { group: gatewayGroup, kind, namespace: route.metadata.namespace };
  if (needsGrant && !isGranted(look, from, { group: "", kind: "Service", ...key })) {
    const message = `no ReferenceGrant in namespace \`${key.namespace}\` lets ${kind}s of `
      + `namespace \`${route.metadata.namespace}\` refer to Service \`${key.name}\``;
    if (!look.anyBroken("ReferenceGrant", key.namespace)) {
      say("namespace", { code: "FL0205", title: message });
    }
    return invalid("RefNotPermitted", message);
  }
  const service = look.service(key);
  if (!service) {
    const message = `no Service \`${key.name}\` in namespace \`${key.namespace}\``;
    if (!look.isBroken("Service", key)) {
      const label = didYouMean(key.name, look.serviceNames(key.namespace));
      say("name", { code: "FL0204", title: message, ...(label ? { label } : {}) });
    }
    return invalid("BackendNotFound", message);
  }
  const target = portOf(ref, service, place, say);
  return target.kind === "service" ? followSubset(target, kind, look, report) : target;
}

function portOf(
  ref: Ref, service: Resource<ServiceSpec>, { kind }: Place,
  say: (field: string, facts: Facts) => void,
): Target {
  const { name, namespace } = service.metadata;
  const offered = (service.spec.ports ?? []).map(portText);
  const help = offered.length > 0 ? `it has ${list(offered)}` : "it has none";
  if (ref.port === undefined) {
    const message = `the reference to Service \`${name}\` names no port`;
    say("name", { code: "FL0207", title: message, help });
    return invalid("BackendNotFound", message);
  }
  const port = findPort(service, ref.port, kind);
  if (port && kind === "GRPCRoute" && webSocket.has(port.appProtocol ?? "")) {
    const message = `Service \`${name}\` speaks \`${port.appProtocol}\` on port \`${ref.port}\`, `
      + "which cannot carry gRPC";
    say("port", { code: "FL0207", title: message, help });
    return invalid("UnsupportedProtocol", message);
  }
  if (port) return { kind: "service", service, port };
  const transport = kind === "UDPRoute" ? "UDP port" : "port";
  const message = `Service \`${name}\` in namespace \`${namespace}\` has no `
    + `${transport} \`${ref.port}\``;
  say("port", { code: "FL0207", title: message, help });
  return invalid("BackendNotFound", message);
}

function mirrorsOf(
  filters: readonly RouteFilter[] | undefined, place: Place, look: Lookup, report: Report,
): readonly (Target | undefined)[] {
  return (filters ?? []).map((filter, index) => {
    const ref = filter.type === "RequestMirror" ? filter.requestMirror?.backendRef : undefined;
    return ref && targetOf(ref, {
      ...place,
      path: [...place.path, "filters", index, "requestMirror", "backendRef"],
      effect: "requests are not mirrored",
    }, look, report);
  });
}

export type AnyRule = Pick<HttpRouteRule, "filters" | "backendRefs"> | GrpcRouteRule;

/** Filters that contradict one another, so that the rule is left out of the route. */
function incompatible(filters: readonly RouteFilter[] | undefined): string | undefined {
  const types = new Set((filters ?? []).map((f) => f.type));
  return types.has("URLRewrite") && types.has("RequestRedirect")
    ? "URLRewrite and RequestRedirect cannot be used together" : undefined;
}

export interface WrittenRules {
  readonly resource: Resource;
  readonly kind: RouteKind;
  readonly rules: readonly AnyRule[];
  readonly needsGrant: boolean;
}

export function resolveRules(
  { resource: route, kind, rules, needsGrant }: WrittenRules, look: Lookup, report: Report,
): readonly ResolvedRule[] {
  const targets = new Map<string, Target>();
  return rules.map((rule, ruleIndex) => {
    const path: ValuePath = ["spec", "rules", ruleIndex];
    const place = { route, kind, path, effect: effects[kind], targets, needsGrant };
    const filters = "filters" in rule ? rule.filters : undefined;
    const backends = (rule.backendRefs ?? []).map((ref, index): ResolvedBackend => {
      const here = { ...place, path: [...path, "backendRefs", index] };
      return {
        target: targetOf(ref, here, look, report),
        mirrors: mirrorsOf(ref.filters, here, look, report),
      };
    });
    const dropped = incompatible(filters);
    if (dropped) {
      report.say(route, [...path, "filters"], {
        code: "FL0211", title: dropped, effect: "the rule is left out",
      });
    }
    const mirrors = mirrorsOf(filters, place, look, report);
    return { backends, mirrors, ...(dropped ? { dropped } : {}) };
  });
}

function filtersOf(rule: AnyRule): readonly RouteFilter[] {
  return [...(("filters" in rule && rule.filters) || []),
    ...(rule.backendRefs ?? []).flatMap((b) => b.filters ?? [])];
}

/**
 * A value that we do not support makes the whole route unaccepted: were only its rule left out,
 * requests that it wants authorised could fall to another rule that does not ask for it.
 */
export function unsupportedValue(rules: readonly AnyRule[]): string | undefined {
  return rules.some((rule) => filtersOf(rule).some((f) => f.type === "ExternalAuth"))
    ? "filter ExternalAuth is not supported" : undefined;
}

/** An ExtensionRef must not be skipped, and none is known: the rule answers with an error. */
function extensionFlaw(rules: readonly AnyRule[]): Target | undefined {
  for (const rule of rules) {
    const ref = filtersOf(rule).find((f) => f.type === "ExtensionRef")?.extensionRef;
    if (ref) return invalid("InvalidKind", `filter \`${ref.group}/${ref.kind}\` is not known`);
  }
  return undefined;
}

/** The first reference of a route that leads nowhere, in the order in which they are written. */
export function firstInvalid(
  rules: readonly AnyRule[], resolved: readonly ResolvedRule[],
): Extract<Target, { kind: "invalid" }> | undefined {
  const targets = resolved.flatMap((rule) => [
    ...rule.mirrors, ...rule.backends.flatMap((b) => [b.target, ...b.mirrors]),
  ]);
  for (const target of [...targets, extensionFlaw(rules)]) {
    if (target?.kind === "invalid") return target;
  }
  return undefined;
}
