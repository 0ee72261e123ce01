// A quick reader for the YAML that manifests are nearly always written in: block maps and lists,
// plain and quoted scalars on one line, flow collections and JSON. It is about thirty times as fast
// as the `yaml` package (test/front holds the two equal), and it never judges: whatever is unusual
// or wrong is declined, and the package reads that document and reports its errors.

import { resolvePlain } from "./scalar.ts";
import { close, leaf, open, setStart, type Tape } from "./tape.ts";

interface Reader {
  readonly text: string;
  readonly end: number;
  readonly tape: Tape;
  at: number;
  /** Column of `at`, when `at` is the first character of a line's content; -1 at the end. */
  indent: number;
  lineStart: number;
  depth: number;
  /** Where the last value ended. */
  valueEnd: number;
}

const declined = Symbol("declined");
const depthMax = 100;
const keyLengthMax = 1000;
const byteOrderMark = 0xfeff;

const [tab, newline, carriage, space, quote, hash, apostrophe, comma, dash, colon] =
  [9, 10, 13, 32, 34, 35, 39, 44, 45, 58] as const;
const [openList, backslash, closeList, openMap, closeMap] = [91, 92, 93, 123, 125] as const;
/** Characters that start something other than a plain scalar. */
const special = new Set([..."&*!|>%@`?,]}#:-"].map((c) => c.charCodeAt(0)));

/** The value of `text[start, end)` with its places on `tape`, or `declined`. */
export function readQuick(
  text: string, start: number, end: number, tape: Tape,
): { readonly value: unknown } | undefined {
  const before = tape.length;
  const r: Reader =
    { text, end, tape, at: start, indent: 0, lineStart: start, depth: 0, valueEnd: start };
  try {
    if (start === 0 || text.charCodeAt(start - 1) === byteOrderMark) lineContent(r, start);
    else restOfLine(r);
    if (r.indent < 0) return { value: undefined };
    const value = block(r, -1, -1);
    if (r.indent >= 0) throw declined;
    return { value };
  } catch (thrown) {
    if (thrown !== declined) throw thrown;
    tape.length = before;
    return undefined;
  }
}

/** Accepts only blanks or a comment up to the line's end, then goes to the next content. */
function restOfLine(r: Reader): void {
  const { text, end } = r;
  const from = r.at;
  while (r.at < end && text.charCodeAt(r.at) === space) r.at++;
  const c = r.at < end ? text.charCodeAt(r.at) : newline;
  if (c === hash && r.at > from) return nextContent(r);
  if (c !== newline && !(c === carriage && text.charCodeAt(r.at + 1) === newline)) throw declined;
  nextContent(r);
}

/** Goes to the first character of the next line that has content. */
function nextContent(r: Reader): void {
  const lineEnd = r.text.indexOf("\n", r.at);
  lineContent(r, lineEnd < 0 ? r.end : lineEnd + 1);
}

/** Goes to the first content of the line at `lineStart`, or of the next line that has any. */
function lineContent(r: Reader, firstLine: number): void {
  const { text, end } = r;
  for (let lineStart = firstLine; lineStart < end; ) {
    let at = lineStart;
    while (at < end && text.charCodeAt(at) === space) at++;
    const c = at < end ? text.charCodeAt(at) : newline;
    if (c === tab) throw declined;
    const blank = c === newline || (c === carriage && text.charCodeAt(at + 1) === newline);
    if (!blank && c !== hash) {
      // This ends the document.
      if (c === 46 && at === lineStart && text.startsWith("...", at)) throw declined;
      r.at = at;
      r.lineStart = lineStart;
      r.indent = at - lineStart;
      return;
    }
    const lineEnd = text.indexOf("\n", at);
    lineStart = lineEnd < 0 ? end : lineEnd + 1;
  }
  r.at = end;
  r.indent = -1;
}

function isBreak(r: Reader, at: number): boolean {
  if (at >= r.end) return true;
  const c = r.text.charCodeAt(at);
  return c === space || c === newline || c === carriage;
}

function isDash(r: Reader): boolean {
  return r.text.charCodeAt(r.at) === dash && isBreak(r, r.at + 1);
}

/** A block collection, or a flow collection, whose first character is at `r.at`. */
function block(r: Reader, keyStart: number, keyEnd: number): unknown {
  if (++r.depth > depthMax) throw declined;
  const column = r.at - r.lineStart;
  let value: unknown;
  if (isDash(r)) value = list(r, keyStart, keyEnd, column);
  else if (keyLength(r) >= 0) value = map(r, keyStart, keyEnd, column);
  else {
    const c = r.text.charCodeAt(r.at);
    // A scalar alone on a line may go on on the next one.
    if (c !== openMap && c !== openList) throw declined;
    value = flow(r, keyStart, keyEnd, keyStart < 0 ? -1 : column - 1);
    restOfLine(r);
  }
  r.depth--;
  return value;
}

