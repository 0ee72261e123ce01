// The intermediate representation: what the routes mean, free of Kubernetes and Envoy types. It is
// plain, serialisable data, but for the origins, which point back into the manifests. `lower.ts`
// makes it, `rank.ts` puts each virtual host's matches in order, and the table, the emitters, the
// reference matcher and `explain` read it.

import type { ClusterPolicy, ConsistentHash } from "./ir/policy.ts";
import type { ObjectKey } from "./resources.ts";
import type { Span } from "./source.ts";

export type * from "./ir/policy.ts";

export interface Ir {
  /**
   * Sorted by gateway namespace, name, then port; those of the mesh come last. The index is the
   * core's `gatewayPort`.
   */
  readonly gatewayPorts: readonly GatewayPort[];
  /** Sorted by name. `ClusterIndex` points in here. */
  readonly clusters: readonly Cluster[];
  /** Ports of TLS, TCP and UDP listeners: no filter and no table, only connections. */
  readonly streamPorts?: readonly StreamPort[];
}

/** Index into `Ir.clusters`. */
export type ClusterIndex = number;

/** One port of one Gateway: all its HTTP listeners on that port, merged. */
export interface GatewayPort {
  readonly gateway: ObjectKey;
  readonly port: number;
  readonly protocol: "HTTP" | "HTTPS";
  /** Gateway API listeners on this port, in their order in the Gateway. */
  readonly listeners: readonly GatewayListener[];
  /**
   * Disjoint by hostname. A request belongs to the one whose hostname is the most specific
   * for it and never falls through to a wider one (docs/decisions.md, "Hostnames").
   */
  readonly virtualHosts: readonly VirtualHost[];
  /**
   * Present: not a Gateway's, but the port as workloads of the mesh dial it, whose requests routes
   * with a Service for a parent take (GEP-1294). `gateway` then has no name of a Gateway.
   */
  readonly mesh?: MeshClients;
}

/** The workloads whose requests meet the same routes. */
export interface MeshClients {
  /** "*": those of all namespaces that have no entry of their own. */
  readonly namespace: string;
}

export interface GatewayListener {
  readonly name: string;
  /** Lower case; absent: every hostname. */
  readonly hostname?: string;
  /** On an HTTPS port always present, elsewhere never. */
  readonly tls?: ListenerTls;
}

/** How a listener ends TLS. */
export interface ListenerTls {
  /** At least one. */
  readonly certificates: readonly Certificate[];
  /** Client certificates (Gateway spec.tls.frontend). */
  readonly clients?: {
    readonly caCertificates: string;
    /** `AllowInsecureFallback`: a client without a valid certificate is let in all the same. */
    readonly required: boolean;
  };
}

/** A key pair as PEM text, and the Secret it came from: artifacts name the Secret, not the key. */
export interface Certificate {
  readonly secret: ObjectKey;
  readonly certificate: string;
  readonly key: string;
}

export interface VirtualHost {
  /** Lower case: "api.example.com", "*.example.com" (one or more labels), or "*" (any host). */
  readonly hostname: string;
  /** The listener that serves this hostname. */
  readonly listener: string;
  /** Highest precedence first, once `rank` has run. May be empty: then every request is a 404. */
  readonly matches: readonly RouteMatch[];
  /** What nothing matches is no 404 but left to the routes of the host we run in (Istio's own). */
  readonly leaves?: true;
}

export type PathMatch =
  | { readonly kind: "exact"; readonly value: string }
  /** Without a trailing slash; "/" itself is the empty string. Matches whole segments. */
  | { readonly kind: "prefix"; readonly value: string }
  | { readonly kind: "regex"; readonly value: string };

export interface ValueMatch {
  readonly kind: "exact" | "regex";
  /** Header names are lower case; query parameter names are as written. */
  readonly name: string;
  readonly value: string;
}

/** One entry of a rule's `matches`, attached to one virtual host. */
export interface RouteMatch {
  readonly path: PathMatch;
  readonly method?: string;
  readonly headers: readonly ValueMatch[];
  readonly queryParams: readonly ValueMatch[];
  /** Of a GRPCRoute: the lengths of the exact service and method, which rank before the rest. */
  readonly grpc?: { readonly service: number; readonly method: number };
  readonly rule: Rule;
  /** Index in the rule's `matches` as written. */
  readonly matchIndex: number;
  /** The hostname as the route wrote it ("*" where it names none): it ranks before the path. */
  readonly routeHostname: string;
  readonly origin: Span;
}

export interface RouteRef {
  /** Service: no route is attached to it in the mesh, and its requests go to itself. */
  readonly kind: "HTTPRoute" | "GRPCRoute" | "Service";
  readonly namespace: string;
  readonly name: string;
  readonly creationTimestamp?: string;
}

