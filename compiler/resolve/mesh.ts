// Routes whose parent is a Service (GAMMA, GEP-1294): they take the requests that workloads of the
// mesh send to the Service. A route of the Service's own namespace is the producer's and counts for
// every client; one of another namespace is a consumer's and counts for clients of that namespace.

import type { ValuePath } from "../manifest.ts";
import type { ParentRef, Resource, ServicePort, ServiceSpec } from "../resources.ts";
import type { AttachableRoute } from "./attach.ts";
import { acceptedAs, refusedAs, type Facets } from "./conditions.ts";
import { keyText, type Lookup } from "./lookup.ts";
import { didYouMean, list, type Report } from "./report.ts";
import type { ResolvedMeshParent } from "./resolved.ts";

/** Under which name the compiler answers for routes of the mesh, where no GatewayClass says it. */
export const meshController = "fairlead.dev/mesh-controller";

export function isService(ref: ParentRef): boolean {
  return ref.group === "" && ref.kind === "Service";
}

/** Whether every parent is a Service. References then need no grant (GEP-1294, "Route types"). */
export function isMeshOnly({ resource }: AttachableRoute): boolean {
  const { parentRefs = [], useDefaultGateways } = resource.spec;
  return useDefaultGateways !== "All" && parentRefs.length > 0 && parentRefs.every(isService);
}

/** A Service without an address of its own cannot be told from its pods by who connects to it. */
export function hasAddress({ spec }: Resource<ServiceSpec>): boolean {
  return spec.type !== "ExternalName" && spec.clusterIP !== "None";
}

interface Flaw {
  readonly reason: string;
  readonly message: string;
}

function portsOf(
  route: AttachableRoute, ref: ParentRef, service: Resource<ServiceSpec>, path: ValuePath,
  report: Report,
): readonly ServicePort[] | Flaw {
  const { name } = service.metadata;
  const effect = "the route takes no requests for it";
  if (!hasAddress(service)) {
    const message = `Service \`${name}\` has no cluster IP, so that requests for it cannot be told`;
    report.say(route.resource, [...path, "name"], { code: "FL0213", title: message, effect });
    return { reason: "UnsupportedValue", message };
  }
  const offered = (service.spec.ports ?? []).filter((p) => (p.protocol ?? "TCP") === "TCP");
  const chosen = offered.filter((p) => (ref.port === undefined || p.port === ref.port)
    && (!ref.sectionName || p.name === ref.sectionName));
  if (chosen.length > 0) return chosen;
  const field = ref.sectionName ? "sectionName" : ref.port === undefined ? "name" : "port";
  const wanted = ref.sectionName ?? ref.port;
  const message = `Service \`${name}\` has no port${wanted === undefined ? "" : ` \`${wanted}\``}`;
  report.say(route.resource, [...path, field], {
    code: "FL0202", title: message, effect,
    help: `it has ${list(offered.map((p) => (p.name ? `${p.port} (${p.name})` : `${p.port}`)))}`,
  });
  return { reason: "NoMatchingParent", message };
}

function sayMissing(
  route: AttachableRoute, ref: ParentRef, namespace: string, path: ValuePath, look: Lookup,
  report: Report,
): void {
  if (look.isBroken("Service", { namespace, name: ref.name })) return;
  const hint = didYouMean(ref.name, look.serviceNames(namespace));
  report.say(route.resource, [...path, "name"], {
    code: "FL0201", title: `no Service \`${ref.name}\` in namespace \`${namespace}\``,
    ...(hint ? { label: hint } : {}), effect: "the route takes no requests from it",
  });
}

/** What a route of another kind, or with hostnames, would be disappointed by. */
function reportLimits(route: AttachableRoute, path: ValuePath, report: Report): boolean {
  if (route.kind !== "HTTPRoute" && route.kind !== "GRPCRoute") {
    report.say(route.resource, path, {
      code: "FL0401", title: `a ${route.kind} with a Service as parent is not carried out yet`,
      effect: "connections between workloads go where they went before",
    });
    return false;
  }
  if ((route.resource.spec.hostnames ?? []).length > 0) {
    report.say(route.resource, ["spec", "hostnames"], {
      code: "FL0212", title: "hostnames say nothing to a Service that is a parent",
      effect: "the route takes all requests for the Service, whatever its hostnames",
      help: "the Service alone decides; to tell hosts apart match the header `Host`",
    });
  }
  return true;
}

export function attachMesh(
  route: AttachableRoute, facets: Facets, look: Lookup, report: Report,
): readonly ResolvedMeshParent[] {
  const own = route.resource.metadata.namespace;
  return (route.resource.spec.parentRefs ?? []).flatMap((ref, index) => {
    if (!isService(ref)) return [];
    const path: ValuePath = ["spec", "parentRefs", index];
    const namespace = ref.namespace || own;
    const service = look.service({ namespace, name: ref.name });
    if (!service) {
      sayMissing(route, ref, namespace, path, look, report);
      return [];
    }
    if (!reportLimits(route, path, report)) return [];
    const ports = portsOf(route, ref, service, path, report);
    const flaw = "message" in ports ? ports : undefined;
    const conditions = flaw ? refusedAs(flaw, facets) : acceptedAs(facets);
    const isAccepted = conditions[0].status === "True";
    return [{
      ref: { ...ref, namespace }, service, controllerName: meshController,
      ports: isAccepted && !("message" in ports) ? ports : [], conditions,
    }];
  });
}

/** `{namespace}/{name}` of every Service that some route has for a parent. */
export function meshServices(
  routes: readonly { readonly mesh: readonly ResolvedMeshParent[] }[],
): ReadonlySet<string> {
  return new Set(routes.flatMap(({ mesh }) => mesh.filter((p) => p.ports.length > 0)
    .map((p) => keyText(p.service.metadata))));
}
