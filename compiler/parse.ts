// SourceFile → manifests. A file is cut at its document markers before anything is parsed, so that
// a document that does not parse cannot hide the others.

import type { Diagnostic } from "./diagnostic.ts";
import type { Manifest, ValuePath } from "./manifest.ts";
import { readFull } from "./parse/full.ts";
import { readQuick } from "./parse/quick.ts";
import { find, itemRows, child, keyPlace, newTape, valuePlace, type Tape } from "./parse/tape.ts";
import type { SourceFile, Span } from "./source.ts";

export interface Parsed {
  readonly manifests: readonly Manifest[];
  readonly diagnostics: readonly Diagnostic[];
}

/** A line that starts with three dashes ends a document, whatever it stands in. */
const marker = /^---(?=[ \t\r\n]|$)/gm;
const directivesOnly = /^(?:%[^\n]*(?:\n|$)|[ \t]*(?:#[^\n]*)?(?:\r?\n|$))*$/;

export function parse(file: SourceFile): Parsed {
  const tape = newTape();
  const manifests: Manifest[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const [start, end] of chunks(file.text)) {
    const row = tape.length;
    const quick = readQuick(file.text, start, end, tape);
    if (quick) {
      flatten(file, tape, row, quick.value, false, manifests);
      continue;
    }
    const full = readFull(file, start, end, tape);
    diagnostics.push(...full.diagnostics);
    for (const document of full.documents) {
      flatten(file, tape, document.row, document.value, document.broken, manifests);
    }
  }
  return { manifests, diagnostics };
}

function chunks(text: string): readonly (readonly [number, number])[] {
  const found: (readonly [number, number])[] = [];
  let start = text.startsWith("\uFEFF") ? 1 : 0;
  for (const match of text.matchAll(marker)) {
    // `%YAML 1.2` before the first marker belongs to the document after it.
    const isDirectives =
      text.startsWith("%", start) && directivesOnly.test(text.slice(start, match.index));
    if (!isDirectives) found.push([start, match.index]);
    start = match.index + 3;
  }
  found.push([start, text.length]);
  return found;
}

interface ListValue {
  readonly apiVersion?: unknown;
  readonly kind: string;
  readonly items: readonly unknown[];
}

function isList(value: unknown): value is ListValue {
  return typeof value === "object" && value !== null && "kind" in value && "items" in value
    && typeof value.kind === "string" && value.kind.endsWith("List") && Array.isArray(value.items);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Adds the document, or the items of a `List`, unless it is empty. */
function flatten(
  file: SourceFile, tape: Tape, row: number, value: unknown, broken: boolean, into: Manifest[],
): void {
  if (value === undefined || value === null) return;
  if (!isList(value)) {
    into.push(manifest(file, tape, row, value, broken));
    return;
  }
  const rows = itemRows(tape, child(tape, row, "items", file.text));
  for (const [index, item] of value.items.entries()) {
    const itemRow = rows[index];
    if (itemRow === undefined) continue;
    flatten(file, tape, itemRow, typed(value, item), broken, into);
  }
}

/** An item of `HTTPRouteList` need not repeat what its list says. */
function typed(list: ListValue, item: unknown): unknown {
  if (list.kind === "List" || !isRecord(item) || "kind" in item) return item;
  return { apiVersion: list.apiVersion, kind: list.kind.slice(0, -"List".length), ...item };
}

function manifest(
  file: SourceFile, tape: Tape, row: number, value: unknown, broken: boolean,
): Manifest {
  const at = (path: ValuePath, part?: "value" | "key"): Span => {
    const found = find(tape, row, path, file.text);
    const place = valuePlace(tape, found.row);
    const key = keyPlace(tape, found.row);
    const wantsKey = part === "key" && found.exact;
    return { file, ...(key && (wantsKey || place.start === place.end) ? key : place) };
  };
  return broken ? { file, value, at, broken: true } : { file, value, at };
}
