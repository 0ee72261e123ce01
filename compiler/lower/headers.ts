// Header names and values as the IR has them: names in lower case, each name once.

import type { HeaderEdits, ValueMatch } from "../ir.ts";
import { noEdits } from "../ir.ts";
import type { HeaderFilter, StringMatch } from "../resources.ts";

/** "If multiple entries specify equivalent names, only the first entry MUST be considered." */
function firstOf<Item>(items: readonly Item[], nameOf: (item: Item) => string): readonly Item[] {
  if (items.length < 2) return items;
  const seen = new Set<string>();
  return items.filter((item) => !seen.has(nameOf(item)) && seen.add(nameOf(item)));
}

/** Header names compare without case, names of query parameters as they are written. */
export function valueMatches(
  matches: readonly StringMatch[] | undefined, names: "headers" | "queryParams",
): readonly ValueMatch[] {
  const lowered = (matches ?? []).map(({ type, name, value }): ValueMatch => ({
    kind: type === "Exact" ? "exact" : "regex",
    name: names === "headers" ? name.toLowerCase() : name,
    value,
  }));
  return firstOf(lowered, (m) => m.name);
}

function edits({ set, add, remove }: HeaderFilter): HeaderEdits {
  const named = (list: HeaderFilter["set"]): HeaderEdits["set"] => firstOf(
    (list ?? []).map(({ name, value }) => ({ name: name.toLowerCase(), value })), (h) => h.name);
  const removed = (remove ?? []).map((name) => name.toLowerCase());
  return { set: named(set), add: named(add), remove: firstOf(removed, (name) => name) };
}

export function headerEdits(filter: HeaderFilter | undefined): HeaderEdits {
  return filter ? edits(filter) : noEdits;
}
