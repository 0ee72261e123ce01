// The resources we read, as their published schemas have them (Gateway API v1.7.0, Kubernetes
// core/v1 and discovery.k8s.io/v1, Istio 1.31). Decoding has already validated a document against
// its schema and filled in the schema's defaults, so a field with a default is not optional here.

import type { Manifest } from "./manifest.ts";
import type { EnvoyProxySpec } from "./resources/envoy-gateway.ts";
import type {
  BackendTlsPolicySpec, GatewayClassSpec, GatewaySpec, GrpcRouteSpec,
  HttpRouteSpec, L4RouteSpec, ListenerSetSpec, ReferenceGrantSpec,
} from "./resources/gateway-api.ts";
import type {
  DestinationRuleSpec, ServiceEntrySpec, WorkloadEntrySpec,
} from "./resources/istio.ts";
import type { DataSpec, EndpointSliceSpec, PodSpec, ServiceSpec } from "./resources/kubernetes.ts";

export type * from "./resources/envoy-gateway.ts";
export type * from "./resources/gateway-api.ts";
export type * from "./resources/istio.ts";
export type * from "./resources/kubernetes.ts";

export interface ObjectKey {
  readonly namespace: string;
  readonly name: string;
}

export interface ObjectMeta {
  readonly name: string;
  /** "default" where a namespaced resource names none; "" for cluster-scoped kinds. */
  readonly namespace: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** RFC 3339. Files seldom have one: a resource without it counts as the newest. */
  readonly creationTimestamp?: string;
  readonly generation?: number;
  readonly uid?: string;
}

/** A decoded document. `spec` is what the kind's types below say; `manifest` knows the spans. */
export interface Resource<Spec = unknown> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: Spec;
  /** As it stood in the input: other controllers' entries are kept when we print status. */
  readonly status?: unknown;
  readonly manifest: Manifest;
}

/** Everything decoded, each list sorted by namespace, then name. */
export interface Inventory {
  readonly gatewayClasses: readonly Resource<GatewayClassSpec>[];
  readonly gateways: readonly Resource<GatewaySpec>[];
  readonly listenerSets: readonly Resource<ListenerSetSpec>[];
  readonly httpRoutes: readonly Resource<HttpRouteSpec>[];
  readonly grpcRoutes: readonly Resource<GrpcRouteSpec>[];
  readonly tlsRoutes: readonly Resource<L4RouteSpec>[];
  readonly tcpRoutes: readonly Resource<L4RouteSpec>[];
  readonly udpRoutes: readonly Resource<L4RouteSpec>[];
  readonly referenceGrants: readonly Resource<ReferenceGrantSpec>[];
  readonly backendTlsPolicies: readonly Resource<BackendTlsPolicySpec>[];
  readonly namespaces: readonly Resource<unknown>[];
  readonly services: readonly Resource<ServiceSpec>[];
  readonly endpointSlices: readonly Resource<EndpointSliceSpec>[];
  readonly secrets: readonly Resource<DataSpec>[];
  readonly configMaps: readonly Resource<DataSpec>[];
  readonly destinationRules: readonly Resource<DestinationRuleSpec>[];
  readonly serviceEntries: readonly Resource<ServiceEntrySpec>[];
  readonly workloadEntries: readonly Resource<WorkloadEntrySpec>[];
  readonly pods: readonly Resource<PodSpec>[];
  readonly envoyProxies: readonly Resource<EnvoyProxySpec>[];
  readonly nodes: readonly Resource<unknown>[];
  /**
   * `Kind/namespace/name` of documents that were there but had errors. A reference to one of them
   * is not reported as missing: its own diagnostic is the cause.
   */
  readonly broken: ReadonlySet<string>;
}
