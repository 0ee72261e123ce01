// What each runtime claims of the Gateway API: the one place that says so. `npm run conformance`
// runs the tests of the claimed features and lists the others as unsupported, with the reason here.

import type { RuntimeName } from "./runner.ts";

export const gatewayApiVersion = "v1.7.0";
/** The channel of the published schemas that compiler/schema holds manifests to. */
export const gatewayApiChannel = "experimental";
/** Of v1.7.0. The data that this command reads may be a part of it. */
export const suiteTests = 170;

/** By feature; true where it is claimed, else why not. */
export type Claims = Readonly<Record<string, true | string>>;

const mesh = "the runner has no clients in a mesh; test/mesh asks these cases' questions";
const routability = "says what a cluster's network can reach, which no manifest tells";
const noListenerFilters = "filters of a listener are not carried out";
const noAuthorities = "the platform's sockets trust public authorities only, and show none";
const unshown = "no test here shows it yet";
const noStreams = "the platform takes in HTTP only";
const noGrpc = "the platform has no trailers, which gRPC needs";

/** On both runtimes, unless a runtime says otherwise below. */
const common: Claims = {
  Gateway: true,
  GatewayAddressEmpty: true,
  GatewayAddressRoutability: routability,
  GatewayAddressRoutabilityCluster: routability,
  GatewayBackendClientCertificate: true,
  GatewayFrontendClientCertificateValidation: true,
  GatewayFrontendClientCertificateValidationInsecureFallback: unshown,
  GatewayHTTPListenerIsolation: true,
  GatewayHTTPSListenerDetectMisdirectedRequests: true,
  GatewayInfrastructure: true,
  GatewayListenerFilters: noListenerFilters,
  GatewayPort8080: true,
  GatewayRouteHostnameIntersectionPrecedence: true,
  GatewayStaticAddresses: true,
  ClusterTrustBundle: "trust bundles are a cluster's; name a ConfigMap",
  ListenerSet: true,
  ReferenceGrant: true,

  HTTPRoute: true,
  HTTPRoute303RedirectStatusCode: true,
  HTTPRoute307RedirectStatusCode: true,
  HTTPRoute308RedirectStatusCode: true,
  HTTPRouteBackendProtocolH2C: true,
  HTTPRouteBackendProtocolWebSocket: true,
  HTTPRouteBackendRequestHeaderModification: true,
  HTTPRouteBackendTimeout: true,
  HTTPRouteBackendURLRewrite: true,
  HTTPRouteCORS: true,
  HTTPRouteDestinationPortMatching: true,
  HTTPRouteHostRewrite: true,
  HTTPRouteMethodMatching: true,
  HTTPRouteNamedRouteRule: true,
  HTTPRouteParentRefPort: true,
  HTTPRoutePathRedirect: true,
  HTTPRoutePathRewrite: true,
  HTTPRoutePortRedirect: true,
  HTTPRouteQueryParamMatching: true,
  HTTPRouteRequestMirror: true,
  HTTPRouteRequestMultipleMirrors: true,
  HTTPRouteRequestPercentageMirror: true,
  HTTPRouteRequestTimeout: true,
  HTTPRouteResponseHeaderModification: true,
  HTTPRouteRetryCodes: true,
  HTTPRouteRetryConnectionError: unshown,
  HTTPRouteSchemeRedirect: true,

  BackendTLSPolicy: true,
  BackendTLSPolicySANValidation: true,
  GRPCRoute: true,
  GRPCRouteNamedRouteRule: true,
  GRPCRouteRequestHeaderModifier: true,
  TLSRoute: true,
  TLSRouteModeMixed: true,
  TLSRouteModeTerminate: true,
  TCPRoute: true,
  UDPRoute: true,

  Mesh: mesh,
  MeshClusterIPMatching: mesh,
  MeshConsumerRoute: mesh,
  MeshHTTPRouteBackendRequestHeaderModification: mesh,
  MeshHTTPRouteNamedRouteRule: mesh,
  MeshHTTPRouteQueryParamMatching: mesh,
  MeshHTTPRouteRedirectPath: mesh,
  MeshHTTPRouteRedirectPort: mesh,
  MeshHTTPRouteRewritePath: mesh,
  MeshHTTPRouteSchemeRedirect: mesh,
};

export const claims: Readonly<Record<RuntimeName, Claims>> = {
  envoy: common,
  edge: {
    ...common,
    GatewayBackendClientCertificate: noAuthorities,
    BackendTLSPolicy: noAuthorities,
    BackendTLSPolicySANValidation: noAuthorities,
    GRPCRoute: noGrpc,
    GRPCRouteNamedRouteRule: noGrpc,
    GRPCRouteRequestHeaderModifier: noGrpc,
    TLSRoute: noStreams,
    TLSRouteModeMixed: noStreams,
    TLSRouteModeTerminate: noStreams,
    TCPRoute: noStreams,
    UDPRoute: noStreams,
  },
};

export function claimedBy(runtime: RuntimeName): ReadonlySet<string> {
  return new Set(Object.entries(claims[runtime]).flatMap(([name, claim]) =>
    (claim === true ? [name] : [])));
}

/** Why a runtime does not claim a feature; undefined where it does. */
export function whyNot(feature: string, runtime: RuntimeName): string | undefined {
  const claim = claims[runtime][feature];
  return claim === true ? undefined : claim ?? "nothing is said about it";
}
