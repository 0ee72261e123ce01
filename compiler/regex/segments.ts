// Recognises expressions that are paths with parameters, so that they can be found by hashing
// segments and need no automaton. What comes out means exactly what the expression means, for any
// bytes; what can't be said this way is left alone.

import { concat, type Node } from "./node.ts";
import { contains, same, single } from "./ranges.ts";

export type Segment =
  | { readonly kind: "literal"; readonly value: string }
  /** At least one byte; with a pattern, what that matches (which may be nothing at all). */
  | { readonly kind: "param"; readonly pattern?: Node };

/**
 * What follows the segments. "any": nothing, or a slash and anything. "slash": a slash and
 * anything. "more": a slash and at least one character.
 */
export type Tail = "none" | "any" | "slash" | "more";

/** A path that is UTF-8 as RE2 reads it (`isText`), cut at each slash behind the first. */
export interface Shape {
  readonly segments: readonly Segment[];
  readonly tail: Tail;
  /** Whether the tail may hold line feeds; `.` takes none. */
  readonly lines: boolean;
}

type Token =
  | { readonly kind: "rune"; readonly rune: number }
  | { readonly kind: "within"; readonly node: Node }
  | { readonly kind: "rest"; readonly min: number; readonly lines: boolean }
  | { readonly kind: "edge"; readonly what: "begin" | "end" };

type Tokens = readonly Token[];

/** An expression that stands for more paths than this is not worth a record for each. */
const SHAPES_MAX = 16;
const TOKENS_MAX = 4096;
const SLASH = 0x2f;
const NOT_SLASH = [0, 0x2e, 0x30, 0x10ffff];
const NOT_LINE_FEED = [0, 0x09, 0x0b, 0x10ffff];
const ANYTHING = [0, 0x10ffff];

/** The paths that the expression stands for, each match in at least one, or undefined. */
export function shapesOf(node: Node): readonly Shape[] | undefined {
  const shapes: Shape[] = [];
  for (const tokens of expand(node) ?? [undefined]) {
    const shape = tokens === undefined ? undefined : shapeOf(tokens);
    if (shape === undefined) return undefined;
    const twin = shapes.findIndex((other) => joinable(other, shape));
    if (twin < 0) shapes.push(shape);
    else {
      const lines = shape.lines || (shapes[twin]?.lines ?? false);
      shapes[twin] = { ...shape, tail: "any", lines };
    }
  }
  return shapes.length > 0 ? shapes : undefined;
}

/** `/a` and `/a/.*` together are `/a(/.*)?`. */
function joinable(a: Shape, b: Shape): boolean {
  return [a.tail, b.tail].sort().join() === "none,slash" && a.segments.length === b.segments.length
    && a.segments.every((segment, i) => {
      const other = b.segments[i];
      return segment.kind === "literal"
        ? other?.kind === "literal" && other.value === segment.value
        : other?.kind === "param" && other.pattern === segment.pattern;
    });
}

function expand(node: Node): readonly Tokens[] | undefined {
  switch (node.kind) {
    case "byte": return undefined;
    case "assert":
      return node.what === "begin" || node.what === "end"
        ? [[{ kind: "edge", what: node.what }]] : undefined;
    case "runes": {
      const rune = single(node.ranges);
      if (rune !== undefined) return [[{ kind: "rune", rune }]];
      return isWithin(node) ? [[{ kind: "within", node }]] : undefined;
    }
    case "concat": return product(node.parts.map(expand));
    case "alternate": return literalOrWithin(node, union(node.parts.map(expand)));
    case "repeat": return expandRepeat(node);
  }
}

function expandRepeat(node: Node & { kind: "repeat" }): readonly Tokens[] | undefined {
  const { part, min, max } = node;
  if (max === undefined) {
    if (isWithin(node)) return [[{ kind: "within", node }]];
    const lines = part.kind === "runes" && same(part.ranges, ANYTHING);
    const isRest = lines || (part.kind === "runes" && same(part.ranges, NOT_LINE_FEED));
    return isRest && min <= 1 ? [[{ kind: "rest", min, lines }]] : undefined;
  }
  // Written out where that stays small: `s?`, `(/[^/]+){2}`.
  const counts = Array.from({ length: max - min + 1 }, (_, i) => min + i);
  const small = counts.length <= SHAPES_MAX && max <= SHAPES_MAX;
  const once = small ? expand(part) : undefined;
  const written = once === undefined ? undefined
    : union(counts.map((count) => product(Array.from({ length: count }, () => once))));
  return literalOrWithin(node, written);
}

