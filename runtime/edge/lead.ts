// How long the beginning is that all paths of a virtual host share, and which characters may follow
// it: by that one character most requests for none of them are known before any of it is copied.

import { NONE } from "../../filters/core/format.ts";

export interface Lead {
  /** NONE where nothing can be told. */
  readonly length: number;
  /** 64 bits, by the lower 6 bits of the character there. */
  readonly low: number;
  readonly high: number;
}

/** From where the core's `leadPtr` points. */
export function readLead(memory: ArrayBufferLike, leadPtr: number): Lead {
  const [length = NONE, low = 0, high = 0] = new Uint32Array(memory, leadPtr, 3);
  return { length, low, high };
}

/** Whether no path of the virtual host takes the target. What is shorter is left to the core. */
export function isForeign({ length, low, high }: Lead, target: string): boolean {
  if (target.length <= length) return false;
  const code = target.charCodeAt(length);
  return (((code & 32) === 0 ? low : high) & (1 << (code & 31))) === 0;
}
