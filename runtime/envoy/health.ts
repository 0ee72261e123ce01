// What Envoy tells of its clusters' health: ejections from its outlier event log, overflows from
// its counters, and how things stand from /clusters.

import { open, truncate } from "node:fs/promises";
import { join } from "node:path";

import { sessionUnion } from "../../compiler/emit/envoy/session.ts";
import type { Cluster, OutlierDetection, RoutePolicy } from "../../compiler/ir.ts";
import { ejectionTime, intervalOf } from "../edge/balancing/ejection.ts";
import type { EjectionCause, HealthEvent, Limit } from "../health/event.ts";
import type { ClusterSight, HealthSource } from "../health/view.ts";
import type { RunningEnvoy } from "./process.ts";

/** In Envoy's folder. */
export const ejectionsFile = "ejections.log";

/** Envoy holds log lines back for 10 s otherwise. */
export const flushArgs: readonly string[] = ["--file-flush-interval-msec", "200"];

/** The log is emptied once it is larger and read to its end. */
const logMax = 1024 * 1024;

interface State {
  readAt: number;
  /** The end of what was read, where it is no whole line. */
  rest: string;
  /** Counter name → its value when it was looked at last. */
  readonly counters: Map<string, number>;
  /** By cluster and endpoint: how many base times the last ejection took, and when it was over. */
  readonly backoffs: Map<string, { backoff: number; returnedAt: number }>;
}

/** What Envoy serves. */
export interface ServedClusters {
  readonly clusters: readonly Cluster[];
  readonly policies: readonly RoutePolicy[];
}

export function envoyHealth(envoy: RunningEnvoy, served: () => ServedClusters): HealthSource {
  const state: State = { readAt: 0, rest: "", counters: new Map(), backoffs: new Map() };
  return {
    events: async () => {
      const now = served();
      const unions = sessionClusters(now);
      const lines = await newLines(join(envoy.folder, ejectionsFile), state);
      return [
        ...lines.flatMap((line) => ejectionEvent(line, now, state.backoffs)),
        ...await overflows(envoy, now, state.counters),
      ].map((event) => ofMember(event, unions));
    },
    sight: async () => withUnions(sights(
      await envoy.admin.json("/clusters?format=json"),
      await envoy.admin.text(`/stats?filter=${encodeURIComponent(`\\.${waitingStat}$`)}`)),
    sessionClusters(served())),
  };
}

// --- Sessions over several clusters --------------------------------------------------------------

/** The clusters that have the endpoints of several, by their names. */
type Unions = ReadonlyMap<string, readonly Cluster[]>;

function sessionClusters({ clusters, policies }: ServedClusters): Unions {
  return new Map(policies.flatMap(({ session }): [string, readonly Cluster[]][] => {
    const union = sessionUnion(session, clusters);
    return union === undefined ? [] : [[union.name, union.members.map((m) => m.cluster)]];
  }));
}

/** An event is told of the cluster that its endpoint belongs to, or else of the first. */
function ofMember(event: HealthEvent, unions: Unions): HealthEvent {
  const members = unions.get(event.cluster);
  if (members === undefined) return event;
  const own = event.kind === "overflowed"
    ? undefined : members.find((member) => hasEndpoint(member, event.endpoint));
  return { ...event, cluster: (own ?? members[0])?.name ?? event.cluster };
}

function hasEndpoint({ endpoints }: Cluster, name: string): boolean {
  return endpoints.kind === "static"
    && endpoints.addresses.some(({ address, port }) => `${address}:${port}` === name);
}

