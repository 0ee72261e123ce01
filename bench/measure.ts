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
  const found = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
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

/** Figures of one subject, each beside its base's around the same time. */
export interface Compared {
  readonly own: readonly number[];
  readonly base: readonly number[];
}

/**
 * As `interleave`, for subjects that are many: a base takes a turn after every third subject that
 * is compared with it, and a subject's figure stands beside the mean of the base's turns before and
 * after. Bases have every turn they took in `own`, and nothing in `base`.
 */
export async function compare<Subject>(
  subjects: readonly Subject[],
  baseOf: (subject: Subject) => Subject | undefined,
  rounds: number,
  turn: (subject: Subject, round: number) => Promise<number>,
): Promise<ReadonlyMap<Subject, Compared>> {
  const found = new Map<Subject, { own: number[]; base: number[] }>(
    subjects.map((subject) => [subject, { own: [], base: [] }]));
  const chunks = chunked(subjects.filter((subject) => baseOf(subject) !== undefined), baseOf);
  for (let round = 0; round < rounds; round += 1) {
    let before: { readonly base: Subject; readonly figure: number } | undefined;
    const measureBase = async (base: Subject): Promise<number> => {
      const figure = await turn(base, round);
      found.get(base)?.own.push(figure);
      before = { base, figure };
      return figure;
    };
    for (let i = 0; i < chunks.length; i += 1) {
      const chunk = chunks[(i + round) % chunks.length];
      if (chunk === undefined) continue;
      const first = before?.base === chunk.base ? before.figure : await measureBase(chunk.base);
      const own: number[] = [];
      for (const subject of chunk.subjects) own.push(await turn(subject, round));
      const mean = (first + await measureBase(chunk.base)) / 2;
      chunk.subjects.forEach((subject, at) => {
        found.get(subject)?.own.push(own[at] ?? Number.NaN);
        found.get(subject)?.base.push(mean);
      });
    }
  }
  return found;
}

interface Chunk<Subject> {
  readonly base: Subject;
  readonly subjects: readonly Subject[];
}

const chunkLength = 3;

/** In the order given, but for those of one base standing together. */
function chunked<Subject>(
  subjects: readonly Subject[], baseOf: (subject: Subject) => Subject | undefined,
): readonly Chunk<Subject>[] {
  const groups = new Map<Subject, Subject[]>();
  for (const subject of subjects) {
    const base = baseOf(subject);
    if (base !== undefined) groups.set(base, [...groups.get(base) ?? [], subject]);
  }
  return [...groups].flatMap(([base, all]) =>
    Array.from({ length: Math.ceil(all.length / chunkLength) }, (_, i) =>
      ({ base, subjects: all.slice(i * chunkLength, (i + 1) * chunkLength) })));
}
