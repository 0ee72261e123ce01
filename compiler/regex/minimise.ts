// Hopcroft's partition refinement, then everything in one canonical order: states as a walk from
// the start meets them, bytes that no state tells apart in one class.

import type { Automaton } from "./automaton.ts";

/** Blocks of states, each a stretch of `members`. */
interface Partition {
  readonly members: Int32Array;
  readonly place: Int32Array;
  readonly blockOf: Int32Array;
  readonly first: number[];
  readonly after: number[];
  /** How many of a block's members, swapped to its front, the splitter reaches. */
  readonly touched: number[];
}

export function minimise(automaton: Automaton): Automaton {
  const { blockOf, first } = refine(automaton);
  return mergeClasses(renumber(automaton, blockOf, first.length));
}

function partitionByAccept({ stateCount, accept, lists }: Automaton): Partition {
  const members = Int32Array.from({ length: stateCount }, (_, i) => i)
    .sort((a, b) => (accept[a] ?? 0) - (accept[b] ?? 0) || a - b);
  const partition: Partition = {
    members, place: new Int32Array(stateCount), blockOf: new Int32Array(stateCount), first: [],
    after: [], touched: [],
  };
  let previous = lists.length;
  members.forEach((state, i) => {
    const kind = accept[state] ?? 0;
    if (kind !== previous) {
      partition.first.push(i);
      partition.after.push(i);
      partition.touched.push(0);
    }
    previous = kind;
    const block = partition.first.length - 1;
    partition.after[block] = i + 1;
    partition.place[state] = i;
    partition.blockOf[state] = block;
  });
  return partition;
}

function refine(automaton: Automaton): Partition {
  const { classCount } = automaton;
  const partition = partitionByAccept(automaton);
  const { from, sources } = invert(automaton);
  const pending = partition.first.map((_, block) => block);
  const isPending = pending.map(() => true);
  while (true) {
    const splitter = pending.pop();
    if (splitter === undefined) return partition;
    isPending[splitter] = false;
    // A copy: the splitter itself may be split.
    const targets = partition.members.slice(partition.first[splitter], partition.after[splitter]);
    for (let c = 0; c < classCount; c += 1) {
      const reached: number[] = [];
      for (const target of targets) {
        const at = target * classCount + c;
        for (let i = from[at] ?? 0; i < (from[at + 1] ?? 0); i += 1) {
          touch(partition, sources[i] ?? 0, reached);
        }
      }
      for (const block of reached) {
        const made = split(partition, block);
        if (made === undefined) continue;
        const size = (b: number): number => (partition.after[b] ?? 0) - (partition.first[b] ?? 0);
        const next = isPending[block] || size(made) <= size(block) ? made : block;
        isPending[next] = true;
        pending.push(next);
      }
    }
  }
}

/** For each (target, class): the states that lead there, a stretch of `sources`. */
function invert({ stateCount, classCount, next }: Automaton): {
  from: Int32Array; sources: Int32Array;
} {
  const from = new Int32Array(stateCount * classCount + 1);
  const slot = (i: number): number => (next[i] ?? 0) * classCount + i % classCount;
  for (let i = 0; i < next.length; i += 1) from[slot(i) + 1] = (from[slot(i) + 1] ?? 0) + 1;
  for (let i = 1; i < from.length; i += 1) from[i] = (from[i] ?? 0) + (from[i - 1] ?? 0);
  const free = from.slice();
  const sources = new Int32Array(next.length);
  for (let i = 0; i < next.length; i += 1) {
    const at = free[slot(i)] ?? 0;
    sources[at] = Math.floor(i / classCount);
    free[slot(i)] = at + 1;
  }
  return { from, sources };
}

/** Swaps a state to the front of its block. */
function touch(partition: Partition, state: number, reached: number[]): void {
  const { members, place, blockOf, first, touched } = partition;
  const block = blockOf[state] ?? 0;
  const count = touched[block] ?? 0;
  const front = (first[block] ?? 0) + count;
  const at = place[state] ?? 0;
  if (at < front) return;
  if (count === 0) reached.push(block);
  const other = members[front] ?? 0;
  members[front] = state;
  members[at] = other;
  place[state] = front;
  place[other] = at;
  touched[block] = count + 1;
}

/** Makes a block of the touched members, unless they are all. */
function split(partition: Partition, block: number): number | undefined {
  const { members, blockOf, first, after, touched } = partition;
  const start = first[block] ?? 0;
  const middle = start + (touched[block] ?? 0);
  touched[block] = 0;
  if (middle === after[block]) return undefined;
  const made = first.push(start) - 1;
  after.push(middle);
  touched.push(0);
  first[block] = middle;
  for (let i = start; i < middle; i += 1) blockOf[members[i] ?? 0] = made;
  return made;
}

/** The same automaton, with one class for all bytes that have equal columns. */
function mergeClasses(automaton: Automaton): Automaton {
  const { stateCount, classCount, next } = automaton;
  const columns = new Map<string, number>();
  const kept: number[] = [];
  const merged = Array.from({ length: classCount }, (_, c) => {
    const column = new Int32Array(stateCount);
    for (let s = 0; s < stateCount; s += 1) column[s] = next[s * classCount + c] ?? 0;
    const key = column.join();
    const known = columns.get(key) ?? kept.push(c) - 1;
    columns.set(key, known);
    return known;
  });
  const narrow = new Int32Array(stateCount * kept.length);
  for (let s = 0; s < stateCount; s += 1) {
    kept.forEach((c, i) => {
      narrow[s * kept.length + i] = next[s * classCount + c] ?? 0;
    });
  }
  const classOf = automaton.classOf.map((c) => merged[c] ?? 0);
  return { ...automaton, classCount: kept.length, classOf, next: narrow };
}

/** One state for each block, 0 for the dead one, the others in the order of a walk by class. */
function renumber(automaton: Automaton, blockOf: Int32Array, blockCount: number): Automaton {
  const { classCount, next } = automaton;
  const numberOf = new Int32Array(blockCount).fill(-1);
  const dead = blockOf[0] ?? 0;
  numberOf[dead] = 0;
  const order = [0];
  const meet = (state: number): number => {
    const block = blockOf[state] ?? 0;
    if ((numberOf[block] ?? -1) < 0) numberOf[block] = order.push(state) - 1;
    return numberOf[block] ?? 0;
  };
  const start = meet(automaton.start);
  const rows: number[] = [];
  const accept: number[] = [];
  for (let i = 0; i < order.length; i += 1) {
    const state = order[i] ?? 0;
    accept.push(automaton.accept[state] ?? 0);
    for (let c = 0; c < classCount; c += 1) rows.push(meet(next[state * classCount + c] ?? 0));
  }
  // Lists in the order of the states that give them: a table must not show how it was found.
  const listOf = new Map([[0, 0]]);
  const lists: (readonly number[])[] = [[]];
  const listed = accept.map((index) => {
    const known = listOf.get(index) ?? lists.push(automaton.lists[index] ?? []) - 1;
    listOf.set(index, known);
    return known;
  });
  return {
    ...automaton, stateCount: order.length, next: Int32Array.from(rows), start,
    accept: Int32Array.from(listed), lists,
  };
}
