// Regular expressions of the plan. A path expression that is literal segments and parameters
// becomes a shape and is found by hashing; the others share automata, as many of a virtual host as
// stay small together. Each pattern of a header or query parameter has an automaton of its own.

import {
  PATH_REGEX, SHAPE_SEGMENTS_MAX, TAIL_ANY, TAIL_LINES, TAIL_MORE, TAIL_NONE, TAIL_SLASH,
} from "../../filters/core/format.ts";
import { diagnostic } from "../diagnostic.ts";
import type { RouteMatch } from "../ir.ts";
import { combine } from "../regex/automaton.ts";
import { encodeAutomaton } from "../regex/encode.ts";
import type { Node } from "../regex/node.ts";
import { parse } from "../regex/parse.ts";
import { shapesOf, type Shape } from "../regex/segments.ts";
import type { Draft } from "./draft.ts";

/** A parameter that is more than "anything but a slash": the segment and its automaton. */
export interface SegmentPattern {
  readonly segment: number;
  readonly automaton: number;
}

export type PlanMatch = (match: RouteMatch, parameters?: readonly SegmentPattern[]) => void;

/** Whether every regular expression of the match can be carried out; reports those that cannot. */
export function expressionsHold(draft: Draft, match: RouteMatch): boolean {
  const patterns = [
    ...(match.path.kind === "regex" ? [["path", match.path.value] as const] : []),
    ...match.headers.filter((h) => h.kind === "regex")
      .map((h) => [`header \`${h.name}\``, h.value] as const),
    ...match.queryParams.filter((q) => q.kind === "regex")
      .map((q) => [`query parameter \`${q.name}\``, q.value] as const),
  ];
  const problems = patterns.flatMap(([what, pattern]) => {
    const problem = what === "path"
      ? pathProblem(draft, pattern) : problemOf(automatonIndex(draft, pattern));
    return problem === undefined ? [] : [{ what, pattern, problem }];
  });
  for (const { what, pattern, problem } of problems) {
    draft.diagnostics.push(diagnostic({
      code: "FL0404",
      title: `the regular expression \`${pattern}\` of the ${what} cannot be compiled: ${problem}`,
      primary: { span: match.origin },
      resource: `${match.rule.route.kind} ${match.rule.route.namespace}/${match.rule.route.name}`,
      path: `spec.rules[${match.rule.ruleIndex}].matches[${match.matchIndex}]`,
      effect: "the match is left out, and its requests go to other rules",
      help: "write it in RE2's syntax, without long counted repetitions of broad classes",
    }));
  }
  return problems.length === 0;
}

function problemOf(made: number | string): string | undefined {
  return typeof made === "string" ? made : undefined;
}

/** A path's pattern need not have an automaton of its own: a shape is enough. */
function pathProblem(draft: Draft, pattern: string): string | undefined {
  const parsed = parse(pattern);
  if (parsed.kind !== "parsed") return parsed.message;
  return shapesFor(draft, parsed.node) ? undefined : problemOf(automatonIndex(draft, pattern));
}

/** The automaton of one pattern (or of a part of one), or what is wrong with it. */
export function automatonIndex(draft: Draft, pattern: string | Node): number | string {
  const key = typeof pattern === "string" ? pattern : `node ${JSON.stringify(pattern)}`;
  const known = draft.automatonIndexes.get(key);
  if (known !== undefined) return known;
  const made = makeAutomaton(draft, pattern);
  draft.automatonIndexes.set(key, made);
  return made;
}

function makeAutomaton(draft: Draft, pattern: string | Node): number | string {
  const parsed = typeof pattern === "string" ? parse(pattern) : undefined;
  if (parsed && parsed.kind !== "parsed") return parsed.message;
  const node = typeof pattern === "string" ? parsed?.node : pattern;
  if (!node) return "it is empty";
  const { automata: [made], refused: [refusal] } = combine([{ id: 0, node }]);
  if (!made) return refusal?.problem.message ?? "it is too large";
  return draft.automata.push({ bytes: encodeAutomaton(made.automaton), patterns: 1 }) - 1;
}

/** The shapes of a path expression that hashing can find, or undefined. */
function shapesFor(draft: Draft, node: Node): readonly Shape[] | undefined {
  const shapes = shapesOf(node);
  const fits = shapes?.every(({ segments }) => segments.length <= SHAPE_SEGMENTS_MAX
    && segments.every((s) => s.kind === "literal" || s.pattern === undefined
      || typeof automatonIndex(draft, s.pattern) === "number"));
  return fits ? shapes : undefined;
}

