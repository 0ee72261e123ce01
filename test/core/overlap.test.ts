// A match that can never be chosen is reported with the winner and the criterion; a match that can
// be is not.

import { expect, test } from "vitest";
import { overlap } from "../../compiler/overlap.ts";
import { rank } from "../../compiler/rank.ts";
import type { Ir, RouteMatch } from "../../compiler/ir.ts";
import { origin, respond500, rule } from "./world.ts";

type Shape = Partial<RouteMatch> & { readonly name: string };

const prefix = (value: string): RouteMatch["path"] => ({ kind: "prefix", value });
const exact = (value: string): RouteMatch["path"] => ({ kind: "exact", value });
const header = (value: string): RouteMatch["headers"] =>
  [{ kind: "exact", name: "version", value }];

function hosts(...all: readonly (readonly Shape[])[]): Ir {
  return {
    clusters: [],
    streamPorts: [],
    gatewayPorts: [{
      gateway: { namespace: "default", name: "g" }, port: 80, protocol: "HTTP",
      listeners: [{ name: "http" }],
      virtualHosts: all.map((shapes, i) => ({
        hostname: `host-${i}.example.com`, listener: "http",
        matches: shapes.map(({ name, ...shape }) => ({
          path: prefix(""), headers: [], queryParams: [], matchIndex: 0, routeHostname: "*", origin,
          rule: rule(name, respond500), ...shape,
        })),
      })),
    }],
  };
}

const found = (ir: Ir): readonly string[] => overlap(rank(ir)).map((d) =>
  `${d.resource ?? ""} < ${d.secondary[0]?.text ?? ""}`);

test("of two identical matches the second by name is reported", () => {
  expect(found(hosts([{ name: "b" }, { name: "a" }]))).toEqual([
    "HTTPRoute default/b < by HTTPRoute default/a rules[0] matches[0];"
    + " decided by name of the route",
  ]);
});

test("the older of two identical matches wins, and age is named", () => {
  const young = rule("a", respond500);
  const old = {
    ...young, route: { ...young.route, name: "b", creationTimestamp: "2020-01-01T00:00:00Z" },
  };
  expect(found(hosts([{ name: "a" }, { name: "b", rule: old }]))).toEqual([
    "HTTPRoute default/a < by HTTPRoute default/b rules[0] matches[0]; decided by age of the route",
  ]);
});

test("a match with more conditions than a lower one is no shadow", () => {
  expect(found(hosts([
    { name: "a", path: prefix("/a"), headers: header("1") }, { name: "b", path: prefix("/a") },
    { name: "c", path: prefix("/a"), method: "GET" }, { name: "d", path: exact("/a") },
    { name: "e", path: prefix("") }, { name: "f", path: prefix("/a"), headers: header("2") },
  ]))).toEqual([]);
});

test("a match with a method shadows one with the same method and a header", () => {
  expect(found(hosts([
    { name: "a", path: prefix("/a"), method: "GET" },
    { name: "b", path: prefix("/a"), method: "GET", headers: header("1") },
  ]))).toEqual([]);
  expect(found(hosts([
    { name: "a", path: prefix("/a"), method: "GET" },
    { name: "b", path: prefix("/a"), headers: header("1"), method: "GET" },
    { name: "c", path: prefix("/a"), headers: header("1"), method: "GET" },
  ]))).toEqual([
    "HTTPRoute default/c < by HTTPRoute default/b rules[0] matches[0];"
    + " decided by name of the route",
  ]);
});

test("a catch-all of the more specific hostname shadows every route of the wider one", () => {
  expect(found(hosts([
    { name: "narrow", routeHostname: "host-0.example.com" },
    { name: "wide", path: exact("/a/b"), headers: header("1") },
  ]))).toEqual([
    "HTTPRoute default/wide < by HTTPRoute default/narrow rules[0] matches[0]; decided by hostname",
  ]);
});

test("a match that one of its hostnames leaves reachable is not reported", () => {
  const shared = rule("shared", respond500);
  expect(found(hosts(
    [{ name: "a", rule: rule("a", respond500) }, { name: "shared", rule: shared }],
    [{ name: "shared", rule: shared }],
  ))).toEqual([]);
});
