// "Did you mean": the candidate that a person most likely wanted to write.

/** Edit distance with transpositions, or anything above `limit` once it is certain to be above. */
export function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

/** The nearest of `candidates`, or undefined where none is near. Ties go to the first by name. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  const limit = Math.max(1, Math.floor(word.length / 3));
  let best: string | undefined;
  let bestCost = limit + 1;
  for (const candidate of [...candidates].sort()) {
    const other = candidate.toLowerCase();
    // `Prefix` for `PathPrefix`, `host` for `hostnames`.
    const contained = lower.length >= 4 && (other.endsWith(lower) || other.startsWith(lower));
    const cost = contained ? Math.min(limit, 1.5) : distance(lower, other, limit);
    if (cost < bestCost) {
      best = candidate;
      bestCost = cost;
    }
  }
  return best;
}
