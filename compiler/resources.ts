// The resources we read, as their published schemas have them (Gateway API v1.7.0, Kubernetes
// core/v1 and discovery.k8s.io/v1, Istio 1.31). Decoding has already validated a document against
// its schema and filled in the schema's defaults, so a field with a default is not optional here.

import type { Manifest } from "./manifest.ts";

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

// --- Gateway API -------------------------------------------------------------------------------

export interface GatewayClassSpec {
  readonly controllerName: string;
  readonly parametersRef?: { readonly group: string; readonly kind: string; readonly name: string; readonly namespace?: string };
  readonly description?: string;
}

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
    readonly values?: readonly string[];
  }[];
}

export interface SecretRef {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

export interface AllowedRoutes {
  readonly namespaces: { readonly from: "All" | "Selector" | "Same" | "None"; readonly selector?: LabelSelector };
  readonly kinds?: readonly { readonly group: string; readonly kind: string }[];
}

export interface Listener {
  readonly name: string;
  readonly hostname?: string;
  readonly port: number;
  readonly protocol: string;
  readonly tls?: {
    readonly mode: "Terminate" | "Passthrough";
    readonly certificateRefs?: readonly SecretRef[];
    readonly options?: Readonly<Record<string, string>>;
  };
  readonly allowedRoutes: AllowedRoutes;
}

export interface FrontendTlsConfig {
  readonly validation?: {
    readonly caCertificateRefs: readonly SecretRef[];
    readonly mode?: "AllowValidOnly" | "AllowInsecureFallback";
  };
}

export interface GatewaySpec {
  readonly gatewayClassName: string;
  readonly listeners: readonly Listener[];
  readonly addresses?: readonly { readonly type: string; readonly value?: string }[];
  readonly infrastructure?: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly parametersRef?: { readonly group: string; readonly kind: string; readonly name: string };
  };
  readonly allowedListeners?: { readonly namespaces: { readonly from: "All" | "Selector" | "Same" | "None"; readonly selector?: LabelSelector } };
  readonly tls?: {
    readonly backend?: { readonly clientCertificateRef?: SecretRef };
    readonly frontend?: {
      readonly default: FrontendTlsConfig;
      readonly perPort?: readonly { readonly port: number; readonly tls: FrontendTlsConfig }[];
    };
  };
  readonly defaultScope?: "All" | "None";
}

export interface ListenerSetSpec {
  readonly parentRef: { readonly group: string; readonly kind: string; readonly name: string; readonly namespace?: string };
  readonly listeners: readonly Listener[];
}

export interface ParentRef {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  readonly sectionName?: string;
  readonly port?: number;
}

export interface BackendRef {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  readonly port?: number;
  readonly weight: number;
  readonly filters?: readonly RouteFilter[];
}

export interface HeaderFilter {
  readonly set?: readonly { readonly name: string; readonly value: string }[];
  readonly add?: readonly { readonly name: string; readonly value: string }[];
  readonly remove?: readonly string[];
}

export interface PathModifier {
  readonly type: "ReplaceFullPath" | "ReplacePrefixMatch";
  readonly replaceFullPath?: string;
  readonly replacePrefixMatch?: string;
}

export interface RequestRedirect {
  readonly scheme?: "http" | "https";
  readonly hostname?: string;
  readonly path?: PathModifier;
  readonly port?: number;
  readonly statusCode: number;
}

export interface RequestMirror {
  readonly backendRef: Omit<BackendRef, "weight" | "filters">;
  readonly percent?: number;
  readonly fraction?: { readonly numerator: number; readonly denominator: number };
}

export interface CorsFilter {
  readonly allowOrigins?: readonly string[];
  readonly allowCredentials?: boolean;
  readonly allowMethods?: readonly string[];
  readonly allowHeaders?: readonly string[];
  readonly exposeHeaders?: readonly string[];
  readonly maxAge: number;
}

