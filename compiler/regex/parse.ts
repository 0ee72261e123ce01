// RE2's syntax as Envoy takes it, to a tree. Capturing, names and greed are read and forgotten:
// they change no full match.

import { parseBracket, parseEscape, parseNamed } from "./class.ts";
import {
  accept, attempt, looking, refuse, since, stop, take, type Cursor, type Problem,
} from "./cursor.ts";
import { concat, EMPTY, type Assertion, type Node } from "./node.ts";
import { normal, RUNE_MAX, type Ranges } from "./ranges.ts";
import { foldClosure } from "./unicode.ts";

export interface Parsed {
  readonly kind: "parsed";
  readonly node: Node;
}

/** RE2's own limit on a repetition, and on the product of nested ones. */
const REPEAT_MAX = 1000;
/** Ours, so that no later stage runs out of stack. */
const DEPTH_MAX = 250;
/** Ours: no route needs more, and every later cost is bounded by it. */
const LENGTH_MAX = 16_384;

interface Flags {
  readonly fold: boolean;
  readonly lines: boolean;
  readonly dotAll: boolean;
}

/** A tree and the largest product of nested repetitions in it. */
interface Item {
  readonly node: Node;
  readonly weight: number;
}

interface Group {
  readonly start: number;
  /** In force before the group, and again behind it. */
  readonly outer: Flags;
  readonly branches: Item[];
  items: Item[];
}

interface State extends Cursor {
  flags: Flags;
  readonly groups: Group[];
  group: Group;
  /** Where the repetition just read begins, since RE2 refuses to stack them. */
  repeated: number | undefined;
}

export function parse(pattern: string): Parsed | Problem {
  return attempt(() => {
    if (pattern.length > LENGTH_MAX) {
      stop({ kind: "too-large", message: `longer than ${LENGTH_MAX} characters`, offset: 0 });
    }
    const unpaired = pattern.search(/\p{Surrogate}/u);
    if (unpaired >= 0) refuse("not Unicode text: half of a surrogate pair", unpaired);
    const flags: Flags = { fold: false, lines: false, dotAll: false };
    const group: Group = { start: 0, outer: flags, branches: [], items: [] };
    const state: State = { pattern, at: 0, flags, groups: [], group, repeated: undefined };
    while (state.at < pattern.length) step(state);
    if (state.groups.length > 0) refuse("missing closing `)`", state.group.start);
    return { kind: "parsed", node: close(state.group).node };
  });
}

function step(state: State): void {
  const { pattern, at, repeated } = state;
  state.repeated = undefined;
  switch (pattern[at]) {
    case "(": return open(state);
    case ")": return leave(state);
    case "|": return branch(state);
    case "[": return push(state, { kind: "runes", ranges: parseBracket(state, state.flags.fold) });
    case "*": return repeat(state, repeated, 0, undefined, 1);
    case "+": return repeat(state, repeated, 1, undefined, 1);
    case "?": return repeat(state, repeated, 0, 1, 1);
    case "{": return counted(state, repeated);
    case ".": return dot(state);
    case "^": return assertion(state, 1, state.flags.lines ? "begin-line" : "begin");
    case "$": return assertion(state, 1, state.flags.lines ? "end-line" : "end");
    case "\\": return backslash(state);
    default: return literal(state, take(state) ?? 0);
  }
}

function push(state: State, node: Node): void {
  state.group.items.push({ node, weight: 1 });
}

function literal(state: State, rune: number): void {
  const ranges: Ranges = [rune, rune];
  push(state, { kind: "runes", ranges: state.flags.fold ? foldClosure(ranges) : ranges });
}

function dot(state: State): void {
  state.at += 1;
  const ranges = state.flags.dotAll ? [0, RUNE_MAX] : [0, 0x09, 0x0b, RUNE_MAX];
  push(state, { kind: "runes", ranges });
}

function assertion(state: State, length: number, what: Assertion): void {
  state.at += length;
  push(state, { kind: "assert", what });
}

function backslash(state: State): void {
  switch (state.pattern[state.at + 1]) {
    case "A": return assertion(state, 2, "begin");
    case "z": return assertion(state, 2, "end");
    case "b": return assertion(state, 2, "word");
    case "B": return assertion(state, 2, "no-word");
    case "Q": return quotation(state);
    case "C":
      state.at += 2;
      return push(state, { kind: "byte" });
    default: {
      const ranges = parseNamed(state, state.flags.fold);
      if (ranges === undefined) return literal(state, parseEscape(state));
      push(state, { kind: "runes", ranges });
    }
  }
}

/** Between \Q and \E, or the end, nothing has a meaning. */
function quotation(state: State): void {
  state.at += 2;
  while (state.at < state.pattern.length && !accept(state, "\\E")) {
    literal(state, take(state) ?? 0);
  }
}

function counted(state: State, repeated: number | undefined): void {
  // What is no count is text, as in Perl.
  const count = /^\{(0|[1-9]\d{0,8})(?:(,)(0|[1-9]\d{0,8})?)?\}/
    .exec(state.pattern.slice(state.at, state.at + 24));
  if (count === null) return literal(state, take(state) ?? 0);
  const min = Number(count[1]);
  const max = count[2] === undefined ? min : count[3] === undefined ? undefined : Number(count[3]);
  if (min > REPEAT_MAX || (max ?? min) > REPEAT_MAX || (max ?? min) < min) {
    refuse(`invalid repetition size \`${count[0]}\`: at most ${REPEAT_MAX}, the smaller first`,
      state.at);
  }
  repeat(state, repeated, min, max, count[0].length);
}

