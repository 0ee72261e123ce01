// An automaton to the bytes that filters/core/automaton.ts draws.

import {
  AUTOMATON_CHAIN_COUNT, AUTOMATON_CHAINS_OFF, AUTOMATON_CLASSES, AUTOMATON_ENTRY_SIZE,
  AUTOMATON_ID_COUNT, AUTOMATON_IDS_OFF, AUTOMATON_LENGTH, AUTOMATON_LIST_COUNT,
  AUTOMATON_LISTS_OFF, AUTOMATON_ROW_COUNT, AUTOMATON_ROW_WIDTH, AUTOMATON_ROWS, AUTOMATON_SLACK,
  AUTOMATON_START, AUTOMATON_TEXT_LENGTH, AUTOMATON_TEXT_OFF, AUTOMATON_TEXT_ONLY, CHAIN_NEXT,
  CHAIN_SIZE, CHAIN_TEXT_LEN, CHAIN_TEXT_OFF,
} from "../../filters/core/automaton-format.ts";
import type { Automaton } from "./automaton.ts";

interface Chain {
  readonly bytes: readonly number[];
  readonly next: number;
}

interface Plan {
  /** States that keep a row, the dead one first. */
  readonly rows: readonly number[];
  readonly chains: readonly Chain[];
  /** The reference of each state that something leads to. */
  readonly references: Int32Array;
  readonly width: number;
}

export function encodeAutomaton(automaton: Automaton): Uint8Array {
  const plan = planRows(automaton);
  const { rows, chains, references, width } = plan;
  const wide = rows.length * width + chains.length > 0x10000 || automaton.lists.length > 0x10000;
  const entry = wide ? 4 : 2;
  const texts = packTexts(chains);
  const ids = automaton.lists.flat();
  const chainsOff = AUTOMATON_ROWS + align(rows.length * width * entry);
  const listsOff = chainsOff + chains.length * CHAIN_SIZE;
  const idsOff = listsOff + (automaton.lists.length + 1) * 4;
  const textOff = idsOff + ids.length * 4;
  const length = align(textOff + texts.bytes.length + AUTOMATON_SLACK);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  const word = (offset: number, value: number): void => view.setUint32(offset, value, true);
  word(AUTOMATON_LENGTH, length);
  word(AUTOMATON_ENTRY_SIZE, entry);
  word(AUTOMATON_ROW_COUNT, rows.length);
  word(AUTOMATON_ROW_WIDTH, width);
  word(AUTOMATON_CHAIN_COUNT, chains.length);
  word(AUTOMATON_LIST_COUNT, automaton.lists.length);
  word(AUTOMATON_ID_COUNT, ids.length);
  word(AUTOMATON_TEXT_LENGTH, texts.bytes.length);
  word(AUTOMATON_START, references[automaton.start] ?? 0);
  word(AUTOMATON_TEXT_ONLY, automaton.textOnly ? 1 : 0);
  word(AUTOMATON_CHAINS_OFF, chainsOff);
  word(AUTOMATON_LISTS_OFF, listsOff);
  word(AUTOMATON_IDS_OFF, idsOff);
  word(AUTOMATON_TEXT_OFF, textOff);
  bytes.set(automaton.classOf, AUTOMATON_CLASSES);
  encodeRows(automaton, plan, (i, value) => wide
    ? view.setUint32(AUTOMATON_ROWS + i * 4, value, true)
    : view.setUint16(AUTOMATON_ROWS + i * 2, value, true));
  chains.forEach(({ bytes, next }, i) => {
    const at = chainsOff + i * CHAIN_SIZE;
    word(at + CHAIN_TEXT_OFF, texts.offsets[i] ?? 0);
    word(at + CHAIN_TEXT_LEN, bytes.length);
    word(at + CHAIN_NEXT, references[next] ?? 0);
  });
  let position = 0;
  automaton.lists.forEach((list, i) => {
    word(listsOff + i * 4, position);
    position += list.length;
  });
  word(listsOff + automaton.lists.length * 4, position);
  ids.forEach((id, i) => word(idsOff + i * 4, id));
  bytes.set(texts.bytes, textOff);
  return bytes;
}

function align(length: number): number {
  return Math.ceil(length / 4) * 4;
}

function encodeRows(
  { next, classCount, accept }: Automaton, { rows, references, width }: Plan,
  put: (entry: number, value: number) => void,
): void {
  rows.forEach((state, i) => {
    for (let c = 0; c < classCount; c += 1) {
      put(i * width + c, references[next[state * classCount + c] ?? 0] ?? 0);
    }
    put(i * width + classCount, accept[state] ?? 0);
  });
}