/** An endpoint is out where a session's cluster has it out, too. */
function withUnions(all: readonly ClusterSight[], unions: Unions): readonly ClusterSight[] {
  const byName = new Map(all.map((sight) => [sight.cluster, sight]));
  return all.map((sight) => {
    const others = [...unions].flatMap(([name, members]) => {
      const union = byName.get(name);
      const isMember = members.some((member) => member.name === sight.cluster);
      return isMember && union !== undefined ? [union] : [];
    });
    if (others.length === 0) return sight;
    const endpoints = sight.endpoints.map((own) => {
      const same = others.flatMap((union) =>
        union.endpoints.filter(({ endpoint }) => endpoint === own.endpoint));
      return {
        endpoint: own.endpoint,
        isEjected: own.isEjected || same.some(({ isEjected }) => isEjected),
        active: same.reduce((sum, { active = 0 }) => sum + active, own.active ?? 0),
      };
    });
    return { ...sight, endpoints, active: endpoints.reduce((sum, e) => sum + e.active, 0) };
  });
}

// --- Ejections -----------------------------------------------------------------------------------

async function newLines(path: string, state: State): Promise<readonly string[]> {
  const file = await open(path, "r").catch(() => undefined);
  if (file === undefined) return [];
  let text: string;
  try {
    const { size } = await file.stat();
    const bytes = Buffer.alloc(Math.max(0, size - state.readAt));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, state.readAt);
    state.readAt += bytesRead;
    text = state.rest + bytes.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
  const lines = text.split("\n");
  state.rest = lines.pop() ?? "";
  if (state.readAt > logMax && state.rest === "") {
    await truncate(path, 0);
    state.readAt = 0;
  }
  return lines;
}

/** envoy.data.cluster.v3.OutlierDetectionEvent, as far as it is read here. */
interface LoggedEvent {
  readonly type?: string;
  readonly timestamp?: string;
  readonly cluster_name?: string;
  readonly upstream_url?: string;
  readonly action?: string;
  readonly enforced?: boolean;
  /** Of this endpoint, this one included. */
  readonly num_ejections?: number;
}

/** What is no event, or one that was not carried out, is passed over. */
export function ejectionEvent(
  line: string,
  { clusters }: Pick<ServedClusters, "clusters">,
  backoffs: State["backoffs"],
): readonly HealthEvent[] {
  const logged = parse(line);
  const { type = "", timestamp = "", cluster_name: name, upstream_url: endpoint } = logged;
  if (name === undefined || endpoint === undefined) return [];
  const at = Date.parse(timestamp);
  const about = { cluster: name, endpoint, at };
  const key = `${endpoint} ${name}`;
  // The first one of an endpoint: a swap may have made it anew.
  const known = logged.num_ejections === 1 && logged.action === "EJECT"
    ? undefined : backoffs.get(key);
  const before = known ?? { backoff: 0, returnedAt: at };
  if (logged.action === "UNEJECT") {
    backoffs.set(key, { ...before, returnedAt: at });
    return [{ kind: "returned", ...about }];
  }
  if (logged.action !== "EJECT" || logged.enforced !== true) return [];
  const policy = clusters.find((cluster) => cluster.name === name)?.policy.outlierDetection;
  const cause = causeOf(type, policy);
  if (policy === undefined) return [{ kind: "ejected", ...about, cause }];
  // Each interval since the last one makes it shorter by one base time.
  const healed = Math.floor((at - before.returnedAt) / intervalOf(policy));
  const backoff = Math.max(0, before.backoff - healed) + 1;
  backoffs.set(key, { backoff, returnedAt: at });
  return [{ kind: "ejected", ...about, cause, until: at + ejectionTime(backoff, policy) }];
}

function parse(line: string): LoggedEvent {
  try {
    return JSON.parse(line) as LoggedEvent;
  } catch {
    return {};
  }
}

function causeOf(type: string, policy: OutlierDetection | undefined): EjectionCause {
  switch (type) {
    case "CONSECUTIVE_5XX":
      return { kind: "consecutive5xxErrors", count: policy?.consecutive5xxErrors ?? 5 };
    case "CONSECUTIVE_GATEWAY_FAILURE":
      return { kind: "consecutiveGatewayErrors", count: policy?.consecutiveGatewayErrors ?? 5 };
    case "CONSECUTIVE_LOCAL_ORIGIN_FAILURE": {
      const count = policy?.consecutiveLocalOriginFailures ?? 5;
      return { kind: "consecutiveLocalOriginFailures", count };
    }
    default:
      return { kind: "other", name: type };
  }
}

