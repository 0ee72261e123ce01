// A gzipped tar of one file, the same bytes whatever machine makes it: no times, no owners, and a
// deflate of our dependencies' own, since Node's depends on the zlib that Node was built with.

import { gzipSync } from "fflate";

const blockLength = 512;

export interface Archive {
  /** The tar.gz. */
  readonly bytes: Uint8Array;
  /** The tar. */
  readonly uncompressed: Uint8Array;
}

export function gzippedFile(name: string, content: Uint8Array): Archive {
  const padded = Math.ceil(content.length / blockLength) * blockLength;
  // Two blocks of zeros end an archive.
  const uncompressed = new Uint8Array(blockLength + padded + 2 * blockLength);
  uncompressed.set(header(name, content.length));
  uncompressed.set(content, blockLength);
  return { bytes: gzipSync(uncompressed, { level: 9, mtime: 0 }), uncompressed };
}

/** POSIX.1-1988 ustar; numbers are octal digits, ended by a zero byte. */
function header(name: string, length: number): Uint8Array {
  const bytes = new Uint8Array(blockLength);
  const put = (offset: number, text: string): void =>
    bytes.set(new TextEncoder().encode(text), offset);
  const octal = (value: number, width: number): string => value.toString(8).padStart(width, "0");
  put(0, name);
  put(100, octal(0o644, 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, octal(length, 11));
  put(136, octal(0, 11));
  // The sum is taken with blanks in its own place.
  put(148, " ".repeat(8));
  put(156, "0");
  put(257, "ustar\0" + "00");
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  put(148, `${octal(sum, 6)}\0 `);
  return bytes;
}
