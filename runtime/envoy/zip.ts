// Reads one entry of a zip archive: machines that have pip do not always have unzip. Enough for
// archives of less than 4 GB whose entries are stored or deflated, which is what wheels are.

import { crc32, inflateRawSync } from "node:zlib";

const endSignature = 0x06054b50;
const entrySignature = 0x02014b50;
const stored = 0;
const deflated = 8;

/** The entry's bytes, or undefined where the archive has no such entry. */
export function readZipEntry(zip: Buffer, name: string): Buffer | undefined {
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0 || zip.readUInt32LE(end) !== endSignature) throw new Error("not a zip archive");
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left -= 1) {
    if (zip.readUInt32LE(at) !== entrySignature) throw new Error("broken zip directory");
    const nameLength = zip.readUInt16LE(at + 28);
    if (zip.toString("utf8", at + 46, at + 46 + nameLength) === name) return contents(zip, at);
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return undefined;
}

/** `at` is the entry in the directory; its local header repeats the name, with other extras. */
function contents(zip: Buffer, at: number): Buffer {
  const method = zip.readUInt16LE(at + 10);
  const local = zip.readUInt32LE(at + 42);
  const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
  const packed = zip.subarray(start, start + zip.readUInt32LE(at + 20));
  if (method !== stored && method !== deflated) throw new Error(`zip method ${method}`);
  const bytes = method === stored ? packed : inflateRawSync(packed);
  if (crc32(bytes) !== zip.readUInt32LE(at + 16)) throw new Error("zip entry is damaged");
  return bytes;
}
