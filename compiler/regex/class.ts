// Escapes, and everything that stands for one code point of a set: [...], \d, \pN, [:alpha:].

import { accept, looking, refuse, since, take, type Cursor } from "./cursor.ts";
import { negate, normal, RUNE_MAX, type Ranges } from "./ranges.ts";
import { foldClosure, group, perlGroups, posixGroups, unicodeGroup } from "./unicode.ts";

const controls: ReadonlyMap<string, number> = new Map([
  ["a", 0x07], ["f", 0x0c], ["n", 0x0a], ["r", 0x0d], ["t", 0x09], ["v", 0x0b],
]);

/** At "[": the set up to its "]". */
export function parseBracket(cursor: Cursor, fold: boolean): Ranges {
  const start = cursor.at;
  cursor.at += 1;
  const negative = accept(cursor, "^");
  const pairs: number[] = [];
  // A "]" that comes first is a member.
  for (let first = true; first || !looking(cursor, "]"); first = false) {
    if (cursor.at >= cursor.pattern.length) {
      refuse(`missing closing \`]\` of ${since(cursor, start)}`, start);
    }
    const ranges = parsePosix(cursor, fold) ?? parseNamed(cursor, fold)
      ?? foldIf(fold, parseRange(cursor, start));
    for (const bound of ranges) pairs.push(bound);
  }
  cursor.at += 1;
  const ranges = normal(pairs);
  return negative ? negate(ranges) : ranges;
}

function foldIf(fold: boolean, ranges: Ranges): Ranges {
  return fold ? foldClosure(ranges) : ranges;
}

/** `a` or `a-z`; a "-" before the closing "]" is a member. */
function parseRange(cursor: Cursor, bracket: number): Ranges {
  const start = cursor.at;
  const low = parseMember(cursor, bracket);
  const next = cursor.pattern[cursor.at + 1];
  if (!looking(cursor, "-") || next === undefined || next === "]") return [low, low];
  cursor.at += 1;
  const high = parseMember(cursor, bracket);
  if (high < low) refuse(`invalid character class range ${since(cursor, start)}`, start);
  return [low, high];
}

function parseMember(cursor: Cursor, bracket: number): number {
  if (looking(cursor, "\\")) return parseEscape(cursor);
  const rune = take(cursor);
  return rune ?? refuse(`missing closing \`]\` of ${since(cursor, bracket)}`, bracket);
}

/** `[:alpha:]` or `[:^alpha:]`; "[:" without ":]" is just two members. */
function parsePosix(cursor: Cursor, fold: boolean): Ranges | undefined {
  if (!looking(cursor, "[:")) return undefined;
  const start = cursor.at;
  const end = cursor.pattern.indexOf(":]", start + 2);
  if (end < 0) return undefined;
  cursor.at = end + 2;
  const negative = cursor.pattern[start + 2] === "^";
  const ranges = posixGroups.get(cursor.pattern.slice(start + (negative ? 3 : 2), end));
  if (ranges === undefined) {
    refuse(`no character class is called ${since(cursor, start)}`, start);
  }
  return group(ranges, negative, fold);
}

/** `\d`, `\pN`, `\p{Greek}` and their negations; undefined where something else stands. */
export function parseNamed(cursor: Cursor, fold: boolean): Ranges | undefined {
  const start = cursor.at;
  const letter = cursor.pattern[start + 1];
  if (!looking(cursor, "\\") || letter === undefined) return undefined;
  const perl = perlGroups.get(letter.toLowerCase());
  if (perl !== undefined) {
    cursor.at += 2;
    return group(perl, letter !== letter.toLowerCase(), fold);
  }
  if (letter !== "p" && letter !== "P") return undefined;
  cursor.at += 2;
  const name = parseGroupName(cursor, start);
  const inverted = name.startsWith("^");
  const ranges = unicodeGroup(inverted ? name.slice(1) : name);
  if (ranges === undefined) {
    refuse(`no Unicode class is called ${since(cursor, start)}`, start);
  }
  return group(ranges, (letter === "P") !== inverted, fold);
}

function parseGroupName(cursor: Cursor, start: number): string {
  if (!looking(cursor, "{")) {
    const rune = take(cursor);
    return rune === undefined ? "" : String.fromCodePoint(rune);
  }
  const end = cursor.pattern.indexOf("}", cursor.at);
  if (end < 0) {
    cursor.at = cursor.pattern.length;
    refuse(`missing closing \`}\` of ${since(cursor, start)}`, start);
  }
  const name = cursor.pattern.slice(cursor.at + 1, end);
  cursor.at = end + 1;
  return name;
}

/** At a backslash: the one code point that the escape stands for. */
export function parseEscape(cursor: Cursor): number {
  const start = cursor.at;
  cursor.at += 1;
  const rune = take(cursor);
  if (rune === undefined) refuse("trailing backslash", start);
  const letter = String.fromCodePoint(rune);
  const value = /[0-7]/.test(letter) ? octal(cursor, letter)
    : letter === "x" ? hexadecimal(cursor)
    : controls.get(letter) ?? (/[\0-\x7f]/.test(letter) && !/[0-9A-Za-z]/.test(letter)
      ? rune : undefined);
  return value ?? refuse(`invalid escape sequence ${since(cursor, start)}`, start);
}

/** Up to three digits; a single one that is not 0 would be a back reference. */
function octal(cursor: Cursor, first: string): number | undefined {
  const more = /^[0-7]{0,2}/.exec(cursor.pattern.slice(cursor.at, cursor.at + 2))?.[0] ?? "";
  if (first !== "0" && more === "") return undefined;
  cursor.at += more.length;
  return Number.parseInt(first + more, 8);
}

function hexadecimal(cursor: Cursor): number | undefined {
  if (!looking(cursor, "{")) {
    const digits = cursor.pattern.slice(cursor.at, cursor.at + 2);
    if (!/^[0-9A-Fa-f]{2}$/.test(digits)) return undefined;
    cursor.at += 2;
    return Number.parseInt(digits, 16);
  }
  const end = cursor.pattern.indexOf("}", cursor.at);
  const digits = cursor.pattern.slice(cursor.at + 1, Math.max(end, 0));
  if (!/^[0-9A-Fa-f]+$/.test(digits)) return undefined;
  cursor.at = end + 1;
  const value = Number.parseInt(digits, 16);
  return value <= RUNE_MAX ? value : undefined;
}
