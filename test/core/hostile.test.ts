// A table that is damaged or made to harm is refused at load; what the core does accept, whatever
// its bytes, can neither trap it nor keep it busy.

import fc from "fast-check";
import { expect, test } from "vitest";
import {
  HEADER_CHECKED,
  HEADER_CHECKSUM,
  HEADER_LENGTH,
  HEADER_SIZE,
  HEADER_VERSION,
  LOAD_BAD_CHECKSUM,
  LOAD_BAD_HASH_TABLE,
  LOAD_BAD_LENGTH,
  LOAD_BAD_MAGIC,
  LOAD_BAD_REFERENCE,
  LOAD_BAD_SECTION,
  LOAD_BAD_STATE,
  LOAD_BAD_VERSION,
  LOAD_OK,
  LOAD_TOO_SHORT,
  SECTION_HOST_SLOTS,
  SECTION_VIRTUAL_HOSTS,
  VIRTUAL_HOST_NEXT,
} from "../../filters/core/format.ts";
import { noEdits } from "../../compiler/ir.ts";
import { coreWasm } from "../../compiler/prebuilt.ts";
import { checksum } from "../../compiler/table/hash.ts";
import { createCore, instantiate, loadTable } from "../../runtime/edge/core.ts";
import { decide, irs, origin, requests, rule, world } from "./world.ts";

const module = new WebAssembly.Module(coreWasm());
const load = (table: Uint8Array): number => loadTable(instantiate(module), table);

/** Every kind of record stands in this table. */
const rich = world({
  clusters: [
    {
      name: "outbound|80||a.default.svc.cluster.local",
      host: "a.default.svc.cluster.local",
      port: 80,
      service: { namespace: "default", name: "a" },
      protocol: "http1",
      endpoints: { kind: "static", addresses: [] },
      policy: {},
    },
  ],
  gatewayPorts: [
    {
      gateway: { namespace: "default", name: "g" },
      port: 8080,
      protocol: "HTTP",
      listeners: [{ name: "http" }],
      virtualHosts: ["*", "*.example.com", "a.example.com"].map((hostname) => ({
        hostname,
        listener: "http",
        matches: [
          {
            path: { kind: "prefix" as const, value: "/a" },
            method: "GET",
            queryParams: [],
            headers: [{ kind: "exact" as const, name: "version", value: "1" }],
            matchIndex: 0,
            routeHostname: hostname,
            origin,
            rule: rule("split", {
              kind: "forward",
              requestHeaders: { ...noEdits, set: [{ name: "x", value: "y" }] },
              backends: [
                { weight: 3, cluster: 0, requestHeaders: noEdits, origin },
                { weight: 1, requestHeaders: { ...noEdits, remove: ["z"] }, origin },
              ],
            }),
          },
          {
            path: { kind: "regex" as const, value: "/u/.*s[0-9]*" },
            matchIndex: 0,
            headers: [],
            queryParams: [],
            method: "PUT",
            routeHostname: hostname,
            origin,
            rule: rule("automaton", { kind: "forward", requestHeaders: noEdits, backends: [] }),
          },
          {
            path: { kind: "regex" as const, value: "/u/[0-9a-z]+/(posts|likes)" },
            matchIndex: 0,
            headers: [{ kind: "regex" as const, name: "version", value: "v[0-9]+" }],
            routeHostname: hostname,
            queryParams: [
              { kind: "exact" as const, name: "q", value: "1" },
              { kind: "regex" as const, name: "r", value: ".*x" },
            ],
            origin,
            rule: rule("regex", {
              kind: "forward",
              requestHeaders: noEdits,
              pin: { kind: "cookie", name: "uid" },
              rewrite: { hostname: "c.example.com", path: { kind: "full", value: "/d" } },
              backends: [1, 2].map((weight) => ({
                weight,
                cluster: 0,
                requestHeaders: noEdits,
                origin,
              })),
            }),
          },
          {
            path: { kind: "exact" as const, value: "/b" },
            headers: [],
            queryParams: [],
            matchIndex: 0,
            routeHostname: "*",
            origin,
            rule: rule("redirect", {
              kind: "redirect",
              statusCode: 302,
              scheme: "https",
              hostname: "b.example.com",
              port: 8443,
              path: { kind: "prefix", value: "/c" },
            }),
          },
        ],
      })),
    },
  ],
});

function sealed(table: Uint8Array): Uint8Array {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  if (table.length >= HEADER_SIZE) {
    view.setUint32(HEADER_CHECKSUM, checksum(table.subarray(HEADER_CHECKED)), true);
  }
  return table;
}

