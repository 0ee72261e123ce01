// The request's path, segment by segment, and the records of a virtual host that ask for it.

import {
  HASH_SLOT_INDEX, HASH_SLOT_SIZE, HASH_SLOT_TAG, NONE, PATH_EXACT, PATH_LEN_KIND, PATH_LEN_SHIFT,
  PATH_OFF, PATH_PREFIX, PATH_REGEX, PATH_SIZE, PATH_SPLIT, SHAPE_END_PATH, SHAPE_FILLED,
  SHAPE_FIRST_PATH, SHAPE_LEADS, SHAPE_PARAMETERS, SHAPE_SEGMENTS, SHAPE_TAIL, SLOT_PATH, TAIL_ANY,
  TAIL_LINES, TAIL_MORE, TAIL_NONE, VIRTUAL_HOST_EXACT, VIRTUAL_HOST_FIRST_PATH,
  VIRTUAL_HOST_PREFIXES, VIRTUAL_HOST_SIZE,
} from "./format";
import { absorb, finish, home, mix, seed } from "./hash";
import { depthEnd, depthHash, DEPTH_MAX, equal } from "./memory";
import { addressOf, lengthOf, present } from "./slots";
import { pathPlaces, paths, pathSlots, text, virtualHosts } from "./table";

const SLASH: u8 = 0x2f;
const QUESTION: u8 = 0x3f;
const NUMBER: u8 = 0x23;

/** Address and length of the path without its query, after `splitPath`. */
export let path: usize = 0;
export let pathLength: u32 = 0;
/** For a length: the path goes on behind the segments that were read. */
const MORE: u32 = 0xffffffff;
/** Number of segments: "/" has one (empty), "/a/" two. At most DEPTH_MAX are remembered. */
export let depth: u32 = 0;
/** The hash of the whole path, unless there is more of it. */
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

/** The first "/", "?" or "#" at or after `at`, or `end`. Reads up to 8 bytes past `end`. */
function nextBreak(at: usize, end: usize): usize {
  while (true) {
    const own = ownLength(load<u64>(at), at, end);
    at += own;
    if (own != 8) return at;
  }
}

/**
 * Hashes the segments for a virtual host, as many as its records go deep: what stands behind those
 * tells none of them apart. All of them where it has expressions. False where the target is no
 * absolute path.
 */
export function splitPath(virtualHost: u32, host: usize, all: bool): bool {
  if (!present(SLOT_PATH)) return false;
  path = addressOf(SLOT_PATH);
  const len = lengthOf(SLOT_PATH);
  if (len == 0 || load<u8>(path) != SLASH) return false;
  const prefixes = load<u32>(host, VIRTUAL_HOST_PREFIXES);
  const deepest = all ? 0 : deepestOf(prefixes | load<u32>(host, VIRTUAL_HOST_EXACT));
  const state = seed(virtualHost);
  store<u64>(depthHash, state);
  store<u32>(depthEnd, 0);
  // The last segment of exact paths alone is of use only to a path that ends there.
  hashSegments(state, path + len, deepest, deepest && !(prefixes & (1 << deepest)) ? deepest : 0);
  return true;
}

/** Segments of the deepest record by the depth bits of all; 0: there is no limit. */
// @ts-ignore: decorator
@inline
function deepestOf(bits: u32): u32 {
  const deepest = 31 - <u32>clz(bits);
  return deepest < 31 ? deepest : 0;
}

/** Up to segment `deepest`; segment `last` only where the path ends with it. */
function hashSegments(state: u64, end: usize, deepest: u32, last: u32): void {
  let at = path;
  let read: u32 = 0;
  depth = 0;
  do {
    at += 1;
    if (read + 1 == last) {
      const stop = nextBreak(at, end);
      if (stop < end && load<u8>(stop) == SLASH) break;
      state = absorb(state, at, <u32>(stop - at));
      at = stop;
    } else {
      let word = load<u64>(at);
      let own = ownLength(word, at, end);
      while (own == 8) {
        state = mix(state, word);
        at += 8;
        word = load<u64>(at);
        own = ownLength(word, at, end);
      }
      // As `absorb` ends a segment.
      const bit: u64 = (<u64>1) << (<u64>own << 3);
      state = mix(state, (word & (bit - 1)) | bit);
      at += own;
    }
    if (read < DEPTH_MAX) {
      read += 1;
      store<u64>(depthHash + (read << 3), state);
      store<u32>(depthEnd + (read << 2), <u32>(at - path));
    }
    if (at == end || load<u8>(at) != SLASH) {
      pathLength = <u32>(at - path);
      whole = state;
      depth = read;
      return;
    }
  } while (read != deepest);
  pathLength = MORE;
  depth = read;
}

/** How many of the 8 bytes at `at` belong to the segment there. */
// @ts-ignore: decorator
@inline
function ownLength(word: u64, at: usize, end: usize): usize {
  // "/" with this bit is "?"; no other byte becomes one.
  const found = where(word | 0x1010101010101010, QUESTION) | where(word, NUMBER);
  return min<usize>(<usize>(ctz(found) >> 3), end - at);
}

/** The PATHS record of an exact path, or NONE. `depths` are the depth bits of those there are. */
export function findExact(virtualHost: u32, depths: u32): u32 {
  if (pathLength == MORE || !(depths & (1 << min<u32>(depth, 31)))) return NONE;
  return probe(virtualHost, finish(whole, PATH_EXACT), (pathLength << PATH_LEN_SHIFT) | PATH_EXACT);
}