/** The same text is stored once, also where it is the end of a longer one. */
function packTexts(chains: readonly Chain[]): { bytes: Uint8Array; offsets: readonly number[] } {
  const keys = chains.map(({ bytes }) => String.fromCharCode(...bytes));
  const offsetOf = new Map<string, number>();
  const out: number[] = [];
  const longestFirst = [...new Set(keys)].sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  for (const key of longestFirst) {
    if (offsetOf.has(key)) continue;
    for (let skip = 0; skip < key.length; skip += 1) {
      const end = key.slice(skip);
      if (!offsetOf.has(end)) offsetOf.set(end, out.length + skip);
    }
    for (let i = 0; i < key.length; i += 1) out.push(key.charCodeAt(i));
  }
  return { bytes: Uint8Array.from(out), offsets: keys.map((key) => offsetOf.get(key) ?? 0) };
}

/** Longer ones are cut: one text must not cost the square of its length to store. */
const CHAIN_MAX = 256;

/** The one byte that leads out of a state that accepts nothing, and where to. */
function onlyWay(automaton: Automaton, singles: readonly number[], state: number):
  { byte: number; next: number } | undefined {
  const { next, classCount, accept } = automaton;
  if ((accept[state] ?? 0) !== 0) return undefined;
  let way: { byte: number; next: number } | undefined;
  for (let c = 0; c < classCount; c += 1) {
    const target = next[state * classCount + c] ?? 0;
    if (target === 0) continue;
    const byte = singles[c] ?? -1;
    if (way !== undefined || byte < 0) return undefined;
    way = { byte, next: target };
  }
  return way;
}

function planRows(automaton: Automaton): Plan {
  const { stateCount, classCount, classOf, start } = automaton;
  // The byte of each class that has just one, else -1.
  const singles = Array.from({ length: classCount }, (_, c) =>
    classOf.indexOf(c) === classOf.lastIndexOf(c) ? classOf.indexOf(c) : -1);
  const ways = Array.from({ length: stateCount }, (_, s) =>
    s === 0 ? undefined : onlyWay(automaton, singles, s));
  const isHead = heads(automaton, ways);
  const rows: number[] = [0];
  const chains: Chain[] = [];
  const chainOf = new Map<number, number>();
  for (let state = 1; state < stateCount; state += 1) {
    if (ways[state] === undefined) rows.push(state);
    else if (isHead[state] === 1 || state === start) {
      chainOf.set(state, chains.push(follow(ways, isHead, state)) - 1);
    }
  }
  // A chain cut for its length goes on in a chain of its own.
  for (let i = 0; i < chains.length; i += 1) {
    const next = chains[i]?.next ?? 0;
    if (ways[next] !== undefined && !chainOf.has(next)) {
      chainOf.set(next, chains.push(follow(ways, isHead, next)) - 1);
    }
  }
  const width = classCount + 1;
  const references = new Int32Array(stateCount);
  rows.forEach((state, i) => { references[state] = i * width; });
  for (const [state, i] of chainOf) references[state] = rows.length * width + i;
  return { rows, chains, references, width };
}

type Way = { readonly byte: number; readonly next: number } | undefined;

/** Marks the states with one way out that are led to by a row, or by more than one state. */
function heads({ stateCount, classCount, next }: Automaton, ways: readonly Way[]): Uint8Array {
  const isHead = new Uint8Array(stateCount);
  const ledTo = new Uint8Array(stateCount);
  for (let state = 0; state < stateCount; state += 1) {
    const way = ways[state];
    if (way !== undefined) {
      if (ledTo[way.next] === 1) isHead[way.next] = 1;
      ledTo[way.next] = 1;
      continue;
    }
    for (let c = 0; c < classCount; c += 1) isHead[next[state * classCount + c] ?? 0] = 1;
  }
  return isHead;
}

function follow(ways: readonly Way[], isHead: Uint8Array, head: number): Chain {
  const bytes: number[] = [];
  let state = head;
  for (let way = ways[state]; way !== undefined; way = ways[state]) {
    if (bytes.length > 0 && (isHead[state] === 1 || bytes.length === CHAIN_MAX)) break;
    bytes.push(way.byte);
    state = way.next;
  }
  return { bytes, next: state };
}
