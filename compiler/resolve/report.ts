// Building the diagnostics of this stage: where a fact stands, which resource it belongs to, and
// the name that was probably meant.

import { diagnostic, type Diagnostic, type DiagnosticFacts, type Label } from "../diagnostic.ts";
import { formatPath, type ValuePath } from "../manifest.ts";
import type { Resource } from "../resources.ts";

/** `HTTPRoute shop/checkout`; cluster-scoped kinds have no namespace. */
export function describe(resource: Resource): string {
  const { namespace, name } = resource.metadata;
  return `${resource.kind} ${namespace ? `${namespace}/` : ""}${name}`;
}

export function label(resource: Resource, path: ValuePath, text?: string): Label {
  return { span: resource.manifest.at(path), ...(text ? { text } : {}) };
}

export type Facts = Omit<DiagnosticFacts, "primary" | "resource" | "path"> & {
  /** What stands beside the caret. */
  readonly label?: string;
};

/**
 * Collects what a stage has to say, each cause once: the same fact of the same resource at another
 * place (a Service that is missing in three rules) is added to the first as one more place, and at
 * the same place (several listeners that stumble over one reference) not at all.
 */
export interface Report {
  readonly diagnostics: Diagnostic[];
  say(resource: Resource, path: ValuePath, facts: Facts): void;
}

export function newReport(): Report {
  const diagnostics: Diagnostic[] = [];
  const first = new Map<string, { readonly index: number; readonly paths: Set<string> }>();
  return {
    diagnostics,
    say(resource, path, { label: text, ...facts }) {
      const place = formatPath(path);
      const cause = `${facts.code} ${describe(resource)} ${facts.title}`;
      const known = first.get(cause);
      const before = known && diagnostics[known.index];
      if (!before) {
        first.set(cause, { index: diagnostics.length, paths: new Set([place]) });
        diagnostics.push(diagnostic({
          ...facts, primary: label(resource, path, text), resource: describe(resource), path: place,
        }));
      } else if (!known.paths.has(place)) {
        known.paths.add(place);
        const again = label(resource, path, "the same here");
        diagnostics[known.index] = { ...before, secondary: [...before.secondary, again] };
      }
    },
  };
}

/** Edits between two names, given up on beyond `limit`. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The candidate that `name` was most probably meant to be, or nothing where none is close. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  const limit = Math.max(1, Math.floor(name.length / 3));
  let best: { readonly name: string; readonly score: number } | undefined;
  for (const candidate of [...candidates].sort()) {
    if (candidate === name) continue;
    // A name with a part added or cut ("store-api", "store-api-v1-service") is close as well.
    const extended = name.length >= 4 && candidate.length >= 4
      && (candidate.startsWith(name) || name.startsWith(candidate));
    const edits = distance(name, candidate, limit);
    const score = edits <= limit ? edits : extended ? limit + 1 : Infinity;
    if (score < (best?.score ?? Infinity)) best = { name: candidate, score };
  }
  return best?.name;
}

export function didYouMean(name: string, candidates: Iterable<string>): string | undefined {
  const guess = nearest(name, candidates);
  return guess === undefined ? undefined : `did you mean \`${guess}\`?`;
}

/** `a`, `b` and `c`. */
export function list(names: readonly string[]): string {
  const quoted = names.map((n) => `\`${n}\``);
  if (quoted.length < 2) return quoted[0] ?? "none";
  return `${quoted.slice(0, -1).join(", ")} and ${quoted[quoted.length - 1]}`;
}
