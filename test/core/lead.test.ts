// A request that begins as no path of its host does is answered without asking the core, once
// requests keep coming for that host. It must be answered as the core would.

import fc from "fast-check";
import { expect, test } from "vitest";
import { NONE } from "../../filters/core/format.ts";
import type { Ir, RouteMatch } from "../../compiler/ir.ts";
import { findMatch, findVirtualHost } from "../../compiler/reference.ts";
import { leadOf } from "../../compiler/table/lead.ts";
import { decide, origin, respond500, rule, world } from "./world.ts";

type Path = RouteMatch["path"];

const prefix = (value: string): Path => ({ kind: "prefix", value });
const exact = (value: string): Path => ({ kind: "exact", value });

function tableOf(paths: readonly Path[], leaves?: true): Ir {
  const matches = paths.map((path, i): RouteMatch => ({
    path, headers: [], queryParams: [], matchIndex: 0, routeHostname: "*", origin,
    rule: rule(`r${i}`, respond500),
  }));
  return {
    clusters: [], streamPorts: [],
    gatewayPorts: [{
      gateway: { namespace: "default", name: "g" }, port: 80, protocol: "HTTP",
      listeners: [{ name: "http" }],
      virtualHosts: [
        { hostname: "a.example", listener: "http", matches, ...(leaves && { leaves }) },
      ],
    }],
  };
}

/** What all paths begin with, and what may follow; undefined where there is no telling. */
function lead(...args: Parameters<typeof tableOf>): readonly [number, string] | undefined {
  const [length, low, high] = leadOf(world(tableOf(...args)).plan, 0);
  if (length === NONE) return undefined;
  const bytes = Array.from({ length: 64 }, (_, bit) => bit)
    .filter((bit) => ((bit < 32 ? low : high) >>> (bit & 31)) & 1)
    // The letters and signs of ASCII that these tests have, by their lower 6 bits.
    .map((bit) => [..."/?#abtu"].find((c) => (c.charCodeAt(0) & 63) === bit) ?? "");
  return [length, bytes.sort().join("")];
}

test("what all paths of a virtual host begin with, and what may follow", () => {
  expect(lead([prefix("/api/users"), exact("/api/teams")])).toEqual([5, "tu"]);
  expect(lead([prefix("/api"), exact("/api/orders")])).toEqual([4, "#/?"]);
  expect(lead([exact("/api")])).toEqual([4, "#?"]);
  expect(lead([])).toEqual([0, ""]);
});

test("nothing is told where other requests too may be answered", () => {
  expect(lead([prefix(""), exact("/api")])).toBeUndefined();
  expect(lead([{ kind: "regex", value: "/api/[0-9]+" }])).toBeUndefined();
  expect(lead([{ kind: "regex", value: "/.*x" }, exact("/api")])).toBeUndefined();
  expect(lead([exact("/grün")])).toBeUndefined();
  expect(lead([exact("/api")], true)).toBeUndefined();
});

const texts = fc.array(fc.constantFrom("a", "b", "u", "/", "api", "5"), { maxLength: 5 })
  .map((parts) => `/${parts.join("")}`);
const paths = fc.array(fc.oneof(texts.map(exact),
  texts.map((text) => prefix(text.replace(/\/+$/, ""))).filter(({ value }) => value !== "")),
{ maxLength: 4 });
const targets = fc.tuple(fc.oneof(texts, fc.constantFrom("", "*", "/é", "/o")),
  fc.constantFrom("", "/", "?q", "#f", "x", "é")).map((parts) => parts.join(""));

test("once requests keep coming for a host they are decided as before", () => {
  let foreign = 0;
  fc.assert(fc.property(paths, fc.array(targets, { minLength: 30, maxLength: 30 }),
    (all, asked) => {
      const { ir, plan, core } = world(tableOf(all));
      const [port] = ir.gatewayPorts;
      const host = port && findVirtualHost(port, "a.example");
      const own = all.flatMap(({ value }) => [value, `${value}/`, `${value}?`, `${value}x`]);
      for (const target of [...asked, ...own]) {
        const request = { authority: "a.example", target, method: "GET", headers: [] };
        const expected = host && findMatch(host, request);
        const { match, status } = decide(core, 0, request);
        const got = match === NONE ? undefined : plan.origins.matches[match];
        expect(got?.rule.route.name, target).toBe(expected?.rule.route.name);
        expect(status).toBe(expected ? 500 : 404);
        if (!expected) foreign += 1;
      }
    }), { numRuns: 400, seed: 20261121 });
  expect(foreign).toBeGreaterThan(1000);
}, 120_000);
