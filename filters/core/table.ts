// The table in use: where its sections are, and its strings.

import {
  HEADER_LENGTH, HEADER_SIZE, HEADER_STATE_LENGTH, SECTION_BACKENDS,
  SECTION_CONDITIONS, SECTION_MATCHES, SECTION_NAMES, SECTION_PATHS, SECTION_PATH_SLOTS,
  SECTION_STRINGS, SECTION_VIRTUAL_HOSTS,
} from "./format";

/** Address of the table, 0 while there is none. */
export let table: usize = 0;
let strings: usize = 0;

/** The mutable memory behind the table: request slots, an i32 for each backend, cursors. */
export let state: usize = 0;

/** Bytes of one request slot (slots.ts) and of one cursor (expression.ts). */
export const SLOT_SIZE: u32 = 12;
export const CURSOR_SIZE: u32 = 8;

// Where the sections are that every match looks into: what `section` and `count` say of them.
export let virtualHosts: usize = 0;
export let pathSlots: usize = 0;
export let pathPlaces: u32 = 0;
export let paths: usize = 0;
export let matches: usize = 0;
export let conditions: usize = 0;
/** Room for as many cursors as one request can need. */
export let cursors: usize = 0;

export function adopt(ptr: usize): void {
  table = ptr;
  strings = section(SECTION_STRINGS);
  state = ptr + load<u32>(ptr, HEADER_LENGTH);
  virtualHosts = section(SECTION_VIRTUAL_HOSTS);
  pathSlots = section(SECTION_PATH_SLOTS);
  pathPlaces = count(SECTION_PATH_SLOTS);
  paths = section(SECTION_PATHS);
  matches = section(SECTION_MATCHES);
  conditions = section(SECTION_CONDITIONS);
  cursors = credits() + (count(SECTION_BACKENDS) << 2);
}

/** Address of a section's first record. */
// @ts-ignore: decorator
@inline
export function section(id: u32): usize {
  return table + load<u32>(table + (id << 3), HEADER_SIZE);
}

/** Number of records in a section. */
// @ts-ignore: decorator
@inline
export function count(id: u32): u32 {
  return load<u32>(table + (id << 3), HEADER_SIZE + 4);
}

/** Address of the text at `offset` in STRINGS. */
// @ts-ignore: decorator
@inline
export function text(offset: u32): usize {
  return strings + offset;
}

/** Bytes of zeroed memory that the table at `ptr` asks for behind it. */
export function stateLengthOf(ptr: usize): u32 {
  return load<u32>(ptr, HEADER_STATE_LENGTH);
}

/** One i32 for each backend: what weighted round robin owes it. */
// @ts-ignore: decorator
@inline
export function credits(): usize {
  return state + slotCount() * SLOT_SIZE;
}

/** How many request slots this table uses: the fixed three and one for each name. */
// @ts-ignore: decorator
@inline
export function slotCount(): u32 {
  return 3 + count(SECTION_NAMES);
}
