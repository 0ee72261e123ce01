// Paths as Envoy matches and rewrites them. The API replaces a prefix by whole segments: the
// replacement's own trailing slash does not count, and what is left is never empty.

import type { PathMatch, PathRewrite } from "../../../ir.ts";
import type { Json } from "../../artifact.ts";

type Fields = { readonly [key: string]: Json };

/** Envoy takes no empty expression, though it takes one that matches the empty text. */
export function expression(regex: string): Fields {
  return { regex: regex || "(?:)" };
}

export function pathSpecifier({ kind, value }: PathMatch): Fields {
  if (kind === "exact") return { path: value };
  if (kind === "regex") return { safe_regex: expression(value) };
  return value === "" ? { prefix: "/" } : { path_separated_prefix: value };
}

/** An expression whose first group is what stays of the path, and what it becomes. */
export interface PathSubstitution {
  readonly regex: string;
  readonly substitution: string;
}

/**
 * How a path is rewritten. `query` is an expression for what stands behind it in the text that the
 * substitution is for; its group is put back.
 */
export function pathSubstitution(
  match: PathMatch, rewrite: PathRewrite, query?: "(\\?.*)?",
): PathSubstitution {
  const end = query === undefined ? "$" : `${query}$`;
  const back = query === undefined ? "" : "\\2";
  if (rewrite.kind === "full") {
    return { regex: `^([^?]*)${end}`, substitution: `${literal(rewrite.value || "/")}${back}` };
  }
  const replacement = rewrite.value.replace(/\/$/, "");
  const matched = escaped(match.value);
  return replacement === ""
    ? { regex: `^${matched}/?([^?]*)${end}`, substitution: `/\\1${back}` }
    : { regex: `^${matched}([^?]*)${end}`, substitution: `${literal(replacement)}\\1${back}` };
}

export function regexRewrite({ regex, substitution }: PathSubstitution): Fields {
  return { pattern: { regex }, substitution };
}

/** In a substitution a backslash begins a reference. */
function literal(text: string): string {
  return text.replaceAll("\\", "\\\\");
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
