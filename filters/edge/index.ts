// The core as a worker (or node) calls it: the host writes values into the arena and reads the
// verdict as integers. Nothing is imported.
//
//   reserve → (copy the table) → load; then, for each request: start, put…, run until it is ≥ 0.

import {
  LOAD_BAD_STATE, LOAD_OK, SLOT_AUTHORITY, SLOT_PATH, VIRTUAL_HOST_LEAD,
} from "../core/format";
import { lastHost, run, sameHost, start } from "../core/match";
import { arena, ARENA_LENGTH, verdict } from "../core/memory";
import { put } from "../core/slots";
import { adopt, stateLengthOf } from "../core/table";
import { verify } from "../core/verify";

export { put, run, start };

const PAGE: u32 = 65536;
let place: usize = 0;
/** NONE, and nothing. */
const noLead: usize = memory.data<u32>([0xffffffff, 0, 0], 8);

/** Makes sure that memory reaches up to `end`. */
function reach(end: u64): bool {
  const have = <u64>memory.size() * PAGE;
  return end <= have || memory.grow(<i32>((end - have + PAGE - 1) / PAGE)) >= 0;
}

/** Address for a table of `len` bytes, or 0 where memory ran out. Once in a module's life. */
export function reserve(len: u32): usize {
  const end = <u64>memory.size() * PAGE;
  place = reach(end + len) ? <usize>end : 0;
  return place;
}

/** LOAD_OK once the table copied to `reserve`'s address is in use, else why it is refused. */
export function load(len: u32): u32 {
  const result = verify(place, len);
  if (result != LOAD_OK) return result;
  if (!reach(<u64>place + len + stateLengthOf(place))) return LOAD_BAD_STATE;
  adopt(place);
  return LOAD_OK;
}

/**
 * `start`, `put` of the authority and the target, and `run` in one call: both texts stand in the
 * input buffer, the target at the next multiple of 8 after the authority. `again`: port and
 * authority are those of the last request that was decided.
 */
export function open(gatewayPort: u32, authorityLen: u32, targetLen: u32, again: bool): i32 {
  start(gatewayPort);
  put(SLOT_AUTHORITY, arena, authorityLen);
  put(SLOT_PATH, arena + ((authorityLen + 7) & ~7), targetLen);
  if (again) sameHost();
  return run();
}

/**
 * VIRTUAL_HOST_LEAD and VIRTUAL_HOST_FOLLOWERS of the virtual host that the last request was for:
 * 12 bytes.
 */
export function leadPtr(): usize {
  const host = lastHost();
  return host ? host + VIRTUAL_HOST_LEAD : noLead;
}

export function inputPtr(): usize {
  return arena;
}

export function inputLength(): u32 {
  // Hashing reads whole words past a value's end.
  return ARENA_LENGTH - 8;
}

export function verdictPtr(): usize {
  return verdict;
}
