// The Istio target: manifests that attach the filter to Gateways which Istio itself runs. Istio
// keeps making the clusters, so that its DestinationRules, mTLS and telemetry go on working; the
// filter only names one of them, and Istio's own routes take what it leaves alone.

import { createHash } from "node:crypto";

import { stringify } from "yaml";

import { noPolicy, type GatewayPort, type Ir, type RoutePolicy } from "../ir.ts";
import { textArtifact, type Artifact, type Json } from "./artifact.ts";
import { earlyMutation } from "./envoy/manager.ts";
import { clusterHeader, gatewayPortName, policyHeader } from "./envoy/names.ts";
import { policyRoutes } from "./envoy/policy.ts";
import { sessionHttpFilter } from "./envoy/session.ts";
import { pluginConfig } from "./plugin-config.ts";
import { policyName } from "../table/policy-name.ts";

export interface IstioInput {
  readonly ir: Ir;
  /** The plan's; index 0 asks for nothing. */
  readonly routePolicies?: readonly RoutePolicy[];
  readonly filterWasm: Uint8Array;
  /** The table as the plugin's configuration, for a filter into which none is baked. */
  readonly configuredTable?: Uint8Array;
  /** Where Istio fetches the filter: `oci://…`, `https://…` or `file://…`. */
  readonly image?: string;
}

type Fields = { readonly [key: string]: Json };

const targetGroup = "gateway.networking.k8s.io";

export function emitIstio(input: IstioInput): readonly Artifact[] {
  const { ir, filterWasm, image } = input;
  const hash = createHash("sha256").update(filterWasm).digest("hex");
  // The name cannot be known before the image is pushed: the default is a registry that does not
  // exist. The tag is the filter's own hash, so that another table is another image to Istio.
  const url = image ?? `oci://registry.example/fairlead/filter:${hash.slice(0, 12)}`;
  const config = input.configuredTable && pluginConfig(input.configuredTable);
  const plugins = ir.gatewayPorts.map((gatewayPort) => wasmPlugin(gatewayPort, url, hash, config));
  const filters = byGateway(ir.gatewayPorts).map((ports) => envoyFilter(ports, input));
  return [
    textArtifact("istio/wasmplugin.yaml", documents(pluginNotes, plugins)),
    textArtifact("istio/envoyfilter.yaml", documents(filterNotes, filters)),
  ];
}

const pluginNotes = `\
# The filter, one for each port of a Gateway. \`url\` is where filter.wasm has been pushed to.
# FAIL_CLOSE: without the filter there is nobody to say where a request may go.
# AUTHN, the first phase: the route is taken before any authorization looks at it.
`;

const filterNotes = `\
# Removes the steering header from what clients send, and lets the filter choose a cluster of
# Istio's by that header. Requests without it go on to Istio's own routes.
`;

function documents(notes: string, values: readonly Fields[]): string {
  const options = { lineWidth: 0, aliasDuplicateObjects: false };
  return notes + values.map((value) => `---\n${stringify(value, options)}`).join("");
}

function wasmPlugin(
  gatewayPort: GatewayPort, url: string, hash: string, config?: Fields,
): Fields {
  const { gateway, port } = gatewayPort;
  return {
    apiVersion: "extensions.istio.io/v1alpha1",
    kind: "WasmPlugin",
    metadata: {
      name: `fairlead-${gateway.name}-${port}`,
      namespace: gateway.namespace,
      annotations: { "fairlead/filter-sha256": hash },
    },
    spec: {
      targetRefs: [targetRef(gatewayPort)],
      // No mode: Istio counts a gateway's listeners as the client's side, the default is both.
      match: [{ ports: [{ number: port }] }],
      // Becomes the plugin's root id in Envoy, by which the filter finds its gateway port. The
      // plugin's configuration could not be this text, because Istio makes JSON of it.
      pluginName: gatewayPortName(gatewayPort),
      pluginConfig: config,
      url,
      // Of an image Istio compares the manifest's digest, which only the push can tell.
      sha256: url.startsWith("http://") || url.startsWith("https://") ? hash : undefined,
      imagePullPolicy: url.startsWith("oci://") ? "IfNotPresent" : undefined,
      phase: "AUTHN",
      failStrategy: "FAIL_CLOSE",
    },
  };
}

