// Trees to one nondeterministic automaton over bytes. Built from the end backwards: each piece is
// given the state that follows it, so that nothing needs patching but loops.

import { stop } from "./cursor.ts";
import type { Assertion, Node } from "./node.ts";
import type { Ranges } from "./ranges.ts";
import { beyondAscii, utf8Sequences } from "./utf8.ts";

export type NfaState =
  | { readonly kind: "byte"; readonly low: number; readonly high: number; readonly out: number }
  | { readonly kind: "fork"; readonly outs: readonly number[] }
  | { readonly kind: "assert"; readonly what: Assertion; readonly out: number }
  | { readonly kind: "match"; readonly id: number };

export interface Nfa {
  readonly states: readonly NfaState[];
  readonly start: number;
  /** Right only for text that is UTF-8 as RE2 reads it; no expression here matches any other. */
  readonly textOnly: boolean;
}

/** A tree and the number that an accepting state gives for it. */
export interface Expression {
  readonly id: number;
  readonly node: Node;
}

interface Builder {
  readonly states: NfaState[];
  readonly statesMax: number;
  /** Byte states by range and successor: sequences of one set share their ends. */
  readonly shared: Map<string, number>;
  /** Whether the text may be relied on to be UTF-8. */
  relaxed: boolean;
}

/** Stops (see `attempt`) where more than `statesMax` states were needed. */
export function buildNfa(expressions: readonly Expression[], statesMax: number): Nfa {
  const builder: Builder = { states: [], statesMax, shared: new Map(), relaxed: false };
  const textOnly = !expressions.some(({ node }) => has(node, ({ kind }) => kind === "byte"));
  const starts = expressions.map(({ id, node }) => {
    // \B holds in the middle of a character too, where only the exact form never stands.
    builder.relaxed = textOnly
      && !has(node, (inner) => inner.kind === "assert" && inner.what === "no-word");
    return emit(builder, node, add(builder, { kind: "match", id }));
  });
  const start = add(builder, { kind: "fork", outs: starts });
  return { states: builder.states, start, textOnly };
}

function has(node: Node, test: (node: Node) => boolean): boolean {
  if (test(node)) return true;
  switch (node.kind) {
    case "concat": case "alternate": return node.parts.some((part) => has(part, test));
    case "repeat": return has(node.part, test);
    default: return false;
  }
}

function add(builder: Builder, state: NfaState): number {
  if (builder.states.length >= builder.statesMax) {
    const message = `more than ${builder.statesMax} steps written out`;
    stop({ kind: "too-large", message, offset: 0 });
  }
  return builder.states.push(state) - 1;
}

/** The state from which `node` and then whatever `next` leads to is matched. */
function emit(builder: Builder, node: Node, next: number): number {
  switch (node.kind) {
    case "runes": return emitRunes(builder, node.ranges, next);
    case "byte": return emitByte(builder, 0, 0xff, next);
    case "assert": return add(builder, { kind: "assert", what: node.what, out: next });
    case "concat": return node.parts.reduceRight((then, part) => emit(builder, part, then), next);
    case "alternate": {
      const outs = node.parts.map((part) => emit(builder, part, next));
      return add(builder, { kind: "fork", outs });
    }
    case "repeat": return emitRepeat(builder, node, next);
  }
}

function emitByte(builder: Builder, low: number, high: number, out: number): number {
  const key = `${low} ${high} ${out}`;
  const known = builder.shared.get(key);
  if (known !== undefined) return known;
  const made = add(builder, { kind: "byte", low, high, out });
  builder.shared.set(key, made);
  return made;
}

function emitRunes(builder: Builder, ranges: Ranges, next: number): number {
  const sequences = utf8Sequences(ranges);
  const relaxed = builder.relaxed && beyondAscii.every((sequence) => sequences.includes(sequence));
  const exact = relaxed ? sequences.filter((one) => !beyondAscii.includes(one)) : sequences;
  const outs = exact.map((sequence) =>
    sequence.reduceRight((then, { low, high }) => emitByte(builder, low, high, then), next));
  if (relaxed) outs.push(emitAnyBeyondAscii(builder, next));
  const [only] = outs;
  return outs.length === 1 && only !== undefined ? only : add(builder, { kind: "fork", outs });
}

/**
 * In UTF-8, a character beyond ASCII is a lead byte and then all continuation bytes there are: one
 * state in place of three, and most often the very state that a loop is in anyway.
 */
function emitAnyBeyondAscii(builder: Builder, next: number): number {
  const key = `any ${next}`;
  const known = builder.shared.get(key);
  if (known !== undefined) return known;
  const outs = [next];
  const inside = add(builder, { kind: "fork", outs });
  outs.push(add(builder, { kind: "byte", low: 0x80, high: 0xbf, out: inside }));
  const made = add(builder, { kind: "byte", low: 0xc0, high: 0xff, out: inside });
  builder.shared.set(key, made);
  return made;
}

function emitRepeat(
  builder: Builder, { part, min, max }: Node & { kind: "repeat" }, next: number,
): number {
  let start = next;
  if (max === undefined) {
    const outs = [next];
    start = add(builder, { kind: "fork", outs });
    // The loop: behind the part stands the choice between the part again and what follows.
    outs.unshift(emit(builder, part, start));
  } else {
    for (let i = min; i < max; i += 1) {
      start = add(builder, { kind: "fork", outs: [emit(builder, part, start), next] });
    }
  }
  for (let i = 0; i < min; i += 1) start = emit(builder, part, start);
  return start;
}
