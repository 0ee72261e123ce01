// A plan in the making: lists that grow, and maps that make equal things one.

import { noPolicy, type RoutePolicy } from "../ir.ts";
import type { Diagnostic } from "../diagnostic.ts";
import type { Ir, RouteMatch, Rule, WeightedBackend } from "../ir.ts";
import { REPLACE_NOTHING } from "../../filters/core/format.ts";
import type { Plan, PlannedAction, PlannedEdit } from "./planned.ts";
import { hashOf, policyContent } from "./policy-name.ts";

type Growing<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };

export interface Draft extends Omit<Growing<Plan>, "origins"> {
  readonly origins: { matches: RouteMatch[]; rules: Rule[]; backends: WeightedBackend[] };
  readonly nameIndexes: Map<string, number>;
  readonly ruleIndexes: Map<Rule, number>;
  readonly editIndexes: Map<string, number>;
  readonly actionIndexes: Map<string, number>;
  readonly policyIndexes: Map<string, number>;
  /** By pattern: the automaton's index, or what is wrong with the pattern. */
  readonly automatonIndexes: Map<string, number | string>;
  readonly diagnostics: Diagnostic[];
}

const nothing: PlannedAction = {
  edits: 0, policy: 0, host: "", replace: REPLACE_NOTHING, replacement: "",
};

export function newDraft(ir: Ir): Draft {
  return {
    names: [], gatewayPorts: [], virtualHosts: [], paths: [], matches: [], conditions: [],
    rules: [], splits: [], backends: [], clusters: ir.clusters.map((c) => c.name), redirects: [],
    editLists: [[]], actions: [nothing], expressions: [], automata: [], shapes: [],
    discriminators: [], policyNames: [""], routePolicies: [noPolicy],
    origins: { matches: [], rules: [], backends: [] }, nameIndexes: new Map(),
    ruleIndexes: new Map(), editIndexes: new Map([["[]", 0]]),
    actionIndexes: new Map([[JSON.stringify(nothing), 0]]),
    policyIndexes: new Map([[policyContent(noPolicy, () => undefined), 0]]),
    automatonIndexes: new Map(), diagnostics: [],
  };
}

/** The index of a value in `list`, which gets it where it is new. */
function once<T>(list: T[], indexes: Map<string, number>, key: string, value: T): number {
  const known = indexes.get(key);
  if (known !== undefined) return known;
  indexes.set(key, list.length);
  return list.push(value) - 1;
}

export function nameIndex(draft: Draft, name: string): number {
  return once(draft.names, draft.nameIndexes, name, name);
}

export function editsIndex(draft: Draft, edits: readonly PlannedEdit[]): number {
  return once(draft.editLists, draft.editIndexes, JSON.stringify(edits), [...edits]);
}

export function actionIndex(draft: Draft, action: PlannedAction): number {
  return once(draft.actions, draft.actionIndexes, JSON.stringify(action), action);
}

export function policyIndex(draft: Draft, policy: RoutePolicy): number {
  if (policy === noPolicy) return 0;
  const content = policyContent(policy, (index) => draft.clusters[index]);
  const index = once(draft.routePolicies, draft.policyIndexes, content, policy);
  if (index === draft.policyNames.length) draft.policyNames.push(hashOf(content));
  return index;
}