function repeat(
  state: State, repeated: number | undefined, min: number, max: number | undefined, length: number,
): void {
  const start = state.at;
  state.at += length;
  accept(state, "?");
  if (repeated !== undefined) {
    refuse(`nested repetition ${since(state, repeated)}; put the first into (?:…)`, repeated);
  }
  const item = state.group.items.pop();
  if (item === undefined) refuse(`nothing to repeat before ${since(state, start)}`, start);
  const isCount = state.pattern[start] === "{";
  const weight = item.weight * (isCount ? (max ?? min) || 1 : 1);
  if (isCount && (max ?? min) >= 2 && weight > REPEAT_MAX) {
    refuse(`invalid repetition size ${since(state, start)}: nested counts multiply to ${weight}, `
      + `at most ${REPEAT_MAX}`, start);
  }
  state.group.items.push({ node: { kind: "repeat", part: item.node, min, max }, weight });
  state.repeated = start;
}

function open(state: State): void {
  const start = state.at;
  state.at += 1;
  if (looking(state, "?")) {
    if (!named(state, start)) return flagged(state, start);
  }
  enter(state, start, state.flags);
}

function enter(state: State, start: number, inner: Flags): void {
  if (state.groups.length >= DEPTH_MAX) {
    stop({ kind: "too-large", message: `groups nest deeper than ${DEPTH_MAX}`, offset: start });
  }
  state.groups.push(state.group);
  state.group = { start, outer: state.flags, branches: [], items: [] };
  state.flags = inner;
}

/** At the "?" of `(?P<name>` or `(?<name>`, which it steps over. */
function named(state: State, start: number): boolean {
  if (/^\?<[=!]/.test(state.pattern.slice(state.at, state.at + 3))) return false;
  const opening = /^\?P?</.exec(state.pattern.slice(state.at, state.at + 3))?.[0];
  if (opening === undefined || state.at + opening.length >= state.pattern.length) return false;
  const first = state.at + opening.length;
  const end = state.pattern.indexOf(">", first);
  state.at = end < 0 ? state.pattern.length : end + 1;
  const name = end < 0 ? "" : state.pattern.slice(first, end);
  // The categories that RE2 allows; letters and digits of any script and connecting punctuation.
  if (!/^[\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]+$/u.test(name)) {
    refuse(`invalid named group ${since(state, start)}`, start);
  }
  return true;
}

/** At the "?" of `(?flags)` or `(?flags:`. */
function flagged(state: State, start: number): void {
  state.at += 1;
  let { fold, lines, dotAll } = state.flags;
  let on = true;
  let seen = false;
  while (true) {
    const letter = state.pattern[state.at];
    if (letter !== undefined) state.at += 1;
    if (letter === "i") fold = on;
    else if (letter === "m") lines = on;
    else if (letter === "s") dotAll = on;
    else if (letter === "-" && on) on = false;
    else if ((letter === ":" || letter === ")") && (on || seen)) {
      const flags: Flags = { fold, lines, dotAll };
      if (letter === ":") enter(state, start, flags);
      else state.flags = flags;
      return;
    } else if (letter !== "U") unsupported(state, start);
    seen = letter !== "-";
  }
}

function unsupported(state: State, start: number): never {
  const around = /^\(\?<?[=!]/.test(state.pattern.slice(start, start + 4));
  refuse(around
    ? "RE2 has no look-ahead and no look-behind"
    : `invalid or unsupported group ${since(state, start)}`, start);
}

function branch(state: State): void {
  state.at += 1;
  state.group.branches.push(sequence(state.group.items));
  state.group.items = [];
}

function leave(state: State): void {
  const outer = state.groups.pop();
  if (outer === undefined) refuse("`)` without an opening `(`", state.at);
  state.at += 1;
  const item = close(state.group);
  state.flags = state.group.outer;
  state.group = outer;
  outer.items.push(item);
}

function sequence(items: readonly Item[]): Item {
  return {
    node: items.length === 0 ? EMPTY : concat(items.map(({ node }) => node)),
    weight: items.reduce((most, { weight }) => Math.max(most, weight), 1),
  };
}

function close({ branches, items }: Group): Item {
  const all = [...branches, sequence(items)];
  const parts: Node[] = [];
  for (const { node } of all) {
    // RE2 joins neighbours that take one code point; which ill-formed UTF-8 it lets through
    // depends on it.
    const last = parts.at(-1);
    if (last?.kind === "runes" && node.kind === "runes") {
      parts[parts.length - 1] = { kind: "runes", ranges: normal([...last.ranges, ...node.ranges]) };
    } else parts.push(node);
  }
  const [only] = parts;
  const weight = all.reduce((most, item) => Math.max(most, item.weight), 1);
  return { node: parts.length === 1 && only ? only : { kind: "alternate", parts }, weight };
}
