// The Envoy Gateway target: manifests that attach the filter to Gateways which Envoy Gateway runs.
// Its EnvoyExtensionPolicy brings the filter, its EnvoyPatchPolicy the clusters and the routes that
// the filter steers by; EnvoyPatchPolicy has to be switched on in its configuration.
//
// Its own clusters are one for each rule of an applied HTTPRoute, and cannot be named before that
// route is there. Ours are therefore brought along, and dial Services by their names.

import { diagnostic, sortDiagnostics, type Diagnostic } from "../diagnostic.ts";
import type { Cluster, Ir } from "../ir.ts";
import { keyText } from "../resolve/lookup.ts";
import type { Resolved } from "../resolve/resolved.ts";
import { encode } from "../table/encode.ts";
import { plan } from "../table/plan.ts";
import { textArtifact, type Artifact, type Json } from "./artifact.ts";
import { bake } from "./bake.ts";
import { byGateway } from "./by-gateway.ts";
import { documents } from "./documents.ts";
import { envoyGatewayGaps } from "./envoy-gateway/gaps.ts";
import { orderGaps } from "./envoy-gateway/order.ts";
import { patchPolicy } from "./envoy-gateway/patches.ts";
import { directResponse, extensionPolicy, place } from "./envoy-gateway/policies.ts";
import { envoyGateway, foreignClass, isRunBy } from "./gateway-class.ts";
import { carriedPorts, unknownHostnames, type ViewOptions } from "./istio/view.ts";
import { gatewaysOnly, meshGaps } from "./mesh-gaps.ts";
import { namedImage, type ImageOptions } from "./named-image.ts";
import { pluginConfigDiagnostics, type TableCarrier } from "./plugin-config.ts";

export interface EnvoyGatewayInput {
  readonly ir: Ir;
  readonly resolved: Resolved;
  /** The prebuilt filter, without a table. */
  readonly filterWasm: Uint8Array;
  /** How it gets its table; absent: baked in. */
  readonly carrier?: TableCarrier;
  readonly options?: ViewOptions & ImageOptions;
}

export interface Emitted {
  readonly artifacts: readonly Artifact[];
  readonly diagnostics: readonly Diagnostic[];
}

type Fields = { readonly [key: string]: Json };

export function emitEnvoyGateway(input: EnvoyGatewayInput): Emitted {
  const { resolved, carrier = "baked", options = {} } = input;
  const ir = viewOf(gatewaysOnly(input.ir), resolved, options);
  const { plan: planned } = plan(ir);
  const table = encode(planned);
  const isConfigured = carrier === "config";
  const filterWasm = isConfigured ? input.filterWasm : bake(input.filterWasm, table);
  const { image, known } = namedImage(filterWasm, table, isConfigured, options);
  const groups = byGateway(ir.gatewayPorts);
  const gateways = resolved.gateways.filter(({ resource }) =>
    groups.some(([{ gateway }]) => keyText(gateway) === keyText(resource.metadata)));
  const { routePolicies } = planned;
  return {
    artifacts: [
      { path: "envoy-gateway/filter.wasm", bytes: filterWasm },
      { path: "envoy-gateway/routes.flt", bytes: table },
      manifests("envoyextensionpolicy.yaml", extensionNotes,
        ir.gatewayPorts.map((port) => extensionPolicy(port, image))),
      manifests("envoypatchpolicy.yaml", patchNotes,
        groups.map((ports) => patchPolicy(ports, { clusters: ir.clusters, routePolicies }))),
      manifests("httproute.yaml", placeNotes, groups.flatMap(([{ gateway }]) =>
        [place(gateway), directResponse(gateway)])),
      manifests("kustomization.yaml", "", [{
        apiVersion: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization",
        resources: ["envoyextensionpolicy.yaml", "envoypatchpolicy.yaml", "httproute.yaml"],
      }]),
    ],
    diagnostics: sortDiagnostics([
      ...meshGaps(input.ir, "Envoy Gateway"), ...envoyGatewayGaps(ir),
      ...unknownHostnames(ir, options.hostnames ?? []),
      ...gateways.filter((gateway) => !isRunBy(envoyGateway, gateway, resolved))
        .map((gateway) => foreignClass(envoyGateway, gateway, resolved)),
      ...orderGaps(gateways, resolved),
      ...(known && !image.url.startsWith("file://") ? [] : [withoutImage(image.url)]),
      ...(isConfigured ? pluginConfigDiagnostics(table) : []),
    ]),
  };
}

/** Addresses of pods change while Envoy runs: Services are dialled by their names. */
function viewOf(ir: Ir, { inventory }: Resolved, options: ViewOptions): Ir {
  const services = new Set(inventory.services
    .filter(({ spec }) => spec.type !== "ExternalName").map(({ metadata }) => keyText(metadata)));
  const clusters = ir.clusters.map((cluster): Cluster => {
    const { host, port, service, subset } = cluster;
    if (!services.has(keyText(service)) || subset !== undefined) return cluster;
    return { ...cluster, endpoints: { kind: "dns", hostname: host, port } };
  });
  return { ...ir, clusters, gatewayPorts: carriedPorts(ir, options) };
}

function withoutImage(url: string): Diagnostic {
  return diagnostic({
    code: "FL0419", title: "the manifests name an image that is not there",
    effect: `Envoy Gateway would ask for \`${url}\`, and answer every request with 500`,
    help: "name the image with `--image`, and send it there with"
      + " `fairlead push IMAGE --filter envoy-gateway/filter.wasm`",
  });
}

const extensionNotes = `\
# The filter, one for each port of a Gateway. The image is where filter.wasm has been pushed to.
`;

const patchNotes = `\
# The clusters, the routes that read the filter's choice, and the removal of its headers from what
# clients send. Needs \`extensionApis: { enableEnvoyPatchPolicy: true }\` in the EnvoyGateway.
`;

const placeNotes = `\
# Envoy Gateway runs extensions on its own routes only: this one takes whatever no other does, so
# that the filter sees it. What the filter leaves alone is a 404.
`;

function manifests(name: string, notes: string, values: readonly Fields[]): Artifact {
  return textArtifact(`envoy-gateway/${name}`, documents(notes, values));
}