/** A rule is one object however many hostnames, listeners and matches lead to it. */
export interface Rule {
  readonly route: RouteRef;
  readonly ruleIndex: number;
  readonly ruleName?: string;
  readonly action: Action;
  readonly origin: Span;
}

export type Action = Forward | Redirect;

export interface Forward {
  readonly kind: "forward";
  /** Weights above zero only. Empty: every request gets a 500. */
  readonly backends: readonly WeightedBackend[];
  readonly requestHeaders: HeaderEdits;
  readonly rewrite?: Rewrite;
  readonly policy?: RoutePolicy;
  /** Pins a client's requests to one backend of the split instead of going round. */
  readonly pin?: Pin;
}

export interface WeightedBackend {
  readonly weight: number;
  /** Absent: the backendRef is invalid, and its share of requests gets a 500. */
  readonly cluster?: ClusterIndex;
  readonly requestHeaders: HeaderEdits;
  /** Takes the place of the rule's. */
  readonly rewrite?: Rewrite;
  /** Goes on top of the rule's. */
  readonly policy?: Pick<RoutePolicy, "responseHeaders" | "mirrors" | "hashKey" | "request">;
  readonly origin: Span;
}

/** Gateway API URLRewrite. */
export interface Rewrite {
  readonly hostname?: string;
  readonly path?: PathRewrite;
}

export type PathRewrite =
  | { readonly kind: "full"; readonly value: string }
  /** The matched prefix is replaced; it is the match's own path. */
  | { readonly kind: "prefix"; readonly value: string };

/**
 * What becomes of a request after its backend is chosen, and of the response. The core only names
 * it: Envoy carries it out as a route of its own, the worker in TypeScript. Equal policies are one
 * (`routePolicies` of the plan), whichever rules they come from.
 */
export interface RoutePolicy {
  readonly responseHeaders: HeaderEdits;
  readonly mirrors: readonly Mirror[];
  readonly cors?: Cors;
  /** Milliseconds; 0 switches the timeout off; absent: no timeout (docs/decisions.md). */
  readonly requestTimeoutMs?: number;
  readonly backendRequestTimeoutMs?: number;
  readonly retry?: Retry;
  readonly session?: Session;
  /** Of the backend's cluster. Envoy reads it off the route, so that it is named here as well. */
  readonly hashKey?: ConsistentHash["key"];
  /** Only under Istio, where a request must not change before it is authorised. */
  readonly request?: RequestChange;
}

/** What else is done to a request by other means: by a route of the host's own. */
export interface RequestChange {
  /** One after the other. */
  readonly headers: readonly HeaderEdits[];
  readonly hostname?: string;
  /** With the path that the match asked for. */
  readonly path?: { readonly match: PathMatch; readonly rewrite: PathRewrite };
}

export const noPolicy: RoutePolicy = {
  responseHeaders: { set: [], add: [], remove: [] }, mirrors: [],
};

export interface Mirror {
  readonly cluster: ClusterIndex;
  /** The share of requests that is copied: numerator / denominator, at most 1. */
  readonly numerator: number;
  readonly denominator: number;
}

/** Gateway API HTTPCORSFilter; defaults filled in. */
export interface Cors {
  readonly allowOrigins: readonly string[];
  readonly allowCredentials: boolean;
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeSeconds: number;
}

/** Connection failures and refused streams are always retried, and these status codes. */
export interface Retry {
  readonly codes: readonly number[];
  /** Beside the first attempt; 0 means never. */
  readonly attempts: number;
  readonly backoffMs?: number;
}

export interface Session {
  readonly kind: "cookie" | "header";
  readonly name: string;
  /** Of a cookie. */
  readonly path: string;
  /** The cookie outlives the client's session. */
  readonly permanent: boolean;
  readonly absoluteTimeoutMs?: number;
  /**
   * The valid backends of a rule that splits: a session has to find its endpoint again whichever
   * of them the split picks. Present where there are several that differ in nothing but weight.
   */
  readonly split?: readonly { readonly weight: number; readonly cluster: ClusterIndex }[];
}

/** The header or cookie whose value decides where a split sends a client. */
export interface Pin {
  readonly kind: "header" | "cookie";
  /** A header's is lower case. */
  readonly name: string;
}

/** In the order the API has them carried out: set, add, remove. Names are lower case. */
export interface HeaderEdits {
  readonly set: readonly { readonly name: string; readonly value: string }[];
  readonly add: readonly { readonly name: string; readonly value: string }[];
  readonly remove: readonly string[];
}

export const noEdits: HeaderEdits = { set: [], add: [], remove: [] };

export interface Redirect {
  readonly kind: "redirect";
  readonly statusCode: number;
  readonly scheme?: "http" | "https";
  readonly hostname?: string;
  readonly port?: number;
  readonly path?: PathRewrite;
}

