// The filter with a table in its plugin's configuration: which forms it takes, what it refuses, and
// that swapping tables adds no memory. test/envoy/configured.test.ts has the same in a real Envoy.

import fc from "fast-check";
import { expect, test } from "vitest";

import { bake } from "../../compiler/emit/bake.ts";
import { noEdits, type Cluster, type Ir } from "../../compiler/ir.ts";
import { filterWasm } from "../../compiler/prebuilt.ts";
import { readTable } from "../../compiler/table/read.ts";
import { origin, rule, world } from "../core/world.ts";
import { hostFilter, type HostedFilter } from "./host.ts";

const cluster = (name: string): Cluster => ({
  name, host: name, port: 80, service: { namespace: "default", name }, protocol: "http1",
  endpoints: { kind: "static", addresses: [] }, policy: {},
});

/** Each gateway port sends everything to the cluster of its own. */
function routed(ports: Readonly<Record<string, string>>, routes = 0): Ir {
  const clusters = [...new Set(Object.values(ports))].map(cluster);
  return {
    clusters,
    gatewayPorts: Object.entries(ports).map(([name, to]) => ({
      gateway: { namespace: "default", name }, port: 80, protocol: "HTTP",
      listeners: [{ name: "http" }],
      virtualHosts: [{ hostname: "*", listener: "http", matches: ["", ...Array.from(
        { length: routes }, (_, i) => `/${name}/route-${i}`)].map((value) => ({
        path: { kind: "prefix" as const, value }, headers: [], queryParams: [], matchIndex: 0,
        routeHostname: "*", origin,
        rule: rule(`${name}${to}${value}`, { kind: "forward", requestHeaders: noEdits, backends: [
          { weight: 1, cluster: clusters.findIndex((c) => c.name === to), origin,
            requestHeaders: noEdits }] }),
      })) }],
    })),
  };
}

const tableOf = (ports: Readonly<Record<string, string>>, routes = 0): Uint8Array =>
  world(routed(ports, routes)).table;
const base64 = (table: Uint8Array): string => Buffer.from(table).toString("base64");
const join = (text: string, table: Uint8Array): Uint8Array =>
  new Uint8Array([...Buffer.from(text), ...table]);
const hash = (table: Uint8Array): string =>
  readTable(table).checksum.toString(16).padStart(8, "0");

function fresh(wasm = filterWasm()): HostedFilter {
  const filter = hostFilter(wasm);
  expect(filter.start()).toBe(true);
  return filter;
}

const served = (filter: HostedFilter, context = 9): string | undefined =>
  filter.request(context, [[":path", "/"]]).headers.find(([n]) => n === "x-fairlead-cluster")?.[1];

const one = tableOf({ g: "one" });
const two = tableOf({ g: "two" });
const name = "default/g:80";

test.each([
  ["bytes alone", one],
  ["JSON as Istio writes it", `{"table":"${base64(one)}"}`],
  ["JSON with spaces, escapes and fields unknown", ` {\n "other" : [1, {"a]": null}, -2e+1],
    "gatewayPort": "default\\/g\\u003a80", "table" : "${base64(one).replaceAll("/", "\\/")}" } `],
  ["JSON and then the bytes", join(`{"gatewayPort":"${name}"}`, one)],
])("a table is taken as %s", (_, configuration) => {
  const filter = fresh();
  expect(filter.configure(1, configuration, name), filter.logs.join()).toBe(true);
  expect(filter.logs).toEqual([`fairlead: ${name} runs table configuration ${hash(one)}`]);
  expect(served(filter)).toBe("one");
});

test("a configured table counts more than the baked one", () => {
  const filter = fresh(bake(filterWasm(), one));
  expect(filter.configure(1, name)).toBe(true);
  expect(served(filter)).toBe("one");
  expect(filter.configure(2, two, name)).toBe(true);
  expect(served(filter)).toBe("two");
  expect(filter.configure(3, name)).toBe(true);
  expect(served(filter)).toBe("one");
  expect(filter.logs.map((line) => line.replace(/^.* runs table /, ""))).toEqual(
    [`baked ${hash(one)}`, `configuration ${hash(two)}`, `baked ${hash(one)}`]);
});

test("a bad table is refused with its reason, and the one before goes on", () => {
  const filter = fresh();
  expect(filter.configure(1, one, name)).toBe(true);
  const damaged = two.slice();
  damaged[damaged.length - 1]! ^= 1;
  const refusals: readonly (readonly [string | Uint8Array, string])[] = [
    [damaged, "configured table refused, code 05"],
    [`{"table":"${base64(damaged)}"}`, "configured table refused, code 05"],
    [two.subarray(0, two.length - 8), "configured table refused, code 04"],
    [new Uint8Array([...two, 0]), "configured table refused, code 04"],
    [`{"table":"${base64(two).slice(0, 60)}"}`, "configured table refused, code 04"],
    ['{"table":"RkxSVA=="}', "configured table refused, code 01"],
    ['{"table":""}', "configured table refused, code 01"],
    ['{"table":42}', "the plugin's configuration is no JSON object that it could read"],
    ['{"table"', "the plugin's configuration is no JSON object that it could read"],
    [`{"table":"${base64(two)}"} FLRT`,
      "the plugin's configuration is no JSON object that it could read"],
    ["{}", "no table: none is baked in, and the plugin's configuration has none"],
    [join('{"gatewayPort":"default/other:80"}', two), "no such gateway port: default/other:80"],
  ];
  refusals.forEach(([configuration, reason], i) => {
    filter.logs.length = 0;
    expect(filter.configure(10 + i, configuration, name)).toBe(false);
    expect(filter.logs).toEqual([`fairlead: ${reason}`]);
    expect(served(filter)).toBe("one");
  });
});

