// Which DestinationRules count for a host, for whom: as Istio indexes, merges and finds them (its
// pilot/pkg/model, push_context.go and destination_rule.go; test/policy/recorded holds it to it).

import { compareAge, compareText } from "../order.ts";
import type { ObjectKey, Subset } from "../resources.ts";
import { fullHost, hostMatches, isWildcard, rootNamespace, type DestinationRule } from "./hosts.ts";
import { rulePolicy, type PlacedPolicy } from "./sections.ts";

/** Whose proxy speaks to the host: a Gateway's, by its namespace and the labels of its pods. */
export interface Client {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What is spoken to: a Service's host, or one of a ServiceEntry. */
export interface Destined {
  readonly host: string;
  readonly namespace: string;
}

export interface PlacedSubset {
  readonly subset: Subset;
  readonly rule: DestinationRule;
  readonly index: number;
}

/** Rules of one host that are taken together, the first of them first. */
export interface MergedRule {
  readonly rules: readonly DestinationRule[];
  /** As written, so that `.` and a namespace's own name are two things. */
  readonly exportTo: ReadonlySet<string>;
}

/** The first rule that has a policy gives it. */
export function mergedPolicy({ rules }: MergedRule): PlacedPolicy | undefined {
  const first = rules.find((rule) => rule.spec.trafficPolicy !== undefined);
  return first && rulePolicy(first);
}

/** Of each name the first. */
export function mergedSubsets({ rules }: MergedRule): ReadonlyMap<string, PlacedSubset> {
  const found = new Map<string, PlacedSubset>();
  for (const rule of rules) {
    (rule.spec.subsets ?? []).forEach((subset, index) => {
      if (!found.has(subset.name)) found.set(subset.name, { subset, rule, index });
    });
  }
  return found;
}

/** By host. Wildcards are looked through, exact hosts looked up. */
interface Hosts {
  readonly exact: Map<string, MergedRule[]>;
  readonly wildcard: Map<string, MergedRule[]>;
}

const selectorOf = (rule: DestinationRule | undefined):
  Readonly<Record<string, string>> | undefined => {
  const selector = rule?.spec.workloadSelector;
  return selector && (selector.matchLabels ?? {});
};

/** A rule for some workloads only is its namespace's own. */
function exportOf(rule: DestinationRule): ReadonlySet<string> {
  return new Set(selectorOf(rule) ? ["."] : rule.spec.exportTo ?? []);
}

function areEqual(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && isSuperset(a, b);
}

function isSuperset(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return [...b].every((item) => a.has(item));
}

type Labels = Readonly<Record<string, string>>;

function isSubset(a: Labels, b: Labels): boolean {
  return Object.entries(a).every(([key, value]) => b[key] === value);
}

/** What becomes of a rule beside one that is there already. */
function fit(
  rule: DestinationRule, exportTo: ReadonlySet<string>, known: MergedRule,
): { readonly merges: boolean; readonly standsAlone: boolean } {
  const equal = areEqual(exportTo, known.exportTo);
  if (!equal && !(known.exportTo.size > 0 && isSuperset(exportTo, known.exportTo))) {
    return { merges: false, standsAlone: true };
  }
  const [own, other] = [selectorOf(rule), selectorOf(known.rules[0])];
  if (own && other && !(isSubset(own, other) && isSubset(other, own))) {
    return { merges: false, standsAlone: true };
  }
  const alike = (own === undefined) === (other === undefined);
  return { merges: true, standsAlone: !equal && !alike };
}

function add(hosts: Hosts, rule: DestinationRule, exportTo: ReadonlySet<string>): void {
  const host = fullHost(rule);
  const index = isWildcard(host) ? hosts.wildcard : hosts.exact;
  const known = index.get(host);
  const alone: MergedRule = { rules: [rule], exportTo };
  if (!known) {
    index.set(host, [alone]);
    return;
  }
  let standsAlone = true;
  const merged = known.map((entry) => {
    const fits = fit(rule, exportTo, entry);
    ({ standsAlone } = fits);
    return fits.merges ? { ...entry, rules: [...entry.rules, rule] } : entry;
  });
  index.set(host, standsAlone ? [...merged, alone] : merged);
}

function byPrecedence(a: DestinationRule, b: DestinationRule): number {
  const [left, right] = [a.metadata, b.metadata];
  return Number(selectorOf(b) !== undefined) - Number(selectorOf(a) !== undefined)
    || compareAge(left.creationTimestamp, right.creationTimestamp)
    || compareText(left.name, right.name) || compareText(left.namespace, right.namespace);
}

type ByNamespace = Map<string, Hosts>;

function hostsOf(index: ByNamespace, namespace: string): Hosts {
  const known = index.get(namespace) ?? { exact: new Map(), wildcard: new Map() };
  index.set(namespace, known);
  return known;
}

export interface RuleIndex {
  /** What a proxy of the namespace sees of its own namespace. */
  readonly local: ByNamespace;
  /** What others may see. */
  readonly exported: ByNamespace;
  /** The root namespace's, where they are for itself alone. */
  readonly rootLocal: ByNamespace;
}

export function indexRules(rules: readonly DestinationRule[]): RuleIndex {
  const index: RuleIndex = { local: new Map(), exported: new Map(), rootLocal: new Map() };
  for (const rule of [...rules].sort(byPrecedence)) {
    const { namespace } = rule.metadata;
    const exportTo = exportOf(rule);
    const isOwn = exportTo.size === 0
      || ["*", ".", namespace].some((visible) => exportTo.has(visible));
    if (isOwn) add(hostsOf(index.local, namespace), rule, exportTo);
    const isPrivate = exportTo.size === 1 && (exportTo.has(".") || exportTo.has(namespace));
    if (!isPrivate) add(hostsOf(index.exported, namespace), rule, exportTo);
    else if (namespace === rootNamespace) add(hostsOf(index.rootLocal, namespace), rule, exportTo);
  }
  return index;
}

/** The rules of the most specific host that takes this one: an exact one, or the longest. */
function mostSpecific(hosts: Hosts | undefined, host: string): readonly MergedRule[] | undefined {
  const exact = hosts?.exact.get(host);
  if (!hosts || exact) return exact;
  const [best] = [...hosts.wildcard.keys()].filter((h) => hostMatches(h, host))
    .sort((a, b) => b.length - a.length || compareText(a, b));
  return best === undefined ? undefined : hosts.wildcard.get(best);
}

function exportedTo(
  index: RuleIndex, owner: string, host: string, client: string,
): readonly MergedRule[] {
  return (mostSpecific(index.exported.get(owner), host) ?? []).filter(({ exportTo }) =>
    exportTo.size === 0 || exportTo.has("*") || exportTo.has(client));
}

function candidates(
  index: RuleIndex, { host, namespace }: Destined, client: string,
): readonly MergedRule[] {
  const own = client === rootNamespace ? index.rootLocal : index.local;
  const local = mostSpecific(own.get(client), host);
  if (local) return local;
  const service = exportedTo(index, namespace, host, client);
  return service.length > 0 ? service : exportedTo(index, rootNamespace, host, client);
}

/**
 * The rules in force: those that select the client's own workload, else the last of the others, as
 * Istio has it where rules for one host are exported to different namespaces.
 */
export function findRule(
  index: RuleIndex, destined: Destined, client: Client,
): MergedRule | undefined {
  let last: MergedRule | undefined;
  for (const merged of candidates(index, destined, client.namespace)) {
    const [first] = merged.rules;
    const selector = selectorOf(first);
    if (!selector) last = merged;
    else if (first?.metadata.namespace === client.namespace
      && isSubset(selector, client.labels)) return merged;
  }
  return last;
}

export function keyOfMerged({ rules }: MergedRule): string {
  const nameOf = ({ namespace, name }: ObjectKey): string => `${namespace}/${name}`;
  return rules.map((rule) => nameOf(rule.metadata)).join("+");
}
