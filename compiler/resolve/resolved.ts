// What `resolve` finds out: which listener serves what, which route is attached where, what every
// reference leads to, and the conditions that say so. `status` prints it, `lower` makes routes of
// it.

import type { Certificate, ClusterTls, ListenerTls } from "../ir.ts";
import type {
  BackendTlsPolicySpec, GatewayClassSpec, GatewaySpec, GrpcRouteSpec, HttpRouteSpec, Inventory,
  L4RouteSpec, Listener, ListenerSetSpec, ObjectKey, ParentRef, Resource, ServiceEntrySpec,
  ServicePort, ServiceSpec,
} from "../resources.ts";

/** A condition before it gets the generation and time of the resource that it stands on. */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
}

export interface ResolvedClass {
  readonly resource: Resource<GatewayClassSpec>;
  readonly conditions: readonly Condition[];
}

export interface ResolvedListener {
  /** Unique: `Gateway/ns/name/http` or `ListenerSet/ns/name/http`. */
  readonly id: string;
  /** What `ir.ts` and `explain` call it: the name, for a ListenerSet's with its owner before it. */
  readonly label: string;
  readonly owner: Resource<GatewaySpec> | Resource<ListenerSetSpec>;
  readonly gateway: ObjectKey;
  readonly index: number;
  readonly spec: Listener;
  /** Canonical, "*" where the listener has none. */
  readonly hostname: string;
  /** Route kinds of the Gateway API group that may attach. */
  readonly supportedKinds: readonly RouteKind[];
  readonly accepted: boolean;
  /** Accepted and able to serve: its port is open and it has what TLS needs. */
  readonly programmed: boolean;
  readonly resolvedRefs: boolean;
  /** Where it ends TLS. Without a certificate it is not programmed. */
  readonly tls?: ListenerTls;
  readonly conditions: readonly Condition[];
}

export interface Address {
  readonly type: string;
  readonly value: string;
}

export interface ResolvedGateway {
  readonly resource: Resource<GatewaySpec>;
  readonly controllerName: string;
  readonly accepted: boolean;
  readonly addresses: readonly Address[];
  readonly listeners: readonly ResolvedListener[];
  /** Its own listeners, then those of the ListenerSets attached to it, by precedence. */
  readonly allListeners: readonly ResolvedListener[];
  readonly attachedListenerSets: number;
  /** Shown to backends that TLS is spoken to. */
  readonly clientCertificate?: Certificate;
  readonly conditions: readonly Condition[];
}

export interface ResolvedListenerSet {
  readonly resource: Resource<ListenerSetSpec>;
  /** Absent where the parent is not in the input: then nobody writes its status. */
  readonly gateway?: ObjectKey;
  /** The Gateway lets it attach; without that its listeners do not exist. */
  readonly allowed: boolean;
  readonly listeners: readonly ResolvedListener[];
  readonly conditions: readonly Condition[];
}

export type RouteKind = "HTTPRoute" | "GRPCRoute" | "TLSRoute" | "TCPRoute" | "UDPRoute";

/** A DestinationRule's subset that is asked for, and the Service whose annotation asks. */
export interface SubsetRef {
  readonly name: string;
  readonly via: Resource<ServiceSpec>;
}

/** What can be spoken to. */
export type BackendTarget =
  | {
    readonly kind: "service";
    readonly service: Resource<ServiceSpec>;
    readonly port: ServicePort;
    readonly subset?: SubsetRef;
  }
  /** One host of a ServiceEntry. */
  | {
    readonly kind: "entry";
    readonly entry: Resource<ServiceEntrySpec>;
    readonly host: string;
    readonly port: ServicePort;
    readonly subset?: SubsetRef;
  };

export type Target =
  | BackendTarget
  | { readonly kind: "invalid"; readonly reason: string; readonly message: string };

export interface ResolvedBackend {
  readonly target: Target;
  /** Beside the backendRef's own filters: where a RequestMirror among them leads. */
  readonly mirrors: readonly (Target | undefined)[];
}

export interface ResolvedRule {
  /** Beside the rule's backendRefs. */
  readonly backends: readonly ResolvedBackend[];
  /** Beside the rule's filters: where a RequestMirror leads. */
  readonly mirrors: readonly (Target | undefined)[];
  /** Why the rule is left out of the route, where it is. */
  readonly dropped?: string;
}

export interface Attachment {
  readonly listener: ResolvedListener;
  /** Most specific first. Empty for kinds without hostnames. */
  readonly hostnames: readonly AttachedHost[];
}

export interface AttachedHost {
  /** The part of the route's hostname that the listener shares; canonical. */
  readonly hostname: string;
  /** The route's hostname as written; "*" where it names none. */
  readonly written: string;
}

export interface ResolvedParent {
  readonly ref: ParentRef;
  readonly gateway: ObjectKey;
  readonly controllerName: string;
  readonly attachments: readonly Attachment[];
  readonly conditions: readonly Condition[];
}

/** A Service that is a parent (GAMMA). */
export interface ResolvedMeshParent {
  readonly ref: ParentRef;
  readonly service: Resource<ServiceSpec>;
  readonly controllerName: string;
  /** The Service's ports whose requests the route takes; none where it is not accepted. */
  readonly ports: readonly ServicePort[];
  readonly conditions: readonly Condition[];
}

interface RouteOf<Kind extends RouteKind, Spec> {
  readonly kind: Kind;
  readonly resource: Resource<Spec>;
  readonly parents: readonly ResolvedParent[];
  readonly mesh: readonly ResolvedMeshParent[];
  readonly rules: readonly ResolvedRule[];
}

export type ResolvedHttpRoute = RouteOf<"HTTPRoute", HttpRouteSpec>;
export type ResolvedGrpcRoute = RouteOf<"GRPCRoute", GrpcRouteSpec>;
export type ResolvedStreamRoute = RouteOf<"TLSRoute" | "TCPRoute" | "UDPRoute", L4RouteSpec>;
export type ResolvedRoute = ResolvedHttpRoute | ResolvedGrpcRoute | ResolvedStreamRoute;

export interface ResolvedTlsPolicy {
  readonly resource: Resource<BackendTlsPolicySpec>;
  /** It took effect for its targets: no older policy and no bad certificate stands in its way. */
  readonly accepted: boolean;
  readonly targets: readonly Resource<ServiceSpec>[];
  /** The targets that no older policy has: a Service, or one port of it by its name. */
  readonly governs: readonly { readonly service: ObjectKey; readonly portName?: string }[];
  /** Absent: it cannot be carried out, and connections to what it governs must fail. */
  readonly tls?: ClusterTls;
  readonly ancestors: readonly { readonly gateway: ObjectKey; readonly controllerName: string }[];
  readonly conditions: readonly Condition[];
}

/** Each list by namespace and name; routes by kind first. */
export interface Resolved {
  readonly inventory: Inventory;
  readonly gatewayClasses: readonly ResolvedClass[];
  readonly gateways: readonly ResolvedGateway[];
  readonly listenerSets: readonly ResolvedListenerSet[];
  readonly routes: readonly ResolvedRoute[];
  readonly backendTlsPolicies: readonly ResolvedTlsPolicy[];
}