test("no configuration whatever makes the filter trap or forget what it serves", () => {
  const filter = fresh();
  expect(filter.configure(1, one, name)).toBe(true);
  const json = Buffer.from(`{"gatewayPort":"x","a":[{}],"reportTable":true,"table":"Rkx"}`);
  fc.assert(fc.property(
    fc.oneof(fc.uint8Array({ maxLength: 300 }),
      fc.json().map((s) => new Uint8Array(Buffer.from(s))),
      fc.tuple(fc.nat(json.length - 1), fc.nat(255)).map(([at, byte]) => {
        const changed = new Uint8Array(json);
        changed[at] = byte;
        return changed;
      })),
    (configuration) => {
      filter.configure(2, configuration, "none");
      expect(served(filter)).toBe("one");
    }));
});

test("each plugin runs its own table, and keeps it while another's changes", () => {
  const filter = fresh();
  const both = (g: string, h: string): Uint8Array => tableOf({ g, h });
  expect(filter.configure(1, both("one", "two"), "default/g:80")).toBe(true);
  expect(filter.configure(2, both("one", "two"), "default/h:80")).toBe(true);
  filter.open(10, 1);
  filter.open(11, 2);
  expect([served(filter, 10), served(filter, 11)]).toEqual(["one", "two"]);
  // As Envoy swaps: the new plugin is there before the old one ends.
  expect(filter.configure(3, both("three", "four"), "default/g:80")).toBe(true);
  filter.open(12, 3);
  expect([10, 11, 12].map((c) => served(filter, c))).toEqual(["one", "two", "three"]);
  [10, 1].forEach((context) => filter.end(context));
  filter.open(13, 2);
  expect([11, 12, 13].map((c) => served(filter, c))).toEqual(["two", "three", "two"]);
  // The old plugin comes back without being configured again, where Envoy still has it.
  expect(filter.configure(4, both("five", "six"), "default/h:80")).toBe(true);
  filter.open(14, 2);
  expect(served(filter, 14)).toBe("two");
});

test("a thousand swaps take no more memory than two", () => {
  const filter = fresh();
  const editions = Array.from({ length: 8 }, (_, i) =>
    tableOf({ g: `to-${i}`, h: `to-${i}` }, 100 + i));
  let pages = 0;
  for (let swap = 1; swap <= 1000; swap += 1) {
    const edition = swap % editions.length;
    for (const [place, port] of ["default/g:80", "default/h:80"].entries()) {
      const root = swap * 10 + place;
      expect(filter.configure(root, editions[edition]!, port)).toBe(true);
      filter.open(root + 5, root);
      expect(served(filter, root + 5)).toBe(`to-${edition}`);
      filter.end(root + 5);
      if (swap > 1) filter.end(root - 10);
    }
    if (swap === 2) pages = filter.memory.buffer.byteLength;
  }
  expect(filter.memory.buffer.byteLength).toBe(pages);
});

test("memory grows with the largest table, not with the number of sizes", () => {
  const filter = fresh();
  let root = 1;
  for (let routes = 16; routes <= 8192; routes *= 2) {
    for (const more of [0, 1, 2]) {
      root += 1;
      expect(filter.configure(root, tableOf({ g: "one" }, routes + more), name)).toBe(true);
      if (root > 2) filter.end(root - 1);
    }
  }
  const largest = tableOf({ g: "one" }, 8194).length;
  expect(filter.memory.buffer.byteLength).toBeLessThan(1_000_000 + 8 * largest);
});

test("which table runs is told to a client only where the configuration says so", () => {
  const filter = fresh();
  expect(filter.configure(1, join('{"reportTable":true}', one), name)).toBe(true);
  const asking = [[":path", "/"], ["x-fairlead-table", "?"]] as const;
  expect(filter.request(9, asking)).toMatchObject({
    action: "respond", status: 204, details: "fairlead_table",
    responseHeaders: [["x-fairlead-table", `configuration ${hash(one)}`]],
  });
  expect(served(filter)).toBe("one");
  expect(filter.configure(2, join('{"reportTable":false}', two), name)).toBe(true);
  filter.end(1);
  expect(filter.request(9, asking)).toMatchObject({ action: "continue" });
});
