// Reads from Envoy what the core asks for. A host call that returns a value costs Envoy more than
// all of matching, since it calls back for memory; all pairs together cost little more than one
// value, and a request is seldom decided by one. (`get_header_map_value` also gives only the first
// of repeated headers; the pairs have them all.)

import {
  ABSENT, NAME_LEN, NAME_OFF, NAME_SIZE, SECTION_NAMES, SLOT_AUTHORITY, SLOT_HEADERS, SLOT_METHOD,
  SLOT_PATH,
} from "../core/format";
import { equal, take } from "../core/memory";
import { addressOf, known, lengthOf, put } from "../core/slots";
import { count, section, text } from "../core/table";
import {
  getHeader, getHeaders, MAP_REQUEST_HEADERS, RESULT_NOT_FOUND, RESULT_OK, returned, returnedLen,
  returnedPtr,
} from "./abi";
import { AUTHORITY, AUTHORITY_LEN, METHOD, METHOD_LEN, PATH, PATH_LEN } from "./text";

const COLON: u8 = 0x3a;
/** What stands between the values of repeated headers (RFC 9110 §5.3), as `fetch` has it. */
const COMMA_SPACE: u16 = 0x202c;

/** Puts the value of `slot`, and perhaps others. False: the request does not fit the arena. */
export function provide(slot: u32): bool {
  if (provideAll()) return true;
  // All of them do not fit; what most requests are decided by may.
  if (slot == SLOT_AUTHORITY) return provideOne(slot, AUTHORITY, AUTHORITY_LEN);
  if (slot == SLOT_PATH) return provideOne(slot, PATH, PATH_LEN);
  if (slot == SLOT_METHOD) return provideOne(slot, METHOD, METHOD_LEN);
  return false;
}

function provideOne(slot: u32, name: usize, len: u32): bool {
  const result = getHeader(MAP_REQUEST_HEADERS, name, len, returned, returned + 4);
  if (result == RESULT_OK) put(slot, returnedPtr(), returnedLen());
  else if (result == RESULT_NOT_FOUND) put(slot, 0, ABSENT);
  else return false;
  return true;
}

/** Serialised pairs: count, then (key length, value length) each, then `key\0value\0` each. */
function provideAll(): bool {
  if (getHeaders(MAP_REQUEST_HEADERS, returned, returned + 4) != RESULT_OK) return false;
  const pairs = returnedPtr();
  const names = count(SECTION_NAMES);
  const n: u32 = returnedLen() < 4 ? 0 : load<u32>(pairs);
  let key = pairs + 4 + (n << 3);
  for (let i: u32 = 0; i < n; i++) {
    const lengths = pairs + 4 + (i << 3);
    const keyLen = load<u32>(lengths);
    const len = load<u32>(lengths, 4);
    const value = key + keyLen + 1;
    if (!provideNamed(key, keyLen, value, len, names)) return false;
    key = value + len + 1;
  }
  for (let slot: u32 = 0; slot < SLOT_HEADERS + names; slot++) {
    if (!known(slot)) put(slot, 0, ABSENT);
  }
  return true;
}

function provideNamed(key: usize, keyLen: u32, value: usize, len: u32, names: u32): bool {
  if (keyLen && load<u8>(key) == COLON) {
    if (keyLen == AUTHORITY_LEN && equal(key, AUTHORITY, keyLen)) put(SLOT_AUTHORITY, value, len);
    else if (keyLen == PATH_LEN && equal(key, PATH, keyLen)) put(SLOT_PATH, value, len);
    else if (keyLen == METHOD_LEN && equal(key, METHOD, keyLen)) put(SLOT_METHOD, value, len);
    return true;
  }
  for (let i: u32 = 0; i < names; i++) {
    const name = section(SECTION_NAMES) + i * NAME_SIZE;
    if (load<u32>(name, NAME_LEN) != keyLen) continue;
    if (!equal(text(load<u32>(name, NAME_OFF)), key, keyLen)) continue;
    const slot = SLOT_HEADERS + i;
    if (known(slot)) return join(slot, value, len);
    put(slot, value, len);
    return true;
  }
  return true;
}

/** A repeated header is one list: the values so far, a comma, a space and this one. */
function join(slot: u32, value: usize, len: u32): bool {
  const before = lengthOf(slot);
  const whole = take(before + 2 + len);
  if (whole == 0) return false;
  memory.copy(whole, addressOf(slot), before);
  store<u16>(whole + before, COMMA_SPACE);
  memory.copy(whole + before + 2, value, len);
  put(slot, whole, before + 2 + len);
  return true;
}
