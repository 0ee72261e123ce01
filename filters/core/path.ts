// The request's path, segment by segment, and the records of a virtual host that ask for it.

import {
  HASH_SLOT_INDEX, HASH_SLOT_SIZE, HASH_SLOT_TAG, NONE, PATH_EXACT, PATH_LEN_KIND, PATH_OFF,
  PATH_PREFIX, PATH_SIZE,
  SECTION_PATHS, SECTION_PATH_SLOTS, SECTION_VIRTUAL_HOSTS, SLOT_PATH, VIRTUAL_HOST_FIRST_PATH,
  VIRTUAL_HOST_SIZE,
} from "./format";
import { absorb, finish, home, seed } from "./hash";
import { depthEnd, depthHash, DEPTH_MAX, equal } from "./memory";
import { addressOf, lengthOf, present } from "./slots";
import { count, section, text } from "./table";

const SLASH: u8 = 0x2f;
const QUESTION: u8 = 0x3f;
const NUMBER: u8 = 0x23;

/** Address and length of the path without its query, after `splitPath`. */
export let path: usize = 0;
export let pathLength: u32 = 0;
/** Number of segments: "/" has one (empty), "/a/" two. At most DEPTH_MAX are remembered. */
export let depth: u32 = 0;
/** The hash of the whole path. */
let whole: u64 = 0;

/**
 * Leaves only the prefix "/", which matches every request, also one whose target is no absolute
 * path ("*", or none at all). Returns its depth.
 */
export function ignorePath(virtualHost: u32): i32 {
  path = 0;
  pathLength = 0;
  depth = 0;
  store<u64>(depthHash, seed(virtualHost));
  store<u32>(depthEnd, 0);
  return 0;
}

/** Where in a word of 8 bytes `byte` stands: the top bit of the first such byte is right. */
// @ts-ignore: decorator
@inline
function where(word: u64, byte: u64): u64 {
  const differing = word ^ (byte * 0x0101010101010101);
  return (differing - 0x0101010101010101) & ~differing & 0x8080808080808080;
}

/** The first "/", "?" or "#" at or after `at`, or `end`. Reads up to 7 bytes past `end`. */
function nextBreak(at: usize, end: usize): usize {
  while (at < end) {
    const word = load<u64>(at);
    const found = where(word, SLASH) | where(word, QUESTION) | where(word, NUMBER);
    if (found) {
      const place = at + <usize>(ctz(found) >> 3);
      return place < end ? place : end;
    }
    at += 8;
  }
  return end;
}

/** Hashes the segments for `virtualHost`; false where the target is no absolute path. */
export function splitPath(virtualHost: u32): bool {
  if (!present(SLOT_PATH)) return false;
  path = addressOf(SLOT_PATH);
  const len = lengthOf(SLOT_PATH);
  if (len == 0 || load<u8>(path) != SLASH) return false;
  const end = path + len;
  let state = seed(virtualHost);
  store<u64>(depthHash, state);
  store<u32>(depthEnd, 0);
  depth = 0;
  let start = path + 1;
  while (true) {
    const at = nextBreak(start, end);
    state = absorb(state, start, <u32>(at - start));
    if (depth < DEPTH_MAX) {
      depth += 1;
      store<u64>(depthHash + (depth << 3), state);
      store<u32>(depthEnd + (depth << 2), <u32>(at - path));
    }
    if (at == end || load<u8>(at) != SLASH) {
      pathLength = <u32>(at - path);
      whole = state;
      return true;
    }
    start = at + 1;
  }
}

/** The PATHS record of an exact path, or NONE. */
export function findExact(virtualHost: u32): u32 {
  return probe(virtualHost, finish(whole, PATH_EXACT), (pathLength << 2) | PATH_EXACT);
}

/** The PATHS record of the prefix of `segments` segments, or NONE. */
export function findPrefix(virtualHost: u32, segments: u32): u32 {
  const tag = finish(load<u64>(depthHash + (segments << 3)), PATH_PREFIX);
  const len = load<u32>(depthEnd + (segments << 2));
  return probe(virtualHost, tag, (len << 2) | PATH_PREFIX);
}

function probe(virtualHost: u32, tag: u32, lengthAndKind: u32): u32 {
  const host = section(SECTION_VIRTUAL_HOSTS) + virtualHost * VIRTUAL_HOST_SIZE;
  const first = load<u32>(host, VIRTUAL_HOST_FIRST_PATH);
  const after = load<u32>(host, VIRTUAL_HOST_SIZE + VIRTUAL_HOST_FIRST_PATH);
  const slots = section(SECTION_PATH_SLOTS);
  const paths = section(SECTION_PATHS);
  const places = count(SECTION_PATH_SLOTS);
  let at = home(tag, places);
  while (true) {
    const slot = slots + at * HASH_SLOT_SIZE;
    at += 1;
    if (at == places) at = 0;
    const index = load<u32>(slot, HASH_SLOT_INDEX);
    if (index == 0) return NONE;
    if (load<u32>(slot, HASH_SLOT_TAG) != tag) continue;
    const record = index - 1;
    if (record < first || record >= after) continue;
    const asked = paths + record * PATH_SIZE;
    if (load<u32>(asked, PATH_LEN_KIND) == lengthAndKind
      && equal(text(load<u32>(asked, PATH_OFF)), path, lengthAndKind >> 2)) return record;
  }
}
