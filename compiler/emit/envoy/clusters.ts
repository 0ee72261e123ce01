// All clusters of a configuration: those of the IR, and what sessions over several of them need.

import type { Cluster, RoutePolicy } from "../../ir.ts";
import { compareText } from "../../order.ts";
import type { Json } from "../artifact.ts";
import { envoyCluster, unionCluster, type ClusterOptions, type Union } from "./cluster.ts";
import { sessionUnion } from "./session.ts";

type Fields = { readonly [key: string]: Json };

export function envoyClusters(
  clusters: readonly Cluster[], policies: readonly RoutePolicy[], options: ClusterOptions,
): readonly Fields[] {
  const unions = new Map<string, Union>();
  for (const { session } of policies) {
    const union = sessionUnion(session, clusters);
    if (union) unions.set(union.name, union);
  }
  return [
    ...clusters.map((cluster) => envoyCluster(cluster, options)),
    ...[...unions.values()]
      .sort((a, b) => compareText(a.name, b.name))
      .flatMap((union) => union.members.slice(0, 1)
        .map(({ cluster }) => unionCluster(union, cluster, options))),
  ];
}
