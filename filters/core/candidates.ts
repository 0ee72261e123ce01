// The matches that could take the request, in order of precedence. Each record that fits opens a
// cursor over its matches, which are in order; of several cursors the best rank's match is next.

import {
  ABSENT, CONDITION_HEADER_EXACT, DISCRIMINATOR_END, DISCRIMINATOR_KIND, DISCRIMINATOR_NAME,
  DISCRIMINATOR_NAME_LEN, DISCRIMINATOR_PATH, DISCRIMINATOR_SIZE, HASH_SLOT_INDEX, HASH_SLOT_SIZE,
  HASH_SLOT_TAG, MATCH_METHOD, MATCH_SIZE, NONE, PATH_FIRST_MATCH, PATH_LEN_KIND, PATH_LEN_SHIFT,
  PATH_OFF, PATH_SIZE, PATH_SPLIT, PATH_VALUE, SECTION_DISCRIMINATORS, SLOT_HEADERS, SLOT_PATH,
} from "./format";
import { absorb, finish, home, seed } from "./hash";
import { equal } from "./memory";
import { findParameter, parameterLength, parameterValue } from "./query";
import { addressOf, known, lengthOf } from "./slots";
import {
  count, cursors, CURSOR_SIZE, matches, paths, pathPlaces, pathSlots, section, text,
} from "./table";

/** Cursors in use: (next match, end of the record's matches). */
let open: u32 = 0;

export function closeAll(): void {
  open = 0;
}

/** Opens a cursor over the matches of a PATHS record. */
export function openMatches(index: u32): void {
  const record = paths + index * PATH_SIZE;
  const cursor = cursors + open * CURSOR_SIZE;
  store<u32>(cursor, load<u32>(record, PATH_FIRST_MATCH));
  store<u32>(cursor, load<u32>(record, PATH_SIZE + PATH_FIRST_MATCH), 4);
  open += 1;
}

/**
 * Opens a path's record, and with it the one for the request's value of its discriminator. 0, or
 * −(slot + 1): the value of that slot is needed and not known yet.
 */
export function openRecord(index: u32): i32 {
  const record = paths + index * PATH_SIZE;
  if (load<u32>(record, PATH_LEN_KIND) & PATH_SPLIT) {
    const discriminator = discriminatorOf(index);
    const slot = slotOf(discriminator);
    if (!known(slot)) return -(<i32>slot + 1);
    const value = findValue(discriminator, slot);
    if (value != NONE) openMatches(value);
  }
  openMatches(index);
  return 0;
}

/** The match of the highest precedence that is left, or NONE. */
export function nextByRank(): u32 {
  if (open == 1) return nextOf(cursors);
  let best: usize = 0;
  let bestRank: u32 = 0;
  for (let i: u32 = 0; i < open; i++) {
    const cursor = cursors + i * CURSOR_SIZE;
    const match = load<u32>(cursor);
    if (match == load<u32>(cursor, 4)) continue;
    const rank = load<u32>(matches + match * MATCH_SIZE, MATCH_METHOD) >> 8;
    if (best == 0 || rank < bestRank) {
      best = cursor;
      bestRank = rank;
    }
  }
  return best == 0 ? NONE : nextOf(best);
}

// @ts-ignore: decorator
@inline
function nextOf(cursor: usize): u32 {
  const match = load<u32>(cursor);
  if (match == load<u32>(cursor, 4)) return NONE;
  store<u32>(cursor, match + 1);
  return match;
}

/** Address of the discriminator of a split path. They are in the order of their paths. */
function discriminatorOf(index: u32): usize {
  const all = section(SECTION_DISCRIMINATORS);
  let low: u32 = 0;
  let high = count(SECTION_DISCRIMINATORS) - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (load<u32>(all + middle * DISCRIMINATOR_SIZE, DISCRIMINATOR_PATH) <= index) low = middle;
    else high = middle - 1;
  }
  return all + low * DISCRIMINATOR_SIZE;
}

function slotOf(discriminator: usize): u32 {
  return load<u32>(discriminator, DISCRIMINATOR_KIND) == CONDITION_HEADER_EXACT
    ? SLOT_HEADERS + load<u32>(discriminator, DISCRIMINATOR_NAME) : SLOT_PATH;
}

/** The PATHS record of the request's value, or NONE. */
function findValue(discriminator: usize, slot: u32): u32 {
  let ptr = addressOf(slot);
  let len = lengthOf(slot);
  if (slot == SLOT_PATH) {
    const name = text(load<u32>(discriminator, DISCRIMINATOR_NAME));
    findParameter(name, load<u32>(discriminator, DISCRIMINATOR_NAME_LEN));
    ptr = parameterValue;
    len = parameterLength;
  }
  if (len == ABSENT) return NONE;
  const path = load<u32>(discriminator, DISCRIMINATOR_PATH);
  const end = load<u32>(discriminator, DISCRIMINATOR_END);
  const tag = finish(absorb(seed(path), ptr, len), PATH_VALUE);
  let at = home(tag, pathPlaces);
  while (true) {
    const place = pathSlots + at * HASH_SLOT_SIZE;
    at += 1;
    if (at == pathPlaces) at = 0;
    const index = load<u32>(place, HASH_SLOT_INDEX);
    if (index == 0) return NONE;
    if (load<u32>(place, HASH_SLOT_TAG) != tag) continue;
    const found = index - 1;
    if (found <= path || found >= end) continue;
    const record = paths + found * PATH_SIZE;
    if (load<u32>(record, PATH_LEN_KIND) >> PATH_LEN_SHIFT != len) continue;
    if (equal(text(load<u32>(record, PATH_OFF)), ptr, len)) return found;
  }
}
