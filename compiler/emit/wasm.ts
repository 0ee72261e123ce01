// As much of the WebAssembly binary format as baking changes: memory limits, exports and data
// segments (WebAssembly core specification 2.0, §5.5). All other sections are kept as they are.

const HEADER_LENGTH = 8;
const SECTION_MEMORY = 5;
const SECTION_EXPORT = 7;
const SECTION_DATA = 11;
const SECTION_DATA_COUNT = 12;
const OP_I32_CONST = 0x41;
const OP_END = 0x0b;

export interface WasmModule {
  readonly header: Uint8Array;
  readonly memory: { readonly minPages: number; readonly maxPages?: number };
  readonly exports: readonly {
    readonly name: string; readonly kind: number; readonly index: number;
  }[];
  readonly data: readonly { readonly offset: number; readonly bytes: Uint8Array }[];
  /** All sections in their order; `body` is empty for those above. */
  readonly sections: readonly { readonly id: number; readonly body: Uint8Array }[];
}

interface Reader {
  readonly bytes: Uint8Array;
  at: number;
}

function readByte(reader: Reader): number {
  const byte = reader.bytes[reader.at];
  if (byte === undefined) throw new Error("the wasm module ends early");
  reader.at += 1;
  return byte;
}

/** LEB128; a signed i32 constant comes out as its unsigned 32 bits. */
function readLeb(reader: Reader, signed = false): number {
  let value = 0n;
  let shift = 0n;
  for (;;) {
    const byte = readByte(reader);
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if (byte & 0x80) continue;
    return Number(BigInt.asUintN(32, signed ? BigInt.asIntN(Number(shift), value) : value));
  }
}

function take(reader: Reader, length: number): Uint8Array {
  const bytes = reader.bytes.subarray(reader.at, reader.at + length);
  if (bytes.length !== length) throw new Error("the wasm module ends early");
  reader.at += length;
  return bytes;
}

export function readModule(bytes: Uint8Array): WasmModule {
  const reader: Reader = { bytes, at: 0 };
  const header = take(reader, HEADER_LENGTH);
  const sections: { id: number; body: Uint8Array }[] = [];
  let memory: WasmModule["memory"] | undefined;
  let exports: WasmModule["exports"] = [];
  let data: WasmModule["data"] = [];
  while (reader.at < bytes.length) {
    const id = readByte(reader);
    const body = take(reader, readLeb(reader));
    const inner: Reader = { bytes: body, at: 0 };
    if (id === SECTION_MEMORY) memory = readMemory(inner);
    else if (id === SECTION_EXPORT) exports = readExports(inner);
    else if (id === SECTION_DATA) data = readData(inner);
    const known = id === SECTION_MEMORY || id === SECTION_EXPORT || id === SECTION_DATA
      || id === SECTION_DATA_COUNT;
    sections.push({ id, body: known ? new Uint8Array() : body });
  }
  if (!memory) throw new Error("the wasm module has no memory of its own");
  return { header, memory, exports, data, sections };
}

function readMemory(reader: Reader): WasmModule["memory"] {
  if (readLeb(reader) !== 1) throw new Error("the wasm module has not exactly one memory");
  const limited = readByte(reader) === 1;
  const minPages = readLeb(reader);
  return limited ? { minPages, maxPages: readLeb(reader) } : { minPages };
}

function readExports(reader: Reader): WasmModule["exports"] {
  return Array.from({ length: readLeb(reader) }, () => {
    const name = new TextDecoder().decode(take(reader, readLeb(reader)));
    return { name, kind: readByte(reader), index: readLeb(reader) };
  });
}

function readData(reader: Reader): WasmModule["data"] {
  return Array.from({ length: readLeb(reader) }, () => {
    const flags = readLeb(reader);
    if (flags !== 0 || readByte(reader) !== OP_I32_CONST) {
      throw new Error("the wasm module has a data segment that is not at a constant address");
    }
    const offset = readLeb(reader, true);
    if (readByte(reader) !== OP_END) throw new Error("a data segment's address does not end");
    return { offset, bytes: take(reader, readLeb(reader)) };
  });
}

function leb(value: number): number[] {
  const out: number[] = [];
  let left = value;
  do {
    const byte = left & 0x7f;
    left = Math.floor(left / 128);
    out.push(left > 0 ? byte | 0x80 : byte);
  } while (left > 0);
  return out;
}

/** A signed constant: one more byte where the last one's sign bit would lie. */
function signedLeb(value: number): number[] {
  const out = leb(value);
  const last = out.length - 1;
  if ((out[last] ?? 0) & 0x40) {
    out[last] = (out[last] ?? 0) | 0x80;
    out.push(0);
  }
  return out;
}

function concat(parts: readonly (Uint8Array | readonly number[])[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export function writeModule(module: WasmModule): Uint8Array<ArrayBuffer> {
  const parts: (Uint8Array | readonly number[])[] = [module.header];
  for (const { id, body } of module.sections) {
    const written = id === SECTION_MEMORY ? memoryBody(module)
      : id === SECTION_EXPORT ? exportBody(module)
      : id === SECTION_DATA ? dataBody(module)
      : id === SECTION_DATA_COUNT ? concat([leb(module.data.length)])
      : body;
    parts.push([id], leb(written.length), written);
  }
  return concat(parts);
}

function memoryBody({ memory }: WasmModule): Uint8Array {
  return memory.maxPages === undefined
    ? concat([[1, 0], leb(memory.minPages)])
    : concat([[1, 1], leb(memory.minPages), leb(memory.maxPages)]);
}

function exportBody({ exports }: WasmModule): Uint8Array {
  return concat([leb(exports.length), ...exports.flatMap((e) => {
    const name = new TextEncoder().encode(e.name);
    return [leb(name.length), name, [e.kind], leb(e.index)];
  })]);
}

function dataBody({ data }: WasmModule): Uint8Array {
  return concat([leb(data.length), ...data.flatMap(({ offset, bytes }) => [
    [0, OP_I32_CONST], signedLeb(offset), [OP_END], leb(bytes.length), bytes])]);
}
