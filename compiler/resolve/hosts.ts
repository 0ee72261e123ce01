// Backends that are named by a host instead of a Service: Istio's backendRefs of kind Hostname, and
// the annotation by which a Service stands for a subset of another one.
//
//   kind: Service
//   metadata:
//     name: reviews-v1
//     annotations:
//       fairlead.dev/subset: reviews/v1   # or api.example.com/v1, a ServiceEntry's host
//
// A backendRef to `reviews-v1` then leads to the endpoints of `reviews` that subset `v1` of its
// DestinationRule takes, under the subset's policy (docs/destination-rule.md).

import type {
  BackendRef, Resource, ServiceEntryPort, ServiceEntrySpec, ServicePort, ServiceSpec,
} from "../resources.ts";
import type { Lookup } from "./lookup.ts";
import { didYouMean, list, type Facts, type Report } from "./report.ts";
import type { BackendTarget, RouteKind, Target } from "./resolved.ts";

export const subsetAnnotation = "fairlead.dev/subset";
const annotationPath = ["metadata", "annotations", subsetAnnotation];

/** Istio's group of the kind Hostname. */
export const hostnameGroup = "networking.istio.io";

const clusterSuffix = ".svc.cluster.local";

/** The Service of the namespace that has this host. */
function serviceOf(look: Lookup, namespace: string, host: string):
  Resource<ServiceSpec> | undefined {
  const suffix = `.${namespace}${clusterSuffix}`;
  if (!host.endsWith(suffix)) return undefined;
  return look.service({ namespace, name: host.slice(0, -suffix.length) });
}

function entryPort(port: ServiceEntryPort): ServicePort {
  const { number = 0, name, protocol, targetPort } = port;
  return {
    protocol: protocol === "UDP" ? "UDP" : "TCP", port: number,
    ...(name ? { name } : {}),
    ...(targetPort ? { targetPort } : {}),
    // HTTP2 and GRPC say how the endpoint is spoken to.
    ...(protocol ? { appProtocol: protocol.toLowerCase() } : {}),
  };
}

/** Of several entries with one host the oldest that has the port. */
function entryTarget(
  entries: readonly Resource<ServiceEntrySpec>[], host: string, number: number,
): BackendTarget | undefined {
  for (const entry of entries) {
    const port = (entry.spec.ports ?? []).find((p) => p.number === number);
    if (port) return { kind: "entry", entry, host, port: entryPort(port) };
  }
  return undefined;
}

function portsText(ports: readonly { readonly number?: number }[]): string {
  return ports.length > 0
    ? `it has ${list(ports.map(({ number }) => String(number)))}` : "it has none";
}

/** What a host means in a namespace, where routes may name it; else what is wrong with it. */
function findHost(
  look: Lookup, namespace: string, host: string, port: number | undefined,
): { readonly target: BackendTarget } | { readonly field: "name" | "port"; readonly facts: Facts } {
  const service = serviceOf(look, namespace, host);
  const entries = look.entries(namespace, host);
  const servicePorts = service?.spec.ports ?? [];
  const ports = service ? servicePorts.map((p) => ({ number: p.port }))
    : entries.flatMap((e) => e.spec.ports ?? []);
  if (!service && entries.length === 0) {
    const hint = didYouMean(host, look.entryHosts(namespace));
    return { field: "name", facts: {
      code: "FL0204", ...(hint ? { label: hint } : {}),
      title: `no ServiceEntry or Service of namespace \`${namespace}\` has the host \`${host}\``,
      help: "Istio looks in the route's own namespace only",
    } };
  }
  if (port === undefined) {
    return { field: "name", facts: { code: "FL0207",
      title: `the reference to host \`${host}\` names no port`, help: portsText(ports) } };
  }
  const own = servicePorts.find((p) => p.port === port);
  const target: BackendTarget | undefined = service && own
    ? { kind: "service", service, port: own } : entryTarget(entries, host, port);
  return target ? { target } : { field: "port", facts: { code: "FL0207",
    title: `host \`${host}\` has no port \`${port}\``, help: portsText(ports) } };
}

function invalid(reason: string, message: string): Target {
  return { kind: "invalid", reason, message };
}

/** A backendRef of Istio's kind Hostname. */
export function resolveHostname(
  ref: Omit<BackendRef, "weight" | "filters">, namespace: string, look: Lookup,
  say: (field: string, facts: Facts) => void,
): Target {
  if (ref.namespace !== undefined) {
    const title = "a backendRef of kind `Hostname` has no namespace of its own";
    say("namespace", { code: "FL0206", title,
      help: "a host is looked for in the route's namespace" });
    return invalid("InvalidKind", title);
  }
  const found = findHost(look, namespace, ref.name.toLowerCase(), ref.port);
  if ("target" in found) return found.target;
  if (!look.anyBroken("ServiceEntry", namespace)) say(found.field, found.facts);
  return invalid("BackendNotFound", found.facts.title);
}

function readAnnotation(
  text: string,
): { readonly host: string; readonly name: string } | undefined {
  const [, host, name] = /^\s*([^\s/]+)\s*\/\s*([^\s/]+)\s*$/.exec(text) ?? [];
  return host && name ? { host: host.toLowerCase(), name } : undefined;
}

/** Where a Service that stands for a subset leads; one that does not leads to itself. */
export function followSubset(
  target: Extract<BackendTarget, { kind: "service" }>, kind: RouteKind, look: Lookup,
  report: Report,
): Target {
  const { service: via, port } = target;
  const text = via.metadata.annotations?.[subsetAnnotation];
  if (text === undefined) return target;
  const { namespace } = via.metadata;
  const asked = readAnnotation(text);
  if (!asked) {
    const title = `\`${text}\` names no subset`;
    report.say(via, annotationPath, { code: "FL0405", title,
      effect: "requests for it get 500", help: "write `reviews/v1`: a Service and its subset" });
    return invalid("BackendNotFound", title);
  }
  const host = asked.host.includes(".") ? asked.host
    : `${asked.host}.${namespace}${clusterSuffix}`;
  const found = findHost(look, namespace, host, port.port);
  const subset = { name: asked.name, via };
  const isUdp = (protocol: string): boolean => protocol === "UDP";
  if ("target" in found && isUdp(found.target.port.protocol) === (kind === "UDPRoute")) {
    return { ...found.target, subset };
  }
  const hint = didYouMean(asked.host, look.serviceNames(namespace));
  const title = "target" in found ? `host \`${host}\` has no such port \`${port.port}\``
    : found.facts.title;
  report.say(via, annotationPath, {
    code: "FL0608", title, effect: "requests for it get 500",
    ...(hint && !("target" in found) && found.field === "name" ? { label: hint } : {}),
    help: "the Service of a subset has the same port numbers as the whole",
  });
  return invalid("BackendNotFound", title);
}
