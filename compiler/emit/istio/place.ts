// An HTTPRoute that takes no request. Istio gives a gateway virtual hosts only for hostnames that
// some applied route names; where there is none, Envoy has no place for our route and answers 404
// whatever the filter says. This route names no hostname, and so every listener has a virtual host
// for all of its hosts. Its one rule asks for a header that clients cannot send.

import { ownLabels } from "../../own.ts";
import type { ResolvedGateway, ResolvedListener } from "../../resolve/resolved.ts";
import type { Json } from "../artifact.ts";
import { clusterHeader } from "../envoy/names.ts";
import { gatewayGroup, placeName } from "./names.ts";

type Fields = { readonly [key: string]: Json };

export function place({ resource, allListeners }: ResolvedGateway): Fields {
  const { namespace, name } = resource.metadata;
  const own = { group: gatewayGroup, kind: "Gateway", name };
  return {
    apiVersion: `${gatewayGroup}/v1`,
    kind: "HTTPRoute",
    metadata: { name: placeName(resource.metadata), namespace, labels: ownLabels },
    spec: {
      parentRefs: [own, ...setsOf(allListeners)],
      rules: [{
        matches: [{
          path: { type: "PathPrefix", value: "/" },
          headers: [{ type: "Exact", name: clusterHeader, value: "none" }],
        }],
      }],
    },
  };
}

function setsOf(listeners: readonly ResolvedListener[]): readonly Fields[] {
  const sets = new Map<string, Fields>();
  for (const { owner: { kind, metadata: { namespace, name } } } of listeners) {
    if (kind !== "ListenerSet") continue;
    sets.set(`${namespace}/${name}`, { group: gatewayGroup, kind, name, namespace });
  }
  return [...sets.values()];
}
