// Health events as lines for people; one wording for both runtimes.

import type { Cluster, ClusterPolicy } from "../../compiler/ir.ts";
import type { EjectionCause, HealthEvent, Limit, Overflowed } from "./event.ts";

/** A time of day, as the reader's clock shows it. */
export type Clock = (ms: number) => string;

export const localClock: Clock = (ms) => {
  const date = new Date(ms);
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, "0")).join(":");
};

/** `cluster` is the one the event is about, where the routes still know it. */
export function eventLine(event: HealthEvent, cluster: Cluster | undefined, clock: Clock): string {
  return `${clock(event.at)}  ${titleOf(cluster, event.cluster)}: ${whatOf(event, cluster, clock)}`;
}

export function titleOf(cluster: Cluster | undefined, name: string): string {
  if (cluster === undefined) return name;
  const { service, port, subset } = cluster;
  const part = subset === undefined ? "" : ` subset ${subset}`;
  return `Service ${service.namespace}/${service.name}:${port}${part}`;
}

function whatOf(event: HealthEvent, cluster: Cluster | undefined, clock: Clock): string {
  switch (event.kind) {
    case "ejected": {
      const until = event.until === undefined ? "" : `, until ${clock(event.until)}`;
      return `${event.endpoint} is ejected: ${causeText(event.cause)}${until}`;
    }
    case "returned":
      return `${event.endpoint} takes requests again`;
    case "overflowed":
      return overflowText(event, cluster);
  }
}

const errorNames = {
  consecutive5xxErrors: "5xx",
  consecutiveGatewayErrors: "gateway errors",
  consecutiveLocalOriginFailures: "failed connections",
} as const;

export function causeText(cause: EjectionCause): string {
  if (cause.kind === "other") return cause.name.toLowerCase().replaceAll("_", " ");
  return `${cause.count} consecutive ${errorNames[cause.kind]}`;
}

const overflowTexts: Readonly<Record<Limit, readonly [one: string, many: string, why: string]>> = {
  connections: ["time", "times", "no connection was free"],
  pending: ["request", "requests", "refused, too many wait"],
  requests: ["request", "requests", "refused, too many are under way"],
  retries: ["retry", "retries", "left out, too many are under way"],
  ejections: ["ejection", "ejections", "left out, too many endpoints are out"],
};

function overflowText({ limit, count }: Overflowed, cluster: Cluster | undefined): string {
  const [one, many, why] = overflowTexts[limit];
  const some = `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
  const [field, value] = fieldOf(limit, cluster?.policy ?? {});
  return `${some} ${why} (${field}${value === undefined ? "" : `: ${value}`})`;
}

/** The DestinationRule field that sets the limit, and what it says. */
function fieldOf(
  limit: Limit, policy: ClusterPolicy,
): readonly [field: string, value: number | string | undefined] {
  switch (limit) {
    case "connections": return ["maxConnections", policy.maxConnections];
    case "pending": return ["http1MaxPendingRequests", policy.http1MaxPendingRequests];
    case "requests": return ["http2MaxRequests", policy.http2MaxRequests];
    case "retries": {
      const { retryBudget } = policy;
      return retryBudget === undefined
        ? ["maxRetries", policy.maxRetries] : ["retryBudget", `${retryBudget.percent} %`];
    }
    case "ejections":
      return ["maxEjectionPercent", policy.outlierDetection?.maxEjectionPercent];
  }
}
