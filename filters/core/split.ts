// Picks a backend by weight: smooth weighted round robin. Over any run of as many requests as the
// weights' sum every backend gets exactly its weight, and no short run strays further than one
// request from its share. The state is one i32 for each backend, behind the table.

import {
  BACKEND_SIZE, BACKEND_WEIGHT, SECTION_BACKENDS, SECTION_SPLITS, SPLIT_FIRST_BACKEND, SPLIT_SIZE,
  SPLIT_TOTAL_WEIGHT,
} from "./format";
import { SLOT_SIZE } from "./slots";
import { section, slotCount, state } from "./table";

/** BACKENDS index of the split's next backend. */
export function pick(split: u32): u32 {
  const record = section(SECTION_SPLITS) + split * SPLIT_SIZE;
  const first = load<u32>(record, SPLIT_FIRST_BACKEND);
  const end = load<u32>(record, SPLIT_SIZE + SPLIT_FIRST_BACKEND);
  const backends = section(SECTION_BACKENDS);
  const credits = state + slotCount() * SLOT_SIZE;
  let best = first;
  let most = i32.MIN_VALUE;
  for (let i = first; i < end; i++) {
    const at = credits + (i << 2);
    const credit = load<i32>(at) + load<i32>(backends + i * BACKEND_SIZE, BACKEND_WEIGHT);
    store<i32>(at, credit);
    if (credit > most) {
      most = credit;
      best = i;
    }
  }
  store<i32>(credits + (best << 2), most - load<i32>(record, SPLIT_TOTAL_WEIGHT));
  return best;
}
