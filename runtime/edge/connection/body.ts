// A request's body that is needed more than once: by attempts, one after the other, and by copies
// for mirrors. What went by is kept up to a bound, which is Envoy's (its connection buffer limit);
// a larger body still streams to the first attempt, but is neither retried nor mirrored.

export const keptBodyMax = 1024 * 1024;

export interface SharedBody {
  /** The body from its start; undefined where its start is no longer kept. */
  open(): ReadableStream<Uint8Array> | undefined;
  /** Whether `open` can give it again. */
  isKept(): boolean;
  /** Resolves once the client has sent all of it, or broke off. */
  readonly complete: Promise<void>;
  /** All of it, once it has gone by; undefined where it was too large or broke off. */
  whole(): Promise<Uint8Array | undefined>;
}

interface Kept {
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  parts: Uint8Array[];
  /** How many parts are no longer kept. */
  dropped: number;
  length: number;
  end: "open" | "whole" | "broken";
  /** One read at a time, whoever waits for it. */
  pending: Promise<void> | undefined;
  /** The number of the attempt that goes on with it. */
  attempt: number;
  isOver: () => void;
}

export function shareBody(source: ReadableStream<Uint8Array>): SharedBody {
  const kept: Kept = {
    reader: source.getReader(), parts: [], dropped: 0, length: 0, end: "open",
    pending: undefined, attempt: 0, isOver: () => undefined,
  };
  const complete = new Promise<void>((resolve) => { kept.isOver = resolve; });
  const open = (): ReadableStream<Uint8Array> | undefined => {
    if (kept.dropped > 0) return undefined;
    kept.attempt += 1;
    const { attempt } = kept;
    let index = 0;
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const part = await partAt(kept, index, attempt);
        index += 1;
        if (part === undefined) controller.close();
        else controller.enqueue(part);
      },
    }, { highWaterMark: 0 });
  };
  const whole = async (): Promise<Uint8Array | undefined> => {
    await complete;
    return kept.end === "whole" && kept.dropped === 0 ? joined(kept.parts) : undefined;
  };
  return { open, isKept: () => kept.dropped === 0, complete, whole };
}

/** Part `index`, or undefined at the end. An attempt that was given up gets no more. */
async function partAt(
  kept: Kept,
  index: number,
  attempt: number,
): Promise<Uint8Array | undefined> {
  for (;;) {
    if (attempt !== kept.attempt) throw new Error("another attempt goes on with this body");
    if (index - kept.dropped < kept.parts.length) break;
    if (kept.end === "whole") return undefined;
    if (kept.end === "broken") throw new Error("the client broke off its request body");
    kept.pending ??= take(kept);
    await kept.pending;
  }
  const part = kept.parts[index - kept.dropped];
  if (kept.length > keptBodyMax) {
    kept.dropped += kept.parts.length;
    kept.parts = [];
  }
  return part;
}

async function take(kept: Kept): Promise<void> {
  try {
    const { done, value } = await kept.reader.read();
    if (done) return finish(kept, "whole");
    kept.parts.push(value);
    kept.length += value.length;
  } catch {
    finish(kept, "broken");
  } finally {
    kept.pending = undefined;
  }
}

function finish(kept: Kept, how: "whole" | "broken"): void {
  kept.end = how;
  kept.isOver();
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
