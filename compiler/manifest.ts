// One YAML document of a file: its plain value, and where each part of it stands.

import type { SourceFile, Span } from "./source.ts";

/** Object keys and array indexes from the document's root. */
export type ValuePath = readonly (string | number)[];

export interface Manifest {
  readonly file: SourceFile;
  /** Plain JavaScript data, before defaults. */
  readonly value: unknown;
  /** The text did not parse; `value` holds what could be read of it. Already reported. */
  readonly broken?: true;
  /**
   * The smallest span that stands for `path`: the value where it exists, else the nearest parent
   * that does. With "key", the key's own characters (for "unknown field").
   */
  at(path: ValuePath, part?: "value" | "key"): Span;
}

/** `spec.rules[0].backendRefs[1]`, as kubectl and the API server write paths. */
export function formatPath(path: ValuePath): string {
  return path.map((p, i) => (typeof p === "number" ? `[${p}]` : i === 0 ? p : `.${p}`)).join("");
}
