// Reads any YAML with the `yaml` package and reports what it refuses. Used for the documents that
// the quick reader declines: the unusual ones and the broken ones.

import {
  isAlias, isMap, isScalar, isSeq, parseAllDocuments,
  type Alias, type Document, type Node, type Pair, type ParsedNode, type Scalar, type YAMLError,
} from "yaml";
import { diagnostic, type Diagnostic } from "../diagnostic.ts";
import type { SourceFile } from "../source.ts";
import { resolvePlain } from "./scalar.ts";
import { close, leaf, open, setStart, type Tape } from "./tape.ts";

export interface FullDocument {
  readonly value: unknown;
  /** The document's first row on the tape. */
  readonly row: number;
  readonly broken: boolean;
}

const tooDeep = "not valid YAML: nested too deeply";
/** Aliases may make a small text expand to a huge value. No manifest comes near this. */
const nodeCountMax = 300_000;

interface Walk {
  readonly document: Document;
  readonly tape: Tape;
  readonly base: number;
  /** What each alias stands for: to find out, the package looks through the whole document. */
  readonly targets: Map<Node, Node | undefined>;
  readonly problems: { readonly message: string; readonly node: Node }[];
  count: number;
  valueEnd: number;
}

export function readFull(
  file: SourceFile, start: number, end: number, tape: Tape,
): { readonly documents: readonly FullDocument[]; readonly diagnostics: readonly Diagnostic[] } {
  const text = file.text.slice(start, end);
  const diagnostics: Diagnostic[] = [];
  const documents: FullDocument[] = [];
  const report = (title: string, from: number, to: number, help?: string): void => {
    // What is missing at the end is shown after the last thing that is there.
    const at = Math.min(from, Math.max(0, text.trimEnd().length - 1));
    const span = { file, start: start + at, end: start + Math.max(Math.min(to, text.length), at) };
    diagnostics.push(diagnostic({ code: "FL0101", title, primary: { span }, help }));
  };
  try {
    const parsed = parseAllDocuments(text, {
      schema: "failsafe", prettyErrors: false, uniqueKeys: true, logLevel: "silent",
    });
    for (const document of "empty" in parsed ? [] : parsed) {
      const known = diagnostics.length;
      for (const error of distinct([...document.errors, ...badTags(document)])) {
        const place = wording(error, text);
        report(place.title, error.pos[0], error.pos[1], place.help);
      }
      const walk: Walk = {
        document, tape, base: start, targets: new Map(), problems: [], count: 0, valueEnd: start,
      };
      const row = tape.length;
      const value = document.contents === null ? undefined : read(walk, document.contents, -1, -1);
      for (const { message, node } of walk.problems) {
        report(message, node.range?.[0] ?? 0, node.range?.[1] ?? 0);
      }
      documents.push({ value, row, broken: diagnostics.length > known });
    }
  } catch (thrown) {
    // The package recurses; a text made of a hundred thousand brackets exhausts the stack.
    if (!(thrown instanceof RangeError)) throw thrown;
    report(tooDeep, 0, 0);
  }
  return { documents, diagnostics };
}

const stackOverflow = /call stack|stack overflow/i;

/** One message for one place: a mistake often upsets the parser more than once there. */
function distinct(errors: readonly YAMLError[]): readonly YAMLError[] {
  const first = errors.filter((e, i) => errors.findIndex((f) => f.pos[0] === e.pos[0]) === i);
  const overflow = first.find((e) => stackOverflow.test(e.message));
  if (overflow) return [overflow];
  // A tab in the indentation makes everything after it wrong, too.
  const tabs = first.filter((e) => e.code === "TAB_AS_INDENT");
  return tabs.length > 0 ? tabs.slice(0, 1) : first;
}

function badTags(document: Document): readonly YAMLError[] {
  return document.warnings.filter(
    (w) => w.code === "TAG_RESOLVE_FAILED" && !w.message.includes("tag:yaml.org,2002:"),
  );
}

interface Wording {
  readonly title: string;
  readonly help?: string;
}

function wording(error: YAMLError, text: string): Wording {
  if (stackOverflow.test(error.message)) return { title: tooDeep };
  const source = text.slice(error.pos[0]).split(/[\s:]/, 1)[0] ?? "";
  switch (error.code) {
    case "DUPLICATE_KEY":
      return {
        title: `the key \`${source}\` stands twice in one map`,
        help: "delete one of the two, or merge what is below them",
      };
    case "TAB_AS_INDENT":
      return { title: "not valid YAML: a tab indents this line", help: "indent with spaces" };
    case "TAG_RESOLVE_FAILED":
      return { title: `not valid YAML here: the tag \`${source}\` means nothing in a manifest` };
    case "BLOCK_AS_IMPLICIT_KEY":
      return {
        title: "not valid YAML: a key has a value on its line and keys below it",
        help: "check the indentation; put the value in quotes if `: ` is part of it",
      };
    case "BAD_INDENT":
      return { title: "not valid YAML: the indentation fits no line above it" };
    default:
      return { title: `not valid YAML: ${lowerFirst(error.message)}` };
  }
}

