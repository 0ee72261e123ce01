// Regular expressions: automata over the whole of a value, in one step a byte. For paths one run
// finds every expression of the virtual host that matches, and opens its matches.

import { isText, listEnd, listStart, runAutomaton } from "./automaton";
import { closeAll, openMatches } from "./candidates";
import {
  AUTOMATON_OFF, AUTOMATON_SIZE, EXPRESSION_AUTOMATON, EXPRESSION_FIRST_PATH, EXPRESSION_SIZE,
  NONE, SECTION_AUTOMATA, SECTION_AUTOMATON_WORDS, SECTION_EXPRESSIONS, SECTION_SHAPES,
  SHAPE_SIZE, VIRTUAL_HOST_FIRST_EXPRESSION, VIRTUAL_HOST_FIRST_SHAPE,
  VIRTUAL_HOST_SIZE,
} from "./format";
import { findShape, path, pathLength } from "./path";
import { section, virtualHosts } from "./table";

function automatonAt(index: u32): usize {
  const record = section(SECTION_AUTOMATA) + index * AUTOMATON_SIZE;
  return section(SECTION_AUTOMATON_WORDS) + (load<u32>(record, AUTOMATON_OFF) << 2);
}

/** Whether all of the value matches the automaton's only pattern. */
export function accepts(automaton: u32, ptr: usize, len: u32): bool {
  return runAutomaton(automatonAt(automaton), ptr, len) != 0;
}

/** Whether the virtual host has regular expressions for paths at all. */
export function hasExpressions(virtualHost: u32): bool {
  const host = virtualHosts + virtualHost * VIRTUAL_HOST_SIZE;
  return load<u32>(host, VIRTUAL_HOST_FIRST_EXPRESSION)
    != load<u32>(host, VIRTUAL_HOST_SIZE + VIRTUAL_HOST_FIRST_EXPRESSION)
    || load<u32>(host, VIRTUAL_HOST_FIRST_SHAPE)
    != load<u32>(host, VIRTUAL_HOST_SIZE + VIRTUAL_HOST_FIRST_SHAPE);
}

/** Opens the matches of every expression that matches the path. */
export function openExpressions(virtualHost: u32): void {
  // Shapes mean text, as RE2 does: in a path that is not UTF-8 no parameter matches.
  if (openShapes(virtualHost) && !isText(path, pathLength)) closeAll();
  openAutomata(virtualHost);
}

/** Whether any shape fits. */
function openShapes(virtualHost: u32): bool {
  const host = virtualHosts + virtualHost * VIRTUAL_HOST_SIZE;
  const end = load<u32>(host, VIRTUAL_HOST_SIZE + VIRTUAL_HOST_FIRST_SHAPE);
  let any = false;
  for (let i = load<u32>(host, VIRTUAL_HOST_FIRST_SHAPE); i < end; i++) {
    const found = findShape(section(SECTION_SHAPES) + i * SHAPE_SIZE);
    if (found == NONE) continue;
    openMatches(found);
    any = true;
  }
  return any;
}

function openAutomata(virtualHost: u32): void {
  const host = virtualHosts + virtualHost * VIRTUAL_HOST_SIZE;
  const end = load<u32>(host, VIRTUAL_HOST_SIZE + VIRTUAL_HOST_FIRST_EXPRESSION);
  for (let i = load<u32>(host, VIRTUAL_HOST_FIRST_EXPRESSION); i < end; i++) {
    const expression = section(SECTION_EXPRESSIONS) + i * EXPRESSION_SIZE;
    const automaton = automatonAt(load<u32>(expression, EXPRESSION_AUTOMATON));
    const list = runAutomaton(automaton, path, pathLength);
    if (list == 0) continue;
    const first = load<u32>(expression, EXPRESSION_FIRST_PATH);
    const last = listEnd(automaton, list);
    for (let id = listStart(automaton, list); id < last; id += 4) {
      openMatches(first + load<u32>(id));
    }
  }
}
