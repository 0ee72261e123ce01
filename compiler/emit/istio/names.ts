// The names of what we put into the cluster.

import type { ObjectKey } from "../../resources.ts";

export const gatewayGroup = "gateway.networking.k8s.io";

export function pluginName({ name }: ObjectKey, port: number): string {
  return `fairlead-${name}-${port}`;
}

export function filterName({ name }: ObjectKey): string {
  return `fairlead-${name}`;
}

/** Of what clients of the mesh get; no Gateway is there whose name it could be. */
export function meshPluginName(port: number): string {
  return `fairlead-mesh-clients-${port}`;
}

export const meshFilterName = "fairlead-mesh-clients";

/** Of the HTTPRoute that makes room for ours (place.ts). */
export function placeName({ name }: ObjectKey): string {
  return `fairlead-${name}`;
}
