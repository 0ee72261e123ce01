// Bakes a table into the prebuilt filter: a data segment behind the filter's own memory and the
// descriptor that says where it is. It takes milliseconds and no AssemblyScript toolchain. The
// result starts with the table in place: nothing to parse, nothing to allocate.

import { HEADER_STATE_LENGTH, SECTION_GATEWAY_PORTS } from "../../filters/core/format.ts";
import { recordCount } from "../table/read.ts";
import { readModule, writeModule, type WasmModule } from "./wasm.ts";

const PAGE = 65536;
const MAGIC = new TextEncoder().encode("FAIRLEAD");
/**
 * Each stream pays for each callback. The first tells streams of several gateway ports apart, the
 * second the end of plugins, with which configured tables end.
 */
const CONTEXT_CALLBACK = "proxy_on_context_create";
const END_CALLBACK = "proxy_on_delete";

export function bake(filterWasm: Uint8Array, table: Uint8Array): Uint8Array<ArrayBuffer> {
  const filter = readModule(filterWasm);
  const tablePtr = filter.memory.minPages * PAGE;
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const end = tablePtr + table.length + view.getUint32(HEADER_STATE_LENGTH, true);
  const minPages = Math.ceil(end / PAGE);
  const { maxPages } = filter.memory;
  const alone = recordCount(table, SECTION_GATEWAY_PORTS) === 1;
  const baked: WasmModule = {
    ...filter,
    memory: {
      minPages,
      ...(maxPages === undefined ? {} : { maxPages: Math.max(maxPages, minPages) }),
    },
    exports: filter.exports.filter(({ name }) =>
      name !== END_CALLBACK && !(alone && name === CONTEXT_CALLBACK)),
    data: [
      ...describe(filter, tablePtr, table.length),
      { offset: tablePtr, bytes: table },
    ],
  };
  return writeModule(baked);
}

/** The table in a baked filter, or nothing where there is none. */
export function bakedTable(filterWasm: Uint8Array): Uint8Array | undefined {
  const { data } = readModule(filterWasm);
  for (const { bytes } of data) {
    const at = indexOf(bytes, MAGIC);
    if (at < 0) continue;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const tablePtr = view.getUint32(at + MAGIC.length, true);
    const length = view.getUint32(at + MAGIC.length + 4, true);
    const table = data.find((s) => s.offset === tablePtr && s.bytes.length === length);
    return length === 0 ? undefined : table?.bytes;
  }
  return undefined;
}

/** The filter's own data segments, with the table's place in the descriptor. */
function describe(filter: WasmModule, tablePtr: number, length: number): WasmModule["data"] {
  let found = 0;
  const data = filter.data.map((segment) => {
    const at = indexOf(segment.bytes, MAGIC);
    if (at < 0) return segment;
    found += 1;
    const bytes = segment.bytes.slice();
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    view.setUint32(at + MAGIC.length, tablePtr, true);
    view.setUint32(at + MAGIC.length + 4, length, true);
    return { ...segment, bytes };
  });
  if (found !== 1) throw new Error(`the filter has ${found} table descriptors, not one`);
  return data;
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  for (let at = 0; at + wanted.length <= bytes.length; at++) {
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}
