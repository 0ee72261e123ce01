// Building the diagnostics of this stage: where a fact stands, which resource it belongs to, and
// the name that was probably meant.

import { diagnostic, type Diagnostic, type DiagnosticFacts, type Label } from "../diagnostic.ts";
import { formatPath, type ValuePath } from "../manifest.ts";
import type { Resource } from "../resources.ts";
import { nearest, type Names } from "./nearest.ts";

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

/**
 * Several reports as one: what two of them say of one resource (routes that lead to the same bad
 * Service) is said once, as in a report of its own.
 */
export function joinReports(reports: readonly (readonly Diagnostic[])[]): readonly Diagnostic[] {
  const first = new Map<string, Diagnostic>();
  for (const said of reports.flat()) {
    const cause = `${said.code} ${said.resource} ${said.title}`;
    const known = first.get(cause);
    const places = known ? [known.primary, ...known.secondary] : [];
    const { primary } = said;
    if (!known || !primary) first.set(cause, said);
    else if (!places.some((p) => p?.span.file === primary.span.file
      && p.span.start === primary.span.start)) {
      const again = { span: primary.span, text: "the same here" };
      first.set(cause, { ...known, secondary: [...known.secondary, again] });
    }
  }
  return [...first.values()];
}

export function didYouMean(
  name: string, candidates: Iterable<string> | Names,
): string | undefined {
  const guess = nearest(name, candidates);
  return guess === undefined ? undefined : `did you mean \`${guess}\`?`;
}

/** `a`, `b` and `c`. */
export function list(names: readonly string[]): string {
  const quoted = names.map((n) => `\`${n}\``);
  if (quoted.length < 2) return quoted[0] ?? "none";
  return `${quoted.slice(0, -1).join(", ")} and ${quoted[quoted.length - 1]}`;
}
