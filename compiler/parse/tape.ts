// Where every part of a document stands, in as little memory as possible: a file of 100,000 routes
// has millions of parts, and spans are asked for by few of them. The parts are rows of five numbers
// in the order of the text; a part's children follow it.
//
//   +0 key's start (-1: no key)   +1 key's end   +2 value's start   +3 value's end
//   +4 the row after the last row of this part

import type { ValuePath } from "../manifest.ts";

const width = 5;

export interface Tape {
  rows: Int32Array;
  /** Count of rows in use. */
  length: number;
}

export function newTape(): Tape {
  return { rows: new Int32Array(width * 64), length: 0 };
}

/** Adds a part that starts here and returns its row; its children are added before `close`. */
export function open(tape: Tape, keyStart: number, keyEnd: number, start: number): number {
  const row = tape.length++;
  const at = row * width;
  if (at + width > tape.rows.length) {
    const larger = new Int32Array(tape.rows.length * 2);
    larger.set(tape.rows);
    tape.rows = larger;
  }
  tape.rows[at] = keyStart;
  tape.rows[at + 1] = keyEnd;
  tape.rows[at + 2] = start;
  tape.rows[at + 3] = start;
  tape.rows[at + 4] = row + 1;
  return row;
}

export function close(tape: Tape, row: number, end: number): void {
  tape.rows[row * width + 3] = end;
  tape.rows[row * width + 4] = tape.length;
}

/** Adds a part without children. */
export function leaf(
  tape: Tape, keyStart: number, keyEnd: number, start: number, end: number,
): void {
  tape.rows[open(tape, keyStart, keyEnd, start) * width + 3] = end;
}

/** Where a block collection starts is known only once its first child is read. */
export function setStart(tape: Tape, row: number, start: number): void {
  tape.rows[row * width + 2] = start;
}

export interface Place {
  readonly start: number;
  readonly end: number;
}

function cell(tape: Tape, row: number, column: number): number {
  return tape.rows[row * width + column] ?? -1;
}

export function valuePlace(tape: Tape, row: number): Place {
  return { start: cell(tape, row, 2), end: cell(tape, row, 3) };
}

/** Undefined for an item of a list and for the root. */
export function keyPlace(tape: Tape, row: number): Place | undefined {
  const start = cell(tape, row, 0);
  return start < 0 ? undefined : { start, end: cell(tape, row, 1) };
}

function keyEquals(text: string, start: number, end: number, key: string): boolean {
  const quote = text.charCodeAt(start);
  if (quote !== 34 && quote !== 39) {
    return end - start === key.length && text.startsWith(key, start);
  }
  const raw = text.slice(start, end);
  if (quote === 39) return raw.slice(1, -1).replaceAll("''", "'") === key;
  try {
    return JSON.parse(raw) === key;
  } catch {
    return raw.slice(1, -1) === key;
  }
}

/** The row of `step` below `row`, or -1. */
export function child(tape: Tape, row: number, step: string | number, text: string): number {
  const end = cell(tape, row, 4);
  let index = 0;
  for (let at = row + 1; at < end; at = cell(tape, at, 4)) {
    const keyStart = cell(tape, at, 0);
    if (typeof step === "number") {
      if (keyStart < 0 && index++ === step) return at;
    } else if (keyStart >= 0 && keyEquals(text, keyStart, cell(tape, at, 1), step)) {
      return at;
    }
  }
  return -1;
}

/** The rows of a list's items. */
export function itemRows(tape: Tape, row: number): readonly number[] {
  const rows: number[] = [];
  const end = cell(tape, row, 4);
  for (let at = row + 1; at < end; at = cell(tape, at, 4)) rows.push(at);
  return rows;
}

/** The row of `path` below `row`, or of its nearest parent that exists. */
export function find(
  tape: Tape, row: number, path: ValuePath, text: string,
): { readonly row: number; readonly exact: boolean } {
  let at = row;
  for (const step of path) {
    const next = child(tape, at, step, text);
    if (next < 0) return { row: at, exact: false };
    at = next;
  }
  return { row: at, exact: true };
}
