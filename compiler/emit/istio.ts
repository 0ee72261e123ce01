// The Istio target: manifests that attach the filter to Gateways which Istio itself runs. Istio
// keeps making the clusters, so that its DestinationRules, mTLS and telemetry go on working; the
// filter only names one of them, and Istio's own routes take what it leaves alone.

import { sortDiagnostics, type Diagnostic } from "../diagnostic.ts";
import type { GatewayPort, Ir } from "../ir.ts";
import { admitsNamespace } from "../resolve/attach.ts";
import { keyText, lookup } from "../resolve/lookup.ts";
import type { Resolved, ResolvedGateway, ResolvedListener } from "../resolve/resolved.ts";
import { encode } from "../table/encode.ts";
import { plan } from "../table/plan.ts";
import { textArtifact, type Artifact, type Json } from "./artifact.ts";
import { bake } from "./bake.ts";
import { byGateway } from "./by-gateway.ts";
import { documents } from "./documents.ts";
import { foreignClass, isRunBy, istio } from "./gateway-class.ts";
import { envoyFilter, type Routing } from "./istio/filter.ts";
import { istioGaps } from "./istio/gaps.ts";
import type { ServedListener } from "./istio/guard.ts";
import { alsoRouted, closedToPlace, pinnedImage, tooLarge, withoutImage } from "./istio/notes.ts";
import { meshManifests } from "./istio/mesh.ts";
import { place } from "./istio/place.ts";
import { plugin } from "./istio/plugin.ts";
import { gatewayPods } from "./istio/pods.ts";
import { releaseOf, type Release } from "./istio/release.ts";
import { istioView, type ViewOptions } from "./istio/view.ts";
import { namedImage, type ImageOptions } from "./named-image.ts";
import { pluginConfigDiagnostics, type TableCarrier } from "./plugin-config.ts";

export interface IstioOptions extends ViewOptions, ImageOptions {
  /** `major.minor`; absent: the forms that all maintained releases take. */
  readonly istioVersion?: string;
}

export interface IstioInput {
  readonly ir: Ir;
  readonly resolved: Resolved;
  /** The prebuilt filter, without a table. */
  readonly filterWasm: Uint8Array;
  /** How it gets its table; absent: baked in. */
  readonly carrier?: TableCarrier;
  readonly options?: IstioOptions;
}

type Fields = { readonly [key: string]: Json };

export interface Emitted {
  readonly artifacts: readonly Artifact[];
  readonly diagnostics: readonly Diagnostic[];
}

export function emitIstio(input: IstioInput): Emitted {
  const { ir, resolved, carrier = "baked", options = {} } = input;
  const release = releaseOf(options.istioVersion);
  if ("code" in release) return { artifacts: [], diagnostics: [release] };
  const view = istioView(ir, options);
  const { plan: planned } = plan(view.ir);
  const table = encode(planned);
  const isConfigured = carrier === "config";
  const filterWasm = isConfigured ? input.filterWasm : bake(input.filterWasm, table);
  const listenersOf = servedListeners(resolved);
  const routing: Routing = {
    clusters: view.ir.clusters, routePolicies: planned.routePolicies, listenersOf,
  };
  const found = gatewayPods(resolved);
  const { image, known, pinned } = namedImage(filterWasm, table, isConfigured, options);
  const attached = byGateway(view.ir.gatewayPorts).flatMap((ports) => {
    const pods = found.pods.get(keyText(ports[0].gateway));
    const gateway = resolved.gateways.find(({ resource }) =>
      keyText(resource.metadata) === keyText(ports[0].gateway));
    return pods && gateway ? [{ ports, pods, gateway }] : [];
  });
  const mesh = meshManifests(view.ir.gatewayPorts, resolved, image, routing, release);
  const manifests = {
    plugins: [...attached.flatMap(({ ports, pods }) =>
      ports.map((port) => plugin(port, pods, image, release))), ...mesh.plugins],
    filters: [
      ...attached.map(({ ports, pods }) => envoyFilter(ports, pods, routing, release)),
      ...mesh.filters,
    ],
    places: attached.map(({ gateway }) => place(gateway)),
  };
  return {
    artifacts: [
      { path: "istio/filter.wasm", bytes: filterWasm },
      { path: "istio/routes.flt", bytes: table },
      ...files(manifests, release),
    ],
    diagnostics: sortDiagnostics([
      ...view.diagnostics, ...mesh.diagnostics, ...found.diagnostics,
      ...istioGaps(resolved, ir),
      ...attached.flatMap(({ gateway, ports }) => (isRunBy(istio, gateway, resolved)
        ? [...closedTo(gateway, resolved), ...alsoRouted(gateway, ports)]
        : [foreignClass(istio, gateway, resolved)])),
      ...manifests.filters.flatMap(tooLarge),
      ...(!known && attached.some(({ gateway }) => isRunBy(istio, gateway, resolved))
        ? [withoutImage(image.url)] : []),
      ...(known && pinned && manifests.plugins.length > 0 ? [pinnedImage(image.url)] : []),
      ...(isConfigured ? pluginConfigDiagnostics(table) : []),
    ]),
  };
}

