// Reads a plugin's configuration: a gateway port's name, or a table, or a JSON object; the forms:
// docs/envoy.md. It may be megabytes long, so that it is read through a window of
// the arena and a table in it is decoded right to its place.

import { arena, clearArena } from "../core/memory";
import { MAGIC } from "../core/format";
import {
  BUFFER_PLUGIN_CONFIGURATION, getBuffer, RESULT_OK, returned, returnedLen, returnedPtr,
} from "./abi";

const WINDOW: u32 = 65536;
const DEPTH_MAX: u32 = 32;

export const CONFIGURATION_OK: u32 = 0;
/** Envoy does not give the configuration. */
export const CONFIGURATION_UNREADABLE: u32 = 1;
export const CONFIGURATION_NOT_JSON: u32 = 2;

/** Length of the whole. */
let length: u32 = 0;
let windowAt: u32 = 0;
let windowLen: u32 = 0;
let windowPtr: usize = arena;
let position: u32 = 0;

/** The gateway port's name; length 0 where none is given. Kept apart from the window. */
export const portName: usize = memory.data(512, 8);
export const PORT_NAME_MAX: u32 = 512;
export let portNameLen: u32 = 0;
/** Whether a client may ask which table is served. */
export let reportsTable: bool = false;
/** Where a table begins, 0xffffffff where there is none. */
let tableAt: u32 = 0xffffffff;
let isBase64: bool = false;

/** The byte at `at`, or -1 past the end or where Envoy gives none. */
function byteAt(at: u32): i32 {
  if (at >= length) return -1;
  if (at < windowAt || at - windowAt >= windowLen) {
    clearArena();
    const status = getBuffer(BUFFER_PLUGIN_CONFIGURATION, at, WINDOW, returned, returned + 4);
    if (status != RESULT_OK || returnedLen() == 0) return -1;
    windowAt = at;
    windowLen = returnedLen();
    windowPtr = returnedPtr();
  }
  return load<u8>(windowPtr + (at - windowAt));
}

/** CONFIGURATION_*. */
export function readConfiguration(len: u32): u32 {
  length = len;
  windowLen = 0;
  position = 0;
  portNameLen = 0;
  reportsTable = false;
  tableAt = 0xffffffff;
  isBase64 = false;
  if (len == 0) return CONFIGURATION_OK;
  const first = skipSpace();
  if (first < 0) return CONFIGURATION_UNREADABLE;
  if (len >= 4 && isTable()) {
    tableAt = 0;
    return CONFIGURATION_OK;
  }
  if (first != 0x7b) return readName() ? CONFIGURATION_OK : CONFIGURATION_UNREADABLE;
  if (!readObject()) return CONFIGURATION_NOT_JSON;
  if (skipSpace() < 0) return CONFIGURATION_OK;
  // A table as bytes, unless the object has one already.
  if (hasTable()) return CONFIGURATION_NOT_JSON;
  tableAt = position;
  return CONFIGURATION_OK;
}

function isTable(): bool {
  for (let i: u32 = 0; i < 4; i++) if (<u32>byteAt(i) != ((MAGIC >> (i << 3)) & 0xff)) return false;
  return true;
}

function readName(): bool {
  if (length > PORT_NAME_MAX) return false;
  for (let i: u32 = 0; i < length; i++) store<u8>(portName + i, <u8>byteAt(i));
  portNameLen = length;
  return true;
}

export function hasTable(): bool {
  return tableAt != 0xffffffff;
}

// --- JSON (RFC 8259): what is not asked for is skipped ---

/** The first byte that is no white space. */
function skipSpace(): i32 {
  let byte = byteAt(position);
  while (byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09) byte = byteAt(++position);
  return byte;
}

function take(byte: i32): bool {
  if (skipSpace() != byte) return false;
  position += 1;
  return true;
}

const key: usize = memory.data(16, 8);
let keyLen: u32 = 0;

function readObject(): bool {
  if (!take(0x7b)) return false;
  if (take(0x7d)) return true;
  do {
    if (skipSpace() != 0x22) return false;
    keyLen = readString(key, 16);
    if (keyLen == 0xffffffff || !take(0x3a) || !readField()) return false;
  } while (take(0x2c));
  return take(0x7d);
}

function isKey(name: string): bool {
  if (keyLen != <u32>name.length) return false;
  for (let i: u32 = 0; i < keyLen; i++) {
    if (load<u8>(key + i) != load<u16>(changetype<usize>(name) + (i << 1))) return false;
  }
  return true;
}

