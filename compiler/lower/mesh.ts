// The mesh as ports: what workloads dial, port by port, and whose requests they are. Clients of one
// namespace may meet other routes than all the others do, because of its own consumer routes and
// because it calls its Services by their short names.

import {
  noEdits, type ClusterIndex, type GatewayPort, type MeshClients, type Rule, type VirtualHost,
} from "../ir.ts";
import { compareText } from "../order.ts";
import { serviceHostOf } from "../policy/hosts.ts";
import { compareSpecificity } from "../resolve/hostname.ts";
import { keyText } from "../resolve/lookup.ts";
import { hasAddress, meshServices } from "../resolve/mesh.ts";
import type { Resolved, RouteKind, Target } from "../resolve/resolved.ts";
import type { Resource, ServicePort, ServiceSpec } from "../resources.ts";
import type { Sender } from "./destinations.ts";
import { inOneOrder } from "./hosts.ts";
import type { HostlessMatch } from "./matches.ts";
import type { Places, RouteFacts } from "./route.ts";
import { lowerRoute, type RequestRoute } from "./rules.ts";

/** No Gateway can have this name. */
export const meshName = "(mesh)";

/** Clients of every namespace that is not told apart. */
const everyone = "*";

/** One port of one Service, as clients of one kind see it. */
export interface Frontend {
  readonly clients: MeshClients;
  readonly service: Resource<ServiceSpec>;
  readonly port: ServicePort;
  /** Empty: nothing is attached, and requests go to the Service itself. */
  readonly routes: readonly RequestRoute[];
}

/** Istio's convention: the protocol is the port's appProtocol, or what its name begins with. */
const withoutRequests = new Set(["tcp", "tls", "https", "mongo", "mysql", "redis", "udp"]);

