// The two things a worker takes from a table itself: which headers the core may ask for, and what
// the edit lists say. compiler/table/read.ts reads whole tables; a worker with 100,000 routes must
// not do that while it starts. The core has verified the bytes before.

import {
  EDIT_ADD, EDIT_KIND, EDIT_LIST_FIRST, EDIT_LIST_SIZE, EDIT_NAME_LEN, EDIT_NAME_OFF, EDIT_SET,
  EDIT_SIZE, EDIT_VALUE_LEN, EDIT_VALUE_OFF, HEADER_SIZE, NAME_LEN, NAME_OFF, NAME_SIZE,
  SECTION_EDITS, SECTION_EDIT_LISTS, SECTION_NAMES, SECTION_STRINGS,
} from "../../filters/core/format.ts";
import type { Edit } from "./headers.ts";

export interface Facts {
  /** Name n is read into slot SLOT_HEADERS + n. */
  readonly names: readonly string[];
  readonly editLists: readonly (readonly Edit[])[];
}

const decoder = new TextDecoder();

export function readFacts(table: Uint8Array): Facts {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const u32 = (at: number): number => view.getUint32(at, true);
  const stringsAt = u32(HEADER_SIZE + SECTION_STRINGS * 8);
  const text = (offset: number, length: number): string =>
    decoder.decode(table.subarray(stringsAt + offset, stringsAt + offset + length));
  const records = <T>(section: number, size: number, read: (at: number) => T): T[] => {
    const at = u32(HEADER_SIZE + section * 8);
    const count = u32(HEADER_SIZE + section * 8 + 4);
    return Array.from({ length: count }, (_, i) => read(at + i * size));
  };
  const kinds = new Map<number, Edit["kind"]>([[EDIT_SET, "set"], [EDIT_ADD, "add"]]);
  const edits = records(SECTION_EDITS, EDIT_SIZE, (at): Edit => ({
    kind: kinds.get(u32(at + EDIT_KIND)) ?? "remove",
    name: text(u32(at + EDIT_NAME_OFF), u32(at + EDIT_NAME_LEN)),
    value: text(u32(at + EDIT_VALUE_OFF), u32(at + EDIT_VALUE_LEN)),
  }));
  const firsts = records(SECTION_EDIT_LISTS, EDIT_LIST_SIZE, (at) => u32(at + EDIT_LIST_FIRST));
  return {
    names: records(SECTION_NAMES, NAME_SIZE, (at) =>
      text(u32(at + NAME_OFF), u32(at + NAME_LEN))),
    editLists: firsts.map((first, i) => edits.slice(first, firsts[i + 1] ?? edits.length)),
  };
}
