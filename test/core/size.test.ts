// How large a table is, by the number of its routes.

import { expect, test } from "vitest";

import { manifests, routesOf, type Shape } from "../../bench/core/workload.ts";
import { compile } from "../../compiler/compile.ts";
import { HEADER_SIZE, SECTION_STRINGS } from "../../filters/core/format.ts";

const count = 10_000;

function sizeOf(shape: Shape): { readonly whole: number; readonly besideStrings: number } {
  const { table } = compile([{ path: "routes.yaml", text: manifests(routesOf(shape, count)) }]);
  const strings = new DataView(table.buffer, table.byteOffset)
    .getUint32(HEADER_SIZE + SECTION_STRINGS * 8 + 4, true);
  return { whole: table.length, besideStrings: table.length - strings };
}

test.each(["hosts", "one-host"] as const)(
  "a route takes at most 48 bytes beside its strings, 120 with them (%s)", (shape) => {
    const { whole, besideStrings } = sizeOf(shape);
    expect(besideStrings / count).toBeLessThanOrEqual(48);
    expect(whole / count).toBeLessThanOrEqual(120);
    // Nothing is left out to come to that.
    expect(besideStrings / count).toBeGreaterThan(30);
  }, 60_000);
