// Regular expressions: automata over the whole of a value, in one step a byte. For paths one run
// finds every expression of the virtual host that matches; their matches are then taken by rank.

import { isText, listEnd, listStart, runAutomaton } from "./automaton";
import {
  AUTOMATON_OFF, AUTOMATON_SIZE, EXPRESSION_AUTOMATON, EXPRESSION_FIRST_PATH, EXPRESSION_SIZE,
  MATCH_METHOD, MATCH_SIZE, NONE, PATH_FIRST_MATCH, PATH_SIZE, SECTION_AUTOMATA,
  SECTION_AUTOMATON_WORDS, SECTION_EXPRESSIONS, SECTION_MATCHES, SECTION_PATHS, SECTION_SHAPES,
  SECTION_VIRTUAL_HOSTS, SHAPE_SIZE, VIRTUAL_HOST_FIRST_EXPRESSION, VIRTUAL_HOST_FIRST_SHAPE,
  VIRTUAL_HOST_SIZE,
} from "./format";
import { findShape, path, pathLength } from "./path";
import { cursors, CURSOR_SIZE, section } from "./table";

function automatonAt(index: u32): usize {
  const record = section(SECTION_AUTOMATA) + index * AUTOMATON_SIZE;
  return section(SECTION_AUTOMATON_WORDS) + (load<u32>(record, AUTOMATON_OFF) << 2);
}

/** Whether all of the value matches the automaton's only pattern. */
export function accepts(automaton: u32, ptr: usize, len: u32): bool {
  return runAutomaton(automatonAt(automaton), ptr, len) != 0;
}

/** Cursors in use: (next match, end of the path record's matches). */
let open: u32 = 0;

/** Whether the virtual host has regular expressions for paths at all. */
export function hasExpressions(virtualHost: u32): bool {
  const host = section(SECTION_VIRTUAL_HOSTS) + virtualHost * VIRTUAL_HOST_SIZE;
  return load<u32>(host, VIRTUAL_HOST_FIRST_EXPRESSION)
    != load<u32>(host, VIRTUAL_HOST_SIZE + VIRTUAL_HOST_FIRST_EXPRESSION)
    || load<u32>(host, VIRTUAL_HOST_FIRST_SHAPE)
    != load<u32>(host, VIRTUAL_HOST_SIZE + VIRTUAL_HOST_FIRST_SHAPE);
}

/** Finds the expressions that match the path; `nextByRank` then goes through their matches. */
export function openExpressions(virtualHost: u32): void {
  open = 0;
  openShapes(virtualHost);
  // Shapes mean text, as RE2 does: in a path that is not UTF-8 no parameter matches.
  if (open && !isText(path, pathLength)) open = 0;
  openAutomata(virtualHost);
}

function openShapes(virtualHost: u32): void {
  const host = section(SECTION_VIRTUAL_HOSTS) + virtualHost * VIRTUAL_HOST_SIZE;
  const end = load<u32>(host, VIRTUAL_HOST_SIZE + VIRTUAL_HOST_FIRST_SHAPE);
  for (let i = load<u32>(host, VIRTUAL_HOST_FIRST_SHAPE); i < end; i++) {
    const found = findShape(section(SECTION_SHAPES) + i * SHAPE_SIZE);
    if (found != NONE) openPath(found);
  }
}

function openAutomata(virtualHost: u32): void {
  const host = section(SECTION_VIRTUAL_HOSTS) + virtualHost * VIRTUAL_HOST_SIZE;
  const end = load<u32>(host, VIRTUAL_HOST_SIZE + VIRTUAL_HOST_FIRST_EXPRESSION);
  for (let i = load<u32>(host, VIRTUAL_HOST_FIRST_EXPRESSION); i < end; i++) {
    const expression = section(SECTION_EXPRESSIONS) + i * EXPRESSION_SIZE;
    const automaton = automatonAt(load<u32>(expression, EXPRESSION_AUTOMATON));
    const list = runAutomaton(automaton, path, pathLength);
    if (list == 0) continue;
    const first = load<u32>(expression, EXPRESSION_FIRST_PATH);
    const last = listEnd(automaton, list);
    for (let id = listStart(automaton, list); id < last; id += 4) openPath(first + load<u32>(id));
  }
}

function openPath(index: u32): void {
  const record = section(SECTION_PATHS) + index * PATH_SIZE;
  const cursor = cursors() + open * CURSOR_SIZE;
  store<u32>(cursor, load<u32>(record, PATH_FIRST_MATCH));
  store<u32>(cursor, load<u32>(record, PATH_SIZE + PATH_FIRST_MATCH), 4);
  open += 1;
}

/** The match of the highest precedence that is left, or NONE. */
export function nextByRank(): u32 {
  const matches = section(SECTION_MATCHES);
  let best: usize = 0;
  let bestRank: u32 = 0;
  for (let i: u32 = 0; i < open; i++) {
    const cursor = cursors() + i * CURSOR_SIZE;
    const match = load<u32>(cursor);
    if (match == load<u32>(cursor, 4)) continue;
    const rank = load<u32>(matches + match * MATCH_SIZE, MATCH_METHOD) >> 8;
    if (best == 0 || rank < bestRank) {
      best = cursor;
      bestRank = rank;
    }
  }
  if (best == 0) return NONE;
  const match = load<u32>(best);
  store<u32>(best, match + 1);
  return match;
}
