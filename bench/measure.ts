// CPU time of a process, rounds that take turns, and what to say about their figures.

import { readdirSync, readFileSync } from "node:fs";

/**
 * Nanoseconds that all threads of a process have been on a CPU. From the scheduler's own counters:
 * /proc/PID/stat counts in ticks of 10 ms. A thread that has ended takes its share with it, so this
 * is for processes with a fixed set of threads.
 */
export function cpuNs(pid: number): number {
  const folder = `/proc/${pid}/task`;
  return readdirSync(folder)
    .map((task) => Number(readFileSync(`${folder}/${task}/schedstat`, "utf8").split(" ", 1)[0]))
    .reduce((sum, ns) => sum + ns, 0);
}

/** Memory of its own in bytes, without the pages of the binary, which the system may drop. */
export function ownBytes(pid: number): number {
  return statusBytes(pid, /^RssAnon:\s+(\d+) kB$/m);
}

/** All of its resident memory in bytes. */
export function residentBytes(pid: number): number {
  return statusBytes(pid, /^VmRSS:\s+(\d+) kB$/m);
}

function statusBytes(pid: number, field: RegExp): number {
  const found = field.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(found?.[1] ?? Number.NaN) * 1024;
}

/**
 * Lets all subjects take one turn in each round, so that whatever the machine does meanwhile
 * befalls all of them. Each round starts with another subject.
 */
export async function interleave<Subject, Figure>(
  subjects: readonly Subject[],
  rounds: number,
  turn: (subject: Subject, round: number) => Promise<Figure>,
): Promise<ReadonlyMap<Subject, readonly Figure[]>> {
  const figures = new Map<Subject, Figure[]>(subjects.map((subject) => [subject, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (let i = 0; i < subjects.length; i += 1) {
      const subject = subjects[(i + round) % subjects.length];
      if (subject !== undefined) figures.get(subject)?.push(await turn(subject, round));
    }
  }
  return figures;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** How far apart the lowest and the highest are, as a share of the median. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values);
}

/** `figure / reference` round by round, then the median: noise that befell both cancels out. */
export function medianRatio(figures: readonly number[], references: readonly number[]): number {
  return median(figures.map((figure, round) => figure / (references[round] ?? Number.NaN)));
}

/** What is measured and what it is compared with. */
export interface Pair<Subject> {
  readonly subject: Subject;
  readonly base: Subject;
}

export interface Paired<Figure> {
  readonly own: Figure;
  readonly base: Figure;
}

/**
 * As `interleave`, for subjects that are each compared with another one: both have their turn at
 * the same time. Where they share a CPU, the scheduler lets them alternate every few milliseconds,
 * so that whatever makes the machine slower for a while makes both slower.
 */
export function interleavePairs<Subject, Figure>(
  pairs: readonly Pair<Subject>[],
  rounds: number,
  turn: (subject: Subject, round: number) => Promise<Figure>,
): Promise<Turns<Subject, Figure>> {
  return interleave(pairs, rounds, async ({ subject, base }, round) => {
    const [own, other] = await Promise.all([turn(subject, round), turn(base, round)]);
    return { own, base: other };
  });
}

export type Turns<Subject, Figure> = ReadonlyMap<Pair<Subject>, readonly Paired<Figure>[]>;

/** All turns that a subject took, also those as the base of others. */
export function turnsOf<Subject, Figure>(
  subject: Subject, turns: Turns<Subject, Figure>,
): readonly Figure[] {
  return [...turns].flatMap(([pair, both]) => both.flatMap(({ own, base }) =>
    (pair.subject === subject ? [own] : pair.base === subject ? [base] : [])));
}

/** Round by round, what a subject took to what its base took at the same time. */
export function ratiosOf<Subject, Figure>(
  { subject, base }: Pair<Subject | undefined>, turns: Turns<Subject, Figure>,
  value: (figure: Figure) => number,
): readonly number[] {
  return [...turns].flatMap(([pair, both]) => (pair.subject === subject && pair.base === base
    ? both.map((each) => value(each.own) / value(each.base)) : []));
}
