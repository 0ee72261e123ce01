// The tables that the plugins of one VM run. The baked one is always there. Those that come as
// configuration are each held once, however many plugins share it, in a region of memory that the
// next table takes over when no plugin needs it any more: swapping does not add memory.

import { HEADER_CHECKSUM, HEADER_LENGTH, HEADER_STATE_LENGTH, LOAD_BAD_LENGTH, LOAD_BAD_STATE,
  LOAD_OK, LOAD_TOO_SHORT } from "../core/format";
import { adopt, table } from "../core/table";
import { verify } from "../core/verify";
import { copyTable, tableLengthMax } from "./configuration";

const SLOTS: u32 = 16;
const PAGE: u32 = 65536;
/** Slots are counted from 1; 0 stands for the baked table. */
export const BAKED: u32 = 0;

// (address, capacity, plugins) of each region.
const SLOT_SIZE: u32 = 12;
const slots: usize = memory.data(192, 8);
const start: usize = memory.data(24, 8);

/** Address of the baked table, 0 without one. */
let baked: usize = 0;

export function setBaked(ptr: usize): void {
  baked = ptr;
}

export function hasBaked(): bool {
  return baked != 0;
}

// @ts-ignore: decorator
@inline
function slotAt(slot: u32): usize {
  return slots + (slot - 1) * SLOT_SIZE;
}

function addressOf(slot: u32): usize {
  return slot == BAKED ? baked : load<u32>(slotAt(slot));
}

/** Makes a slot's table the one that the core looks at. */
export function use(slot: u32): void {
  const ptr = addressOf(slot);
  if (ptr != table) adopt(ptr);
}

export function checksumOf(slot: u32): u32 {
  return load<u32>(addressOf(slot), HEADER_CHECKSUM);
}

export function hold(slot: u32): void {
  if (slot != BAKED) store<u32>(slotAt(slot), load<u32>(slotAt(slot), 8) + 1, 8);
}

export function release(slot: u32): void {
  if (slot != BAKED) store<u32>(slotAt(slot), load<u32>(slotAt(slot), 8) - 1, 8);
}

/** Where `loadTable` put the table. */
export let loaded: u32 = 0;

/** LOAD_OK once the configuration's table stands in slot `loaded`, else why it is refused. */
export function loadTable(): u32 {
  if (copyTable(start, 24) < 24) return LOAD_TOO_SHORT;
  const len = load<u32>(start, HEADER_LENGTH);
  if (len < 24 || len > tableLengthMax()) return LOAD_BAD_LENGTH;
  const stateLength = load<u32>(start, HEADER_STATE_LENGTH);
  // Whatever there is state for has a record that is larger, but for the three fixed slots.
  if (<u64>stateLength > <u64>len + 64) return LOAD_BAD_STATE;
  const slot = regionFor(<u64>len + <u64>stateLength);
  if (slot == 0) return LOAD_BAD_STATE;
  const ptr = addressOf(slot);
  // One byte more than there should be: what goes on behind its length is no table.
  if (copyTable(ptr, len + 1) != len) return LOAD_BAD_LENGTH;
  const result = verify(ptr, len);
  if (result != LOAD_OK) return result;
  memory.fill(ptr + len, 0, stateLength);
  // The core may still be looking at what stood there before.
  adopt(ptr);
  loaded = known(slot, len);
  return LOAD_OK;
}

/** Another slot with the same table, where there is one: several plugins bring equal ones. */
function known(slot: u32, len: u32): u32 {
  const ptr = addressOf(slot);
  for (let other: u32 = 1; other <= SLOTS; other++) {
    if (other == slot || load<u32>(slotAt(other), 8) == 0) continue;
    const at = addressOf(other);
    if (load<u32>(at, HEADER_LENGTH) != len) continue;
    if (load<u32>(at, HEADER_CHECKSUM) != load<u32>(ptr, HEADER_CHECKSUM)) continue;
    if (memory.compare(at, ptr, len) == 0) return other;
  }
  return slot;
}

/** A slot that nobody uses with room for `need` bytes and one more; 0 where there is none. */
function regionFor(need: u64): u32 {
  need += 8;
  let best: u32 = 0;
  let least: u32 = 0;
  for (let slot: u32 = 1; slot <= SLOTS; slot++) {
    if (load<u32>(slotAt(slot), 8)) continue;
    const capacity = load<u32>(slotAt(slot), 4);
    if (<u64>capacity >= need) {
      if (best == 0 || capacity < load<u32>(slotAt(best), 4)) best = slot;
    } else if (least == 0 || capacity < load<u32>(slotAt(least), 4)) least = slot;
  }
  return best ? best : least && enlarge(least, need) ? least : 0;
}

/**
 * Powers of two, so that all the regions given up on the way to a larger table are together no
 * larger than that table's own.
 */
function enlarge(slot: u32, need: u64): bool {
  let capacity: u64 = PAGE;
  while (capacity < need) capacity <<= 1;
  const end = <u64>memory.size() * PAGE;
  if (end + capacity > 0xffffffff) return false;
  if (memory.grow(<i32>(capacity / PAGE)) < 0) return false;
  store<u32>(slotAt(slot), <u32>end);
  store<u32>(slotAt(slot), <u32>capacity, 4);
  return true;
}