export interface RouteFilter {
  readonly type: "RequestHeaderModifier" | "ResponseHeaderModifier" | "RequestMirror"
    | "RequestRedirect" | "URLRewrite" | "CORS" | "ExternalAuth" | "ExtensionRef";
  readonly requestHeaderModifier?: HeaderFilter;
  readonly responseHeaderModifier?: HeaderFilter;
  readonly requestMirror?: RequestMirror;
  readonly requestRedirect?: RequestRedirect;
  readonly urlRewrite?: { readonly hostname?: string; readonly path?: PathModifier };
  readonly cors?: CorsFilter;
  readonly externalAuth?: unknown;
  readonly extensionRef?: { readonly group: string; readonly kind: string; readonly name: string };
}

export interface StringMatch {
  readonly type: "Exact" | "RegularExpression";
  readonly name: string;
  readonly value: string;
}

export interface HttpRouteMatch {
  readonly path: { readonly type: "Exact" | "PathPrefix" | "RegularExpression"; readonly value: string };
  readonly headers?: readonly StringMatch[];
  readonly queryParams?: readonly StringMatch[];
  readonly method?: string;
}

export interface SessionPersistence {
  readonly absoluteTimeout?: string;
  readonly type: "Cookie" | "Header";
  readonly cookie?: { readonly name?: string; readonly path?: string; readonly lifetimeType?: "Session" | "Permanent" };
  readonly header?: { readonly name: string };
}

export interface HttpRouteRule {
  readonly name?: string;
  readonly matches: readonly HttpRouteMatch[];
  readonly filters?: readonly RouteFilter[];
  readonly backendRefs?: readonly BackendRef[];
  readonly timeouts?: { readonly request?: string; readonly backendRequest?: string };
  readonly retry?: { readonly codes?: readonly number[]; readonly attempts?: number; readonly backoff?: string };
  readonly sessionPersistence?: SessionPersistence;
}

export interface HttpRouteSpec {
  readonly parentRefs?: readonly ParentRef[];
  readonly useDefaultGateways?: "All" | "None";
  readonly hostnames?: readonly string[];
  readonly rules: readonly HttpRouteRule[];
}

export interface GrpcRouteRule {
  readonly name?: string;
  readonly matches?: readonly {
    readonly method?: { readonly type: "Exact" | "RegularExpression"; readonly service?: string; readonly method?: string };
    readonly headers?: readonly StringMatch[];
  }[];
  readonly filters?: readonly RouteFilter[];
  readonly backendRefs?: readonly BackendRef[];
  readonly sessionPersistence?: SessionPersistence;
}

export interface GrpcRouteSpec {
  readonly parentRefs?: readonly ParentRef[];
  readonly useDefaultGateways?: "All" | "None";
  readonly hostnames?: readonly string[];
  readonly rules?: readonly GrpcRouteRule[];
}

/** TLSRoute (with hostnames), TCPRoute and UDPRoute. */
export interface L4RouteSpec {
  readonly parentRefs?: readonly ParentRef[];
  readonly useDefaultGateways?: "All" | "None";
  readonly hostnames?: readonly string[];
  readonly rules: readonly { readonly name?: string; readonly backendRefs: readonly BackendRef[] }[];
}

export interface ReferenceGrantSpec {
  readonly from: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[];
  readonly to: readonly { readonly group: string; readonly kind: string; readonly name?: string }[];
}

export interface BackendTlsPolicySpec {
  readonly targetRefs: readonly { readonly group: string; readonly kind: string; readonly name: string; readonly sectionName?: string }[];
  readonly validation: {
    readonly caCertificateRefs?: readonly { readonly group: string; readonly kind: string; readonly name: string }[];
    readonly wellKnownCACertificates?: string;
    readonly hostname: string;
    readonly subjectAltNames?: readonly { readonly type: string; readonly hostname?: string; readonly uri?: string }[];
  };
  readonly options?: Readonly<Record<string, string>>;
}

