// The kinds we read, the versions they are served in, and where their schemas are.

import type { Inventory } from "../resources.ts";
import { envoyGatewayGroup } from "../resources/envoy-gateway.ts";
import type { NameForm } from "./core/metadata.ts";
import {
  configMapFields, endpointSliceFields, namespaceSpec, secretFields,
} from "./core/kinds.ts";
import { serviceSpec } from "./core/service.ts";
import { anything } from "./core/shape.ts";
import { envoyProxySpec } from "./envoy-proxy.ts";
import type { JsonSchema } from "./schema.ts";
import backendTlsPolicy
  from "./crds/gateway.networking.k8s.io_v1_BackendTLSPolicy.json" with { type: "json" };
import gateway
  from "./crds/gateway.networking.k8s.io_v1_Gateway.json" with { type: "json" };
import gatewayClass
  from "./crds/gateway.networking.k8s.io_v1_GatewayClass.json" with { type: "json" };
import grpcRoute
  from "./crds/gateway.networking.k8s.io_v1_GRPCRoute.json" with { type: "json" };
import httpRoute
  from "./crds/gateway.networking.k8s.io_v1_HTTPRoute.json" with { type: "json" };
import listenerSet
  from "./crds/gateway.networking.k8s.io_v1_ListenerSet.json" with { type: "json" };
import referenceGrant
  from "./crds/gateway.networking.k8s.io_v1_ReferenceGrant.json" with { type: "json" };
import tcpRoute
  from "./crds/gateway.networking.k8s.io_v1_TCPRoute.json" with { type: "json" };
import tlsRoute
  from "./crds/gateway.networking.k8s.io_v1_TLSRoute.json" with { type: "json" };
import udpRoute
  from "./crds/gateway.networking.k8s.io_v1_UDPRoute.json" with { type: "json" };
import tcpRouteAlpha
  from "./crds/gateway.networking.k8s.io_v1alpha2_TCPRoute.json" with { type: "json" };
import tlsRouteAlpha
  from "./crds/gateway.networking.k8s.io_v1alpha2_TLSRoute.json" with { type: "json" };
import udpRouteAlpha
  from "./crds/gateway.networking.k8s.io_v1alpha2_UDPRoute.json" with { type: "json" };
import destinationRule
  from "./crds/networking.istio.io_v1_DestinationRule.json" with { type: "json" };
import serviceEntry
  from "./crds/networking.istio.io_v1_ServiceEntry.json" with { type: "json" };
import workloadEntry
  from "./crds/networking.istio.io_v1_WorkloadEntry.json" with { type: "json" };

export interface Kind {
  readonly group: string;
  readonly kind: string;
  readonly scope: "Namespaced" | "Cluster";
  /** Newest first. */
  readonly versions: Readonly<Record<string, JsonSchema>>;
  /** Whether the schema is of `spec`, or of fields beside `metadata`. */
  readonly part: "spec" | "fields";
  readonly specRequired: boolean;
  readonly hasStatus: boolean;
  readonly nameForm: NameForm;
  readonly list: Exclude<keyof Inventory, "broken">;
}

interface Definition {
  readonly schema: unknown;
}

/** The published files are data; this is the one place that says what they hold. */
function specOf(definition: Definition): JsonSchema {
  const schema = definition.schema as JsonSchema;
  return schema.properties?.spec ?? {};
}

function published(
  group: string, kind: string, list: Kind["list"],
  versions: Readonly<Record<string, Definition>>, scope: Kind["scope"] = "Namespaced",
): Kind {
  return {
    group, kind, list, scope, part: "spec", nameForm: "subdomain",
    specRequired: Object.values(versions).some(
      (d) => (d.schema as JsonSchema).required?.includes("spec") === true,
    ),
    hasStatus: Object.values(versions).some(
      (d) => (d.schema as JsonSchema).properties?.status !== undefined,
    ),
    versions: Object.fromEntries(Object.entries(versions).map(([v, d]) => [v, specOf(d)])),
  };
}

function core(
  group: string, kind: string, list: Kind["list"], schema: JsonSchema,
  part: Kind["part"], nameForm: NameForm, scope: Kind["scope"] = "Namespaced",
): Kind {
  const versions = { v1: schema };
  return {
    group, kind, list, scope, part, nameForm, versions,
    // A Service without a spec has no ports.
    specRequired: kind === "Service", hasStatus: part === "spec",
  };
}

const gatewayApi = "gateway.networking.k8s.io";
const istio = "networking.istio.io";

export const kinds: readonly Kind[] = [
  published(gatewayApi, "GatewayClass", "gatewayClasses",
    { v1: gatewayClass, v1beta1: gatewayClass }, "Cluster"),
  published(gatewayApi, "Gateway", "gateways", { v1: gateway, v1beta1: gateway }),
  published(gatewayApi, "ListenerSet", "listenerSets", { v1: listenerSet }),
  published(gatewayApi, "HTTPRoute", "httpRoutes", { v1: httpRoute, v1beta1: httpRoute }),
  published(gatewayApi, "GRPCRoute", "grpcRoutes", { v1: grpcRoute }),
  published(gatewayApi, "TLSRoute", "tlsRoutes",
    { v1: tlsRoute, v1alpha3: tlsRoute, v1alpha2: tlsRouteAlpha }),
  published(gatewayApi, "TCPRoute", "tcpRoutes", { v1: tcpRoute, v1alpha2: tcpRouteAlpha }),
  published(gatewayApi, "UDPRoute", "udpRoutes", { v1: udpRoute, v1alpha2: udpRouteAlpha }),
  published(gatewayApi, "ReferenceGrant", "referenceGrants",
    { v1: referenceGrant, v1beta1: referenceGrant }),
  published(gatewayApi, "BackendTLSPolicy", "backendTlsPolicies",
    { v1: backendTlsPolicy, v1alpha3: backendTlsPolicy }),
  published(istio, "DestinationRule", "destinationRules",
    { v1: destinationRule, v1beta1: destinationRule, v1alpha3: destinationRule }),
  published(istio, "ServiceEntry", "serviceEntries",
    { v1: serviceEntry, v1beta1: serviceEntry, v1alpha3: serviceEntry }),
  published(istio, "WorkloadEntry", "workloadEntries",
    { v1: workloadEntry, v1beta1: workloadEntry, v1alpha3: workloadEntry }),
  core("", "Namespace", "namespaces", namespaceSpec, "spec", "label", "Cluster"),
  core("", "Service", "services", serviceSpec, "spec", "service"),
  core("discovery.k8s.io", "EndpointSlice", "endpointSlices", endpointSliceFields, "fields",
    "subdomain"),
  core("", "Secret", "secrets", secretFields, "fields", "subdomain"),
  core("", "ConfigMap", "configMaps", configMapFields, "fields", "subdomain"),
  {
    ...core(envoyGatewayGroup, "EnvoyProxy", "envoyProxies", envoyProxySpec, "spec", "subdomain"),
    versions: { v1alpha1: envoyProxySpec },
  },
  // Of these only labels are read, and where a pod runs.
  core("", "Pod", "pods", anything, "spec", "subdomain"),
  core("", "Node", "nodes", anything, "spec", "subdomain", "Cluster"),
];

/** Groups all of whose routing kinds are above: another kind there is a misspelling. */
export const closedGroups: readonly string[] = [gatewayApi];
