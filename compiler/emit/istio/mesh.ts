// Routes of the mesh under Istio: the filter on the outbound listeners of the clients' sidecars, by
// one plugin for each namespace of clients and port.

import { diagnostic, type Diagnostic } from "../../diagnostic.ts";
import type { GatewayPort } from "../../ir.ts";
import { compareText } from "../../order.ts";
import { ownLabels } from "../../own.ts";
import { serviceHostOf } from "../../policy/hosts.ts";
import type { Resolved } from "../../resolve/resolved.ts";
import type { ServicePort } from "../../resources.ts";
import type { Json } from "../artifact.ts";
import type { Image } from "../named-image.ts";
import { listenerPatches, routePatches, type EnvoyFilter, type Routing } from "./filter.ts";
import { meshFilterName } from "./names.ts";
import { meshPlugin } from "./plugin.ts";
import type { Release } from "./release.ts";

type Fields = { readonly [key: string]: Json };

export interface MeshManifests {
  readonly plugins: readonly Fields[];
  readonly filters: readonly EnvoyFilter[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Every namespace that the input knows of. One that it does not know of gets nothing. */
function namespacesOf({ inventory, routes }: Resolved): readonly string[] {
  return [...new Set([
    ...inventory.namespaces.map(({ metadata }) => metadata.name),
    ...inventory.services.map(({ metadata }) => metadata.namespace),
    ...routes.map(({ resource: { metadata } }) => metadata.namespace),
  ])].sort(compareText);
}

/** Istio guesses the protocol of a port that does not say it; its routes stand by themselves. */
function isGuessed({ name = "", appProtocol }: ServicePort): boolean {
  const text = (appProtocol ?? name.split("-")[0] ?? "").toLowerCase();
  return !/^(http|http2|grpc|grpc-web|https|tls|tcp|udp|mongo|mysql|redis)$/.test(text)
    && !text.startsWith("kubernetes.io/");
}

/** Names of route configurations that the port's number does not lead to. */
function guessedConfigurations({ routes }: Resolved, number: number): readonly string[] {
  return [...new Set(routes.flatMap(({ mesh }) => mesh.flatMap(({ service, ports }) =>
    ports.filter((p) => p.port === number && isGuessed(p))
      .map(() => `${serviceHostOf(service.metadata)}:${number}`))))].sort(compareText);
}

/** Which clients a namespace's workloads are: their own entry, or everyone's. */
function portsFor(ports: readonly GatewayPort[], namespace: string): readonly GatewayPort[] {
  const isApart = ports.some(({ mesh }) => mesh?.namespace === namespace);
  return ports.filter(({ mesh }) => mesh?.namespace === (isApart ? namespace : "*"));
}

export function meshManifests(
  gatewayPorts: readonly GatewayPort[], resolved: Resolved, image: Image,
  routing: Pick<Routing, "clusters" | "routePolicies">, release: Release,
): MeshManifests {
  const ports = gatewayPorts.filter(({ mesh, virtualHosts }) => mesh
    && virtualHosts.some(({ matches }) => matches.length > 0));
  if (ports.length === 0) return { plugins: [], filters: [], diagnostics: [] };
  const clients = namespacesOf(resolved)
    .map((namespace) => ({ namespace, own: portsFor(ports, namespace) }))
    .filter(({ own }) => own.length > 0);
  return {
    plugins: clients.flatMap(({ namespace, own }) =>
      own.map((port) => meshPlugin(port, namespace, image, release))),
    filters: clients.map(({ namespace, own }) =>
      meshFilter(namespace, own, resolved, routing)),
    diagnostics: [onlyKnown(clients.map(({ namespace }) => namespace))],
  };
}

function meshFilter(
  namespace: string, ports: readonly GatewayPort[], resolved: Resolved,
  routing: Pick<Routing, "clusters" | "routePolicies">,
): EnvoyFilter {
  return {
    apiVersion: "networking.istio.io/v1alpha3",
    kind: "EnvoyFilter",
    metadata: { name: meshFilterName, namespace, labels: ownLabels },
    spec: {
      priority: 10,
      configPatches: [
        ...listenerPatches("SIDECAR_OUTBOUND", routing.routePolicies),
        ...ports.flatMap(({ port }) => [
          { portNumber: port },
          ...guessedConfigurations(resolved, port).map((name) => ({ name })),
        ].flatMap((where) => routePatches("SIDECAR_OUTBOUND", where, routing))),
      ],
    },
  };
}

function onlyKnown(namespaces: readonly string[]): Diagnostic {
  return diagnostic({
    code: "FL0420",
    title: "routes with a Service for a parent count for clients in "
      + namespaces.map((name) => `\`${name}\``).join(", "),
    effect: "workloads of other namespaces call these Services as before",
    help: "add the Namespace of further clients to the input",
  });
}
