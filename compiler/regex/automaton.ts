// Expressions to one deterministic automaton over bytes: subset construction with a cap on states
// and a cap on work, so that a hostile pattern ends as quickly as a harmless one.

import { attempt, stop, type Problem } from "./cursor.ts";
import { minimise } from "./minimise.ts";
import { buildNfa, type Expression, type Nfa } from "./nfa.ts";
import type { Assertion } from "./node.ts";

/** A minimal automaton without dead states; 0 stands for "no match any more". */
export interface Automaton {
  readonly kind: "automaton";
  readonly stateCount: number;
  readonly classCount: number;
  /** The class of each of the 256 bytes. */
  readonly classOf: Uint8Array;
  /** `next[state * classCount + class]`. */
  readonly next: Int32Array;
  readonly start: number;
  /** Index into `lists` of each state: 0, the empty list, where no expression ends. */
  readonly accept: Int32Array;
  /** Sorted ids of the expressions that match. */
  readonly lists: readonly (readonly number[])[];
  /** Its answer counts only for text that `isText` holds for; there is no match for any other. */
  readonly textOnly: boolean;
}

export interface Limits {
  /** States before minimisation. */
  readonly statesMax: number;
  /** Steps of the construction: visits of a nondeterministic state. */
  readonly workMax: number;
}

/** Room for `.{1000}`; a table of this many states is about a quarter of a megabyte. */
export const DEFAULT_LIMITS: Limits = { statesMax: 8192, workMax: 4_000_000 };
/** A nondeterministic automaton longer than this could not be made deterministic in `workMax`. */
const STEPS_MAX = 250_000;
/** States that several expressions may take together, however few each takes alone. */
const TOGETHER_FREE = 2048;
/** How many expressions `combine` tries first, and by what it grows what went well. */
const AMBITION = 1024;
const GROWTH = 4;

export function buildAutomaton(
  expressions: readonly Expression[], limits: Limits = DEFAULT_LIMITS,
): Automaton | Problem {
  return attempt(() => {
    const nfa = buildNfa(expressions, STEPS_MAX);
    // Together they must not take much more room than apart, or one automaton costs too much.
    const together = expressions.length > 1 ? TOGETHER_FREE + 2 * nfa.states.length : Infinity;
    const statesMax = Math.min(limits.statesMax, together);
    return minimise(determine(nfa, { ...limits, statesMax }));
  });
}

export interface Combined {
  /** Each with the expressions it decides, by id. */
  readonly automata: readonly { readonly ids: readonly number[]; readonly automaton: Automaton }[];
  readonly refused: readonly { readonly id: number; readonly problem: Problem }[];
}

/**
 * Few automata: each takes a run of the expressions, in the order given, that stays within the
 * limits. Neighbours that begin alike share most.
 */
export function combine(
  expressions: readonly Expression[], limits: Limits = DEFAULT_LIMITS,
): Combined {
  const automata: { ids: readonly number[]; automaton: Automaton }[] = [];
  const refused: { id: number; problem: Problem }[] = [];
  let ambition = AMBITION;
  for (let first = 0; first < expressions.length;) {
    const wanted = Math.min(ambition, expressions.length - first);
    let size = wanted;
    const build = (): Automaton | Problem =>
      buildAutomaton(expressions.slice(first, first + size), limits);
    let made = build();
    while (made.kind !== "automaton" && size > 1) {
      size = Math.ceil(size / 2);
      made = build();
    }
    const ids = expressions.slice(first, first + size).map(({ id }) => id);
    if (made.kind === "automaton") automata.push({ ids, automaton: made });
    else for (const id of ids) refused.push({ id, problem: made });
    first += size;
    // No more than what may well fit: an attempt that fails costs as much as one that does not.
    const room = made.kind === "automaton" ? 0.9 * limits.statesMax / made.stateCount : 2;
    ambition = Math.max(1, Math.floor(size * (size < wanted ? 1 : Math.min(GROWTH, room))));
  }
  return { automata, refused };
}

// What stands before a position, as far as assertions ask.
const OTHER = 0;
const WORD = 1;
const NEWLINE = 2;
const EDGE = 3;

function kindOf(byte: number): number {
  if (byte === 0x0a) return NEWLINE;
  const letter = byte | 0x20;
  return (byte >= 0x30 && byte <= 0x39) || byte === 0x5f || (letter >= 0x61 && letter <= 0x7a
    && byte >= 0x41) && byte < 0x80 ? WORD : OTHER;
}

function holds(what: Assertion, before: number, after: number): boolean {
  switch (what) {
    case "begin": return before === EDGE;
    case "end": return after === EDGE;
    case "begin-line": return before === EDGE || before === NEWLINE;
    case "end-line": return after === EDGE || after === NEWLINE;
    case "word": return (before === WORD) !== (after === WORD);
    case "no-word": return (before === WORD) === (after === WORD);
  }
}

interface Work {
  readonly nfa: Nfa;
  readonly limits: Limits;
  readonly classOf: Uint8Array;
  /** One byte of each class. */
  readonly samples: readonly number[];
  /** Generation in which a state was last visited. */
  readonly mark: Uint32Array;
  generation: number;
  steps: number;
  /** Sets of states: byte states, matches, and assertions that wait for the next byte. */
  readonly sets: Int32Array[];
  readonly before: number[];
  /** States by their sets. */
  readonly known: Map<string, number>;
  /** States by what leads into them: most steps lead where an earlier one led. */
  readonly entered: Map<string, number>;
}

