// Whether all of a text matches a pattern: for the reference matcher, which asks one at a time.

import { buildAutomaton, type Automaton } from "./automaton.ts";
import { parse } from "./parse.ts";
import { run } from "./run.ts";

const automata = new Map<string, Automaton | undefined>();
const utf8 = new TextEncoder();

/** False also for a pattern that does not compile: the plan has reported it and left it out. */
export function matchesWhole(pattern: string, text: string): boolean {
  if (!automata.has(pattern)) automata.set(pattern, build(pattern));
  const automaton = automata.get(pattern);
  return automaton !== undefined && run(automaton, utf8.encode(text)).length > 0;
}

function build(pattern: string): Automaton | undefined {
  const parsed = parse(pattern);
  if (parsed.kind !== "parsed") return undefined;
  const made = buildAutomaton([{ id: 0, node: parsed.node }]);
  return made.kind === "automaton" ? made : undefined;
}