// --- Kubernetes core ---------------------------------------------------------------------------

export interface ServicePort {
  readonly name?: string;
  readonly protocol: "TCP" | "UDP" | "SCTP";
  readonly port: number;
  readonly targetPort?: number | string;
  readonly appProtocol?: string;
}

export interface ServiceSpec {
  readonly type?: "ClusterIP" | "NodePort" | "LoadBalancer" | "ExternalName";
  readonly clusterIP?: string;
  readonly externalName?: string;
  readonly selector?: Readonly<Record<string, string>>;
  readonly ports?: readonly ServicePort[];
}

/** EndpointSlice has no `spec` of its own; decoding puts these fields there. */
export interface EndpointSliceSpec {
  readonly addressType: "IPv4" | "IPv6" | "FQDN";
  readonly endpoints: readonly {
    readonly addresses: readonly string[];
    readonly conditions?: { readonly ready?: boolean | null; readonly serving?: boolean | null; readonly terminating?: boolean | null };
    readonly hostname?: string;
    readonly nodeName?: string;
    readonly zone?: string;
    readonly targetRef?: { readonly kind?: string; readonly namespace?: string; readonly name?: string };
  }[];
  readonly ports?: readonly { readonly name?: string; readonly protocol?: string; readonly port?: number; readonly appProtocol?: string }[];
}

/** Secret and ConfigMap likewise: `data` (base64 for a Secret), `stringData`, `type`. */
export interface DataSpec {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
}

// --- Istio -------------------------------------------------------------------------------------

export interface TrafficPolicy {
  readonly loadBalancer?: {
    readonly simple?: string;
    readonly consistentHash?: unknown;
    readonly localityLbSetting?: unknown;
    readonly warmup?: unknown;
    readonly warmupDurationSecs?: unknown;
  };
  readonly connectionPool?: {
    readonly tcp?: {
      readonly maxConnections?: number;
      readonly connectTimeout?: string;
      readonly tcpKeepalive?: unknown;
      readonly maxConnectionDuration?: string;
      readonly idleTimeout?: string;
    };
    readonly http?: {
      readonly http1MaxPendingRequests?: number;
      readonly http2MaxRequests?: number;
      readonly maxRequestsPerConnection?: number;
      readonly maxRetries?: number;
      readonly idleTimeout?: string;
      readonly h2UpgradePolicy?: string;
      readonly useClientProtocol?: boolean;
      readonly maxConcurrentStreams?: number;
    };
  };
  readonly outlierDetection?: {
    readonly consecutiveErrors?: number;
    readonly consecutive5xxErrors?: number;
    readonly consecutiveGatewayErrors?: number;
    readonly consecutiveLocalOriginFailures?: number;
    readonly splitExternalLocalOriginErrors?: boolean;
    readonly interval?: string;
    readonly baseEjectionTime?: string;
    readonly maxEjectionPercent?: number;
    readonly minHealthPercent?: number;
  };
  readonly tls?: unknown;
  readonly portLevelSettings?: readonly (Omit<TrafficPolicy, "portLevelSettings"> & { readonly port?: { readonly number?: number } })[];
  readonly tunnel?: unknown;
  readonly proxyProtocol?: unknown;
}

export interface DestinationRuleSpec {
  readonly host: string;
  readonly trafficPolicy?: TrafficPolicy;
  readonly subsets?: readonly { readonly name: string; readonly labels?: Readonly<Record<string, string>>; readonly trafficPolicy?: TrafficPolicy }[];
  readonly exportTo?: readonly string[];
  readonly workloadSelector?: unknown;
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
  readonly serviceEntries: readonly Resource<unknown>[];
  /**
   * `Kind/namespace/name` of documents that were there but had errors. A reference to one of them
   * is not reported as missing: its own diagnostic is the cause.
   */
  readonly broken: ReadonlySet<string>;
}