function readField(): bool {
  const first = skipSpace();
  if (first == 0x22 && isKey("gatewayPort")) {
    portNameLen = readString(portName, PORT_NAME_MAX);
    return portNameLen <= PORT_NAME_MAX;
  }
  if (isKey("table")) {
    if (first != 0x22) return false;
    tableAt = position + 1;
    isBase64 = true;
  }
  if (isKey("reportTable")) reportsTable = first == 0x74;
  return skipValue();
}

/**
 * The string that begins here, to `to`; its length, which may be more than `max`, whereupon it was
 * cut off. 0xffffffff where it does not end, or has what neither names nor base64 can have.
 */
function readString(to: usize, max: u32): u32 {
  let len: u32 = 0;
  position += 1;
  let byte = byteAt(position++);
  while (byte != 0x22) {
    if (byte < 0x20) return 0xffffffff;
    if (byte == 0x5c) byte = readEscape();
    if (byte < 0) return 0xffffffff;
    if (len < max) store<u8>(to + len, <u8>byte);
    len += 1;
    byte = byteAt(position++);
  }
  return len;
}

/** What follows a backslash; characters past ASCII are as good as any other that we do not know. */
function readEscape(): i32 {
  const byte = byteAt(position++);
  if (byte != 0x75) return byte;
  let value = 0;
  for (let i = 0; i < 4; i++) {
    const digit = byteAt(position++) | 0x20;
    if (digit >= 0x30 && digit <= 0x39) value = value * 16 + digit - 0x30;
    else if (digit >= 0x61 && digit <= 0x66) value = value * 16 + digit - 0x57;
    else return -1;
  }
  return value < 0x80 ? value : 0x3f;
}

/** A value of any kind. Within objects and arrays only strings and brackets are told apart. */
function skipValue(): bool {
  let depth: u32 = 0;
  do {
    const byte = skipSpace();
    if (byte < 0) return false;
    if (byte == 0x22) {
      if (readString(key, 0) == 0xffffffff) return false;
    } else if (byte == 0x7b || byte == 0x5b) {
      if (++depth > DEPTH_MAX) return false;
      position += 1;
    } else if (byte == 0x7d || byte == 0x5d) {
      if (depth == 0) return false;
      depth -= 1;
      position += 1;
    } else if (depth && (byte == 0x2c || byte == 0x3a)) {
      position += 1;
    } else if (!skipWord()) return false;
  } while (depth);
  return true;
}

/** A number, true, false or null. */
function skipWord(): bool {
  const start = position;
  while (isWordByte(byteAt(position))) position += 1;
  return position > start;
}

function isWordByte(byte: i32): bool {
  return byte == 0x2b || byte == 0x2d || byte == 0x2e || (byte >= 0x30 && byte <= 0x39)
    || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}

// --- The table's bytes ---

/** Up to `max` bytes of the table to `to`, from its beginning; how many there were. */
export function copyTable(to: usize, max: u32): u32 {
  return isBase64 ? decode(to, max) : copy(to, max);
}

/** A bound for the table's length. */
export function tableLengthMax(): u32 {
  return length - tableAt;
}

function copy(to: usize, max: u32): u32 {
  const end = min(length - tableAt, max);
  let at: u32 = 0;
  while (at < end) {
    if (byteAt(tableAt + at) < 0) return at;
    const start = tableAt + at - windowAt;
    const count = min(windowLen - start, end - at);
    memory.copy(to + at, windowPtr + start, count);
    at += count;
  }
  return at;
}

/** RFC 4648 §4; padding and anything that is not base64 end it. */
function decode(to: usize, max: u32): u32 {
  position = tableAt;
  let len: u32 = 0;
  let bits: u32 = 0;
  let held: u32 = 0;
  while (len < max) {
    let byte = byteAt(position++);
    if (byte == 0x5c) byte = readEscape();
    const value = sextet(byte);
    if (value < 0) break;
    held = (held << 6) | <u32>value;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    store<u8>(to + len, <u8>(held >> bits));
    len += 1;
  }
  return len;
}

function sextet(byte: i32): i32 {
  if (byte >= 0x41 && byte <= 0x5a) return byte - 0x41;
  if (byte >= 0x61 && byte <= 0x7a) return byte - 0x47;
  if (byte >= 0x30 && byte <= 0x39) return byte + 4;
  return byte == 0x2b ? 62 : byte == 0x2f ? 63 : -1;
}
