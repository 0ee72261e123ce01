// A diagnostic is a value. Stages return them beside their result; only `render.ts` makes text of
// them and only `main.ts` prints it.

import { codes, type Code, type Level } from "./codes.ts";
import type { Span } from "./source.ts";

export type { Level };

/** A place in a file and what to say beside it. */
export interface Label {
  readonly span: Span;
  readonly text?: string;
}

export interface Diagnostic {
  readonly code: Code;
  readonly level: Level;
  /** Lower case, no full stop, identifiers in backticks. */
  readonly title: string;
  readonly primary?: Label;
  /** Other places that take part, for instance the route that wins. */
  readonly secondary: readonly Label[];
  /** `HTTPRoute shop/checkout`. */
  readonly resource?: string;
  /** `spec.rules[1].matches[0].path`. */
  readonly path?: string;
  /** What follows from it for traffic, in one clause. */
  readonly effect?: string;
  /** What to do about it. */
  readonly help?: string;
}

/** All of a diagnostic but its level, which the table of codes knows. */
export type DiagnosticFacts = Omit<Diagnostic, "level" | "secondary"> & {
  readonly secondary?: readonly Label[];
};

export function diagnostic(facts: DiagnosticFacts): Diagnostic {
  return { ...facts, level: codes[facts.code].level, secondary: facts.secondary ?? [] };
}

export function hasError(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((d) => d.level === "error");
}

/** By file, place, code and title, so that no order of work or of input shows in the output. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const text = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return [...diagnostics].sort((a, b) => {
    const pathOf = (d: Diagnostic): string => d.primary?.span.file.path ?? "";
    const startOf = (d: Diagnostic): number => d.primary?.span.start ?? -1;
    return text(pathOf(a), pathOf(b)) || startOf(a) - startOf(b)
      || text(a.code, b.code) || text(a.title, b.title);
  });
}
