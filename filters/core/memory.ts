// The core's own memory, all of it static: nothing is allocated after the module starts.

/** Values of the request being decided. Envoy's default limit for all headers is 60 KiB. */
export const ARENA_LENGTH: u32 = 131072;
export const arena: usize = memory.data(131072, 8);

/** Where a redirect's Location is written. */
export const OUTPUT_LENGTH: u32 = 73728;
export const output: usize = memory.data(73728, 8);

/** VERDICT_SIZE bytes; `memory.data` takes literals only. */
export const verdict: usize = memory.data(48, 8);

/** The host name in lower case, without port; DNS allows 253 bytes. */
export const HOST_LENGTH_MAX: u32 = 255;
export const hostText: usize = memory.data(264, 8);

/** State of the hash after n segments (u64), and where segment n ends (u32). */
export const DEPTH_MAX: u32 = 1024;
export const depthHash: usize = memory.data(8200, 8);
export const depthEnd: usize = memory.data(4104, 8);

/** Next free byte of the arena. */
let top: usize = arena;

/** Room for `len` bytes until the next `clearArena`, or 0 where there is none. */
export function take(len: u32): usize {
  // 8 bytes of slack: hashing reads whole words.
  if (len > ARENA_LENGTH - 8 || <u32>(top - arena) > ARENA_LENGTH - 8 - len) return 0;
  const ptr = top;
  top = (ptr + len + 7) & ~(<usize>7);
  return ptr;
}

// @ts-ignore: decorator
@inline
export function clearArena(): void {
  top = arena;
}

/** Whether two ranges hold the same bytes. */
export function equal(a: usize, b: usize, len: u32): bool {
  if (len >= 8) {
    // The last word may overlap the one before: no byte is looked at by itself.
    const last = a + len - 8;
    const distance = b - a;
    for (; a < last; a += 8) if (load<u64>(a) != load<u64>(a + distance)) return false;
    return load<u64>(last) == load<u64>(last + distance);
  }
  if (len >= 4) {
    const end = len - 4;
    return load<u32>(a) == load<u32>(b) && load<u32>(a + end) == load<u32>(b + end);
  }
  const end = a + len;
  while (a < end) {
    if (load<u8>(a) != load<u8>(b)) return false;
    a += 1;
    b += 1;
  }
  return true;
}
