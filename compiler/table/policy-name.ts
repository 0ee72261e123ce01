// The name of a route policy. The table, Envoy's routes and Istio's patches change one after the
// other when a new table is rolled out, so that a place in a list would mean different policies to
// them for a while. A hash of what the policy asks for means the same to all of them, always.

import { createHash } from "node:crypto";

import { noPolicy, type ClusterIndex, type RoutePolicy } from "../ir.ts";

/** Hexadecimal digits: 96 bits, which no two policies anybody writes will share. */
const nameLength = 24;

export type ClusterName = (index: ClusterIndex) => string | undefined;

/** "" for a policy that asks for nothing. */
export function policyName(policy: RoutePolicy, clusterName: ClusterName): string {
  if (policy === noPolicy) return "";
  const content = policyContent(policy, clusterName);
  return content === nothing ? "" : hashOf(content);
}

/** What a policy asks for, as text: equal for equal policies of different tables. */
export function policyContent(policy: RoutePolicy, clusterName: ClusterName): string {
  return JSON.stringify(canonical(policy, clusterName));
}

export function hashOf(content: string): string {
  return createHash("sha256").update(content).digest("hex").slice(0, nameLength);
}

/**
 * Keys in order, what is undefined left out, and clusters (`cluster`, wherever it stands in a
 * policy, is a ClusterIndex) by their names.
 */
function canonical(value: unknown, clusterName: ClusterName): unknown {
  if (Array.isArray(value)) return value.map((element) => canonical(element, clusterName));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, field]) => [key, key === "cluster" && typeof field === "number"
      ? clusterName(field) ?? null
      : canonical(field, clusterName)]));
}

const nothing = policyContent(noPolicy, () => undefined);
