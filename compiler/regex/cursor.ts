// The place of the parser in a pattern, and how it gives up.

export interface Cursor {
  readonly pattern: string;
  /** Offset in UTF-16 code units. */
  at: number;
}

/** Why a pattern is refused, and where in it: an offset in UTF-16 code units. */
export interface Problem {
  readonly kind: "invalid" | "too-large";
  readonly message: string;
  readonly offset: number;
}

/** Carries a problem out of the depth of the parser; `attempt` is where it lands. */
class Stop extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.message);
    this.problem = problem;
  }
}

export function stop(problem: Problem): never {
  throw new Stop(problem);
}

export function refuse(message: string, offset: number): never {
  stop({ kind: "invalid", message, offset });
}

/** What `work` returns, or the problem that it stopped with. */
export function attempt<T>(work: () => T): T | Problem {
  try {
    return work();
  } catch (error) {
    if (error instanceof Stop) return error.problem;
    throw error;
  }
}

/** Whether the rest of the pattern begins with `text`. */
export function looking(cursor: Cursor, text: string): boolean {
  return cursor.pattern.startsWith(text, cursor.at);
}

/** Steps over `text` where the rest begins with it. */
export function accept(cursor: Cursor, text: string): boolean {
  if (!looking(cursor, text)) return false;
  cursor.at += text.length;
  return true;
}

/** The next code point, stepped over, or undefined at the end. */
export function take(cursor: Cursor): number | undefined {
  const rune = cursor.pattern.codePointAt(cursor.at);
  if (rune !== undefined) cursor.at += rune > 0xffff ? 2 : 1;
  return rune;
}

/** The text from `start` up to the cursor, in the back quotes of a message. */
export function since(cursor: Cursor, start: number): string {
  return `\`${cursor.pattern.slice(start, cursor.at)}\``;
}
