// What the policies of clusters ask for and an Envoy of its own does otherwise. Fields that no
// target could carry out where they stand are not here (policy/effect.ts).

import { diagnostic, type Diagnostic, type DiagnosticFacts } from "../../diagnostic.ts";
import type { Cluster, ClusterPolicy, Ir, PolicyOrigins, RoutePolicy, StreamPort }
  from "../../ir.ts";
import { fittingKey, fittingPolicy } from "./fitting.ts";
import { sessionUnion } from "./session.ts";

export function clusterGaps(
  { clusters, streamPorts = [] }: Ir, routePolicies: readonly RoutePolicy[],
): readonly Diagnostic[] {
  const all = [
    ...clusters.flatMap(withoutMesh), ...clusters.flatMap(namedFiles),
    ...clusters.flatMap(unfit),
    ...streamPorts.flatMap((port) => streamLimits(port, clusters)),
    ...routePolicies.flatMap((policy) => unionPolicies(policy, clusters)),
  ];
  // One cause, one message, however many clusters or routes it shows in.
  return [...new Map(all.map((d) => [`${d.resource} ${d.path} ${d.title}`, d])).values()];
}

function at(
  { policyOrigins, service }: Cluster, field: keyof PolicyOrigins, facts: DiagnosticFacts,
): Diagnostic {
  const origin = policyOrigins?.[field];
  return diagnostic({
    resource: origin?.resource ?? `Service ${service.namespace}/${service.name}`,
    ...(origin && { path: origin.path, primary: { span: origin.span } }),
    ...facts,
  });
}

function withoutMesh(cluster: Cluster): readonly Diagnostic[] {
  if (!cluster.tls?.mesh) return [];
  return [at(cluster, "tls", {
    code: "FL0407",
    title: "an Envoy of its own has none of Istio's certificates, which ISTIO_MUTUAL asks for",
    effect: "requests for the backend get a 503 there; nothing is sent in plain text",
    help: "use the mode MUTUAL with a `credentialName`, or serve it with the Istio target",
  })];
}

function namedFiles(cluster: Cluster): readonly Diagnostic[] {
  const paths = Object.values(cluster.tls?.files ?? {});
  if (paths.length === 0) return [];
  return [at(cluster, "tls", {
    code: "FL0406", title: `files of TLS to \`${cluster.service.name}\` are read where Envoy runs`,
    effect: `Envoy does not start without ${paths.map((path) => `\`${path}\``).join(", ")}`,
  })];
}

/** Figures that Envoy would not start with, and what is taken in their place. */
function unfit(cluster: Cluster): readonly Diagnostic[] {
  const { policy } = cluster;
  const fitting = fittingPolicy(policy);
  const key = policy.consistentHash?.key;
  return [
    ...(key && !fittingKey(key) ? [at(cluster, "consistentHash", {
      code: "FL0401", title: "Envoy takes no key without a name of visible characters",
      effect: "requests go to any endpoint",
    })] : []),
    ...(Object.keys(policy) as (keyof ClusterPolicy)[])
      .filter((field) => JSON.stringify(policy[field]) !== JSON.stringify(fitting[field]))
      .map((field) => at(cluster, field, {
        code: "FL0401", title: `Envoy does not take ${written(policy[field])} for \`${field}\``,
        effect: fitting[field] === undefined
          ? "it is as if the field were absent" : `${written(fitting[field])} is taken instead`,
        help: "Istio's admission refuses the rule as well",
      })),
  ];
}

function written(value: unknown): string {
  return JSON.stringify(value).replaceAll('"', "").replaceAll(",", ", ").replaceAll(":", ": ");
}

// --- Streams -------------------------------------------------------------------------------------

const streamFields = ["tcpIdleTimeoutMs", "maxConnectionDurationMs"] as const;

/** A TCP proxy has one of each for all the clusters that it shares connections out to. */
function streamLimits(
  { protocol, listeners }: StreamPort, clusters: readonly Cluster[],
): readonly Diagnostic[] {
  if (protocol === "UDP") return [];
  const splits = listeners.flatMap(({ routes }) => routes.map(({ backends }) =>
    backends.flatMap(({ cluster = -1 }) => clusters[cluster] ?? [])));
  return splits.flatMap((backends) => streamFields.flatMap((field) => {
    const first = backends.find(({ policy }) => policy[field] !== undefined);
    if (!first || backends.every(({ policy }) => policy[field] === first.policy[field])) return [];
    return [at(first, field, {
      code: "FL0401",
      title: `the limit of ${first.service.name} counts for all backends that connections of a`
        + " route are shared out to",
      effect: "Envoy has one such limit for a route: what the other backends ask for, or do not,"
        + " is not looked at",
      help: "ask for the same everywhere",
    })];
  }));
}

// --- Sessions ------------------------------------------------------------------------------------

/** All of a policy but what endpoints say for themselves. */
function treatment({ localityWeights: _, ...rest }: ClusterPolicy): string {
  return JSON.stringify(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function unionPolicies(
  { session }: RoutePolicy, clusters: readonly Cluster[],
): readonly Diagnostic[] {
  const union = sessionUnion(session, clusters);
  const [first, ...rest] = union?.members ?? [];
  if (!first) return [];
  const others = rest.filter(({ cluster: { policy } }) =>
    treatment(policy) !== treatment(first.cluster.policy)
    || policy.localityWeights || first.cluster.policy.localityWeights);
  return others.map(({ cluster: { service } }) => diagnostic({
    code: "FL0401", resource: `Service ${service.namespace}/${service.name}`,
    title: `the traffic policy of \`${first.cluster.service.name}\` counts for \`${service.name}\``
      + " as well, where a session holds over both",
    effect: "Envoy finds a session's endpoint within one cluster, which has the endpoints of all"
      + " backends and one policy",
    help: "give both Services the same DestinationRule policy",
  }));
}
