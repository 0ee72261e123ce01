// Picks a backend by weight. Taking turns is smooth weighted round robin: over any run of as many
// requests as the weights' sum every backend gets exactly its weight, and no short run strays
// further than one request from its share. Its state is one i32 for each backend, behind the table.
// A pinned split picks by the hash of a header's or cookie's value instead.

import {
  ABSENT, ACTION_REPLACE, ACTION_SIZE, BACKEND_ACTION, BACKEND_SIZE, BACKEND_WEIGHT, PIN_COOKIE,
  PIN_NONE, REPLACE_NOTHING, SECTION_ACTIONS, SECTION_BACKENDS, SECTION_SPLITS, SLOT_HEADERS,
  SPLIT_FIRST_BACKEND, SPLIT_PIN, SPLIT_PIN_COOKIE_LEN, SPLIT_PIN_COOKIE_OFF,
  SPLIT_PIN_NAME, SPLIT_SIZE, SPLIT_TOTAL_WEIGHT,
} from "./format";
import { absorb, finish, home, seed } from "./hash";
import { equal } from "./memory";
import { addressOf, known, lengthOf } from "./slots";
import { credits, section, text } from "./table";

const SPACE: u32 = 0x20;
const SEMICOLON: u32 = 0x3b;
const EQUALS: u32 = 0x3d;

/** The slot a split still needs to know, or ABSENT. */
export function neededFor(split: u32): u32 {
  const record = section(SECTION_SPLITS) + split * SPLIT_SIZE;
  if (load<u32>(record, SPLIT_PIN) == PIN_NONE) return ABSENT;
  const slot = SLOT_HEADERS + load<u32>(record, SPLIT_PIN_NAME);
  return known(slot) ? ABSENT : slot;
}

/** Whether a backend of the split replaces the path, so that the path must be known. */
export function rewritesPath(split: u32): bool {
  const record = section(SECTION_SPLITS) + split * SPLIT_SIZE;
  const backends = section(SECTION_BACKENDS);
  const actions = section(SECTION_ACTIONS);
  const end = load<u32>(record, SPLIT_SIZE + SPLIT_FIRST_BACKEND);
  for (let i = load<u32>(record, SPLIT_FIRST_BACKEND); i < end; i++) {
    const action = actions + load<u32>(backends + i * BACKEND_SIZE, BACKEND_ACTION) * ACTION_SIZE;
    if (load<u32>(action, ACTION_REPLACE) != REPLACE_NOTHING) return true;
  }
  return false;
}

/** BACKENDS index of the split's next backend. */
export function pick(split: u32): u32 {
  const record = section(SECTION_SPLITS) + split * SPLIT_SIZE;
  const first = load<u32>(record, SPLIT_FIRST_BACKEND);
  const end = load<u32>(record, SPLIT_SIZE + SPLIT_FIRST_BACKEND);
  if (load<u32>(record, SPLIT_PIN) != PIN_NONE && findPin(record)) {
    return pickPinned(record, first, end);
  }
  const backends = section(SECTION_BACKENDS);
  const all = credits();
  let best = first;
  let most = i32.MIN_VALUE;
  for (let i = first; i < end; i++) {
    const at = all + (i << 2);
    const credit = load<i32>(at) + load<i32>(backends + i * BACKEND_SIZE, BACKEND_WEIGHT);
    store<i32>(at, credit);
    if (credit > most) {
      most = credit;
      best = i;
    }
  }
  store<i32>(all + (best << 2), most - load<i32>(record, SPLIT_TOTAL_WEIGHT));
  return best;
}

let pinPtr: usize = 0;
let pinLen: u32 = 0;

/** Looks for the value that pins the request; an empty one pins nothing. */
function findPin(record: usize): bool {
  const slot = SLOT_HEADERS + load<u32>(record, SPLIT_PIN_NAME);
  pinPtr = addressOf(slot);
  pinLen = lengthOf(slot);
  if (pinLen == ABSENT) return false;
  if (load<u32>(record, SPLIT_PIN) == PIN_COOKIE) {
    const name = text(load<u32>(record, SPLIT_PIN_COOKIE_OFF));
    return findCookie(name, load<u32>(record, SPLIT_PIN_COOKIE_LEN));
  }
  return pinLen > 0;
}

/** Narrows the Cookie header (RFC 6265 §4.2.1) at `pinPtr` to one cookie's value. */
function findCookie(name: usize, nameLen: u32): bool {
  let at = pinPtr;
  const end = pinPtr + pinLen;
  while (at < end) {
    while (at < end && (<u32>load<u8>(at) == SPACE || <u32>load<u8>(at) == SEMICOLON)) at += 1;
    const start = at;
    while (at < end && <u32>load<u8>(at) != SEMICOLON) at += 1;
    const len = <u32>(at - start);
    if (len <= nameLen || <u32>load<u8>(start + nameLen) != EQUALS) continue;
    if (!equal(name, start, nameLen)) continue;
    pinPtr = start + nameLen + 1;
    pinLen = len - nameLen - 1;
    return pinLen > 0;
  }
  return false;
}

/** The hash decides over the cumulative weights: equal values go to equal backends, everywhere. */
function pickPinned(record: usize, first: u32, end: u32): u32 {
  const tag = finish(absorb(seed(0), pinPtr, pinLen), 0);
  let left = home(tag, load<u32>(record, SPLIT_TOTAL_WEIGHT));
  const backends = section(SECTION_BACKENDS);
  for (let i = first; i < end; i++) {
    const weight = load<u32>(backends + i * BACKEND_SIZE, BACKEND_WEIGHT);
    if (left < weight) return i;
    left -= weight;
  }
  return end - 1;
}
