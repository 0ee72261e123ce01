// Manifests as one file of YAML documents.

import { stringify } from "yaml";

import type { Json } from "./artifact.ts";

type Fields = { readonly [key: string]: Json };

/** The notes are comments of the first document: before it they would be one of their own. */
export function documents(notes: string, values: readonly Fields[]): string {
  const options = { lineWidth: 0, aliasDuplicateObjects: false };
  return values.map((value, index) =>
    `---\n${index === 0 ? notes : ""}${stringify(value, options)}`).join("");
}
