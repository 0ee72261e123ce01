// Istio's DestinationRules as the policy of each cluster: which rules count for a host and a
// Gateway, how their levels override one another, and what is said about rules without effect.

import { sortDiagnostics, type Diagnostic } from "./diagnostic.ts";
import type { ClusterPolicy, PolicyOrigins } from "./ir.ts";
import { reportRefusals } from "./policy/admission.ts";
import { clusterPolicy } from "./policy/fields.ts";
import { reportGaps } from "./policy/gaps.ts";
import { serviceHostOf, type DestinationRule } from "./policy/hosts.ts";
import {
  findRule, indexRules, keyOfMerged, mergedPolicy, mergedSubsets, type Client, type Destined,
  type MergedRule, type PlacedSubset,
} from "./policy/rules.ts";
import { sectionsFor, subsetPolicy, type Sections } from "./policy/sections.ts";
import { reportUse } from "./policy/use.ts";
import { newReport } from "./resolve/report.ts";
import type { GatewaySpec, Inventory, Resource } from "./resources.ts";

export type { Client, Destined, PlacedSubset } from "./policy/rules.ts";

/** What the rules ask of one port of a host. */
export interface FoundPolicy {
  /** The same for what the same rules ask; empty where there is none. */
  readonly key: string;
  readonly policy: ClusterPolicy;
  readonly origins: PolicyOrigins;
  readonly sections: Sections;
  /** In force, the first that counts first. */
  readonly rules: readonly DestinationRule[];
  /** All that the rules have for the host, by name. */
  readonly subsets: ReadonlyMap<string, PlacedSubset>;
}

export interface Policies {
  /** Empty where no rule applies: the host's own defaults. */
  find(destined: Destined, port: number, client: Client, subset?: string): FoundPolicy;
  readonly diagnostics: readonly Diagnostic[];
}

const nothing: FoundPolicy = {
  key: "", policy: {}, origins: {}, sections: {}, rules: [], subsets: new Map(),
};

/** Istio's label on the pods of a Gateway that it deploys; the others are the Gateway's own. */
const gatewayNameLabel = "gateway.networking.k8s.io/gateway-name";

export function clientOf({ metadata, spec }: Resource<GatewaySpec>): Client {
  return {
    namespace: metadata.namespace,
    labels: { ...spec.infrastructure?.labels, [gatewayNameLabel]: metadata.name },
  };
}

function policyFor(merged: MergedRule, port: number, subset: string | undefined): FoundPolicy {
  const subsets = mergedSubsets(merged);
  const chosen = subset === undefined ? undefined : subsets.get(subset);
  const sections = sectionsFor(mergedPolicy(merged),
    chosen && subsetPolicy(chosen.rule, chosen.subset, chosen.index), port);
  return {
    key: keyOfMerged(merged), ...clusterPolicy(sections), sections, rules: merged.rules, subsets,
  };
}

/** Every host that a rule could be for, and the namespace it belongs to. */
function destinedHosts(inventory: Inventory): readonly Destined[] {
  return [
    ...inventory.services.map(({ metadata: { namespace, name } }) =>
      ({ namespace, host: serviceHostOf({ namespace, name }) })),
    ...inventory.serviceEntries.flatMap(({ metadata: { namespace }, spec: { hosts = [] } }) =>
      hosts.map((host) => ({ namespace, host: host.toLowerCase() }))),
  ];
}

/** Without a Gateway nobody is a client, and rules are those of the Services' own namespaces. */
function clientsOf({ gateways }: Inventory): readonly Client[] {
  return gateways.length > 0 ? gateways.map(clientOf) : [{ namespace: "", labels: {} }];
}

export function policies(inventory: Inventory): Policies {
  const rules = inventory.destinationRules;
  if (rules.length === 0) return { diagnostics: [], find: () => nothing };
  const report = newReport();
  const index = indexRules(rules);
  const clients = clientsOf(inventory);
  const found = destinedHosts(inventory).map((destined) => ({
    host: destined.host,
    merged: clients.flatMap((client) => findRule(index, destined, client) ?? []),
  }));
  reportUse(inventory, found, report);
  const inForce = new Set(found.flatMap(({ merged }) => merged.flatMap((m) => m.rules)));
  for (const rule of rules) {
    reportRefusals(rule, report);
    if (inForce.has(rule)) reportGaps(rule, report);
  }
  const known = new Map<MergedRule, Map<string, FoundPolicy>>();
  return {
    diagnostics: sortDiagnostics(report.diagnostics),
    find: (destined, port, client, subset) => {
      const merged = findRule(index, destined, client);
      if (!merged) return nothing;
      const ports = known.get(merged) ?? new Map<string, FoundPolicy>();
      known.set(merged, ports);
      const key = `${port} ${subset ?? ""}`;
      const policy = ports.get(key) ?? policyFor(merged, port, subset);
      ports.set(key, policy);
      return policy;
    },
  };
}
