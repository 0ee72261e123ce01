// Regular expressions of the plan: one automaton for as many of a virtual host's paths as stay
// small together, and one for each pattern of a header or query parameter.

import { PATH_REGEX } from "../../filters/core/format.ts";
import { diagnostic } from "../diagnostic.ts";
import type { RouteMatch } from "../ir.ts";
import { combine } from "../regex/automaton.ts";
import { encodeAutomaton } from "../regex/encode.ts";
import { parse } from "../regex/parse.ts";
import type { Draft } from "./draft.ts";

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
    const index = automatonIndex(draft, pattern);
    return typeof index === "string" ? [{ what, pattern, problem: index }] : [];
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

const problemsByPattern = new WeakMap<Draft, Map<string, string>>();

/** The automaton of one pattern, or what is wrong with the pattern. */
export function automatonIndex(draft: Draft, pattern: string): number | string {
  const problems = problemsByPattern.get(draft) ?? new Map<string, string>();
  problemsByPattern.set(draft, problems);
  const known = draft.automatonIndexes.get(pattern) ?? problems.get(pattern);
  if (known !== undefined) return known;
  const parsed = parse(pattern);
  const combined = parsed.kind === "parsed" ? combine([{ id: 0, node: parsed.node }]) : undefined;
  const [made] = combined?.automata ?? [];
  if (!made) {
    const problem = parsed.kind !== "parsed" ? parsed : combined?.refused[0]?.problem;
    const text = problem?.message ?? "it is too large";
    problems.set(pattern, text);
    return text;
  }
  const bytes = encodeAutomaton(made.automaton);
  const index = draft.automata.push({ bytes, patterns: 1 }) - 1;
  draft.automatonIndexes.set(pattern, index);
  return index;
}

/** Plans the path expressions of one virtual host; each pattern's matches follow by `planPath`. */
export function planExpressions(
  draft: Draft, virtualHost: number, patterns: ReadonlyMap<string, readonly RouteMatch[]>,
  planMatch: (match: RouteMatch) => void,
): void {
  const list = [...patterns];
  const expressions = list.flatMap(([pattern], id) => {
    const parsed = parse(pattern);
    return parsed.kind === "parsed" ? [{ id, node: parsed.node }] : [];
  });
  for (const { ids, automaton } of combine(expressions).automata) {
    const first = ids[0] ?? 0;
    // Ids of one automaton follow each other; in the table they count from its first path.
    const local = { ...automaton, lists: automaton.lists.map((l) => l.map((id) => id - first)) };
    const index = draft.automata.push({ bytes: encodeAutomaton(local), patterns: ids.length }) - 1;
    draft.expressions.push({ automaton: index, firstPath: draft.paths.length });
    for (const id of ids) {
      const [value, matches] = list[id] ?? ["", []];
      draft.paths.push({ virtualHost, kind: PATH_REGEX, value, firstMatch: draft.matches.length });
      for (const match of matches) planMatch(match);
    }
  }
}
