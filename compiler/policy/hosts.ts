// Which hosts a DestinationRule's host stands for.

import type { DestinationRuleSpec, ObjectKey, Resource } from "../resources.ts";

export type DestinationRule = Resource<DestinationRuleSpec>;

export const clusterDomain = "svc.cluster.local";

/** Rules of Istio's root namespace apply to every namespace. */
export const rootNamespace = "istio-system";

/** Istio completes only names without a dot; anything else is taken as it stands. */
export function fullHost({ spec, metadata }: DestinationRule): string {
  const host = spec.host.toLowerCase();
  if (host.includes(".") || host === "*") return host;
  return serviceHostOf({ namespace: metadata.namespace, name: host });
}

export function serviceHostOf({ namespace, name }: ObjectKey): string {
  return `${name}.${namespace}.${clusterDomain}`;
}

export function isWildcard(host: string): boolean {
  return host.startsWith("*");
}

export function hostMatches(ruleHost: string, host: string): boolean {
  return ruleHost === host || (isWildcard(ruleHost) && host.endsWith(ruleHost.slice(1)));
}
