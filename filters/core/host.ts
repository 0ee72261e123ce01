// Which virtual host a request belongs to: the exact host name, else the longest wildcard.

import {
  GATEWAY_PORT_EXACT, GATEWAY_PORT_SIZE, GATEWAY_PORT_WILDCARDS, HASH_SLOT_INDEX, HASH_SLOT_SIZE,
  HASH_SLOT_TAG, NONE, SECTION_GATEWAY_PORTS, SECTION_HOST_SLOTS,
  SLOT_AUTHORITY, VIRTUAL_HOST_KEY, VIRTUAL_HOST_NAME_LEN, VIRTUAL_HOST_NAME_OFF,
  VIRTUAL_HOST_SIZE,
} from "./format";
import { absorb, finish, home, seed } from "./hash";
import { equal, HOST_LENGTH_MAX, hostText } from "./memory";
import { addressOf, lengthOf, present } from "./slots";
import { count, section, text, virtualHosts } from "./table";

const DOT: u32 = 0x2e;
const COLON: u32 = 0x3a;
const BRACKET: u32 = 0x5d;

/** Whether any request of this gateway port has the same virtual host, whatever its host name. */
export function hostMatters(gatewayPort: u32): bool {
  const port = section(SECTION_GATEWAY_PORTS) + gatewayPort * GATEWAY_PORT_SIZE;
  const wildcards = load<u32>(port, GATEWAY_PORT_WILDCARDS) & ~1;
  return (load<u32>(port, GATEWAY_PORT_EXACT) | wildcards) != 0;
}

/** Length of an authority without its port (RFC 3986 §3.2; an IPv6 literal keeps its brackets). */
export function hostLength(ptr: usize, len: u32): u32 {
  for (let at = len; at > 0; at--) {
    const byte = <u32>load<u8>(ptr + at - 1);
    if (byte == COLON) return at - 1;
    if (byte < 0x30 || byte > 0x39) break;
  }
  return len;
}

/** The bytes of a word with A–Z in lower case. */
// @ts-ignore: decorator
@inline
function lower(word: u64): u64 {
  const sevens = word & 0x7f7f7f7f7f7f7f7f;
  const fromA = sevens + 0x3f3f3f3f3f3f3f3f;
  const pastZ = sevens + 0x2525252525252525;
  const upper = (fromA ^ pastZ) & ~word & 0x8080808080808080;
  return word | (upper >> 2);
}

/** Writes the host in lower case to `hostText`; its length, or 0 where it can match no name. */
function normalize(): u32 {
  if (!present(SLOT_AUTHORITY)) return 0;
  const ptr = addressOf(SLOT_AUTHORITY);
  let len = hostLength(ptr, lengthOf(SLOT_AUTHORITY));
  // "example.com." is the same name as "example.com".
  if (len && load<u8>(ptr + len - 1) == DOT) len -= 1;
  if (len == 0 || len > HOST_LENGTH_MAX) return 0;
  if (load<u8>(ptr + len - 1) == BRACKET) return 0;
  for (let i: u32 = 0; i < len; i += 8) store<u64>(hostText + i, lower(load<u64>(ptr + i)));
  return len;
}

/** The virtual host whose name (without "*.") is the last `len` bytes of the host. */
function probe(gatewayPort: u32, wildcard: u32, ptr: usize, len: u32): u32 {
  const slots = section(SECTION_HOST_SLOTS);
  const places = count(SECTION_HOST_SLOTS);
  const key = (gatewayPort << 1) | wildcard;
  const tag = finish(absorb(seed(gatewayPort), ptr, len), wildcard);
  let at = home(tag, places);
  while (true) {
    const slot = slots + at * HASH_SLOT_SIZE;
    at += 1;
    if (at == places) at = 0;
    const index = load<u32>(slot, HASH_SLOT_INDEX);
    if (index == 0) return NONE;
    if (load<u32>(slot, HASH_SLOT_TAG) != tag) continue;
    const host = virtualHosts + (index - 1) * VIRTUAL_HOST_SIZE;
    if (load<u32>(host, VIRTUAL_HOST_KEY) == key && load<u32>(host, VIRTUAL_HOST_NAME_LEN) == len
      && equal(text(load<u32>(host, VIRTUAL_HOST_NAME_OFF)), ptr, len)) return index - 1;
  }
}

/** The virtual host of the request, or NONE. */
export function findHost(gatewayPort: u32): u32 {
  const port = section(SECTION_GATEWAY_PORTS) + gatewayPort * GATEWAY_PORT_SIZE;
  const len = hostMatters(gatewayPort) ? normalize() : 0;
  if (len && load<u32>(port, GATEWAY_PORT_EXACT)) {
    const exact = probe(gatewayPort, 0, hostText, len);
    if (exact != NONE) return exact;
  }
  const wildcards = load<u32>(port, GATEWAY_PORT_WILDCARDS);
  if (wildcards & ~1 && len) {
    const wildcard = findWildcard(gatewayPort, wildcards, len);
    if (wildcard != NONE) return wildcard;
  }
  return wildcards & 1 ? probe(gatewayPort, 1, hostText, 0) : NONE;
}

/** The longest wildcard that takes the host in `hostText`. */
function findWildcard(gatewayPort: u32, wildcards: u32, len: u32): u32 {
  let best: u32 = NONE;
  let labels: u32 = 0;
  // Label by label from the right; a wildcard leaves at least one label to its left.
  for (let at = len; at > 0; at--) {
    if (load<u8>(hostText + at - 1) != DOT) continue;
    labels += 1;
    if (!(wildcards & (1 << (labels < 31 ? labels : 31)))) continue;
    const found = probe(gatewayPort, 1, hostText + at, len - at);
    if (found != NONE) best = found;
  }
  return best;
}
