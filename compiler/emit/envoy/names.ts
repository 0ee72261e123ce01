// The names that the filter, Envoy's configuration and Istio's patches have to agree on.

import type { GatewayPort } from "../../ir.ts";

/** The filter writes the chosen cluster's name here; the one route reads it. */
export const clusterHeader = "x-fairlead-cluster";

/**
 * Every header that steers or informs within the proxy. A client's own are removed before anything
 * can read them, and the router removes them before a backend could see them.
 */
export const internalHeaders: readonly string[] = [clusterHeader];

// `namespace/name:port` is the key of a gateway port in the table, and therefore the filter's
// plugin configuration and root id, and the listener's name.
export { gatewayPortName } from "../../table/plan.ts";

type NonEmpty = readonly [GatewayPort, ...GatewayPort[]];

/** The ports of each Gateway. They are sorted by Gateway, so that a Gateway's stand together. */
export function byGateway(gatewayPorts: readonly GatewayPort[]): readonly NonEmpty[] {
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
