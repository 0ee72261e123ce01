// The headers that the filter, Envoy's configuration and Istio's patches have to agree on, and that
// the edge worker keeps from whoever is behind it.

/** The filter writes the chosen cluster's name here; the one route reads it. */
export const clusterHeader = "x-fairlead-cluster";

/** The name of the route policy, where there is one: the route is chosen by it. */
export const policyHeader = "x-fairlead-policy";

/**
 * Every header that steers or informs within the proxy. A client's own are removed before anything
 * can read them, and the router removes them before a backend could see them.
 */
export const internalHeaders: readonly string[] = [clusterHeader, policyHeader];
