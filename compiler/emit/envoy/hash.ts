// What consistent hashing looks at. Balancers of clusters only place a number on their ring; it is
// the route, or the proxy of a stream, that makes the number of a request.

import type { ClusterPolicy, ConsistentHash } from "../../ir.ts";
import type { Json } from "../artifact.ts";
import { optionalDuration } from "./duration.ts";

type Fields = { readonly [key: string]: Json };

/** Of a route (`RouteAction.HashPolicy`). */
export function hashPolicy(key: ConsistentHash["key"]): Fields {
  switch (key.kind) {
    case "header": return { header: { header_name: key.name } };
    case "sourceIp": return { connection_properties: { source_ip: true } };
    case "queryParameter": return { query_parameter: { name: key.name } };
    case "cookie": {
      const { name, path, ttlMs, attributes = [] } = key;
      return {
        cookie: {
          name, path, ttl: optionalDuration(ttlMs),
          attributes: attributes.length > 0
            ? attributes.map((attribute) => ({ ...attribute })) : undefined,
        },
      };
    }
  }
}

function isBySource({ consistentHash }: ClusterPolicy): boolean {
  return consistentHash?.key.kind === "sourceIp";
}

/** Of a TCP proxy: all that a stream shows of its client is the address. */
export function streamHash(policies: readonly ClusterPolicy[]): readonly Fields[] | undefined {
  return policies.some(isBySource) ? [{ source_ip: {} }] : undefined;
}

/** Of a UDP proxy. */
export function datagramHash(policies: readonly ClusterPolicy[]): readonly Fields[] | undefined {
  return policies.some(isBySource) ? [{ source_ip: true }] : undefined;
}
