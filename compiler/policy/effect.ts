// Fields of DestinationRules that do nothing where their clusters stand. That shows only once it is
// known what goes to a cluster, in which protocol, and how many endpoints there are.

import { diagnostic, type Diagnostic } from "../diagnostic.ts";
import type { Cluster, ClusterIndex, ClusterPolicy, Forward, Ir, PolicyOrigin } from "../ir.ts";

type Field = keyof ClusterPolicy;

/** What goes to a cluster. */
interface Uses {
  readonly requests: boolean;
  readonly connections: boolean;
}

/** Why a field does nothing for a cluster; undefined where it does something. */
type Judge = (cluster: Cluster, uses: Uses, origin: PolicyOrigin | undefined) => string | undefined;

const needsRequests: Judge = (_, { requests }) =>
  (requests ? undefined : "no HTTP request goes there");

const needsConnections: Judge = (_, { requests, connections }) =>
  (requests || connections ? undefined : "only datagrams go there");

const needsHttp2: Judge = (cluster, uses, origin) =>
  needsRequests(cluster, uses, origin)
    ?? (cluster.protocol === "h2c" || cluster.policy.useClientProtocol
      ? undefined : "the backend is spoken to in HTTP/1.1");

const judges: Readonly<Partial<Record<Field, Judge>>> = {
  maxConcurrentStreams: needsHttp2,
  http2KeepAlive: needsHttp2,
  maxRequestsPerConnection: needsRequests,
  http2MaxRequests: needsRequests,
  maxRetries: needsRequests,
  retryBudget: needsRequests,
  useClientProtocol: needsRequests,
  // Where it stands in for one of HTTP's own it is a field of connections.
  httpIdleTimeoutMs: (cluster, uses, origin) => (origin?.path.endsWith("tcp.idleTimeout")
    ? undefined : needsRequests(cluster, uses, origin)),
  consistentHash: ({ policy }, { requests }) =>
    (requests || policy.consistentHash?.key.kind === "sourceIp"
      ? undefined : "of a connection only its source address can be hashed"),
  connectTimeoutMs: needsConnections,
  tcpIdleTimeoutMs: needsConnections,
  maxConnectionDurationMs: needsConnections,
  tcpKeepalive: needsConnections,
  outlierDetection: needsConnections,
  proxyProtocol: needsConnections,
};

function usesOf({ gatewayPorts, streamPorts = [], clusters }: Ir): readonly Uses[] {
  const requests = new Set<ClusterIndex>();
  const connections = new Set<ClusterIndex>();
  const rules = new Set(gatewayPorts.flatMap(({ virtualHosts }) =>
    virtualHosts.flatMap(({ matches }) => matches.map(({ rule }) => rule))));
  for (const { action } of rules) {
    if (action.kind === "forward") for (const index of clustersOf(action)) requests.add(index);
  }
  for (const { protocol, listeners } of streamPorts) {
    if (protocol === "UDP") continue;
    for (const { routes } of listeners) {
      for (const { backends } of routes) {
        for (const { cluster } of backends) if (cluster !== undefined) connections.add(cluster);
      }
    }
  }
  return clusters.map((_, index) =>
    ({ requests: requests.has(index), connections: connections.has(index) }));
}

function clustersOf({ backends, policy }: Forward): readonly ClusterIndex[] {
  const mirrors = [policy, ...backends.map((b) => b.policy)].flatMap((p) => p?.mirrors ?? []);
  return [...mirrors, ...backends].flatMap(({ cluster }) => cluster ?? []);
}

/** A place in a manifest that some clusters' fields were read from, and what each makes of it. */
interface Place {
  readonly origin: PolicyOrigin;
  readonly verdicts: (string | undefined)[];
}

/** Named are fields that do nothing for any of the clusters which they stand for. */
export function withoutEffect(ir: Ir): readonly Diagnostic[] {
  if (!ir.clusters.some(({ policyOrigins }) => policyOrigins)) return [];
  const uses = usesOf(ir);
  const places = new Map<string, Place>();
  ir.clusters.forEach((cluster, index) => {
    const use = uses[index];
    if (!use) return;
    for (const [field, judge] of Object.entries(judges) as [Field, Judge][]) {
      const origin = cluster.policyOrigins?.[field];
      if (origin) note(places, field, origin, judge(cluster, use, origin));
    }
    const origin = cluster.policyOrigins?.outlierDetection;
    if (origin) note(places, "percent", origin, ejectsNobody(cluster));
  });
  return [...places].flatMap(([key, { origin, verdicts }]) => {
    const [why] = verdicts;
    if (why === undefined || verdicts.includes(undefined)) return [];
    return [key.startsWith("percent ") ? nobody(origin, why) : ineffective(origin, why)];
  });
}

function note(
  places: Map<string, Place>, what: string, origin: PolicyOrigin, verdict: string | undefined,
): void {
  const key = `${what} ${origin.resource} ${origin.path}`;
  const known = places.get(key) ?? { origin, verdicts: [] };
  known.verdicts.push(verdict);
  places.set(key, known);
}

function ineffective({ resource, path, span }: PolicyOrigin, why: string): Diagnostic {
  return diagnostic({
    code: "FL0604", title: `\`${path.replace(/^spec\./, "")}\` has no effect: ${why}`,
    primary: { span }, resource, path,
  });
}

/**
 * Envoy ejects an endpoint only if those out would then be no more than the percentage. There is no
 * "at least one": ten percent, the default, of fewer than ten endpoints are none.
 */
function ejectsNobody({ endpoints, policy: { outlierDetection } }: Cluster): string | undefined {
  const { maxEjectionPercent = 10 } = outlierDetection ?? {};
  // Of a single endpoint, or where DNS knows how many, nothing can be said.
  if (endpoints.kind === "dns" || endpoints.addresses.length < 2) return undefined;
  const { length } = endpoints.addresses;
  return 100 / length <= maxEjectionPercent ? undefined
    : `one of ${length} endpoints is more than ${maxEjectionPercent} % of them`;
}

function nobody({ resource, path, span }: PolicyOrigin, why: string): Diagnostic {
  return diagnostic({
    code: "FL0607", title: `outlier detection ejects nobody: ${why}`,
    primary: { span }, resource, path,
    help: "raise `maxEjectionPercent`, which is 10 where nobody says otherwise",
  });
}