// --- Overflows -----------------------------------------------------------------------------------

const counters: Readonly<Record<string, Limit>> = {
  "upstream_cx_overflow": "connections",
  "upstream_rq_pending_overflow": "pending",
  "upstream_rq_retry_overflow": "retries",
  "outlier_detection.ejections_overflow": "ejections",
};

const counterPattern = `\\.(${Object.keys(counters).join("|").replaceAll(".", "\\.")})$`;

/** By how much the counters grew. Of clusters that are gone Envoy forgets them. */
async function overflows(
  { admin }: RunningEnvoy,
  served: Pick<ServedClusters, "clusters">,
  known: Map<string, number>,
): Promise<readonly HealthEvent[]> {
  const text = await admin.text(`/stats?usedonly&filter=${encodeURIComponent(counterPattern)}`);
  const at = Date.now();
  return [...statValues(text)].flatMap(([name, value]): readonly HealthEvent[] => {
    const before = known.get(name) ?? 0;
    known.set(name, value);
    const count = value < before ? value : value - before;
    const [cluster, counter] = splitStat(name);
    const limit = counters[counter];
    if (count === 0 || limit === undefined) return [];
    return [{ kind: "overflowed", cluster, limit: limitOf(limit, cluster, served), count, at }];
  });
}

/** Envoy counts what `http1MaxPendingRequests` and `http2MaxRequests` refuse as one. */
function limitOf(
  limit: Limit, name: string, { clusters }: Pick<ServedClusters, "clusters">,
): Limit {
  if (limit !== "pending") return limit;
  const policy = clusters.find((cluster) => cluster.name === name)?.policy;
  const isRequests = policy?.http1MaxPendingRequests === undefined
    && policy?.http2MaxRequests !== undefined;
  return isRequests ? "requests" : "pending";
}

/** `cluster.<cluster>.<counter>`; a cluster's name has dots itself. */
function splitStat(name: string): readonly [cluster: string, counter: string] {
  const counter = Object.keys(counters).find((c) => name.endsWith(`.${c}`)) ?? "";
  return [name.slice("cluster.".length, -counter.length - 1), counter];
}

function statValues(text: string): ReadonlyMap<string, number> {
  return new Map(text.split("\n").flatMap((line): [string, number][] => {
    const colon = line.lastIndexOf(": ");
    return colon < 0 ? [] : [[line.slice(0, colon), Number(line.slice(colon + 2))]];
  }));
}

// --- How things stand ----------------------------------------------------------------------------

const waitingStat = "upstream_rq_pending_active";

interface ClusterStatuses {
  readonly cluster_statuses?: readonly {
    readonly name: string;
    readonly host_statuses?: readonly HostStatus[];
  }[];
}

interface HostStatus {
  readonly address?: {
    readonly socket_address?: { readonly address: string; readonly port_value?: number };
  };
  readonly health_status?: { readonly failed_outlier_check?: boolean };
  readonly stats?: readonly { readonly name: string; readonly value?: string }[];
}

function sights(answer: unknown, stats: string): readonly ClusterSight[] {
  const waits = statValues(stats);
  const { cluster_statuses = [] } = answer as ClusterStatuses;
  return cluster_statuses.map(({ name, host_statuses = [] }): ClusterSight => {
    const endpoints = host_statuses.map(({ address, health_status, stats: own = [] }) => {
      const { address: host = "", port_value: port = 0 } = address?.socket_address ?? {};
      return {
        endpoint: `${host}:${port}`,
        isEjected: health_status?.failed_outlier_check === true,
        active: Number(own.find((stat) => stat.name === "rq_active")?.value ?? 0),
      };
    });
    return {
      cluster: name,
      endpoints,
      active: endpoints.reduce((sum, { active }) => sum + active, 0),
      waiting: waits.get(`cluster.${name}.${waitingStat}`) ?? 0,
    };
  });
}