/** A Service's port as a destination, with the policy that applies to it. */
export interface Cluster {
  /** Istio's form, so that one table serves both: `outbound|80|subset|host`. */
  readonly name: string;
  /** `backend-v1.istio-test.svc.cluster.local` */
  readonly host: string;
  readonly service: ObjectKey;
  readonly port: number;
  readonly subset?: string;
  readonly protocol: "http1" | "h2c" | "websocket";
  readonly endpoints: Endpoints;
  readonly policy: ClusterPolicy;
  /** Where the fields of `policy`, and `tls`, stand; a field that nobody wrote has none. */
  readonly policyOrigins?: PolicyOrigins;
  /** TLS to the backend. Absent: plain text. */
  readonly tls?: ClusterTls;
}

/**
 * The place in the manifests that each field of a cluster's policy was read from, so that a target
 * can name what it does not carry out. A field made of several values (`tcpKeepalive`) has the
 * place of the section.
 */
export type PolicyOrigins = Readonly<Partial<Record<keyof ClusterPolicy | "tls", PolicyOrigin>>>;

export interface PolicyOrigin {
  /** `DestinationRule shop/checkout` */
  readonly resource: string;
  /** `spec.trafficPolicy.connectionPool.tcp.tcpKeepalive` */
  readonly path: string;
  readonly span: Span;
}

/** TLS to a backend: a BackendTLSPolicy's, or a DestinationRule's `tls`. */
export interface ClusterTls {
  /** SNI, and the name the certificate must have unless `subjectAltNames` says otherwise. */
  readonly hostname: string;
  readonly subjectAltNames: readonly { readonly kind: "dns" | "uri"; readonly value: string }[];
  /** PEM text; absent: the system's trusted roots. */
  readonly caCertificates?: string;
  /** Shown to the backend (Gateway spec.tls.backend, DestinationRule `credentialName`). */
  readonly client?: Certificate;
  /** Any certificate will do (DestinationRule `insecureSkipVerify`). */
  readonly insecureSkipVerify?: boolean;
  /** PEM text: certificates that are revoked. */
  readonly crl?: string;
  /**
   * The request's own host is the SNI, and the name that the certificate must have; `hostname`
   * counts where there is no request, as for streams (a DestinationRule's `tls` without `sni`).
   */
  readonly autoSni?: boolean;
  /** No name is asked of the certificate (`sni` without `subjectAltNames` in a DestinationRule). */
  readonly anyName?: boolean;
  /** Files where the proxy runs, for what a DestinationRule names by its path. */
  readonly files?: TlsFiles;
  /** Istio's mutual TLS (ISTIO_MUTUAL): the certificates are the mesh's, and only it has them. */
  readonly mesh?: boolean;
}

/** Paths as a DestinationRule's `tls` has them; each takes the place of the text beside it. */
export interface TlsFiles {
  readonly caCertificates?: string;
  readonly caCrl?: string;
  readonly clientCertificate?: string;
  readonly privateKey?: string;
}

/** A port of one Gateway whose listeners pass on streams or datagrams. */
export interface StreamPort {
  readonly gateway: ObjectKey;
  readonly port: number;
  readonly protocol: "TLS" | "TCP" | "UDP";
  readonly listeners: readonly StreamListener[];
}

export interface StreamListener {
  readonly name: string;
  readonly hostname?: string;
  /** Of a TLS listener that ends TLS; absent there: passed through. */
  readonly tls?: ListenerTls;
  /**
   * Highest precedence first. TCP and UDP: only the first takes connections. TLS: by server name;
   * "*" where the route names none. No name matches: the connection is closed.
   */
  readonly routes: readonly StreamRoute[];
}

export interface StreamRoute {
  readonly hostnames: readonly string[];
  /** Weights above zero only. An invalid backend's share of connections is closed. */
  readonly backends: readonly { readonly weight: number; readonly cluster?: ClusterIndex }[];
  readonly origin: Span;
}

export type Endpoints =
  /** From EndpointSlices, or a ServiceEntry's; only the ready ones. Empty: 503. */
  | { readonly kind: "static"; readonly addresses: readonly EndpointAddress[] }
  /** No EndpointSlice is in the input: the Service's DNS name (or the ExternalName) is dialled. */
  | {
    readonly kind: "dns"; readonly hostname: string; readonly port: number;
    /** One address at a time, as DNS gives it (a ServiceEntry's DNS_ROUND_ROBIN). */
    readonly isLogical?: boolean;
  };

export interface EndpointAddress {
  /** An IP address, or a name where a ServiceEntry has its endpoints resolved by DNS. */
  readonly address: string;
  readonly port: number;
  /** Its share beside the others of its locality; absent: 1. */
  readonly weight?: number;
  /** `region/zone/subzone` as far as it is known. */
  readonly locality?: string;
  /** 0, the default, is taken while enough of its endpoints are healthy, then 1, and so on. */
  readonly priority?: number;
}