/** The PATHS record of the prefix of `segments` segments, or NONE. */
export function findPrefix(virtualHost: u32, segments: u32): u32 {
  const tag = finish(load<u64>(depthHash + (segments << 3)), PATH_PREFIX);
  const len = load<u32>(depthEnd + (segments << 2));
  return probe(virtualHost, tag, (len << PATH_LEN_SHIFT) | PATH_PREFIX);
}

function probe(virtualHost: u32, tag: u32, lengthAndKind: u32): u32 {
  const host = virtualHosts + virtualHost * VIRTUAL_HOST_SIZE;
  const first = load<u32>(host, VIRTUAL_HOST_FIRST_PATH);
  const after = load<u32>(host, VIRTUAL_HOST_SIZE + VIRTUAL_HOST_FIRST_PATH);
  let at = home(tag, pathPlaces);
  while (true) {
    const slot = pathSlots + at * HASH_SLOT_SIZE;
    at += 1;
    if (at == pathPlaces) at = 0;
    const index = load<u32>(slot, HASH_SLOT_INDEX);
    if (index == 0) return NONE;
    if (load<u32>(slot, HASH_SLOT_TAG) != tag) continue;
    const record = index - 1;
    if (record < first || record >= after) continue;
    const asked = paths + record * PATH_SIZE;
    if ((load<u32>(asked, PATH_LEN_KIND) & ~PATH_SPLIT) == lengthAndKind
      && equal(text(load<u32>(asked, PATH_OFF)), path, lengthAndKind >> PATH_LEN_SHIFT)) {
      return record;
    }
  }
}

/** Goes on over a segment whose text does not matter. `absorb` never mixes in this word alone. */
const PARAMETER: u64 = 0;

/** The PATHS record that the path fits by this shape, or NONE. */
export function findShape(shape: usize): u32 {
  const segments = load<u32>(shape, SHAPE_SEGMENTS);
  const tail = load<u32>(shape, SHAPE_TAIL);
  if (!tailFits(tail, segments)) return NONE;
  const parameters = load<u32>(shape, SHAPE_PARAMETERS);
  const filled = load<u32>(shape, SHAPE_FILLED);
  // The hash of the literal segments before the first parameter is known already.
  let at: u32 = parameters ? min(<u32>ctz(parameters), segments) : segments;
  let state = load<u64>(depthHash + (at << 3));
  if (!(load<u64>(shape, SHAPE_LEADS) & ((<u64>1) << (state >> 58)))) return NONE;
  for (; at < segments; at++) {
    const start = load<u32>(depthEnd + (at << 2)) + 1;
    const len = load<u32>(depthEnd + (at << 2), 4) - start;
    if (!(parameters & (1 << at))) state = absorb(state, path + start, len);
    else if (len == 0 && filled & (1 << at)) return NONE;
    else state = mix(state, PARAMETER);
  }
  return probeShape(shape, finish(state, PATH_REGEX));
}

function tailFits(tail: u32, segments: u32): bool {
  const kind = tail & 3;
  if (kind == TAIL_NONE) return depth == segments;
  if (depth < segments + (kind == TAIL_ANY ? 0 : 1)) return false;
  const start = load<u32>(depthEnd + (segments << 2));
  if (kind == TAIL_MORE && pathLength == start + 1) return false;
  if (tail & TAIL_LINES) return true;
  for (let at = start; at < pathLength; at++) if (load<u8>(path + at) == 0x0a) return false;
  return true;
}

function probeShape(shape: usize, tag: u32): u32 {
  const first = load<u32>(shape, SHAPE_FIRST_PATH);
  const end = load<u32>(shape, SHAPE_END_PATH);
  let at = home(tag, pathPlaces);
  while (true) {
    const slot = pathSlots + at * HASH_SLOT_SIZE;
    at += 1;
    if (at == pathPlaces) at = 0;
    const index = load<u32>(slot, HASH_SLOT_INDEX);
    if (index == 0) return NONE;
    if (load<u32>(slot, HASH_SLOT_TAG) != tag) continue;
    const record = index - 1;
    if (record >= first && record < end && hasLiterals(record, shape)) return record;
  }
}

/** Whether the literal segments of a shape's record are those of the path. */
function hasLiterals(record: u32, shape: usize): bool {
  const asked = paths + record * PATH_SIZE;
  const segments = load<u32>(shape, SHAPE_SEGMENTS);
  const parameters = load<u32>(shape, SHAPE_PARAMETERS);
  let at = text(load<u32>(asked, PATH_OFF));
  const end = at + (load<u32>(asked, PATH_LEN_KIND) >> PATH_LEN_SHIFT);
  for (let i: u32 = 0; i < segments; i++) {
    const start = load<u32>(depthEnd + (i << 2));
    const len: u32 = parameters & (1 << i) ? 1 : load<u32>(depthEnd + (i << 2), 4) - start;
    // The slash before the segment is compared too; of a parameter it is all there is.
    if (<u32>(end - at) < len || !equal(at, path + start, len)) return false;
    at += len;
  }
  return at == end;
}

/** Address and length of segment `index`, which must be below `depth`. */
export function segmentAddress(index: u32): usize {
  return path + load<u32>(depthEnd + (index << 2)) + 1;
}

export function segmentLength(index: u32): u32 {
  return load<u32>(depthEnd + (index << 2), 4) - load<u32>(depthEnd + (index << 2)) - 1;
}