/** Literals can be hashed; what holds no slash is otherwise best left to one small automaton. */
function literalOrWithin(
  node: Node, written: readonly Tokens[] | undefined,
): readonly Tokens[] | undefined {
  const literal = written?.every((tokens) => tokens.every(({ kind }) => kind === "rune")) ?? false;
  return !literal && isWithin(node) ? [[{ kind: "within", node }]] : written;
}

function union(all: readonly (readonly Tokens[] | undefined)[]): readonly Tokens[] | undefined {
  const out: Tokens[] = [];
  for (const some of all) {
    if (some === undefined) return undefined;
    out.push(...some);
    if (out.length > SHAPES_MAX) return undefined;
  }
  return out;
}

function product(all: readonly (readonly Tokens[] | undefined)[]): readonly Tokens[] | undefined {
  let out: readonly Token[][] = [[]];
  for (const some of all) {
    if (some === undefined || out.length * some.length > SHAPES_MAX) return undefined;
    const [only] = some;
    // Most parts are one character: in place, or a literal would cost the square of its length.
    if (some.length === 1 && only !== undefined) for (const tokens of out) tokens.push(...only);
    else out = out.flatMap((tokens) => some.map((more) => [...tokens, ...more]));
    if ((out[0]?.length ?? 0) > TOKENS_MAX) return undefined;
  }
  return out;
}

/** Whether no match of the tree can hold a slash, and what is around it does not matter. */
function isWithin(node: Node): boolean {
  switch (node.kind) {
    case "runes": return !contains(node.ranges, SLASH);
    case "byte": case "assert": return false;
    case "concat": case "alternate": return node.parts.every(isWithin);
    case "repeat": return isWithin(node.part);
  }
}

function shapeOf(all: Tokens): Shape | undefined {
  const isEdge = (token: Token | undefined, what: "begin" | "end"): boolean =>
    token?.kind === "edge" && token.what === what;
  let first = 0;
  let after = all.length;
  while (first < after && isEdge(all[first], "begin")) first += 1;
  while (first < after && isEdge(all[after - 1], "end")) after -= 1;
  const groups: Token[][] = [];
  let rest: (Token & { kind: "rest" }) | undefined;
  for (const token of all.slice(first, after)) {
    if (token.kind === "edge" || rest !== undefined) return undefined;
    if (token.kind === "rune" && token.rune === SLASH) groups.push([]);
    else if (token.kind !== "rest") {
      const group = groups.at(-1);
      if (group === undefined) return undefined;
      group.push(token);
    } else {
      // Anything may follow a slash only: `/a.*` is no matter of segments.
      if (groups.pop()?.length !== 0) return undefined;
      rest = token;
    }
  }
  const segments = groups.map(segmentOf);
  if (segments.includes(undefined)) return undefined;
  if (segments.length === 0 && rest === undefined) return undefined;
  return {
    segments: segments.filter((segment) => segment !== undefined),
    tail: rest === undefined ? "none" : rest.min === 0 ? "slash" : "more",
    lines: rest?.lines ?? false,
  };
}

function segmentOf(tokens: Tokens): Segment | undefined {
  const runes = tokens.flatMap((token) => (token.kind === "rune" ? [token.rune] : []));
  // No text holds half of a surrogate pair as RE2 would read it.
  if (runes.some((rune) => rune >= 0xd800 && rune <= 0xdfff)) return undefined;
  if (runes.length === tokens.length) {
    return { kind: "literal", value: runes.map((rune) => String.fromCodePoint(rune)).join("") };
  }
  const pattern = concat(tokens.map((token): Node =>
    token.kind === "within" ? token.node
      : { kind: "runes", ranges: token.kind === "rune" ? [token.rune, token.rune] : [] }));
  const plain = pattern.kind === "repeat" && pattern.min === 1 && pattern.max === undefined
    && pattern.part.kind === "runes" && same(pattern.part.ranges, NOT_SLASH);
  return plain ? { kind: "param" } : { kind: "param", pattern };
}