/** Length of the key at `r.at`, up to its colon, or -1 where there is no key. */
function keyLength(r: Reader): number {
  const { text, at } = r;
  const first = text.charCodeAt(at);
  if (first === quote || first === apostrophe) {
    const end = quotedEnd(r, at);
    return text.charCodeAt(end) === colon && isBreak(r, end + 1) ? end - at : -1;
  }
  if (special.has(first) && !(first === dash && !isBreak(r, at + 1))) throw declined;
  if (first === openMap || first === openList) return -1;
  for (let p = at; p < r.end; p++) {
    const c = text.charCodeAt(p);
    if (c === colon && isBreak(r, p + 1)) {
      if (p - at > keyLengthMax || p === at) throw declined;
      return p - at;
    }
    if (c === newline || c === tab) return -1;
    // The package knows what these mean within a key; they are rare.
    if (c === hash || (c === space && text.charCodeAt(p + 1) === colon)) throw declined;
  }
  return -1;
}

function keyText(r: Reader, length: number): string {
  const first = r.text.charCodeAt(r.at);
  const raw = r.text.slice(r.at, r.at + length);
  const key = first === quote || first === apostrophe ? unquote(raw) : raw;
  if (key === "__proto__" || (key === raw && (key === "<<" || key === "~" || key === "null"))) {
    throw declined;
  }
  return key;
}

function map(r: Reader, keyStart: number, keyEnd: number, indent: number): unknown {
  const row = open(r.tape, keyStart, keyEnd, r.at);
  const value: Record<string, unknown> = {};
  r.indent = indent;
  while (r.indent === indent) {
    if (isDash(r)) throw declined;
    const length = keyLength(r);
    if (length < 0) throw declined;
    const key = keyText(r, length);
    if (Object.hasOwn(value, key)) throw declined;
    const start = r.at;
    r.at += length + 1;
    value[key] = entry(r, start, start + length, indent, true);
  }
  if (r.indent > indent) throw declined;
  close(r.tape, row, r.valueEnd);
  return value;
}

function list(r: Reader, keyStart: number, keyEnd: number, indent: number): unknown {
  const row = open(r.tape, keyStart, keyEnd, r.at);
  const value: unknown[] = [];
  r.indent = indent;
  while (r.indent === indent && isDash(r)) {
    r.at++;
    while (r.at < r.end && r.text.charCodeAt(r.at) === space) r.at++;
    const c = r.at < r.end ? r.text.charCodeAt(r.at) : newline;
    const nested = c !== newline && c !== carriage && c !== hash && c !== openMap
      && c !== openList && (isDash(r) || keyLength(r) >= 0);
    value.push(nested ? block(r, -1, -1) : entry(r, -1, -1, indent, false));
  }
  if (r.indent > indent) throw declined;
  close(r.tape, row, r.valueEnd);
  return value;
}

/** What follows a key's colon or a dash. `r` is then at the next line's content. */
function entry(
  r: Reader, keyStart: number, keyEnd: number, indent: number, inMap: boolean,
): unknown {
  const { text } = r;
  // An empty value stands where its key ends.
  const after = keyEnd < 0 ? r.at : keyEnd;
  while (r.at < r.end && text.charCodeAt(r.at) === space) r.at++;
  const c = r.at < r.end ? text.charCodeAt(r.at) : newline;
  if (c === newline || c === hash || (c === carriage && text.charCodeAt(r.at + 1) === newline)) {
    r.valueEnd = after;
    nextContent(r);
    if (r.indent > indent || (inMap && r.indent === indent && isDash(r))) {
      return block(r, keyStart, keyEnd);
    }
    leaf(r.tape, keyStart, keyEnd, after, after);
    return null;
  }
  if (c === openMap || c === openList) {
    const value = flow(r, keyStart, keyEnd, indent);
    restOfLine(r);
    if (r.indent > indent) throw declined;
    return value;
  }
  const start = r.at;
  const value = c === quote || c === apostrophe ? quotedScalar(r, start) : plainScalar(r, start);
  leaf(r.tape, keyStart, keyEnd, start, r.at);
  r.valueEnd = r.at;
  restOfLine(r);
  if (r.indent > indent) throw declined;
  return value;
}

function plainScalar(r: Reader, start: number): unknown {
  const { text } = r;
  const first = text.charCodeAt(start);
  if (special.has(first) && (first !== dash || isBreak(r, start + 1))) throw declined;
  let p = start;
  for (; p < r.end; p++) {
    const c = text.charCodeAt(p);
    if (c === newline) break;
    if (c === tab || (c === colon && isBreak(r, p + 1))) throw declined;
    if (c === carriage && text.charCodeAt(p + 1) !== newline) throw declined;
    if (c === hash && text.charCodeAt(p - 1) === space) break;
  }
  while (p > start && isBreak(r, p - 1)) p--;
  r.at = p;
  return resolvePlain(text.slice(start, p));
}

function quotedScalar(r: Reader, start: number): string {
  r.at = quotedEnd(r, start);
  return unquote(r.text.slice(start, r.at));
}

