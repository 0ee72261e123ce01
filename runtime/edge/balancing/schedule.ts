// Weighted turns by the earliest deadline, as Envoy schedules endpoints and localities of unequal
// weight: who is picked comes up again one part of its weight later. Ties go to whoever was put
// back first.

export interface Schedule {
  /** The deadline of the last pick. */
  now: number;
  /** How many were put in, or back in: breaks ties. */
  count: number;
  /** A binary heap: no entry is due before the one at half its index. */
  readonly heap: Entry[];
}

interface Entry {
  readonly deadline: number;
  readonly order: number;
  readonly item: number;
}

/**
 * Envoy adds it to the weights while it works out where a schedule stands: of items that would be
 * due at the same time the lightest then comes first, whatever rounding makes of them.
 */
const nudge = 1e-13;

/**
 * The schedule of the items 0, 1, … with these weights, each above zero, as it stands after about
 * `picks` of them: schedules of many isolates should not all begin with the same item. With `picks`
 * 0 it begins with the heaviest.
 */
export function startSchedule(weights: readonly number[], picks = 0): Schedule {
  const schedule: Schedule = { now: 0, count: 0, heap: [] };
  const sum = weights.reduce((total, weight) => total + weight + nudge, 0);
  let left = picks;
  weights.forEach((plain, item) => {
    const weight = plain + nudge;
    // The share of the picks that this item surely had; what rounding leaves is picked below.
    let had = Math.floor((weight * picks) / sum);
    if (had > 0 && had / weight >= picks / sum) had -= 1;
    left -= had;
    schedule.now = Math.max(schedule.now, had / weight);
    insert(schedule, item, (had + 1) / weight);
  });
  for (; left > 0; left -= 1) nextTurn(schedule, (item) => weights[item] ?? 1);
  return schedule;
}

/** The item whose turn it is, or -1. It is put back with the weight it has now. */
export function nextTurn(schedule: Schedule, weightOf: (item: number) => number): number {
  const [first] = schedule.heap;
  if (first === undefined) return -1;
  schedule.now = first.deadline;
  removeFirst(schedule.heap);
  insert(schedule, first.item, schedule.now + 1 / weightOf(first.item));
  return first.item;
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order);
}

function insert(schedule: Schedule, item: number, deadline: number): void {
  const { heap } = schedule;
  const entry: Entry = { deadline, order: schedule.count, item };
  schedule.count += 1;
  let at = heap.length;
  for (;;) {
    const above = (at - 1) >> 1;
    const parent = heap[above];
    if (at === 0 || parent === undefined || !isBefore(entry, parent)) break;
    heap[at] = parent;
    at = above;
  }
  heap[at] = entry;
}

function removeFirst(heap: Entry[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    const left = heap[2 * at + 1];
    const right = heap[2 * at + 2];
    if (left === undefined) break;
    const isRight = right !== undefined && isBefore(right, left);
    const child = isRight ? right : left;
    if (!isBefore(child, last)) break;
    heap[at] = child;
    at = 2 * at + (isRight ? 2 : 1);
  }
  heap[at] = last;
}
