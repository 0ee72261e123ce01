// The line of a label, cut to a readable length, with the marks below it aligned.

import type { Label } from "../diagnostic.ts";
import { formatSpan, lineText, positionAt, type Span } from "../source.ts";

export interface Excerpt {
  /** `routes/store.yaml:21:17` */
  readonly place: string;
  readonly line: number;
  readonly source: string;
  readonly indent: string;
  readonly underline: string;
  readonly mark: "^" | "-";
  readonly text?: string;
}

const tabWidth = 4;
/** Longer lines (JSON on one line) are cut to this many characters around the label. */
const lineLengthMax = 100;
const contextLength = 30;

export function excerpt(label: Label, mark: "^" | "-"): Excerpt {
  const { span, text } = label;
  const { line } = positionAt(span.file, span.start);
  const source = lineText(span.file, line);
  const from = Math.min(offsetInLine(span), source.length);
  const to = Math.max(from, Math.min(from + span.end - span.start, source.trimEnd().length));
  const [cutFrom, cutTo] = window(source, from, to);
  const head = cutFrom > 0 ? "…" : "";
  const tail = cutTo < source.length ? "…" : "";
  const before = head + source.slice(cutFrom, from);
  const marked = source.slice(from, Math.min(to, cutTo));
  const after = source.slice(Math.min(to, cutTo), cutTo) + tail;
  const indentWidth = widthOf(before, 0);
  return {
    place: formatSpan(span),
    line,
    source: expand(before + marked + after),
    indent: " ".repeat(indentWidth),
    underline: mark.repeat(Math.max(1, widthOf(marked, indentWidth) - indentWidth)),
    mark,
    ...(text !== undefined && { text }),
  };
}

function offsetInLine(span: Span): number {
  return span.start - (span.file.text.lastIndexOf("\n", span.start - 1) + 1);
}

function window(source: string, from: number, to: number): readonly [number, number] {
  if (source.length <= lineLengthMax) return [0, source.length];
  const start = Math.max(0, from - contextLength);
  const end = Math.min(source.length, Math.max(start + lineLengthMax, from + 1));
  const wanted = to + contextLength;
  return [start, Math.max(from + 1, Math.min(end, Math.max(wanted, start + lineLengthMax)))];
}

function expand(text: string): string {
  let out = "";
  let column = 0;
  for (const c of text) {
    const width = c === "\t" ? tabWidth - (column % tabWidth) : charWidth(c);
    out += c === "\t" ? " ".repeat(width) : printable(c);
    column += width;
  }
  return out;
}

/** A control character in a file must not steer the terminal. */
function printable(c: string): string {
  const point = c.codePointAt(0) ?? 0;
  return point < 32 || (point >= 127 && point < 160) ? "�" : c;
}

/** The column after `text`, if it starts at `column`. */
function widthOf(text: string, start: number): number {
  let column = start;
  for (const c of text) {
    column += c === "\t" ? tabWidth - (column % tabWidth) : charWidth(c);
  }
  return column;
}

const combining = /^[\p{Mn}\p{Me}\u200b-\u200f\ufe00-\ufe0f]$/u;
/** First and last code points of the ranges that terminals show two columns wide. */
const wide: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f], [0x2e80, 0x303e], [0x3041, 0xa4cf], [0xac00, 0xd7a3], [0xf900, 0xfaff],
  [0xfe30, 0xfe6f], [0xff01, 0xff60], [0xffe0, 0xffe6], [0x1f300, 0x1f64f], [0x1f680, 0x1f9ff],
  [0x20000, 0x3fffd],
];

function charWidth(c: string): number {
  const point = c.codePointAt(0) ?? 0;
  if (point < 0x300) return 1;
  if (combining.test(c)) return 0;
  return wide.some(([first, last]) => point >= first && point <= last) ? 2 : 1;
}
