// A parsed regular expression. Groups leave no trace: only the language matters, since every
// expression must match the whole value.

import type { Ranges } from "./ranges.ts";

export type Assertion = "begin" | "end" | "begin-line" | "end-line" | "word" | "no-word";

export type Node =
  /** One code point of the set; the empty set matches nothing. */
  | { readonly kind: "runes"; readonly ranges: Ranges }
  /** \C: one byte, whatever it is. */
  | { readonly kind: "byte" }
  | { readonly kind: "assert"; readonly what: Assertion }
  /** No parts: the empty text. */
  | { readonly kind: "concat"; readonly parts: readonly Node[] }
  | { readonly kind: "alternate"; readonly parts: readonly Node[] }
  /** No `max`: any number of times. */
  | { readonly kind: "repeat"; readonly part: Node; readonly min: number; readonly max?: number };

export const EMPTY: Node = { kind: "concat", parts: [] };

export function concat(parts: readonly Node[]): Node {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : { kind: "concat", parts };
}
