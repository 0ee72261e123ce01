// The table's records before they are bytes. Every reference is an index; texts are still strings.

import type { RouteMatch, RoutePolicy, Rule, WeightedBackend } from "../ir.ts";

export interface PlannedGatewayPort {
  readonly name: string;
  readonly port: number;
  readonly tls: boolean;
  wildcards: number;
  exact: boolean;
}

export interface PlannedVirtualHost {
  readonly gatewayPort: number;
  readonly wildcard: boolean;
  /** Without "*."; empty for "*". */
  readonly name: string;
  readonly firstPath: number;
  readonly firstExpression: number;
  readonly firstShape: number;
  /** Only the first tier is found by host name; `next` leads to the others. */
  readonly findable: boolean;
  /** Depth bits of prefixes and of exact paths. */
  prefixes: number;
  exact: number;
  next: number;
}

export interface PlannedPath {
  readonly virtualHost: number;
  /** PATH_*. */
  readonly kind: number;
  readonly value: string;
  readonly firstMatch: number;
  /** A discriminator looks for the request's value among the records that follow. */
  readonly split?: true;
  /** Of a value's record: its path's index. */
  readonly parent?: number;
  /** Of a shape: its literal segments, undefined in the places of parameters. */
  readonly segments?: readonly (string | undefined)[];
}

/** SHAPE_* of the format. */
export interface PlannedShape {
  readonly segments: number;
  readonly tail: number;
  readonly parameters: number;
  readonly filled: number;
  readonly firstPath: number;
  readonly endPath: number;
}

export interface PlannedDiscriminator {
  readonly path: number;
  readonly end: number;
  /** CONDITION_HEADER_EXACT or CONDITION_QUERY_EXACT. */
  readonly kind: number;
  readonly name: number | string;
}

export interface PlannedMatch {
  readonly rule: number;
  readonly firstCondition: number;
  readonly method: number;
  /** Place in the virtual host's order of precedence. */
  readonly rank: number;
}

export interface PlannedCondition {
  /** CONDITION_*. */
  readonly kind: number;
  /** Of a header an index, of a query parameter its name. */
  readonly name: number | string;
  /** Of a regular expression an automaton's index, else the value. */
  readonly value: number | string;
}

export interface PlannedSplit {
  readonly firstBackend: number;
  readonly totalWeight: number;
  /** PIN_*. */
  readonly pin: number;
  readonly pinName: number;
  readonly cookie: string;
}

export interface PlannedBackend {
  readonly target: number;
  readonly weight: number;
  readonly action: number;
}

export interface PlannedRedirect {
  readonly status: number;
  readonly scheme: number;
  readonly host: string;
  readonly port: number;
  /** REPLACE_*. */
  readonly replace: number;
  readonly replacement: string;
}

export interface PlannedEdit {
  readonly kind: number;
  readonly name: string;
  readonly value: string;
}

export interface PlannedAction {
  readonly edits: number;
  readonly policy: number;
  readonly host: string;
  /** REPLACE_*. */
  readonly replace: number;
  readonly replacement: string;
}

export interface PlannedAutomaton {
  readonly bytes: Uint8Array;
  readonly patterns: number;
}

export interface Plan {
  readonly names: readonly string[];
  readonly gatewayPorts: readonly PlannedGatewayPort[];
  readonly virtualHosts: readonly PlannedVirtualHost[];
  readonly paths: readonly PlannedPath[];
  readonly matches: readonly PlannedMatch[];
  readonly conditions: readonly PlannedCondition[];
  readonly rules: readonly { readonly target: number; readonly action: number }[];
  readonly splits: readonly PlannedSplit[];
  readonly backends: readonly PlannedBackend[];
  readonly clusters: readonly string[];
  readonly redirects: readonly PlannedRedirect[];
  /** List 0 is empty. */
  readonly editLists: readonly (readonly PlannedEdit[])[];
  /** Action 0 does nothing. */
  readonly actions: readonly PlannedAction[];
  readonly expressions: readonly { readonly automaton: number; readonly firstPath: number }[];
  readonly automata: readonly PlannedAutomaton[];
  readonly shapes: readonly PlannedShape[];
  /** In the order of their paths. */
  readonly discriminators: readonly PlannedDiscriminator[];
  /** Policy 0 is `noPolicy`. They stand beside the table, not in it: hosts carry them out. */
  readonly routePolicies: readonly RoutePolicy[];
  /** By what they ask for (policy-name.ts); the table has these. */
  readonly policyNames: readonly string[];
  /** What the table's indexes stand for, for `explain`, logs and metrics. */
  readonly origins: TableOrigins;
}

export interface TableOrigins {
  readonly matches: readonly RouteMatch[];
  readonly rules: readonly Rule[];
  /** By BACKENDS index. */
  readonly backends: readonly WeightedBackend[];
}
