// Header compression of HTTP/2 (RFC 7541). What we send is written as it is, since a connection
// carries one request; what we get may use all of it.

import type { Header } from "./http1.ts";

/** Entries 1 to 61, names and values in turn (appendix A). */
const staticTable: readonly Header[] = [
  ":authority=", ":method=GET", ":method=POST", ":path=/", ":path=/index.html", ":scheme=http",
  ":scheme=https", ":status=200", ":status=204", ":status=206", ":status=304", ":status=400",
  ":status=404", ":status=500", "accept-charset=", "accept-encoding=gzip, deflate",
  "accept-language=", "accept-ranges=", "accept=", "access-control-allow-origin=", "age=", "allow=",
  "authorization=", "cache-control=", "content-disposition=", "content-encoding=",
  "content-language=", "content-length=", "content-location=", "content-range=", "content-type=",
  "cookie=", "date=", "etag=", "expect=", "expires=", "from=", "host=", "if-match=",
  "if-modified-since=", "if-none-match=", "if-range=", "if-unmodified-since=", "last-modified=",
  "link=", "location=", "max-forwards=", "proxy-authenticate=", "proxy-authorization=", "range=",
  "referer=", "refresh=", "retry-after=", "server=", "set-cookie=", "strict-transport-security=",
  "transfer-encoding=", "user-agent=", "vary=", "via=", "www-authenticate=",
].map((entry) => {
  const equals = entry.indexOf("=");
  return [entry.slice(0, equals), entry.slice(equals + 1)];
});

/**
 * The lengths of the Huffman codes of the symbols 0 to 256, one letter each ("e" for 5 bits); the
 * code is canonical, so that they tell all of it (appendix B).
 */
const codeLengths = "mw|||||||x~||~||||||||~|||||||||fjjlmfhkjjhkhfffeeefffffffghofljmf"
  + "gggggggggggggggggggggghghmsmnfoefefefffeggfffefgfeefgggggoknm|tvtt"
  + "vvvwvwwwwwxwxxvwxwwwwuvwvwwxvutvvwwuwvvxuvwwuuvuwvwwtvvvwvvwzztsvw"
  + "vyzzz{{zxysuz{{z{xuuzz|{{{txtuvuuwvvyyxxzwz{zz{{{{{|{{{{{z~";

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** A header block without compression: literals that no table is to remember. */
export function encodeHeaders(headers: readonly Header[]): Uint8Array {
  const bytes: number[] = [];
  const put = (text: string): void => {
    const encoded = utf8.encode(text);
    bytes.push(...integer(encoded.length, 7, 0));
    for (const byte of encoded) bytes.push(byte);
  };
  for (const [name, value] of headers) {
    bytes.push(0);
    put(name);
    put(value);
  }
  return Uint8Array.from(bytes);
}

function integer(value: number, bits: number, first: number): number[] {
  const most = 2 ** bits - 1;
  if (value < most) return [first | value];
  const bytes = [first | most];
  let left = value - most;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push(left % 128 | 128);
  return [...bytes, left];
}

/** The dynamic table of a connection's other side. */
export interface HeaderTable {
  entries: Header[];
  size: number;
}

const tableSizeMax = 4096;

export function startHeaderTable(): HeaderTable {
  return { entries: [], size: tableSizeMax };
}

const sizeOf = ([name, value]: Header): number =>
  32 + utf8.encode(name).length + utf8.encode(value).length;

function fit(table: HeaderTable, more: readonly Header[] = []): void {
  table.entries.unshift(...more);
  let size = table.entries.reduce((sum, entry) => sum + sizeOf(entry), 0);
  while (size > table.size) {
    const last = table.entries.pop();
    if (last === undefined) return;
    size -= sizeOf(last);
  }
}

/** The fields of a block; undefined where it is malformed. */
export function decodeHeaders(table: HeaderTable, bytes: Uint8Array): Header[] | undefined {
  const cursor: Cursor = { bytes, at: 0, isBroken: false };
  const headers: Header[] = [];
  while (cursor.at < bytes.length && !cursor.isBroken) {
    const first = bytes[cursor.at] ?? 0;
    if ((first & 0xe0) === 0x20) {
      table.size = readInteger(cursor, 5);
      if (table.size > tableSizeMax) return undefined;
      fit(table);
      continue;
    }
    const isIndexed = first >= 0x80;
    const isKept = (first & 0xc0) === 0x40;
    const index = readInteger(cursor, isIndexed ? 7 : isKept ? 6 : 4);
    const entry = staticTable[index - 1] ?? table.entries[index - 1 - staticTable.length];
    if ((isIndexed || index > 0) && entry === undefined) return undefined;
    if (isIndexed && entry !== undefined) {
      headers.push(entry);
      continue;
    }
    const name = index > 0 && entry !== undefined ? entry[0] : readText(cursor);
    const header: Header = [name, readText(cursor)];
    headers.push(header);
    if (isKept) fit(table, [header]);
  }
  return cursor.isBroken ? undefined : headers;
}

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
  isBroken: boolean;
}

function readInteger(cursor: Cursor, bits: number): number {
  const most = 2 ** bits - 1;
  let value = (cursor.bytes[cursor.at] ?? 0) & most;
  cursor.at += 1;
  if (value < most) return value;
  for (let shift = 0; shift <= 28; shift += 7) {
    const byte = cursor.bytes[cursor.at];
    if (byte === undefined) break;
    cursor.at += 1;
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return value;
  }
  cursor.isBroken = true;
  return 0;
}

function readText(cursor: Cursor): string {
  const isCoded = (cursor.bytes[cursor.at] ?? 0) >= 0x80;
  const length = readInteger(cursor, 7);
  const end = cursor.at + length;
  if (cursor.isBroken || end > cursor.bytes.length) {
    cursor.isBroken = true;
    return "";
  }
  const part = cursor.bytes.subarray(cursor.at, end);
  cursor.at = end;
  if (!isCoded) return fromUtf8.decode(part);
  const plain = uncode(part);
  if (plain === undefined) cursor.isBroken = true;
  return fromUtf8.decode(plain ?? new Uint8Array(0));
}

let symbols: ReadonlyMap<number, number> | undefined;

/** By a code with a 1 before it, so that its length counts. */
function symbolsByCode(): ReadonlyMap<number, number> {
  if (symbols !== undefined) return symbols;
  const made = new Map<number, number>();
  let code = 0;
  for (let length = 5; length <= 30; length += 1) {
    code *= 2;
    for (let symbol = 0; symbol < codeLengths.length; symbol += 1) {
      if (codeLengths.charCodeAt(symbol) - 96 !== length) continue;
      made.set(2 ** length + code, symbol);
      code += 1;
    }
  }
  symbols = made;
  return made;
}

function uncode(bytes: Uint8Array): Uint8Array | undefined {
  const table = symbolsByCode();
  const plain: number[] = [];
  let code = 1;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit -= 1) {
      code = code * 2 + ((byte >> bit) & 1);
      const symbol = table.get(code);
      if (symbol === 256 || code >= 2 ** 31) return undefined;
      if (symbol === undefined) continue;
      plain.push(symbol);
      code = 1;
    }
  }
  // What is left is padding: fewer than eight bits, all of them 1.
  return code < 256 && Number.isInteger(Math.log2(code + 1)) ? Uint8Array.from(plain) : undefined;
}
