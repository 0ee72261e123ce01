// Exact paths and prefixes of the plan. Where many matches share one, and ask for different values
// of one header or query parameter, a discriminator finds those of the request's value by hashing.

import {
  CONDITION_HEADER_EXACT, CONDITION_QUERY_EXACT, PATH_VALUE,
} from "../../filters/core/format.ts";
import type { RouteMatch } from "../ir.ts";
import { nameIndex, type Draft } from "./draft.ts";

/** With fewer matches than this on a path, judging each is cheaper than one look more. */
const discriminatedMin = 8;

/** `matches` are those of one path, in order of precedence. */
export function planPath(
  draft: Draft, virtualHost: number, kind: number, value: string, matches: readonly RouteMatch[],
  planMatch: (match: RouteMatch) => void,
): void {
  const choice = discriminatorFor(matches);
  const path = draft.paths.length;
  if (!choice) {
    draft.paths.push({ virtualHost, kind, value, firstMatch: draft.matches.length });
    for (const match of matches) planMatch(match);
    return;
  }
  draft.paths.push({ virtualHost, kind, value, firstMatch: draft.matches.length, split: true });
  for (const match of matches) if (valueIn(match, choice) === undefined) planMatch(match);
  for (const [text, group] of byValue(matches, choice)) {
    draft.paths.push({
      virtualHost, kind: PATH_VALUE, value: text, firstMatch: draft.matches.length, parent: path,
    });
    for (const match of group) planMatch(match);
  }
  const { what, name } = choice;
  draft.discriminators.push({
    path, end: draft.paths.length,
    ...(what === "headers"
      ? { kind: CONDITION_HEADER_EXACT, name: nameIndex(draft, name) }
      : { kind: CONDITION_QUERY_EXACT, name }),
  });
}

interface Choice {
  readonly what: "headers" | "queryParams";
  readonly name: string;
}

/** The value a match asks for exactly; undefined where it does not ask for one. */
function valueIn(match: RouteMatch, { what, name }: Choice): string | undefined {
  return match[what].find((m) => m.kind === "exact" && m.name === name)?.value;
}

function byValue(
  matches: readonly RouteMatch[], choice: Choice,
): ReadonlyMap<string, RouteMatch[]> {
  const groups = new Map<string, RouteMatch[]>();
  for (const match of matches) {
    const value = valueIn(match, choice);
    if (value === undefined) continue;
    const group = groups.get(value);
    if (group) group.push(match);
    else groups.set(value, [match]);
  }
  return groups;
}

/** The header or parameter with the most different values among the matches, if that is many. */
function discriminatorFor(matches: readonly RouteMatch[]): Choice | undefined {
  if (matches.length < discriminatedMin) return undefined;
  const values = new Map<string, { readonly choice: Choice; readonly seen: Set<string> }>();
  for (const match of matches) {
    for (const what of ["headers", "queryParams"] as const) {
      for (const { kind, name, value } of match[what]) {
        if (kind !== "exact") continue;
        const key = `${what} ${name}`;
        const known = values.get(key) ?? { choice: { what, name }, seen: new Set<string>() };
        known.seen.add(value);
        values.set(key, known);
      }
    }
  }
  const [best] = [...values.values()].sort((a, b) => b.seen.size - a.seen.size);
  return best && best.seen.size >= discriminatedMin ? best.choice : undefined;
}