/** By Gateway and port: the listeners that serve, as Istio names them. */
function servedListeners({ gateways }: Resolved): (port: GatewayPort) => readonly ServedListener[] {
  const byKey = new Map(gateways.map((g) => [keyText(g.resource.metadata), g]));
  return ({ gateway, port }) => servesHttp(byKey.get(keyText(gateway))?.allListeners ?? [])
    .filter(({ spec }) => spec.port === port)
    .map(({ owner, spec, hostname }) => ({ owner: owner.metadata, name: spec.name, hostname }));
}

function servesHttp(listeners: readonly ResolvedListener[]): readonly ResolvedListener[] {
  return listeners.filter(({ programmed, spec: { protocol } }) =>
    programmed && (protocol === "HTTP" || protocol === "HTTPS"));
}

function closedTo(gateway: ResolvedGateway, { inventory }: Resolved): readonly Diagnostic[] {
  const look = lookup(inventory);
  return servesHttp(gateway.allListeners)
    .filter((listener) => !listener.supportedKinds.includes("HTTPRoute")
      || !admitsNamespace(listener, gateway.resource.metadata.namespace, look))
    .map((listener) => closedToPlace(gateway, listener));
}

interface Manifests {
  readonly plugins: readonly Fields[];
  readonly filters: readonly Fields[];
  readonly places: readonly Fields[];
}

const pluginNotes = `\
# The filter, one for each port of a Gateway. \`url\` is where filter.wasm has been pushed to.
# FAIL_CLOSE: without the filter there is nobody to say where a request may go.
# AUTHN, the first phase: the route is taken before any authorization looks at it.
`;

const filterNotes = `\
# Removes the steering headers from what clients send, and lets the filter choose a cluster of
# Istio's by them. Requests without them go on to Istio's own routes.
`;

const placeNotes = `\
# Takes no request. It gives the listeners virtual hosts, so that the filter can steer requests for
# hostnames that no other applied route names.
`;

function kustomizationNotes({ pluginKind }: Release): string {
  const kinds = `${pluginKind.toLowerCase()},envoyfilter,httproute`;
  return `\
# kubectl apply -k . ; kubectl delete -k . removes all of it. What an earlier build left behind:
# kubectl get ${kinds} -A -l app.kubernetes.io/managed-by=fairlead
`;
}

function files(
  { plugins, filters, places }: Manifests, release: Release,
): readonly Artifact[] {
  const found: readonly (readonly [string, string, readonly Fields[]])[] = [
    ["envoyfilter.yaml", filterNotes, filters],
    ["httproute.yaml", placeNotes, places],
    [`${release.pluginKind.toLowerCase()}.yaml`, pluginNotes, plugins],
  ];
  // kustomize refuses a file that holds no resource.
  const kept = found.filter(([, , values]) => values.length > 0);
  const kustomization: Fields = {
    apiVersion: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization",
    resources: kept.map(([name]) => name),
  };
  return [
    ...kept.map(([name, notes, values]) =>
      textArtifact(`istio/${name}`, documents(notes, values))),
    textArtifact("istio/kustomization.yaml",
      documents(kustomizationNotes(release), [kustomization])),
  ];
}
