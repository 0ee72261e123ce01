// What the core knows of the request so far. An adapter puts a value into a slot when the core asks
// for it, or before; a stamp per slot makes forgetting the last request a single increment.

import { ABSENT } from "./format";
import { SLOT_SIZE, slotCount, state } from "./table";

// A slot: stamp u32 | length u32 | address u32.
const STAMP: usize = 0;
const LENGTH: usize = 4;
const ADDRESS: usize = 8;

let stamp: u32 = 0;

export function forget(): void {
  stamp += 1;
  if (stamp == 0) {
    // Once in 2^32 requests the stamps start over.
    memory.fill(state, 0, slotCount() * SLOT_SIZE);
    stamp = 1;
  }
}

export function put(slot: u32, ptr: usize, len: u32): void {
  const at = state + slot * SLOT_SIZE;
  store<u32>(at, stamp, STAMP);
  store<u32>(at, len, LENGTH);
  store<u32>(at, ptr, ADDRESS);
}

// @ts-ignore: decorator
@inline
export function known(slot: u32): bool {
  return load<u32>(state + slot * SLOT_SIZE, STAMP) == stamp;
}

/** ABSENT where the request has no such value. */
// @ts-ignore: decorator
@inline
export function lengthOf(slot: u32): u32 {
  return load<u32>(state + slot * SLOT_SIZE, LENGTH);
}

// @ts-ignore: decorator
@inline
export function addressOf(slot: u32): usize {
  return load<u32>(state + slot * SLOT_SIZE, ADDRESS);
}

// @ts-ignore: decorator
@inline
export function present(slot: u32): bool {
  return lengthOf(slot) != ABSENT;
}
