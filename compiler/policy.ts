// Istio's DestinationRules as the policy of each cluster: which rule counts for a Service, how its
// levels override one another, and what is said about rules without effect.

import { sortDiagnostics, type Diagnostic } from "./diagnostic.ts";
import type { ClusterPolicy } from "./ir.ts";
import { clusterPolicy, reportGaps, type Sections } from "./policy/fields.ts";
import {
  fullHost, hostMatches, indexRules, rootNamespace, rulesFor, serviceHostOf, type DestinationRule,
} from "./policy/hosts.ts";
import { keyText } from "./resolve/lookup.ts";
import { describe, didYouMean, label, newReport, type Report } from "./resolve/report.ts";
import type { Inventory, ObjectKey, TrafficPolicy } from "./resources.ts";

export interface Policies {
  /** Empty where no rule applies: the host's own defaults. */
  find(service: ObjectKey, port: number, subset?: string): ClusterPolicy;
  readonly diagnostics: readonly Diagnostic[];
}

/** A section given at the inner level replaces the whole section of the outer one. */
function override(outer: Sections, inner: TrafficPolicy | undefined, port: number): Sections {
  if (!inner) return outer;
  const { portLevelSettings = [], ...sections } = inner;
  const given = Object.entries(sections).filter(([, value]) => value !== undefined);
  const merged: Sections = { ...outer, ...Object.fromEntries(given) };
  const own = portLevelSettings.find((p) => p.port?.number === port);
  if (!own) return merged;
  // Settings of a port inherit nothing: a section that they leave out has its defaults.
  const { loadBalancer, connectionPool, outlierDetection, tls } = own;
  return { ...merged, loadBalancer, connectionPool, outlierDetection, tls };
}

function policyFor(
  rules: readonly DestinationRule[], port: number, subset: string | undefined,
): ClusterPolicy {
  if (rules.length === 0) return {};
  // Of several rules for one host the first that has a policy gives it.
  const base = rules.find((r) => r.spec.trafficPolicy)?.spec.trafficPolicy;
  const chosen = subset === undefined ? undefined
    : rules.flatMap((r) => r.spec.subsets ?? []).find((s) => s.name === subset);
  return clusterPolicy(override(override({}, base, port), chosen?.trafficPolicy, port));
}

/** Hosts that are there in some other way: ServiceEntries, and Services whose document is wrong. */
function otherHosts(inventory: Inventory): readonly string[] {
  const entries = inventory.serviceEntries.flatMap(({ spec }) => {
    const hosts = typeof spec === "object" && spec !== null && "hosts" in spec ? spec.hosts : [];
    return Array.isArray(hosts) ? hosts.map(String) : [];
  });
  const broken = [...inventory.broken].flatMap((text) => {
    const [kind, namespace = "", name = ""] = text.split("/");
    return kind === "Service" ? [serviceHostOf({ namespace, name })] : [];
  });
  return [...entries, ...broken];
}

function matchesAny(host: string, hosts: ReadonlySet<string>): boolean {
  return host.startsWith("*") ? [...hosts].some((h) => hostMatches(host, h)) : hosts.has(host);
}

function reportUseless(
  rule: DestinationRule, services: ReadonlySet<string>, others: ReadonlySet<string>,
  report: Report,
): void {
  const host = fullHost(rule);
  if (matchesAny(host, services)) {
    report.say(rule, ["spec", "host"], {
      code: "FL0601", title: `${describe(rule)} takes no part for host \`${rule.spec.host}\``,
      effect: "the rule changes nothing",
      help: "Istio looks for rules in the Gateway's namespace, then the Service's, then "
        + `\`${rootNamespace}\`, and takes the most specific host`,
    });
  } else if (!matchesAny(host, others)) {
    const hint = didYouMean(host, services);
    const full = rule.spec.host === host ? "" : ` (\`${host}\`)`;
    report.say(rule, ["spec", "host"], {
      code: "FL0601", title: `no Service has the host \`${rule.spec.host}\`${full}`,
      ...(hint ? { label: hint } : {}), effect: "the rule changes nothing",
    });
  }
}

/** Two rules for one host, both with a policy: only one of them can count. */
function reportRivals(rules: readonly DestinationRule[], report: Report): void {
  const [winner, ...losers] = rules.filter((r) => r.spec.trafficPolicy);
  for (const loser of losers) {
    if (!winner) return;
    report.say(loser, ["spec", "trafficPolicy"], {
      code: "FL0602", title: `${describe(winner)} already sets the policy of this host`,
      label: "this policy is ignored",
      secondary: [label(winner, ["spec", "trafficPolicy"], "older, or first by name")],
    });
  }
}

export function policies(inventory: Inventory): Policies {
  const report = newReport();
  const rules = inventory.destinationRules;
  const index = indexRules(inventory);
  const cache = new Map<string, readonly DestinationRule[]>();
  const find = (service: ObjectKey): readonly DestinationRule[] => {
    const key = keyText(service);
    const known = cache.get(key) ?? rulesFor(service, index);
    cache.set(key, known);
    return known;
  };
  if (rules.length > 0) {
    const groups = inventory.services.map((s) => find(s.metadata));
    const inForce = new Set(groups.flat());
    const services = new Set(inventory.services.map((s) => serviceHostOf(s.metadata)));
    const others = new Set(otherHosts(inventory));
    for (const rule of rules) {
      if (inForce.has(rule)) reportGaps(rule, report);
      else reportUseless(rule, services, others, report);
    }
    for (const group of groups) reportRivals(group, report);
  }
  return {
    diagnostics: sortDiagnostics(report.diagnostics),
    find: (service, port, subset) => policyFor(find(service), port, subset),
  };
}