function lowerFirst(message: string): string {
  const line = message.split("\n", 1)[0] ?? "";
  return line.slice(0, 1).toLowerCase() + line.slice(1).replace(/\.$/, "");
}

function read(w: Walk, node: Node, keyStart: number, keyEnd: number): unknown {
  if (++w.count > nodeCountMax) {
    if (w.count === nodeCountMax + 1) {
      w.problems.push({ message: "not valid here: aliases expand to too many values", node });
    }
    return null;
  }
  let [start, end] = placeOf(w, node);
  // An empty value stands where its key ends.
  if (start === end && keyEnd >= 0) start = end = keyEnd;
  w.valueEnd = end;
  if (isAlias(node)) {
    leaf(w.tape, keyStart, keyEnd, start, end);
    return aliasValue(w, node);
  }
  if (isMap<ParsedNode, ParsedNode>(node)) {
    const row = open(w.tape, keyStart, keyEnd, start);
    const value: Record<string, unknown> = {};
    for (const pair of node.items) readPair(w, pair, value);
    merge(w, node.items, value);
    finish(w, row, start, end, node.flow === true || node.items.length === 0);
    return value;
  }
  if (isSeq<ParsedNode>(node)) {
    const row = open(w.tape, keyStart, keyEnd, start);
    const value = node.items.map((item) => read(w, item, -1, -1));
    finish(w, row, start, end, node.flow === true || node.items.length === 0);
    return value;
  }
  leaf(w.tape, keyStart, keyEnd, start, end);
  return isScalar(node) ? scalarValue(node) : null;
}

/** A block collection ends where its last value does, not at the blank lines after it. */
function finish(w: Walk, row: number, start: number, end: number, flow: boolean): void {
  if (flow) w.valueEnd = end;
  setStart(w.tape, row, start);
  close(w.tape, row, w.valueEnd);
}

function placeOf(w: Walk, node: Node): readonly [number, number] {
  const range = node.range;
  return range ? [w.base + range[0], w.base + range[1]] : [w.valueEnd, w.valueEnd];
}

function readPair(w: Walk, pair: Pair<ParsedNode, ParsedNode | null>, into: object): void {
  const key = keyOf(w, pair.key);
  if (key === undefined || key === "<<") return;
  const [start, end] = placeOf(w, pair.key);
  let value: unknown = null;
  if (pair.value === null) {
    w.valueEnd = end;
    leaf(w.tape, start, end, end, end);
  } else {
    value = read(w, pair.value, start, end);
  }
  setOwn(into, key, value);
}

function setOwn(into: object, key: string, value: unknown): void {
  Object.defineProperty(into, key, { value, enumerable: true, writable: true, configurable: true });
}

function keyOf(w: Walk, key: ParsedNode): string | undefined {
  const target = isAlias(key) ? resolveAlias(w, key) : key;
  if (isScalar(target)) return target.source ?? String(target.value ?? "");
  w.problems.push({ message: "not valid here: a key has to be a string", node: key });
  return undefined;
}

/** `<<: *base` brings in the keys of `base` that the map itself does not have. */
function merge(
  w: Walk, pairs: readonly Pair<ParsedNode, ParsedNode | null>[], into: object,
): void {
  for (const pair of pairs) {
    if (!isScalar(pair.key) || pair.key.source !== "<<" || pair.key.type !== "PLAIN") continue;
    const sources = isSeq<ParsedNode>(pair.value) ? pair.value.items : [pair.value];
    for (const source of sources) {
      const map = isAlias(source) ? resolveAlias(w, source) : source;
      if (!isMap<ParsedNode, ParsedNode>(map)) {
        w.problems.push({ message: "not valid YAML: `<<` takes maps only", node: pair.key });
        continue;
      }
      const end = w.valueEnd;
      for (const inner of map.items) {
        const key = keyOf(w, inner.key);
        if (key !== undefined && !Object.hasOwn(into, key)) readPair(w, inner, into);
      }
      w.valueEnd = end;
    }
  }
}

function resolveAlias(w: Walk, alias: Alias): Node | undefined {
  if (!w.targets.has(alias)) w.targets.set(alias, alias.resolve(w.document));
  return w.targets.get(alias);
}

function aliasValue(w: Walk, node: Alias): unknown {
  const target = resolveAlias(w, node);
  if (target === undefined) {
    const message = `not valid YAML: no anchor \`&${node.source}\` stands before this alias`;
    w.problems.push({ message, node });
    return null;
  }
  if (target.range && node.range && node.range[0] < target.range[1]) {
    w.problems.push({ message: "not valid here: an alias stands inside its own anchor", node });
    return null;
  }
  const length = w.tape.length;
  const end = w.valueEnd;
  const value = read(w, target, -1, -1);
  w.tape.length = length;
  w.valueEnd = end;
  return value;
}

function scalarValue(node: Scalar): unknown {
  const text = typeof node.value === "string" ? node.value : (node.source ?? "");
  const tag = node.tag?.replace("tag:yaml.org,2002:", "");
  if (tag === "str" && node.source !== undefined) return text;
  if (node.type !== "PLAIN" && (tag === undefined || tag === "str")) return text;
  return resolvePlain(text);
}
