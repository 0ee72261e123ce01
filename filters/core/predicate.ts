// Whether one match's method, headers and query parameters hold for the request, as far as it is
// known.

import {
  ABSENT, CONDITION_HEADER_REGEX, CONDITION_KIND, CONDITION_NAME,
  CONDITION_NAME_LEN, CONDITION_QUERY_REGEX, CONDITION_SEGMENT_REGEX, CONDITION_SIZE,
  CONDITION_VALUE, CONDITION_VALUE_LEN,
  MATCH_FIRST_CONDITION, MATCH_METHOD, MATCH_SIZE, METHOD_ANY, METHOD_CONNECT, METHOD_DELETE,
  METHOD_GET, METHOD_HEAD, METHOD_OPTIONS, METHOD_OTHER, METHOD_PATCH, METHOD_POST, METHOD_PUT,
  METHOD_TRACE, SLOT_HEADERS, SLOT_METHOD, SLOT_PATH,
} from "./format";
import { accepts } from "./expression";
import { equal } from "./memory";
import { depth, segmentAddress, segmentLength } from "./path";
import { findParameter, parameterLength, parameterValue } from "./query";
import { addressOf, known, lengthOf } from "./slots";
import { conditions, matches, text } from "./table";

export const FAILS: i32 = 0;
export const HOLDS: i32 = 1;

/** HOLDS, FAILS, or −(slot + 1): the value of that slot decides and is not known yet. */
export function holds(match: u32): i32 {
  const record = matches + match * MATCH_SIZE;
  const method = load<u32>(record, MATCH_METHOD) & 0xff;
  if (method != METHOD_ANY) {
    if (!known(SLOT_METHOD)) return -(<i32>SLOT_METHOD + 1);
    if (methodOf() != method) return FAILS;
  }
  const end = load<u32>(record, MATCH_SIZE + MATCH_FIRST_CONDITION);
  for (let i = load<u32>(record, MATCH_FIRST_CONDITION); i < end; i++) {
    const result = conditionHolds(conditions + i * CONDITION_SIZE);
    if (result != HOLDS) return result;
  }
  return HOLDS;
}

function conditionHolds(condition: usize): i32 {
  const kind = load<u32>(condition, CONDITION_KIND);
  const name = load<u32>(condition, CONDITION_NAME);
  let ptr: usize;
  let len: u32;
  if (kind == CONDITION_SEGMENT_REGEX) {
    if (name >= depth) return FAILS;
    return accepts(load<u32>(condition, CONDITION_VALUE), segmentAddress(name), segmentLength(name))
      ? HOLDS : FAILS;
  }
  if (kind <= CONDITION_HEADER_REGEX) {
    const slot = SLOT_HEADERS + name;
    if (!known(slot)) return -(<i32>slot + 1);
    ptr = addressOf(slot);
    len = lengthOf(slot);
  } else {
    if (!known(SLOT_PATH)) return -(<i32>SLOT_PATH + 1);
    findParameter(text(name), load<u32>(condition, CONDITION_NAME_LEN));
    ptr = parameterValue;
    len = parameterLength;
  }
  if (len == ABSENT) return FAILS;
  const value = load<u32>(condition, CONDITION_VALUE);
  if (kind == CONDITION_HEADER_REGEX || kind == CONDITION_QUERY_REGEX) {
    return accepts(value, ptr, len) ? HOLDS : FAILS;
  }
  return load<u32>(condition, CONDITION_VALUE_LEN) == len && equal(text(value), ptr, len)
    ? HOLDS : FAILS;
}

/** METHOD_* of the request. Methods are case-sensitive (RFC 9110 §9.1). */
function methodOf(): u32 {
  const ptr = addressOf(SLOT_METHOD);
  const len = lengthOf(SLOT_METHOD);
  if (len < 3 || len > 7) return METHOD_OTHER;
  let word: u64 = 0;
  for (let i: u32 = 0; i < len; i++) word = (word << 8) | <u64>load<u8>(ptr + i);
  switch (len) {
    case 3: return word == 0x474554 ? METHOD_GET : word == 0x505554 ? METHOD_PUT : METHOD_OTHER;
    case 4: return word == 0x48454144 ? METHOD_HEAD
      : word == 0x504f5354 ? METHOD_POST : METHOD_OTHER;
    case 5: return word == 0x5041544348 ? METHOD_PATCH
      : word == 0x5452414345 ? METHOD_TRACE : METHOD_OTHER;
    case 6: return word == 0x44454c455445 ? METHOD_DELETE : METHOD_OTHER;
    default: return word == 0x434f4e4e454354 ? METHOD_CONNECT
      : word == 0x4f5054494f4e53 ? METHOD_OPTIONS : METHOD_OTHER;
  }
}
