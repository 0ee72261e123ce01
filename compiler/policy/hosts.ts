// Which Services a DestinationRule's host stands for, and which of several rules counts.

import { compareAge, compareText } from "../order.ts";
import type { DestinationRuleSpec, Inventory, ObjectKey, Resource } from "../resources.ts";

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

export function hostMatches(ruleHost: string, host: string): boolean {
  if (ruleHost === "*" || ruleHost === host) return true;
  return ruleHost.startsWith("*") && host.endsWith(ruleHost.slice(1));
}

/**
 * Istio looks in the client's namespace, then in the Service's, then in the root one, and nowhere
 * else. The client is the Gateway; clusters are shared by all Gateways, so any of theirs will do.
 */
function tier(
  rule: DestinationRule, service: ObjectKey, clients: ReadonlySet<string>,
): number | undefined {
  const { namespace } = rule.metadata;
  if (clients.has(namespace)) return 0;
  if (namespace === service.namespace) return 1;
  return namespace === rootNamespace ? 2 : undefined;
}

function clientNamespaces(inventory: Inventory): ReadonlySet<string> {
  return new Set(inventory.gateways.map((g) => g.metadata.namespace));
}

/** Rules by host, so that finding those of one Service does not look at all of them. */
export interface RuleIndex {
  readonly exact: ReadonlyMap<string, readonly DestinationRule[]>;
  readonly wildcard: readonly DestinationRule[];
  readonly clients: ReadonlySet<string>;
}

export function indexRules(inventory: Inventory): RuleIndex {
  const exact = new Map<string, DestinationRule[]>();
  const wildcard: DestinationRule[] = [];
  for (const rule of inventory.destinationRules) {
    const host = fullHost(rule);
    const group = host.startsWith("*") ? wildcard : exact.get(host) ?? [];
    group.push(rule);
    if (group !== wildcard) exact.set(host, group);
  }
  return { exact, wildcard, clients: clientNamespaces(inventory) };
}

/** The rules for a Service that are looked at together, the one that counts first. */
export function rulesFor(service: ObjectKey, index: RuleIndex): readonly DestinationRule[] {
  const host = serviceHostOf(service);
  const fitting = [
    ...index.exact.get(host) ?? [],
    ...index.wildcard.filter((rule) => hostMatches(fullHost(rule), host)),
  ];
  const candidates = fitting.flatMap((rule) => {
    const place = tier(rule, service, index.clients);
    return place === undefined ? [] : [{ rule, place, ruleHost: fullHost(rule) }];
  });
  // The longest is the most specific; an exact host is longer than any wildcard that takes it.
  candidates.sort((a, b) => a.place - b.place || b.ruleHost.length - a.ruleHost.length
    || compareAge(a.rule.metadata.creationTimestamp, b.rule.metadata.creationTimestamp)
    || compareText(a.rule.metadata.namespace, b.rule.metadata.namespace)
    || compareText(a.rule.metadata.name, b.rule.metadata.name));
  const best = candidates[0];
  // Istio merges rules of one host in one namespace; rules of other hosts are not looked at.
  return candidates.filter((c) => c.ruleHost === best?.ruleHost
    && c.rule.metadata.namespace === best.rule.metadata.namespace).map((c) => c.rule);
}
