// Query parameters, straight from the request target. Of a repeated one the first counts (Gateway
// API HTTPQueryParamMatch: "implementations should match against the first value"); names and
// values are compared as they stand, without decoding, as Envoy does.

import { ABSENT, SLOT_PATH } from "./format";
import { equal } from "./memory";
import { addressOf, lengthOf, present } from "./slots";

const QUESTION: u32 = 0x3f;
const AMPERSAND: u32 = 0x26;
const EQUALS: u32 = 0x3d;
const NUMBER: u32 = 0x23;

/** Of the parameter found last; the length is ABSENT where there is none of that name. */
export let parameterValue: usize = 0;
export let parameterLength: u32 = ABSENT;

export function findParameter(name: usize, nameLen: u32): void {
  parameterLength = ABSENT;
  if (!present(SLOT_PATH)) return;
  let at = addressOf(SLOT_PATH);
  const end = at + lengthOf(SLOT_PATH);
  while (at < end && load<u8>(at) != QUESTION) at += 1;
  while (at < end && <u32>load<u8>(at) != NUMBER) {
    const start = at + 1;
    let equals: usize = 0;
    at = start;
    while (at < end) {
      const byte = <u32>load<u8>(at);
      if (byte == AMPERSAND || byte == NUMBER) break;
      if (byte == EQUALS && equals == 0) equals = at;
      at += 1;
    }
    const nameEnd = equals ? equals : at;
    if (<u32>(nameEnd - start) != nameLen || !equal(name, start, nameLen)) continue;
    parameterValue = equals ? equals + 1 : at;
    parameterLength = <u32>(at - parameterValue);
    return;
  }
}
