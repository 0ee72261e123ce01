// The core reads no more of a path than the deepest record of its host asks for. However deep the
// records and the request's path are, it chooses as the reference does.

import fc from "fast-check";
import { expect, test } from "vitest";
import { NONE } from "../../filters/core/format.ts";
import { findMatch, findVirtualHost } from "../../compiler/reference.ts";
import type { Ir, RouteMatch } from "../../compiler/ir.ts";
import { decide, origin, respond500, rule, world } from "./world.ts";

/** Eight bytes and more a segment, some of them, so that hashing meets whole words. */
const names = ["a", "12345678", "", "segment-of-some-length"];

function pathOf(depth: number, first = 0): string {
  return Array.from({ length: depth }, (_, i) => `/${names[(first + i) % names.length]}`).join("");
}

interface Record {
  readonly kind: "exact" | "prefix";
  readonly depth: number;
  readonly first: number;
}

function tableOf(records: readonly Record[]): Ir {
  const matches = records.map(({ kind, depth, first }, i): RouteMatch => ({
    path: { kind, value: pathOf(kind === "exact" ? Math.max(depth, 1) : depth, first) },
    headers: [], queryParams: [], matchIndex: 0, routeHostname: "*", origin,
    rule: rule(`r${i}`, respond500),
  }));
  return {
    clusters: [], streamPorts: [],
    gatewayPorts: [{
      gateway: { namespace: "default", name: "g" }, port: 80, protocol: "HTTP",
      listeners: [{ name: "http" }],
      virtualHosts: [{ hostname: "a.example", listener: "http", matches }],
    }],
  };
}

/** A route's path has at most 1024 bytes, and so at most as many segments. */
const depths = fc.oneof(
  fc.nat({ max: 5 }), fc.integer({ min: 29, max: 34 }), fc.integer({ min: 1021, max: 1024 }));
const kinds = fc.constantFrom("exact" as const, "prefix" as const);
const records: fc.Arbitrary<Record> = fc.record({ kind: kinds, depth: depths, first: fc.nat(1) });
const ends = fc.constantFrom("", "/", "?a/b", "#a/b", "/x", "x");

test("records and paths of any depth", () => {
  let matched = 0;
  fc.assert(fc.property(
    fc.array(records, { minLength: 1, maxLength: 4 }),
    fc.array(fc.tuple(depths, fc.nat(1), ends), { minLength: 20, maxLength: 20 }),
    (all, requests) => {
      const { ir, plan, core } = world(tableOf(all));
      const asked = [...requests, ...all.flatMap(({ depth, first }) =>
        [-1, 0, 1].flatMap((more) => ["", "/", "?q"].map((end) =>
          [Math.max(0, depth + more), first, end] as const)))];
      for (const [depth, first, end] of asked) {
        const request = {
          authority: "a.example", target: pathOf(depth, first) + end, method: "GET", headers: [],
        };
        if (!request.target.startsWith("/")) continue;
        const [port] = ir.gatewayPorts;
        const host = port && findVirtualHost(port, request.authority);
        const expected = host && findMatch(host, request);
        const { match } = decide(core, 0, request);
        const got = match === NONE ? undefined : plan.origins.matches[match];
        expect(got?.rule.route.name, `${depth} segments from ${first}, then '${end}'`)
          .toBe(expected?.rule.route.name);
        if (expected) matched += 1;
      }
    }), { numRuns: 300, seed: 20261121 });
  expect(matched).toBeGreaterThan(1000);
}, 120_000);