/** The offset after the closing quote, which has to stand on the same line. */
function quotedEnd(r: Reader, start: number): number {
  const { text } = r;
  const mark = text.charCodeAt(start);
  for (let p = start + 1; p < r.end; p++) {
    const c = text.charCodeAt(p);
    if (c === newline || c === tab) throw declined;
    if (c === backslash && mark === quote) p++;
    else if (c === mark) {
      if (mark === quote || text.charCodeAt(p + 1) !== apostrophe) return p + 1;
      p++;
    }
  }
  throw declined;
}

function unquote(raw: string): string {
  const inner = raw.slice(1, -1);
  if (raw.charCodeAt(0) === apostrophe) return inner.replaceAll("''", "'");
  if (!inner.includes("\\")) return inner;
  try {
    return String(JSON.parse(raw));
  } catch {
    throw declined;
  }
}

/** Goes over blanks and line ends inside a flow collection. */
function flowGap(r: Reader, parentIndent: number): number {
  const { text, end } = r;
  for (; r.at < end; r.at++) {
    const c = text.charCodeAt(r.at);
    if (c === newline) {
      r.lineStart = r.at + 1;
      continue;
    }
    if (c === space || (c === carriage && text.charCodeAt(r.at + 1) === newline)) continue;
    // To the package a carriage return by itself belongs to the text behind it.
    if (c === hash || c === tab || c === carriage) throw declined;
    if (r.at - r.lineStart <= parentIndent) throw declined;
    return c;
  }
  throw declined;
}

function flow(r: Reader, keyStart: number, keyEnd: number, parentIndent: number): unknown {
  const c = r.text.charCodeAt(r.at);
  const start = r.at;
  if (c !== openMap && c !== openList) {
    const value = c === quote || c === apostrophe ? quotedScalar(r, start) : flowPlain(r, start);
    leaf(r.tape, keyStart, keyEnd, start, r.at);
    return value;
  }
  if (++r.depth > depthMax) throw declined;
  const row = open(r.tape, keyStart, keyEnd, start);
  r.at++;
  const value = c === openMap ? flowMap(r, parentIndent) : flowList(r, parentIndent);
  r.at++;
  setStart(r.tape, row, start);
  close(r.tape, row, r.at);
  r.valueEnd = r.at;
  r.depth--;
  return value;
}

function flowList(r: Reader, parentIndent: number): unknown {
  const value: unknown[] = [];
  let c = flowGap(r, parentIndent);
  while (c !== closeList) {
    value.push(flow(r, -1, -1, parentIndent));
    c = flowGap(r, parentIndent);
    if (c === comma) {
      r.at++;
      c = flowGap(r, parentIndent);
    } else if (c !== closeList) throw declined;
  }
  return value;
}

function flowMap(r: Reader, parentIndent: number): unknown {
  const value: Record<string, unknown> = {};
  let c = flowGap(r, parentIndent);
  while (c !== closeMap) {
    const start = r.at;
    const quoted = c === quote || c === apostrophe;
    const length = quoted ? quotedEnd(r, start) - start : flowKeyLength(r);
    const key = keyText(r, length);
    if (Object.hasOwn(value, key)) throw declined;
    r.at = start + length;
    if (r.text.charCodeAt(r.at) !== colon) throw declined;
    if (!quoted && !isBreak(r, r.at + 1)) throw declined;
    r.at++;
    c = flowGap(r, parentIndent);
    if (c === comma || c === closeMap) {
      leaf(r.tape, start, start + length, start + length, start + length);
      value[key] = null;
    } else {
      value[key] = flow(r, start, start + length, parentIndent);
      c = flowGap(r, parentIndent);
    }
    if (c === comma) {
      r.at++;
      c = flowGap(r, parentIndent);
    } else if (c !== closeMap) throw declined;
  }
  return value;
}

function flowKeyLength(r: Reader): number {
  const first = r.text.charCodeAt(r.at);
  if (special.has(first) || first === openMap || first === openList) throw declined;
  for (let p = r.at; p < r.end; p++) {
    const c = r.text.charCodeAt(p);
    if (c === colon) return p - r.at;
    if (c === space || c === newline || c === comma || c === closeMap || c === closeList) break;
    if (c === openMap || c === openList || c === hash || c === tab) break;
  }
  throw declined;
}

function flowPlain(r: Reader, start: number): unknown {
  const { text } = r;
  const first = text.charCodeAt(start);
  if (special.has(first) && (first !== dash || isBreak(r, start + 1))) throw declined;
  let p = start;
  for (; p < r.end; p++) {
    const c = text.charCodeAt(p);
    if (c === newline || c === comma || c === closeMap || c === closeList) break;
    if (c === openMap || c === openList || c === tab || c === hash) throw declined;
    if (c === colon) {
      const next = text.charCodeAt(p + 1);
      if (isBreak(r, p + 1) || next === comma || next === closeMap || next === closeList) {
        throw declined;
      }
    }
  }
  while (p > start && isBreak(r, p - 1)) p--;
  if (p === start || (p - start === 1 && first === dash)) throw declined;
  r.at = p;
  return resolvePlain(text.slice(start, p));
}
