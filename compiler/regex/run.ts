// An automaton run over bytes: what `explain` and the reference matcher use, and what the core's
// runner is held against.

import type { Automaton } from "./automaton.ts";
import { isText } from "./utf8.ts";

/** Sorted ids of the expressions that match all of the text. */
export function run(automaton: Automaton, text: Uint8Array): readonly number[] {
  const { next, classOf, classCount } = automaton;
  let state = automaton.start;
  for (const byte of text) {
    state = next[state * classCount + (classOf[byte] ?? 0)] ?? 0;
    if (state === 0) return [];
  }
  const ids = automaton.lists[automaton.accept[state] ?? 0] ?? [];
  return ids.length > 0 && automaton.textOnly && !isText(text) ? [] : ids;
}
