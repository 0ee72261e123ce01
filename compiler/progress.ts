// How far a long command is: a value that stages hand to whoever asked, and the one line of a
// terminal that it is shown in. Nothing here looks at a clock or prints by itself.

export interface Progress {
  /** What is being done, to what: "checking documents". */
  readonly stage: string;
  /** Of how many; absent where nobody counts. */
  readonly total?: number;
  readonly done?: number;
}

export type OnProgress = (progress: Progress) => void;

/** `of`, telling before each call how many there were. */
export function counting<Key, Value>(
  stage: string, total: number, of: (key: Key) => Value, onProgress: OnProgress | undefined,
): (key: Key) => Value {
  if (!onProgress) return of;
  let done = 0;
  return (key) => {
    onProgress({ stage, done, total });
    done += 1;
    return of(key);
  };
}

export function progressText({ stage, done, total }: Progress): string {
  const number = (n: number): string => n.toLocaleString("en-US");
  if (total === undefined) return stage;
  return done === undefined ? `${stage} (${number(total)})`
    : `${stage} ${number(done)} of ${number(total)}`;
}

export interface Terminal {
  readonly write: (text: string) => void;
  /** Milliseconds since whenever. */
  readonly now: () => number;
  readonly columns: number;
}

export interface ProgressLine {
  readonly show: OnProgress;
  /** Takes the line away, so that something else can be written. */
  readonly clear: () => void;
}

/** What is over sooner than this needs no line. */
const patienceMs = 1_000;
/** Between two versions of the line. */
const refreshMs = 100;

/** One line that is written over, once the command has taken a second. */
export function progressLine({ write, now, columns }: Terminal): ProgressLine {
  let dueMs = now() + patienceMs;
  let isShown = false;
  const erase = "\r\u001b[2K";
  return {
    show: (progress) => {
      if (now() < dueMs) return;
      dueMs = now() + refreshMs;
      isShown = true;
      write(`${erase}${progressText(progress).slice(0, Math.max(0, columns - 1))}`);
    },
    clear: () => {
      if (isShown) write(erase);
      isShown = false;
    },
  };
}