function determine(nfa: Nfa, limits: Limits): Automaton {
  const { classOf, samples } = classify(nfa);
  const work: Work = {
    nfa, limits, classOf, samples, mark: new Uint32Array(nfa.states.length), generation: 0,
    steps: 0, sets: [new Int32Array(0)], before: [OTHER], known: new Map([["", 0]]),
    entered: new Map(),
  };
  const start = enter(work, [nfa.start], EDGE);
  const rows: Int32Array[] = [];
  const ends: (readonly number[])[] = [];
  for (let state = 0; state < work.sets.length; state += 1) {
    rows.push(row(work, state));
    ends.push(matches(work, state));
  }
  const next = new Int32Array(rows.length * samples.length);
  rows.forEach((row, i) => next.set(row, i * samples.length));
  const lists: (readonly number[])[] = [[]];
  const indexes = new Map([["", 0]]);
  const accept = Int32Array.from(ends, (ids) => {
    const key = ids.join();
    const index = indexes.get(key) ?? lists.push(ids) - 1;
    indexes.set(key, index);
    return index;
  });
  return {
    kind: "automaton", stateCount: rows.length, classCount: samples.length, classOf, next, start,
    accept, lists, textOnly: nfa.textOnly,
  };
}

/** Bytes that no state tells apart. Classes are runs of bytes, numbered upwards. */
function classify({ states }: Nfa): { classOf: Uint8Array; samples: readonly number[] } {
  const starts = new Set([0]);
  for (const state of states) {
    if (state.kind === "byte") starts.add(state.low).add(state.high + 1);
  }
  if (states.some(({ kind }) => kind === "assert")) {
    for (let byte = 1; byte < 256; byte += 1) {
      if (kindOf(byte) !== kindOf(byte - 1)) starts.add(byte);
    }
  }
  const classOf = new Uint8Array(256);
  const samples: number[] = [];
  for (let byte = 0; byte < 256; byte += 1) {
    if (starts.has(byte)) samples.push(byte);
    classOf[byte] = samples.length - 1;
  }
  return { classOf, samples };
}

/** The state for what `targets` reach without reading, found or made. */
function enter(work: Work, targets: readonly number[], before: number): number {
  const { states } = work.nfa;
  const found: number[] = [];
  let waits = false;
  visit(work, targets, (index) => {
    const state = states[index];
    if (state?.kind === "fork") return state.outs;
    if (state?.kind === "assert") waits = true;
    found.push(index);
    return [];
  });
  const members = Int32Array.from(found).sort();
  const kind = waits ? before : OTHER;
  const key = members.length === 0 ? "" : `${kind}:${members.join()}`;
  const known = work.known.get(key);
  if (known !== undefined) return known;
  const made = work.sets.length;
  if (made >= work.limits.statesMax) tooLarge(`more than ${work.limits.statesMax} states`);
  work.sets.push(members);
  work.before.push(kind);
  work.known.set(key, made);
  return made;
}

/** Depth first, each state once; counts the work. */
function visit(
  work: Work, from: Iterable<number>, each: (index: number) => readonly number[],
): void {
  work.generation += 1;
  const pending = [...from];
  while (true) {
    const index = pending.pop();
    if (index === undefined) return;
    charge(work);
    if (work.mark[index] === work.generation) continue;
    work.mark[index] = work.generation;
    for (const out of each(index)) pending.push(out);
  }
}

function charge(work: Work): void {
  work.steps += 1;
  if (work.steps > work.limits.workMax) tooLarge(`more than ${work.limits.workMax} steps`);
}

function tooLarge(message: string): never {
  stop({ kind: "too-large", message, offset: 0 });
}

/** The members of a state once the kind of the next byte is known and assertions are decided. */
function resolve(work: Work, state: number, after: number): Iterable<number> {
  const members = work.sets[state] ?? new Int32Array(0);
  const { states } = work.nfa;
  if (!members.some((index) => states[index]?.kind === "assert")) return members;
  const before = work.before[state] ?? OTHER;
  const found: number[] = [];
  visit(work, members, (index) => {
    const member = states[index];
    if (member?.kind === "fork") return member.outs;
    if (member?.kind === "assert") return holds(member.what, before, after) ? [member.out] : [];
    found.push(index);
    return [];
  });
  return found;
}

function row(work: Work, state: number): Int32Array {
  const { classOf, samples } = work;
  const targets: number[][] = samples.map(() => []);
  for (const after of [OTHER, WORD, NEWLINE]) {
    const members = resolve(work, state, after);
    const decided = members === work.sets[state];
    for (const index of members) {
      const member = work.nfa.states[index];
      if (member?.kind !== "byte") continue;
      const last = classOf[member.high] ?? 0;
      for (let c = classOf[member.low] ?? 0; c <= last; c += 1) {
        charge(work);
        if (decided || kindOf(samples[c] ?? 0) === after) targets[c]?.push(member.out);
      }
    }
    // Without assertions the next byte's kind makes no difference.
    if (decided) break;
  }
  return Int32Array.from(targets, (outs, c) => {
    if (outs.length === 0) return 0;
    const kind = kindOf(samples[c] ?? 0);
    const key = `${kind}:${outs.join()}`;
    const target = work.entered.get(key) ?? enter(work, outs, kind);
    work.entered.set(key, target);
    return target;
  });
}

/** The ids of the expressions that match where the text ends here. */
function matches(work: Work, state: number): readonly number[] {
  const ids = new Set<number>();
  for (const index of resolve(work, state, EDGE)) {
    const member = work.nfa.states[index];
    if (member?.kind === "match") ids.add(member.id);
  }
  return [...ids].sort((a, b) => a - b);
}