function changed(change: (view: DataView) => void): Uint8Array {
  const table = rich.table.slice();
  change(new DataView(table.buffer));
  return sealed(table);
}

const sectionAt = (id: number): number =>
  new DataView(rich.table.buffer).getUint32(HEADER_SIZE + id * 8, true);

test("an intact table is accepted", () => {
  expect(load(rich.table)).toBe(LOAD_OK);
});

test("each kind of damage has its reason", () => {
  expect(load(rich.table.slice(0, 64))).toBe(LOAD_TOO_SHORT);
  expect(load(changed((v) => v.setUint8(0, 0)))).toBe(LOAD_BAD_MAGIC);
  expect(load(changed((v) => v.setUint32(HEADER_VERSION, 99, true)))).toBe(LOAD_BAD_VERSION);
  expect(load(sealed(rich.table.slice(0, -8)))).toBe(LOAD_BAD_LENGTH);
  const flipped = rich.table.slice();
  flipped[rich.table.length - 9] = (flipped[rich.table.length - 9] ?? 0) ^ 1;
  expect(load(flipped)).toBe(LOAD_BAD_CHECKSUM);
  expect(load(changed((v) => v.setUint32(HEADER_SIZE + 4, 0xfffffff0, true)))).toBe(
    LOAD_BAD_SECTION,
  );
  expect(load(changed((v) => v.setUint32(16, 8, true)))).toBe(LOAD_BAD_STATE);
});

test("a hash table without an empty slot would never end, and is refused", () => {
  expect(
    load(
      changed((v) => {
        const count = v.getUint32(HEADER_SIZE + SECTION_HOST_SLOTS * 8 + 4, true);
        for (let i = 0; i < count; i++)
          v.setUint32(sectionAt(SECTION_HOST_SLOTS) + i * 8 + 4, 1, true);
      }),
    ),
  ).toBe(LOAD_BAD_HASH_TABLE);
});

test("a virtual host that leads back to itself would never end, and is refused", () => {
  expect(
    load(
      changed((v) => {
        v.setUint32(sectionAt(SECTION_VIRTUAL_HOSTS) + VIRTUAL_HOST_NEXT, 0, true);
      }),
    ),
  ).toBe(LOAD_BAD_REFERENCE);
});

test("a table cut off anywhere is refused", () => {
  for (let length = 0; length < rich.table.length; length += 8) {
    const table = rich.table.slice(0, length);
    if (length >= HEADER_SIZE) new DataView(table.buffer).setUint32(HEADER_LENGTH, length, true);
    expect(load(sealed(table)), `length ${length}`).not.toBe(LOAD_OK);
  }
});

test("no word of a table can be changed so that a request traps or hangs", () => {
  let accepted = 0;
  const words = rich.table.length / 4;
  const values = fc.oneof(
    fc.constantFrom(0, 1, 2, 3, 7, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff),
    fc.nat({ max: 64 }),
    fc.integer({ min: 0, max: 0xffffffff }),
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 5, max: words - 1 }), values), {
        minLength: 1,
        maxLength: 3,
      }),
      fc.array(requests, { minLength: 5, maxLength: 5 }),
      (changes, all) => {
        const exports = instantiate(module);
        const table = changed((v) =>
          changes.forEach(([at, value]) => v.setUint32(at * 4, value, true)),
        );
        if (loadTable(exports, table) !== LOAD_OK) return;
        accepted += 1;
        const core = createCore(exports, ["version", "cookie"]);
        for (const request of all)
          expect(decide(core, 0, request).status).toBeGreaterThanOrEqual(200);
        decide(core, 0, {
          authority: "a.example.com",
          target: "/b/c?d",
          method: "GET",
          headers: [],
        });
        decide(core, 0, {
          authority: "a.example.com",
          target: "/u/me/posts?r=yx&q=1",
          method: "GET",
          headers: [
            ["version", "v1"],
            ["cookie", "uid=7"],
          ],
        });
      },
    ),
    { numRuns: 4000 },
  );
  expect(accepted).toBeGreaterThan(100);
}, 60_000);

test("random tables are accepted whole, and refused when any one byte changes", () => {
  fc.assert(
    fc.property(irs, fc.nat(), fc.integer({ min: 1, max: 255 }), (ir, place, difference) => {
      const { table } = world(ir);
      const at = HEADER_CHECKED + (place % (table.length - HEADER_CHECKED));
      const damaged = table.slice();
      damaged[at] = (damaged[at] ?? 0) ^ difference;
      expect(load(damaged)).not.toBe(LOAD_OK);
    }),
    { numRuns: 200 },
  );
});
