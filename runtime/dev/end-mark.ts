// workerd ends a chunked answer as if it were whole even where the stream behind it failed
// (cloudflare/workerd#6818). So that a client of `fairlead dev` can tell, the worker ends such
// answers, where they are whole, with a mark that nobody else knows. The front takes it off, and
// breaks the client's connection where it is missing.

import { Transform } from "node:stream";

/** Passes everything on at once but for what may be the mark's beginning. */
export function untilMark(mark: Uint8Array): Transform {
  let held: Buffer = Buffer.alloc(0);
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      const kept = overlap(bytes, mark);
      held = bytes.subarray(bytes.length - kept);
      done(null, bytes.subarray(0, bytes.length - kept));
    },
    flush: (done) => done(held.equals(mark) ? null : new Error("the answer broke off")),
  });
}

/** The length of the longest end of `bytes` that `mark` begins with. */
function overlap(bytes: Buffer, mark: Uint8Array): number {
  for (let length = Math.min(bytes.length, mark.length); length > 0; length -= 1) {
    if (bytes.subarray(bytes.length - length).equals(mark.subarray(0, length))) return length;
  }
  return 0;
}