/** Plans the path expressions of one virtual host. */
export function planExpressions(
  draft: Draft, virtualHost: number, patterns: ReadonlyMap<string, readonly RouteMatch[]>,
  planMatch: PlanMatch, rankOf: (match: RouteMatch) => number,
): void {
  const shaped: Shaped[] = [];
  const others: { readonly pattern: string; readonly node: Node }[] = [];
  for (const [pattern, matches] of patterns) {
    const parsed = parse(pattern);
    if (parsed.kind !== "parsed") continue;
    const shapes = shapesFor(draft, parsed.node);
    if (shapes) shaped.push(...shapes.map((shape) => ({ shape, matches })));
    else others.push({ pattern, node: parsed.node });
  }
  planShapes(draft, virtualHost, shaped, planMatch, rankOf);
  const { automata } = combine(others.map(({ node }, id) => ({ id, node })));
  for (const { ids, automaton } of automata) {
    const first = ids[0] ?? 0;
    // Ids of one automaton follow each other; in the table they count from its first path.
    const local = { ...automaton, lists: automaton.lists.map((l) => l.map((id) => id - first)) };
    const index = draft.automata.push({ bytes: encodeAutomaton(local), patterns: ids.length }) - 1;
    draft.expressions.push({ automaton: index, firstPath: draft.paths.length });
    for (const id of ids) {
      const value = others[id]?.pattern ?? "";
      draft.paths.push({ virtualHost, kind: PATH_REGEX, value, firstMatch: draft.matches.length });
      for (const match of patterns.get(value) ?? []) planMatch(match);
    }
  }
}

interface Shaped {
  readonly shape: Shape;
  readonly matches: readonly RouteMatch[];
}

const tails = { none: TAIL_NONE, any: TAIL_ANY, slash: TAIL_SLASH, more: TAIL_MORE } as const;

/** What makes two paths be found by the same look. */
function signatureOf({ segments, tail, lines }: Shape): {
  readonly segments: number; readonly tail: number;
  readonly parameters: number; readonly filled: number;
} {
  let parameters = 0;
  let filled = 0;
  segments.forEach((segment, i) => {
    if (segment.kind === "literal") return;
    parameters |= 1 << i;
    if (segment.pattern === undefined) filled |= 1 << i;
  });
  return {
    segments: segments.length, tail: tails[tail] | (lines && tail !== "none" ? TAIL_LINES : 0),
    parameters: parameters >>> 0, filled: filled >>> 0,
  };
}

function planShapes(
  draft: Draft, virtualHost: number, shaped: readonly Shaped[], planMatch: PlanMatch,
  rankOf: (match: RouteMatch) => number,
): void {
  for (const [key, group] of groupBy(shaped, ({ shape }) => JSON.stringify(signatureOf(shape)))) {
    const firstPath = draft.paths.length;
    const records = groupBy(group, ({ shape }) => literalText(shape));
    for (const [value, members] of records) {
      const segments = members[0]?.shape.segments.map((s) =>
        (s.kind === "literal" ? s.value : undefined)) ?? [];
      draft.paths.push({
        virtualHost, kind: PATH_REGEX, value, firstMatch: draft.matches.length, segments,
      });
      // Patterns that differ only in what their parameters match share a record.
      members.flatMap(({ shape, matches }) => matches.map((match) => ({ shape, match })))
        .sort((a, b) => rankOf(a.match) - rankOf(b.match))
        .forEach(({ shape, match }) => planMatch(match, patternsOf(draft, shape)));
    }
    const signature = JSON.parse(key) as ReturnType<typeof signatureOf>;
    draft.shapes.push({ ...signature, firstPath, endPath: draft.paths.length });
  }
}

function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): ReadonlyMap<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group) group.push(value);
    else groups.set(key, [value]);
  }
  return groups;
}

/** The segments, each after a slash, with nothing in the places of parameters. */
function literalText({ segments }: Shape): string {
  return segments.map((s) => `/${s.kind === "literal" ? s.value : ""}`).join("");
}

function patternsOf(draft: Draft, { segments }: Shape): readonly SegmentPattern[] {
  return segments.flatMap((s, segment) => {
    if (s.kind === "literal" || s.pattern === undefined) return [];
    const automaton = automatonIndex(draft, s.pattern);
    return typeof automaton === "number" ? [{ segment, automaton }] : [];
  });
}
