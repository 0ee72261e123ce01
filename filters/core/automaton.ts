// Regular expressions at run time: one automaton over the bytes of a value. It decides any number
// of expressions at once and takes time in the value's length only.
//
// All fields little-endian; the whole begins at a multiple of 4.
//
//   0        56               312          CHAINS_OFF      LISTS_OFF IDS_OFF TEXT_OFF
//   | header | class of each  | rows       | chains        | lists   | ids   | texts | slack
//   | 14 u32 | byte, 256 × u8 | u16 or u32 | 12 bytes each | u32     | u32   | bytes | 8 bytes
//
// A row is one state: for each class the reference of the state that a byte of that class leads to,
// then the accept list of the state.
//
//   | class 0 | class 1 | … | class n-1 | accept |     ROW_WIDTH = n + 1
//
// A reference below ROW_COUNT * ROW_WIDTH is the first entry of a row; 0 is the dead row, which
// has no way out. Any other is a chain: ROW_COUNT * ROW_WIDTH + its index. A chain stands for
// states from which just one text leads on, as `/api/v1/` does; it is compared eight bytes at a
// time.
//
// LISTS holds LIST_COUNT + 1 positions in IDS: list i goes from the i-th to the next. List 0 is
// empty. An id is the number of an expression, whatever the table means by it.
//
// The class map merges bytes beyond ASCII where an expression takes any character: such an
// automaton is right for UTF-8 only (TEXT_ONLY), and what it accepts is checked once more.

import {
  AUTOMATON_CHAIN_COUNT, AUTOMATON_CHAINS_OFF, AUTOMATON_CLASSES, AUTOMATON_ENTRY_SIZE,
  AUTOMATON_ID_COUNT, AUTOMATON_IDS_OFF, AUTOMATON_LENGTH, AUTOMATON_LIST_COUNT,
  AUTOMATON_LISTS_OFF, AUTOMATON_ROW_COUNT, AUTOMATON_ROW_WIDTH, AUTOMATON_ROWS, AUTOMATON_SLACK,
  AUTOMATON_START, AUTOMATON_TEXT_LENGTH, AUTOMATON_TEXT_OFF, AUTOMATON_TEXT_ONLY, CHAIN_NEXT,
  CHAIN_SIZE, CHAIN_TEXT_LEN, CHAIN_TEXT_OFF,
} from "./automaton-format";

/**
 * The accept list of the `textLen` bytes at `textPtr`, 0 where nothing matches. Up to 7 bytes
 * behind the text are read (and not looked at). `ptr` must have passed `verifyAutomaton`.
 */
export function runAutomaton(ptr: usize, textPtr: usize, textLen: u32): u32 {
  const list = load<u32>(ptr, AUTOMATON_ENTRY_SIZE) == 2
    ? walk<u16>(ptr, textPtr, textPtr + textLen) : walk<u32>(ptr, textPtr, textPtr + textLen);
  if (list == 0 || load<u32>(ptr, AUTOMATON_TEXT_ONLY) == 0) return list;
  return isText(textPtr, textLen) ? list : 0;
}

/** Address of the first id of a list, and of the end of its last. */
// @ts-ignore: decorator
@inline
export function listStart(ptr: usize, list: u32): usize {
  return ptr + load<u32>(ptr, AUTOMATON_IDS_OFF)
    + (load<u32>(ptr + load<u32>(ptr, AUTOMATON_LISTS_OFF) + (list << 2)) << 2);
}

// @ts-ignore: decorator
@inline
export function listEnd(ptr: usize, list: u32): usize {
  return listStart(ptr, list + 1);
}