function mayCarryRequests({ name = "", appProtocol, protocol = "TCP" }: ServicePort): boolean {
  const text = appProtocol ?? name.split("-")[0] ?? "";
  return protocol === "TCP" && !withoutRequests.has(text.replace(/^kubernetes\.io\//, ""));
}

interface Attached {
  readonly route: RequestRoute;
  readonly namespace: string;
}

/** By Service and port number. */
function attachedRoutes({ routes }: Resolved): ReadonlyMap<string, readonly Attached[]> {
  const found = new Map<string, Attached[]>();
  for (const route of routes) {
    if (route.kind !== "HTTPRoute" && route.kind !== "GRPCRoute") continue;
    const keys = route.mesh.flatMap(({ service, ports }) =>
      ports.map(({ port }) => `${keyText(service.metadata)}:${port}`));
    for (const key of new Set(keys)) {
      const list = found.get(key) ?? [];
      found.set(key, list);
      list.push({ route, namespace: route.resource.metadata.namespace });
    }
  }
  return found;
}

/** A namespace's own consumer routes take the place of the producer's, port by port. */
function routesFor(
  attached: readonly Attached[], service: Resource<ServiceSpec>, clients: string,
): readonly RequestRoute[] {
  const own = service.metadata.namespace;
  const consumer = clients === own ? [] : attached.filter((a) => a.namespace === clients);
  const chosen = consumer.length > 0 ? consumer : attached.filter((a) => a.namespace === own);
  return chosen.map((a) => a.route);
}

/** By clients, port number and Service; empty where no route has a Service for a parent. */
export function frontends(resolved: Resolved): readonly Frontend[] {
  const inMesh = meshServices(resolved.routes);
  if (inMesh.size === 0) return [];
  const services = resolved.inventory.services.filter(hasAddress);
  const parents = services.filter((s) => inMesh.has(keyText(s.metadata)));
  const attached = attachedRoutes(resolved);
  const ports = new Set(parents.flatMap((service) => (service.spec.ports ?? [])
    .filter((p) => mayCarryRequests(p) || attached.has(`${keyText(service.metadata)}:${p.port}`))
    .map((p) => p.port)));
  const namespaces = new Set([
    ...parents.map((s) => s.metadata.namespace),
    ...[...attached.values()].flat().map((a) => a.namespace),
  ]);
  return [...[...namespaces].sort(compareText), everyone].flatMap((namespace) =>
    [...ports].sort((a, b) => a - b).flatMap((number) => services.flatMap((service) => {
      const port = (service.spec.ports ?? []).find((p) =>
        p.port === number && (p.protocol ?? "TCP") === "TCP");
      if (!port) return [];
      const routes = attached.get(`${keyText(service.metadata)}:${number}`) ?? [];
      const own = routesFor(routes, service, namespace);
      return [{ clients: { namespace }, service, port, routes: own }];
    })));
}

/** The names by which clients call a Service; the short one only within its namespace. */
function hostnamesOf(
  { metadata, spec }: Resource<ServiceSpec>, clients: MeshClients,
): readonly string[] {
  const { name, namespace } = metadata;
  const addresses = [...spec.clusterIPs ?? [], ...(spec.clusterIP ? [spec.clusterIP] : [])];
  return [...new Set([
    ...(clients.namespace === namespace ? [name] : []),
    `${name}.${namespace}`, `${name}.${namespace}.svc`, serviceHostOf(metadata), ...addresses,
  ])];
}

interface LoweredFrontend {
  readonly frontend: Frontend;
  readonly matches: readonly HostlessMatch[];
}

function senderOf(kind: RouteKind, { clients }: Frontend): Sender {
  return { kind, client: { namespace: clients.namespace, labels: {} } };
}

/** Where requests for the Service itself go. */
function itself({ service, port }: Frontend): Target {
  return { kind: "service", service, port };
}

type FactsOf = (route: RequestRoute) => RouteFacts;

/** Before any rule is lowered: what the mesh's requests may lead to. */
export function findMesh(mesh: readonly Frontend[], { find, factsOf }: {
  readonly find: (target: Target, from: Sender) => unknown;
  readonly factsOf: FactsOf;
}): void {
  for (const frontend of mesh) {
    for (const route of frontend.routes) {
      for (const target of factsOf(route).targets) find(target, senderOf(route.kind, frontend));
    }
    if (frontend.routes.length === 0) find(itself(frontend), senderOf("HTTPRoute", frontend));
  }
}

export interface MeshPlaces extends Pick<Places, "hashKeyOf"> {
  readonly indexOf: (target: Target, from: Sender) => ClusterIndex | undefined;
  readonly factsOf: FactsOf;
}

/** A rule is one object for all clients of one namespace. */
export function lowerMesh(
  mesh: readonly Frontend[], { indexOf, hashKeyOf, factsOf }: MeshPlaces,
): readonly GatewayPort[] {
  const known = new Map<string, Map<RequestRoute, LoweredFrontend["matches"]>>();
  return meshPorts(mesh.map((frontend): LoweredFrontend => {
    const { clients: { namespace }, routes } = frontend;
    if (routes.length === 0) {
      const cluster = indexOf(itself(frontend), senderOf("HTTPRoute", frontend));
      return { frontend, matches: [ownMatch(frontend, cluster)] };
    }
    const lowered = known.get(namespace) ?? new Map<RequestRoute, LoweredFrontend["matches"]>();
    known.set(namespace, lowered);
    const matches = routes.flatMap((route) => {
      const from = senderOf(route.kind, frontend);
      const own = lowered.get(route) ?? lowerRoute(route, {
        clusterOf: (target) => indexOf(target, from), hashKeyOf, pin: factsOf(route).pin,
      });
      lowered.set(route, own);
      return own;
    });
    return { frontend, matches };
  }));
}

/** Requests for a Service without routes: it is there, as it was before. */
function ownMatch({ service, port }: Frontend, cluster: ClusterIndex | undefined): HostlessMatch {
  const { namespace, name } = service.metadata;
  const index = (service.spec.ports ?? []).indexOf(port);
  const origin = service.manifest.at(["spec", "ports", index]);
  const rule: Rule = {
    route: { kind: "Service", namespace, name }, ruleIndex: 0, origin,
    action: {
      kind: "forward", requestHeaders: noEdits,
      backends: [{
        weight: 1, requestHeaders: noEdits, origin, ...(cluster !== undefined && { cluster }),
      }],
    },
  };
  return {
    path: { kind: "prefix", value: "" }, headers: [], queryParams: [], rule, matchIndex: 0, origin,
  };
}

function meshPorts(lowered: readonly LoweredFrontend[]): readonly GatewayPort[] {
  const ports = new Map<string, { readonly clients: MeshClients; readonly port: number;
    readonly hosts: Map<string, VirtualHost> }>();
  for (const { frontend: { clients, service, port: { port } }, matches } of lowered) {
    const key = `${clients.namespace}:${port}`;
    const found = ports.get(key) ?? { clients, port, hosts: new Map<string, VirtualHost>() };
    ports.set(key, found);
    const own = inOneOrder(matches.map((match) => ({ ...match, routeHostname: everyone })));
    for (const hostname of hostnamesOf(service, clients)) {
      const host = { hostname: hostname.toLowerCase(), listener: String(port), matches: own };
      found.hosts.set(host.hostname, host);
    }
  }
  return [...ports.values()].map(({ clients, port, hosts }): GatewayPort => ({
    gateway: { namespace: clients.namespace, name: meshName }, port, protocol: "HTTP",
    listeners: [{ name: String(port) }], mesh: clients,
    virtualHosts: [...hosts.values()].sort((a, b) =>
      compareSpecificity(a.hostname, b.hostname) || compareText(a.hostname, b.hostname)),
  }));
}
