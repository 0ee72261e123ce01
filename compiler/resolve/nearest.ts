// The name that was probably meant. Of few names each is compared; of many only those that have
// something in common with it that few others have, or a hundred thousand Services would each be
// compared with every name that is mistyped.

/** Names to choose from, and those among them that are worth a comparison with `name`. */
export interface Names extends Iterable<string> {
  readonly all: readonly string[];
  near(name: string): Iterable<string>;
}

/** Up to this many names each is compared. */
const comparedMax = 256;
/** A part that more names than this have in common tells nothing. */
const sharersMax = 32;
const partLength = 3;

/** Pieces of a name by which it is found again. */
type Index = ReadonlyMap<string, readonly string[]>;

function indexBy(
  names: readonly string[], piecesOf: (name: string) => readonly string[], most: number,
): Index {
  const found = new Map<string, string[]>();
  for (const name of names) {
    for (const piece of new Set(piecesOf(name))) {
      const sharers = found.get(piece);
      if (!sharers) found.set(piece, [name]);
      else if (sharers.length < most) sharers.push(name);
    }
  }
  return found;
}

function parts(name: string): readonly string[] {
  return Array.from({ length: Math.max(0, name.length - partLength + 1) },
    (_, at) => name.slice(at, at + partLength));
}

/** The name, and the name without one of its letters: two names at one edit have one in common. */
function shortened(name: string): readonly string[] {
  return [name, ...Array.from(name, (_, at) => name.slice(0, at) + name.slice(at + 1))];
}

/** Where `name` would stand. */
function placeIn(sorted: readonly string[], name: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? "") < name) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The indexes are made when they are first needed: hardly ever. */
export function namesOf(all: readonly string[]): Names {
  let made: { sorted: readonly string[]; byPart: Index; byEdit: Index } | undefined;
  return {
    all,
    [Symbol.iterator]: () => all[Symbol.iterator](),
    near: (name) => {
      if (all.length <= comparedMax) return all;
      made ??= {
        sorted: [...all].sort(), byPart: indexBy(all, parts, sharersMax + 1),
        // No two names are written alike, so that few have one letter more than another.
        byEdit: indexBy(all, shortened, Infinity),
      };
      const { sorted, byPart, byEdit } = made;
      const at = placeIn(sorted, name);
      const sharers = parts(name).map((part) => byPart.get(part) ?? []);
      return new Set([
        ...shortened(name).flatMap((piece) => byEdit.get(piece) ?? []),
        ...sharers.filter(({ length }) => length <= sharersMax).flat(),
        // What is cut off, or goes on, stands beside it.
        ...sorted.slice(Math.max(0, at - sharersMax), at + sharersMax),
      ]);
    },
  };
}

/** Edits between two names, given up on beyond `limit`. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const edits = Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1);
      next.push(edits);
      least = Math.min(least, edits);
    }
    if (least > limit) return limit + 1;
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The candidate that `name` was most probably meant to be, or nothing where none is close. */
export function nearest(name: string, candidates: Iterable<string> | Names): string | undefined {
  const compared = "near" in candidates ? candidates.near(name) : candidates;
  const limit = Math.max(1, Math.floor(name.length / 3));
  let best: { readonly name: string; readonly score: number } | undefined;
  for (const candidate of compared) {
    if (candidate === name) continue;
    // A name with a part added or cut ("store-api", "store-api-v1-service") is close as well.
    const extended = name.length >= 4 && candidate.length >= 4
      && (candidate.startsWith(name) || name.startsWith(candidate));
    // One as close as the best may be the first by name.
    const bound = Math.min(limit, best?.score ?? limit);
    const edits = distance(name, candidate, bound);
    const score = edits <= bound ? edits : extended ? limit + 1 : Infinity;
    const isFirst = score === best?.score && candidate < best.name;
    if (score < (best?.score ?? Infinity) || isFirst) best = { name: candidate, score };
  }
  return best?.name;
}
