// What one compilation leaves to the next. An edit touches few documents of many, so a stage that
// works on one thing at a time takes over its last answer where it was asked the same. Memories are
// values, handed in and out; each holds what this compilation used and nothing older.

/** A pure function, and what it was asked and answered so far. */
export interface Memo<Key, Value> {
  readonly of: (key: Key) => Value;
  readonly answers: ReadonlyMap<Key, Value>;
}

/** Things are the same where they are the same object: all of them are immutable. */
export function memo<Key extends object, Value>(
  make: (key: Key) => Value, last: ReadonlyMap<Key, Value> = new Map<Key, Value>(),
): Memo<Key, Value> {
  const answers = new Map<Key, Value>();
  return {
    answers,
    of: (key) => {
      // An answer may be undefined.
      if (answers.has(key)) return answers.get(key) as Value;
      const value = last.has(key) ? last.get(key) as Value : make(key);
      answers.set(key, value);
      return value;
    },
  };
}

/** Whether two lists hold the same things in the same order. */
export function sameItems<T>(a: readonly T[], b: readonly T[] | undefined): boolean {
  return a === b || (a.length === b?.length && a.every((item, i) => item === b[i]));
}
