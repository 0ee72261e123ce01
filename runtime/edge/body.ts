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

export function shareBody(source: ReadableStream<Uint8Array>): SharedBody {
  const reader = source.getReader();
  let parts: Uint8Array[] = [];
  let dropped = 0;
  let length = 0;
  let end: "open" | "whole" | "broken" = "open";
  let pending: Promise<void> | undefined;
  let attempts = 0;
  let isOver = (): void => undefined;
  const complete = new Promise<void>((resolve) => { isOver = resolve; });

  const finish = (how: "whole" | "broken"): void => {
    end = how;
    isOver();
  };
  const take = async (): Promise<void> => {
    try {
      const { done, value } = await reader.read();
      if (done) return finish("whole");
      parts.push(value);
      length += value.length;
    } catch {
      finish("broken");
    } finally {
      pending = undefined;
    }
  };
  /** Part `index`, or undefined at the end. An attempt that was given up gets no more. */
  const partAt = async (index: number, attempt: number): Promise<Uint8Array | undefined> => {
    for (;;) {
      if (attempt !== attempts) throw new Error("another attempt goes on with this body");
      if (index - dropped < parts.length) break;
      if (end === "whole") return undefined;
      if (end === "broken") throw new Error("the client broke off its request body");
      pending ??= take();
      await pending;
    }
    const part = parts[index - dropped];
    if (length > keptBodyMax) {
      dropped += parts.length;
      parts = [];
    }
    return part;
  };
  const open = (): ReadableStream<Uint8Array> | undefined => {
    if (dropped > 0) return undefined;
    let index = 0;
    attempts += 1;
    const attempt = attempts;
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const part = await partAt(index, attempt);
        index += 1;
        if (part === undefined) controller.close();
        else controller.enqueue(part);
      },
    }, { highWaterMark: 0 });
  };
  const whole = async (): Promise<Uint8Array | undefined> => {
    await complete;
    return end === "whole" && dropped === 0 ? joined(parts) : undefined;
  };
  return { open, isKept: () => dropped === 0, complete, whole };
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
