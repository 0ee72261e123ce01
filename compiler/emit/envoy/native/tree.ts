// The index of a virtual host's matches: a matcher tree of Envoy's whose leaves are lists of full
// routes. A leaf stands for all requests whose path begins alike, and lists, in order of
// precedence, whatever can match one of them. So the first route of the leaf that fits is the first
// of all that fits, and nothing has to be looked for elsewhere.
//
// The tree looks at the path with its query cut off and one slash added, so that a prefix matches
// whole segments: `/a/` begins the texts of `/a` and of `/a/b`, and not that of `/ab`.

import type { RouteMatch, VirtualHost } from "../../../ir.ts";
import { buildAutomaton, type Automaton } from "../../../regex/automaton.ts";
import { parse } from "../../../regex/parse.ts";
import { run } from "../../../regex/run.ts";
import { choose, type Budget, type Choice } from "./choice.ts";

export interface Leaf {
  /** What the text is, or begins with. */
  readonly key: string;
  readonly choice: Choice;
}

export interface Tree {
  readonly exact: readonly Leaf[];
  /** The longest key that fits counts. */
  readonly prefixes: readonly Leaf[];
  /** For requests that fit no key. */
  readonly rest: Choice;
  /** How many routes the leaves list. Above `routesMax` further ones are left out. */
  readonly routes: number;
}

/** A match and its place in the order of precedence. */
interface Ranked {
  readonly match: RouteMatch;
  readonly rank: number;
}

interface Pattern extends Ranked {
  readonly automaton: Automaton;
}

/** Matches by the text that each begins with, or is. */
interface Index {
  readonly exact: ReadonlyMap<string, readonly Ranked[]>;
  readonly prefixes: ReadonlyMap<string, readonly Ranked[]>;
  /** By the segments that all paths of the expression begin with. */
  readonly patterns: ReadonlyMap<string, readonly Pattern[]>;
}

/** No list repeats more than this, so that a configuration grows with its routes. */
export function routesMax({ matches }: VirtualHost): number {
  return 10_000 + 20 * matches.length;
}

export function treeOf(host: VirtualHost): Tree {
  const index = indexOf(host.matches);
  const budget: Budget = { max: routesMax(host), spent: 0 };
  const keys = new Set([...index.prefixes.keys(), ...index.patterns.keys()]);
  keys.delete("/");
  const exact = [...index.exact.keys()].map((key): Leaf =>
    ({ key, choice: choose(exactly(index, key), () => true, budget) }));
  const inner = (key: string): Choice => choose(below(index, key), isPrefix, budget);
  const prefixes = [...keys].map((key): Leaf => ({ key, choice: inner(key) }));
  return { exact, prefixes, rest: inner("/"), routes: budget.spent };
}

function isPrefix({ path: { kind } }: RouteMatch): boolean {
  return kind === "prefix";
}

function indexOf(matches: readonly RouteMatch[]): Index {
  const exact = new Map<string, Ranked[]>();
  const prefixes = new Map<string, Ranked[]>();
  const patterns = new Map<string, Pattern[]>();
  const put = <T>(map: Map<string, T[]>, key: string, value: T): void => {
    const known = map.get(key);
    if (known) known.push(value);
    else map.set(key, [value]);
  };
  matches.forEach((match, rank) => {
    const { kind, value } = match.path;
    if (kind === "regex") {
      const automaton = automatonOf(value);
      if (automaton) put(patterns, folder(automaton), { match, rank, automaton });
    // No path has such a character in it: the query and the fragment begin there.
    } else if (!/[?#]/.test(value)) {
      put(kind === "exact" ? exact : prefixes, `${value}/`, { match, rank });
    }
  });
  return { exact, prefixes, patterns };
}

/** Undefined where the expression is refused: then it matches nothing. */
function automatonOf(pattern: string): Automaton | undefined {
  const parsed = parse(pattern);
  if (parsed.kind !== "parsed") return undefined;
  const made = buildAutomaton([{ id: 0, node: parsed.node }]);
  return made.kind === "automaton" ? made : undefined;
}

// --- Lists ---------------------------------------------------------------------------------------

/** What can match the one path whose text is `key`. */
function exactly(index: Index, key: string): readonly RouteMatch[] {
  const path = new TextEncoder().encode(key.slice(0, -1));
  return inOrder([
    ...index.exact.get(key) ?? [],
    ...folders(key).flatMap((folder) => [
      ...index.prefixes.get(folder) ?? [],
      ...(index.patterns.get(folder) ?? [])
        .filter(({ automaton }) => run(automaton, path).length > 0),
    ]),
  ]);
}

/**
 * What can match a path whose text begins with `key`, and no longer key. Expressions and prefixes
 * that begin with more have longer keys of their own; exact paths were asked before.
 */
function below(index: Index, key: string): readonly RouteMatch[] {
  const path = new TextEncoder().encode(key.slice(0, -1));
  return inOrder(folders(key).flatMap((folder) => [
    ...index.prefixes.get(folder) ?? [],
    ...(index.patterns.get(folder) ?? []).filter(({ automaton }) => canFollow(automaton, path)),
  ]));
}

/** `/a/b/` → `/`, `/a/`, `/a/b/`. */
function folders(key: string): readonly string[] {
  const found: string[] = [];
  for (let at = key.indexOf("/"); at >= 0; at = key.indexOf("/", at + 1)) {
    found.push(key.slice(0, at + 1));
  }
  return found;
}

function inOrder(candidates: readonly Ranked[]): readonly RouteMatch[] {
  return [...candidates].sort((a, b) => a.rank - b.rank).map(({ match }) => match);
}

// --- Expressions ---------------------------------------------------------------------------------

const slash = 0x2f;

function step({ next, classOf, classCount }: Automaton, state: number, byte: number): number {
  return state === 0 ? 0 : next[state * classCount + (classOf[byte] ?? 0)] ?? 0;
}

function isEnd({ accept, lists }: Automaton, state: number): boolean {
  return (lists[accept[state] ?? 0] ?? []).length > 0;
}

/** Whether the path itself can match, or one that goes on behind a slash. */
function canFollow(automaton: Automaton, path: Uint8Array): boolean {
  let state = automaton.start;
  for (const byte of path) state = step(automaton, state, byte);
  return state !== 0 && (isEnd(automaton, state) || step(automaton, state, slash) !== 0);
}

/** The whole segments that all texts of the expression begin with, and their last slash. */
function folder(automaton: Automaton): string {
  const bytes: number[] = [];
  let state = automaton.start;
  for (let ended = false; !ended;) {
    ended = isEnd(automaton, state);
    const live = new Set<number>(ended ? [slash] : []);
    for (let byte = 0; byte < 256 && live.size < 2; byte += 1) {
      if (step(automaton, state, byte) !== 0) live.add(byte);
    }
    const [only] = live;
    // It ends: from every state of the automaton some way leads to an end.
    if (only === undefined || live.size > 1) break;
    bytes.push(only);
    state = step(automaton, state, only);
  }
  const begin = Buffer.from(bytes).toString("utf8");
  const last = begin.lastIndexOf("/");
  return last > 0 && begin.startsWith("/") ? begin.slice(0, last + 1) : "/";
}
