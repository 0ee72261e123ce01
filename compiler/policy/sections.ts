// The sections of a traffic policy that count for one port, as Istio overlays a rule's levels: the
// rule's own, those of a port, those of a subset, and those of a port of a subset.

import type { ValuePath } from "../manifest.ts";
import type { Subset, TrafficPolicy } from "../resources.ts";
import type { DestinationRule } from "./hosts.ts";

const portSections = ["loadBalancer", "connectionPool", "outlierDetection", "tls"] as const;
const allSections = [...portSections, "tunnel", "proxyProtocol", "retryBudget"] as const;

export type SectionName = (typeof allSections)[number];

/** A section and where it stands. */
export interface Section<Value> {
  readonly value: Value;
  readonly rule: DestinationRule;
  readonly path: ValuePath;
}

export type Sections = {
  readonly [Name in SectionName]?: Section<NonNullable<TrafficPolicy[Name]>>;
};

/** A traffic policy and where it stands. */
export interface PlacedPolicy {
  readonly value: TrafficPolicy;
  readonly rule: DestinationRule;
  readonly path: ValuePath;
}

interface Level {
  readonly sections: Sections;
  /** They are a port's, which inherit nothing: a section that is not there has its defaults. */
  readonly isPorts: boolean;
}

function pick(
  names: readonly SectionName[], values: TrafficPolicy, { rule, path }: Omit<PlacedPolicy, "value">,
): Sections {
  return Object.fromEntries(names.flatMap((name) => {
    const value = values[name];
    return value === undefined || value === null ? []
      : [[name, { value, rule, path: [...path, name] }]];
  }));
}

function levelFor(policy: PlacedPolicy, port: number): Level {
  const ports = policy.value.portLevelSettings ?? [];
  const index = ports.findIndex((p) => p.port?.number === port);
  const own = ports[index];
  if (!own) return { sections: pick(allSections, policy.value, policy), isPorts: false };
  const path = [...policy.path, "portLevelSettings", index];
  return { sections: pick(portSections, own, { rule: policy.rule, path }), isPorts: true };
}

/**
 * A subset's sections replace the rule's whole sections. Where the subset has settings for the port
 * these replace even the sections that they leave out.
 */
export function sectionsFor(
  base: PlacedPolicy | undefined, subset: PlacedPolicy | undefined, port: number,
): Sections {
  const outer = base ? levelFor(base, port).sections : {};
  if (!subset) return outer;
  const inner = levelFor(subset, port);
  if (!base || !inner.isPorts) return { ...outer, ...inner.sections };
  const { tunnel, proxyProtocol, retryBudget } = outer;
  return {
    ...(tunnel ? { tunnel } : {}), ...(proxyProtocol ? { proxyProtocol } : {}),
    ...(retryBudget ? { retryBudget } : {}), ...inner.sections,
  };
}

/** The traffic policy of a subset and its place, where the subset has one. */
export function subsetPolicy(
  rule: DestinationRule, subset: Subset, index: number,
): PlacedPolicy | undefined {
  const value = subset.trafficPolicy;
  return value && { value, rule, path: ["spec", "subsets", index, "trafficPolicy"] };
}

/** The traffic policy of a rule itself. */
export function rulePolicy(rule: DestinationRule): PlacedPolicy | undefined {
  const value = rule.spec.trafficPolicy;
  return value && { value, rule, path: ["spec", "trafficPolicy"] };
}
