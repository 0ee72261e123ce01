// Conformance tests that the compile plane cannot be asked, each with its reason.

export const skips: Readonly<Record<string, string>> = {
  GatewayInfrastructureMetadata: "looks at objects that a controller makes in a cluster",
  TLSRouteListenerMixedTerminationNotSupported:
    "only for implementations without TLSRouteModeMixed, which we have",
  TLSRouteListenerTerminateNotSupported:
    "only for implementations without TLSRouteModeTerminate, which we have",
};

/** Routes whose parents are Services: the mesh is another issue's. */
export const isMesh = (name: string): boolean => name.startsWith("Mesh");

/** Traffic cases that routing alone, without carrying the action out, cannot answer. */
export const trafficSkips: Readonly<Record<string, string>> = {
  HTTPRouteHTTPSListenerDetectMisdirectedRequests: "depends on the connection's SNI",
  HTTPRouteRetry: "the status comes from retries",
  HTTPRouteRetryWithBackendTimeout: "the status comes from retries",
  HTTPRouteRetryWithRequestTimeout: "the status comes from retries",
  HTTPRouteServiceTypes: "the pods are behind EndpointSlices that name no Service of their program",
  TLSRouteHostnameIntersection: "passes TLS through, past every HTTP route",
  HTTPRouteTimeoutBackendRequest: "the status comes from a timeout",
  HTTPRouteTimeoutRequest: "the status comes from a timeout",
  BackendTLSPolicy: "the status comes from TLS to the backend",
  BackendTLSPolicyConflictResolution: "the status comes from TLS to the backend",
  BackendTLSPolicySANValidation: "the status comes from TLS to the backend",
};