function walk<T>(ptr: usize, textPtr: usize, end: usize): u32 {
  const rows = ptr + AUTOMATON_ROWS;
  const width = load<u32>(ptr, AUTOMATON_ROW_WIDTH);
  const firstChain = load<u32>(ptr, AUTOMATON_ROW_COUNT) * width;
  let at = textPtr;
  let state = load<u32>(ptr, AUTOMATON_START);
  while (true) {
    if (state >= firstChain) {
      const chain = ptr + load<u32>(ptr, AUTOMATON_CHAINS_OFF) + (state - firstChain) * CHAIN_SIZE;
      const len = load<u32>(chain, CHAIN_TEXT_LEN);
      if (<u32>(end - at) < len) return 0;
      const text = ptr + load<u32>(ptr, AUTOMATON_TEXT_OFF) + load<u32>(chain, CHAIN_TEXT_OFF);
      if (!begins(at, text, len)) return 0;
      at += len;
      state = load<u32>(chain, CHAIN_NEXT);
      continue;
    }
    if (state == 0) return 0;
    while (true) {
      if (at == end) {
        return <u32>load<T>(rows + ((<usize>(state + width - 1)) << alignof<T>()));
      }
      const column: u32 = load<u8>(ptr + load<u8>(at), AUTOMATON_CLASSES);
      const next = <u32>load<T>(rows + ((<usize>(column + state)) << alignof<T>()));
      at += 1;
      // Most bytes leave the state as it is. After a branch the next load need not wait for it.
      if (next == state) continue;
      state = next;
      // Dead, or a chain.
      if (state - 1 >= firstChain - 1) break;
    }
  }
}

/** Whether the text at `ptr` begins with the `len` bytes at `asked`. */
// @ts-ignore: decorator
@inline
function begins(ptr: usize, asked: usize, len: u32): bool {
  while (len >= 8) {
    if (load<u64>(ptr) != load<u64>(asked)) return false;
    ptr += 8;
    asked += 8;
    len -= 8;
  }
  return len == 0 || ((load<u64>(ptr) ^ load<u64>(asked)) << (64 - (len << 3))) == 0;
}

/** Whether bytes are UTF-8 as RE2 reads it: lead bytes C2–F4 with as many as they ask for. */
export function isText(ptr: usize, len: u32): bool {
  const end = ptr + len;
  while (true) {
    while (ptr + 8 <= end && (load<u64>(ptr) & 0x8080808080808080) == 0) ptr += 8;
    if (ptr >= end) return true;
    const byte: u32 = load<u8>(ptr);
    ptr += 1;
    if (byte < 0x80) continue;
    if (byte < 0xc2 || byte > 0xf4) return false;
    const after = ptr + 1 + (byte >= 0xe0 ? 1 : 0) + (byte >= 0xf0 ? 1 : 0);
    if (after > end) return false;
    for (; ptr < after; ptr++) {
      if ((load<u8>(ptr) & 0xc0) != 0x80) return false;
    }
  }
}

/**
 * Whether the `len` bytes at `ptr` (a multiple of 4) are an automaton that can be run on any text:
 * no reference leads out of it, each step reads at least one byte of the text, and ids are below
 * `ids`.
 */
export function verifyAutomaton(ptr: usize, len: u32, ids: u32): bool {
  if ((ptr & 3) != 0 || len < AUTOMATON_ROWS) return false;
  if (load<u32>(ptr, AUTOMATON_LENGTH) != len) return false;
  const size = load<u32>(ptr, AUTOMATON_ENTRY_SIZE);
  if (size != 2 && size != 4) return false;
  if (load<u32>(ptr, AUTOMATON_TEXT_ONLY) > 1) return false;
  const width = <u64>load<u32>(ptr, AUTOMATON_ROW_WIDTH);
  const rows = <u64>load<u32>(ptr, AUTOMATON_ROW_COUNT);
  // At most 256 classes and one entry more; products stay below 2^64.
  if (width < 2 || width > 257 || rows == 0) return false;
  if (load<u32>(ptr, AUTOMATON_LIST_COUNT) == 0) return false;
  const chains = <u64>AUTOMATON_ROWS + ((rows * width * size + 3) & ~3);
  const lists = chains + <u64>load<u32>(ptr, AUTOMATON_CHAIN_COUNT) * CHAIN_SIZE;
  const numbers = lists + ((<u64>load<u32>(ptr, AUTOMATON_LIST_COUNT) + 1) << 2);
  const texts = numbers + ((<u64>load<u32>(ptr, AUTOMATON_ID_COUNT)) << 2);
  const end = (texts + load<u32>(ptr, AUTOMATON_TEXT_LENGTH) + AUTOMATON_SLACK + 3) & ~3;
  if (end != <u64>len || chains != <u64>load<u32>(ptr, AUTOMATON_CHAINS_OFF)
    || lists != <u64>load<u32>(ptr, AUTOMATON_LISTS_OFF)
    || numbers != <u64>load<u32>(ptr, AUTOMATON_IDS_OFF)
    || texts != <u64>load<u32>(ptr, AUTOMATON_TEXT_OFF)) return false;
  for (let byte: u32 = 0; byte < 256; byte++) {
    if (<u64>load<u8>(ptr + byte, AUTOMATON_CLASSES) >= width - 1) return false;
  }
  return isState(ptr, load<u32>(ptr, AUTOMATON_START)) && verifyLists(ptr, ids) && verifyChains(ptr)
    && (size == 2 ? verifyRows<u16>(ptr) : verifyRows<u32>(ptr));
}

