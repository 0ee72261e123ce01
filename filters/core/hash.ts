// The hash of host names and paths: 8 bytes at a time, one state a segment, so that the state after
// n segments is the hash of a prefix of n segments. compiler/table/hash.ts is its twin.

const MULTIPLIER: u64 = 0x9e3779b97f4a7c15;
const FINALIZER: u64 = 0xd6e8feb86659fd93;

// @ts-ignore: decorator
@inline
export function mix(state: u64, word: u64): u64 {
  const product = (state ^ word) * MULTIPLIER;
  return product ^ (product >> 32);
}

/** The state that a host name (by gateway port) or a path (by virtual host) starts from. */
// @ts-ignore: decorator
@inline
export function seed(owner: u32): u64 {
  return mix(MULTIPLIER, <u64>owner);
}

/** Goes on from `state` over one host name or path segment. Reads up to 7 bytes past its end. */
export function absorb(state: u64, ptr: usize, len: u32): u64 {
  let at = ptr;
  let left = len;
  while (left >= 8) {
    state = mix(state, load<u64>(at));
    at += 8;
    left -= 8;
  }
  // A set bit behind the last byte tells "a" from "a\0", and an empty segment from none.
  const end: u64 = (<u64>1) << (left << 3);
  return mix(state, (load<u64>(at) & (end - 1)) | end);
}

/**
 * The 32 bits that are both the tag and what the slot is computed from. `kind` keeps an exact path
 * and a prefix of the same text apart.
 */
// @ts-ignore: decorator
@inline
export function finish(state: u64, kind: u32): u32 {
  return <u32>(((state ^ <u64>kind) * FINALIZER) >> 32);
}

/** The first of `slots` places to look at for a tag; any number of slots does, not just 2^n. */
// @ts-ignore: decorator
@inline
export function home(tag: u32, slots: u32): u32 {
  return <u32>((<u64>tag * <u64>slots) >> 32);
}

/** Checksum of a range whose length is a multiple of 8. */
export function checksum(ptr: usize, len: u32): u32 {
  let state = seed(len);
  const end = ptr + len;
  for (let at = ptr; at < end; at += 8) state = mix(state, load<u64>(at));
  return finish(state, 0);
}