type NonEmpty = readonly [GatewayPort, ...GatewayPort[]];

/** The ports of each Gateway. They are sorted by Gateway, so that a Gateway's stand together. */
function byGateway(gatewayPorts: readonly GatewayPort[]): readonly NonEmpty[] {
  const groups: [GatewayPort, ...GatewayPort[]][] = [];
  for (const gatewayPort of gatewayPorts) {
    const { namespace, name } = gatewayPort.gateway;
    const last = groups.at(-1);
    if (last && last[0].gateway.namespace === namespace && last[0].gateway.name === name) {
      last.push(gatewayPort);
    } else {
      groups.push([gatewayPort]);
    }
  }
  return groups;
}

function envoyFilter(gatewayPorts: NonEmpty, input: IstioInput): Fields {
  const { gateway } = gatewayPorts[0];
  return {
    apiVersion: "networking.istio.io/v1alpha3",
    kind: "EnvoyFilter",
    metadata: { name: `fairlead-${gateway.name}`, namespace: gateway.namespace },
    spec: {
      targetRefs: [targetRef(gatewayPorts[0])],
      configPatches: [
        stripPatch(),
        ...(input.routePolicies?.some(({ session }) => session) ? [sessionPatch()] : []),
        ...gatewayPorts.flatMap(({ port }) => routePatches(port, input)),
      ],
    },
  };
}

/** On every listener of the Gateway, whether we route there or not: the header is ours alone. */
function stripPatch(): Fields {
  const hcm = "envoy.filters.network.http_connection_manager";
  return {
    applyTo: "NETWORK_FILTER",
    match: { context: "GATEWAY", listener: { filterChain: { filter: { name: hcm } } } },
    patch: {
      operation: "MERGE",
      value: {
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.filters.network."
            + "http_connection_manager.v3.HttpConnectionManager",
          early_header_mutation_extensions: [earlyMutation()],
        },
      },
    },
  };
}

/**
 * By the Gateway's port number, which Istio traces to the port its pods listen on. The route
 * configuration's name holds the pods' port, and a wrong name would be ignored without a word.
 */
function routePatches(
  port: number, { ir: { clusters }, routePolicies = [] }: IstioInput,
): readonly Fields[] {
  // Istio makes the clusters: there a session holds within one backend of a split.
  const options = { clusters, unions: false };
  const steered = { name: clusterHeader, present_match: true };
  const plain = { name: policyHeader, present_match: false };
  const routes = [
    ...routePolicies.flatMap((policy) => {
      const exact = policyName(policy, (index) => clusters[index]?.name);
      if (exact === "") return [];
      const own = { name: policyHeader, string_match: { exact } };
      return policyRoutes(policy, { ...options, when: [steered, own] });
    }),
    ...policyRoutes(noPolicy, { ...options, when: [steered, plain] }),
  ];
  // Each is put before what is there, so that the last patch's route comes first.
  return routes.reverse().map((value) => ({
    applyTo: "HTTP_ROUTE",
    match: { context: "GATEWAY", routeConfiguration: { portNumber: port } },
    patch: { operation: "INSERT_FIRST", value },
  }));
}

/** Istio has its CORS filter on every listener, but this one only where a Service asks for it. */
function sessionPatch(): Fields {
  const hcm = "envoy.filters.network.http_connection_manager";
  const subFilter = { name: "envoy.filters.http.router" };
  return {
    applyTo: "HTTP_FILTER",
    match: {
      context: "GATEWAY", listener: { filterChain: { filter: { name: hcm, subFilter } } },
    },
    patch: { operation: "INSERT_BEFORE", value: sessionHttpFilter() },
  };
}

function targetRef({ gateway }: GatewayPort): Fields {
  return { group: targetGroup, kind: "Gateway", name: gateway.name };
}
