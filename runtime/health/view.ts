// What is known of the backends now: what the runtime sees, and what events told of it.

import type { Cluster } from "../../compiler/ir.ts";
import type { Ejected, HealthEvent, Limit } from "./event.ts";
import { causeText } from "./render.ts";

/** What a runtime sees of a cluster at one moment. */
export interface ClusterSight {
  /** The cluster's name, as the IR has it. */
  readonly cluster: string;
  readonly endpoints: readonly EndpointSight[];
  /** Requests under way. */
  readonly active?: number;
  /** Requests that wait for a connection. */
  readonly waiting?: number;
}

export interface EndpointSight {
  /** `address:port` */
  readonly endpoint: string;
  readonly isEjected: boolean;
  readonly active?: number;
}

/** Where a runtime's health is to be learned. */
export interface HealthSource {
  /** What happened since the last call. */
  events(): Promise<readonly HealthEvent[]>;
  sight(): Promise<readonly ClusterSight[]>;
}

/** What events told so far. */
export interface Known {
  /** By limit and cluster, how often since the start. */
  readonly overflows: ReadonlyMap<string, number>;
  /** By cluster and endpoint, the last ejection. */
  readonly ejections: ReadonlyMap<string, Ejected & { readonly times: number }>;
}

export const nothingKnown: Known = { overflows: new Map(), ejections: new Map() };

export function learn({ overflows, ejections }: Known, events: readonly HealthEvent[]): Known {
  const counts = new Map(overflows);
  const outs = new Map(ejections);
  for (const event of events) {
    if (event.kind === "overflowed") {
      const key = overflowKey(event.limit, event.cluster);
      counts.set(key, (counts.get(key) ?? 0) + event.count);
    } else if (event.kind === "ejected") {
      const key = endpointKey(event.cluster, event.endpoint);
      outs.set(key, { ...event, times: (outs.get(key)?.times ?? 0) + 1 });
    }
  }
  return { overflows: counts, ejections: outs };
}

const overflowKey = (limit: Limit, cluster: string): string => `${limit} ${cluster}`;
const endpointKey = (cluster: string, endpoint: string): string => `${endpoint} ${cluster}`;

/** The form of `GET /health`. */
export interface HealthView {
  readonly runtime: string;
  readonly generation: number;
  /** Those that the routes lead to, sorted by name. */
  readonly clusters: readonly ClusterView[];
}

export interface ClusterView {
  readonly name: string;
  /** `namespace/name:port` */
  readonly service: string;
  readonly subset?: string;
  readonly active?: number;
  readonly waiting?: number;
  readonly endpoints: readonly EndpointView[];
  /** Since the start; those that were never above zero are left out. */
  readonly overflows: Readonly<Partial<Record<Limit, number>>>;
}

export interface EndpointView {
  readonly address: string;
  readonly state: "healthy" | "ejected";
  readonly active?: number;
  /** How often it was ejected since the start. */
  readonly ejections: number;
  /** Of the ejection that lasts. */
  readonly cause?: string;
  /** ISO 8601. */
  readonly since?: string;
  readonly until?: string;
}

const limits: readonly Limit[] = ["connections", "pending", "requests", "retries", "ejections"];

/** The clusters of a view, of those the IR has. */
export function clusterViews(
  clusters: readonly Cluster[],
  sights: readonly ClusterSight[],
  known: Known,
): readonly ClusterView[] {
  const seen = new Map(sights.map((sight) => [sight.cluster, sight]));
  return clusters.map(({ name, service, port, subset }): ClusterView => {
    const { endpoints = [], active, waiting } = seen.get(name) ?? {};
    const overflows = limits.flatMap((limit): [Limit, number][] => {
      const count = known.overflows.get(overflowKey(limit, name)) ?? 0;
      return count > 0 ? [[limit, count]] : [];
    });
    return {
      name,
      service: `${service.namespace}/${service.name}:${port}`,
      ...(subset !== undefined && { subset }),
      ...(active !== undefined && { active }),
      ...(waiting !== undefined && { waiting }),
      endpoints: endpoints.map((sight) => endpointView(sight, name, known)),
      overflows: Object.fromEntries(overflows),
    };
  });
}

function endpointView(
  { endpoint, isEjected, active }: EndpointSight,
  cluster: string,
  { ejections }: Known,
): EndpointView {
  const last = ejections.get(endpointKey(cluster, endpoint));
  const iso = (ms: number): string => new Date(ms).toISOString();
  return {
    address: endpoint,
    state: isEjected ? "ejected" : "healthy",
    ...(active !== undefined && { active }),
    ejections: last?.times ?? 0,
    ...(isEjected && last !== undefined && {
      cause: causeText(last.cause),
      since: iso(last.at),
      ...(last.until !== undefined && { until: iso(last.until) }),
    }),
  };
}

/** Whether anything can ever be ejected or overflow: otherwise nobody need look. */
export function isWatched({ policy }: Cluster): boolean {
  const limits = [
    policy.maxConnections, policy.http1MaxPendingRequests, policy.http2MaxRequests,
    policy.maxRetries, policy.retryBudget, policy.outlierDetection,
  ];
  return limits.some((limit) => limit !== undefined);
}
