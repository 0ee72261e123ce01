// A leaf's matches, told apart by their headers. Envoy's routes look at each line of a repeated
// header by itself, its matcher trees at all of them as one list, which is what the API means. So a
// tree decides about headers, and the routes it ends in have no headers to look at any more.

import type { RouteMatch, ValueMatch } from "../../../ir.ts";
import { matchesWhole } from "../../../regex/whole.ts";

export type Choice =
  | { readonly kind: "routes"; readonly matches: readonly RouteMatch[] }
  /** By the header's value. */
  | {
    readonly kind: "values";
    readonly name: string;
    readonly values: ReadonlyMap<string, Choice>;
    readonly otherwise: Choice;
  }
  | {
    readonly kind: "expression";
    readonly name: string;
    readonly value: string;
    readonly holds: Choice;
    readonly otherwise: Choice;
  };

/** How many routes have been listed, and how many there may be. */
export interface Budget {
  readonly max: number;
  spent: number;
}

/**
 * `list` is in order of precedence. `takesPath`: the match takes all paths that come here. Nothing
 * is listed behind a match that takes all that is left.
 */
export function choose(
  list: readonly RouteMatch[], takesPath: (match: RouteMatch) => boolean, budget: Budget,
): Choice {
  const matches = reachable(list, takesPath);
  if (budget.spent > budget.max) return { kind: "routes", matches: [] };
  const headers = matches.flatMap((match) => [...match.headers]);
  const name = mostFrequent(headers.filter(({ kind }) => kind === "exact"));
  if (name !== undefined) return byValue(name, matches, takesPath, budget);
  const [expression] = headers;
  if (expression) return byExpression(expression, matches, takesPath, budget);
  budget.spent += matches.length;
  return { kind: "routes", matches };
}

function reachable(
  list: readonly RouteMatch[], takesPath: (match: RouteMatch) => boolean,
): readonly RouteMatch[] {
  const last = list.findIndex((match) => takesPath(match) && isUnconditional(match));
  return last < 0 ? list : list.slice(0, last + 1);
}

function isUnconditional({ method, headers, queryParams }: RouteMatch): boolean {
  return method === undefined && headers.length === 0 && queryParams.length === 0;
}

function mostFrequent(headers: readonly ValueMatch[]): string | undefined {
  const counts = new Map<string, number>();
  for (const { name } of headers) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].reduce<readonly [string, number] | undefined>(
    (most, entry) => (most && most[1] >= entry[1] ? most : entry), undefined)?.[0];
}

function byValue(
  name: string, matches: readonly RouteMatch[],
  takesPath: (match: RouteMatch) => boolean, budget: Budget,
): Choice {
  const conditionOf = ({ headers }: RouteMatch): ValueMatch | undefined =>
    headers.find((header) => header.name === name);
  const values = new Set(matches.flatMap((match) => {
    const condition = conditionOf(match);
    return condition?.kind === "exact" ? [condition.value] : [];
  }));
  const fits = (condition: ValueMatch | undefined, value: string): boolean =>
    condition === undefined || (condition.kind === "exact"
      ? condition.value === value : matchesWhole(condition.value, value));
  // Of the matches that ask for some value each stands under one, so that this is no square.
  const byOwn = new Map<string, number[]>();
  const common: number[] = [];
  matches.forEach((match, rank) => {
    const condition = conditionOf(match);
    if (condition?.kind !== "exact") common.push(rank);
    else if (byOwn.get(condition.value)?.push(rank) === undefined) {
      byOwn.set(condition.value, [rank]);
    }
  });
  const under = (value: string): readonly RouteMatch[] =>
    [...common, ...byOwn.get(value) ?? []].sort((a, b) => a - b).flatMap((rank) => {
      const match = matches[rank];
      return match && fits(conditionOf(match), value) ? [without(match, name)] : [];
    });
  return {
    kind: "values", name,
    values: new Map([...values].map((value) => [value, choose(under(value), takesPath, budget)])),
    otherwise: choose(
      matches.filter((match) => conditionOf(match)?.kind !== "exact"), takesPath, budget),
  };
}

function byExpression(
  { name, value }: ValueMatch, matches: readonly RouteMatch[],
  takesPath: (match: RouteMatch) => boolean, budget: Budget,
): Choice {
  const asks = ({ headers }: RouteMatch): boolean =>
    headers.some((header) => header.name === name && header.value === value);
  return {
    kind: "expression", name, value,
    holds: choose(
      matches.map((match) => (asks(match) ? without(match, name) : match)), takesPath, budget),
    otherwise: choose(matches.filter((match) => !asks(match)), takesPath, budget),
  };
}

function without(match: RouteMatch, name: string): RouteMatch {
  return { ...match, headers: match.headers.filter((header) => header.name !== name) };
}

export function listsOf(choice: Choice): readonly (readonly RouteMatch[])[] {
  if (choice.kind === "routes") return [choice.matches];
  return choice.kind === "values"
    ? [...choice.values.values(), choice.otherwise].flatMap(listsOf)
    : [...listsOf(choice.holds), ...listsOf(choice.otherwise)];
}