/** Whether a reference is that of a row or of a chain. */
// @ts-ignore: decorator
@inline
function isState(ptr: usize, reference: u32): bool {
  const width = load<u32>(ptr, AUTOMATON_ROW_WIDTH);
  const firstChain = load<u32>(ptr, AUTOMATON_ROW_COUNT) * width;
  return reference < firstChain ? reference % width == 0
    : reference - firstChain < load<u32>(ptr, AUTOMATON_CHAIN_COUNT);
}

function verifyRows<T>(ptr: usize): bool {
  const width = load<u32>(ptr, AUTOMATON_ROW_WIDTH);
  const lists = load<u32>(ptr, AUTOMATON_LIST_COUNT);
  const end = load<u32>(ptr, AUTOMATON_ROW_COUNT) * width;
  let at = ptr + AUTOMATON_ROWS;
  for (let row: u32 = 0; row < end; row += width) {
    for (let column: u32 = 1; column < width; column++) {
      if (!isState(ptr, <u32>load<T>(at))) return false;
      at += sizeof<T>();
    }
    if (<u32>load<T>(at) >= lists) return false;
    at += sizeof<T>();
  }
  return true;
}

function verifyChains(ptr: usize): bool {
  let chain = ptr + load<u32>(ptr, AUTOMATON_CHAINS_OFF);
  const texts = load<u32>(ptr, AUTOMATON_TEXT_LENGTH);
  for (let i = load<u32>(ptr, AUTOMATON_CHAIN_COUNT); i > 0; i--) {
    const len = load<u32>(chain, CHAIN_TEXT_LEN);
    if (len == 0 || <u64>load<u32>(chain, CHAIN_TEXT_OFF) + len > <u64>texts) return false;
    if (!isState(ptr, load<u32>(chain, CHAIN_NEXT))) return false;
    chain += CHAIN_SIZE;
  }
  return true;
}

/** Positions rise from 0, list 0 is empty, and each id names something. */
function verifyLists(ptr: usize, ids: u32): bool {
  const lists = ptr + load<u32>(ptr, AUTOMATON_LISTS_OFF);
  const count = load<u32>(ptr, AUTOMATON_LIST_COUNT);
  if (load<u32>(lists) != 0 || load<u32>(lists, 4) != 0) return false;
  for (let i: u32 = 0; i < count; i++) {
    const start = load<u32>(lists + (i << 2));
    const end = load<u32>(lists + (i << 2), 4);
    // A list longer than there are ids names one twice; whoever reads it counts on room for each.
    if (start > end || end - start > ids) return false;
  }
  const total = load<u32>(ptr, AUTOMATON_ID_COUNT);
  if (load<u32>(lists + (count << 2)) != total) return false;
  const numbers = ptr + load<u32>(ptr, AUTOMATON_IDS_OFF);
  for (let i: u32 = 0; i < total; i++) {
    if (load<u32>(numbers + (i << 2)) >= ids) return false;
  }
  return true;
}
