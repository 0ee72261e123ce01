// Header edits as Envoy carries them out: it removes first and then adds, where the API sets, adds
// and removes, first the rule's and then the backend's. What comes of them all is the same for each
// name: its lines are kept or not, and some are added.

import type { HeaderEdits } from "../../../ir.ts";
import type { Json } from "../../artifact.ts";

type Fields = { readonly [key: string]: Json };

export interface NativeEdits {
  readonly add: readonly Fields[];
  readonly remove: readonly string[];
}

interface Outcome {
  keeps: boolean;
  values: string[];
}

export function nativeEdits(all: readonly HeaderEdits[]): NativeEdits {
  const outcomes = new Map<string, Outcome>();
  const of = (name: string): Outcome => {
    const known = outcomes.get(name) ?? { keeps: true, values: [] };
    outcomes.set(name, known);
    return known;
  };
  for (const { set, add, remove } of all) {
    for (const { name, value } of set) outcomes.set(name, { keeps: false, values: [value] });
    for (const { name, value } of add) of(name).values.push(value);
    for (const name of remove) outcomes.set(name, { keeps: false, values: [] });
  }
  const found = [...outcomes];
  return {
    add: found.flatMap(([name, { keeps, values }]) => values.map((value, index) =>
      headerToAdd(name, value, keeps || index > 0))),
    remove: found.flatMap(([name, { keeps, values }]) =>
      (!keeps && values.length === 0 ? [name] : [])),
  };
}

function headerToAdd(key: string, value: string, appends: boolean): Fields {
  return {
    // A percent sign would begin a command of Envoy's.
    header: { key, value: value.replaceAll("%", "%%") },
    append_action: appends ? "APPEND_IF_EXISTS_OR_ADD" : "OVERWRITE_IF_EXISTS_OR_ADD",
    keep_empty_value: true,
  };
}
