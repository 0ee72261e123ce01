// The Gateway API's resources (v1.7.0), as their published schemas have them, defaults filled in.

export interface GatewayClassSpec {
  readonly controllerName: string;
  readonly parametersRef?: {
    readonly group: string;
    readonly kind: string;
    readonly name: string;
    readonly namespace?: string;
  };
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
  readonly namespaces: {
    readonly from: "All" | "Selector" | "Same" | "None";
    readonly selector?: LabelSelector;
  };
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
    readonly parametersRef?: {
      readonly group: string;
      readonly kind: string;
      readonly name: string;
    };
  };
  readonly allowedListeners?: {
    readonly namespaces: {
      readonly from: "All" | "Selector" | "Same" | "None";
      readonly selector?: LabelSelector;
    };
  };
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
  readonly parentRef: {
    readonly group: string;
    readonly kind: string;
    readonly name: string;
    readonly namespace?: string;
  };
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
  readonly type:
    | "RequestHeaderModifier"
    | "ResponseHeaderModifier"
    | "RequestMirror"
    | "RequestRedirect"
    | "URLRewrite"
    | "CORS"
    | "ExternalAuth"
    | "ExtensionRef";
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
  readonly path: {
    readonly type: "Exact" | "PathPrefix" | "RegularExpression";
    readonly value: string;
  };
  readonly headers?: readonly StringMatch[];
  readonly queryParams?: readonly StringMatch[];
  readonly method?: string;
}

export interface SessionPersistence {
  readonly absoluteTimeout?: string;
  readonly type: "Cookie" | "Header";
  readonly cookie?: {
    readonly name?: string;
    readonly path?: string;
    readonly lifetimeType?: "Session" | "Permanent";
  };
  readonly header?: { readonly name: string };
}

export interface HttpRouteRule {
  readonly name?: string;
  readonly matches: readonly HttpRouteMatch[];
  readonly filters?: readonly RouteFilter[];
  readonly backendRefs?: readonly BackendRef[];
  readonly timeouts?: { readonly request?: string; readonly backendRequest?: string };
  readonly retry?: {
    readonly codes?: readonly number[];
    readonly attempts?: number;
    readonly backoff?: string;
  };
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
    readonly method?: {
      readonly type: "Exact" | "RegularExpression";
      readonly service?: string;
      readonly method?: string;
    };
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
  readonly rules: readonly {
    readonly name?: string;
    readonly backendRefs: readonly BackendRef[];
  }[];
}

export interface ReferenceGrantSpec {
  readonly from: readonly {
    readonly group: string;
    readonly kind: string;
    readonly namespace: string;
  }[];
  readonly to: readonly { readonly group: string; readonly kind: string; readonly name?: string }[];
}

export interface BackendTlsPolicySpec {
  readonly targetRefs: readonly {
    readonly group: string;
    readonly kind: string;
    readonly name: string;
    readonly sectionName?: string;
  }[];
  readonly validation: {
    readonly caCertificateRefs?: readonly {
      readonly group: string;
      readonly kind: string;
      readonly name: string;
    }[];
    readonly wellKnownCACertificates?: string;
    readonly hostname: string;
    readonly subjectAltNames?: readonly {
      readonly type: string;
      readonly hostname?: string;
      readonly uri?: string;
    }[];
  };
  readonly options?: Readonly<Record<string, string>>;
}
