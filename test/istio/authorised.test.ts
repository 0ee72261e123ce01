// Under Istio a request changes only after it was authorised: by routes of Envoy's, not the filter.

import { expect, test } from "vitest";

import { readTable } from "../../compiler/table/read.ts";
import { build, gateway, http80, route, service, type Built, type Loose } from "./world.ts";

const world = (...rules: readonly string[]): Built => build(gateway("gw", http80) + service("a")
  + service("b") + rules.map((rule, i) => route(`r${i}`, `r${i}.example`, rule)).join(""));

const routes = (built: Built): Loose => built.of("EnvoyFilter")[0]!.spec.configPatches
  .filter(({ applyTo }: Loose) => applyTo === "HTTP_ROUTE")
  .map(({ patch }: Loose) => patch.value).reverse();

const to = "backendRefs: [{ name: a, port: 80 }]";
const setting = (name: string, value: string): string => "{ type: RequestHeaderModifier, "
  + `requestHeaderModifier: { set: [{ name: ${name}, value: ${value} }] } }`;

test("rewrites and header edits are in the routes, and the table has none", () => {
  const built = world(`matches: [{ path: { value: /old } }], filters: [
    { type: URLRewrite, urlRewrite: { hostname: b.example,
      path: { type: ReplacePrefixMatch, replacePrefixMatch: /new } } },
    { type: RequestHeaderModifier, requestHeaderModifier: { add: [{ name: x-a, value: one }],
      remove: [x-b] } }], ${to}`);
  const [first] = routes(built);
  expect(first.route).toMatchObject({
    host_rewrite_literal: "b.example",
    regex_rewrite: { pattern: { regex: "^/old([^?]*)$" }, substitution: "/new\\1" },
  });
  expect(first.request_headers_to_add).toMatchObject(
    [{ header: { key: "x-a", value: "one" }, append_action: "APPEND_IF_EXISTS_OR_ADD" }]);
  expect(first.request_headers_to_remove)
    .toEqual(["x-fairlead-cluster", "x-fairlead-policy", "x-b"]);
  const table = readTable(built.files.get("istio/routes.flt")!);
  expect(table.editLists.flat()).toEqual([]);
  expect(table.actions.map(({ host, replace }) => [host, replace]).filter(([h, r]) => h || r))
    .toEqual([]);
});

test("a backend's changes come on top of its rule's", () => {
  const built = world(`filters: [${setting("x-a", "rule")}], backendRefs: [
    { name: a, port: 80, filters: [${setting("x-a", "backend")}] }, { name: b, port: 80 }]`);
  const added = routes(built).map(({ request_headers_to_add: add }: Loose) =>
    add?.map(({ header }: Loose) => header.value).join());
  expect(added.toSorted()).toEqual(["backend", "rule", undefined]);
});

test("equal changes are one route; a prefix makes a difference only to what replaces it", () => {
  const rule = (path: string, rewrite: string): string => [
    `matches: [{ path: { value: ${path} } }]`,
    `filters: [{ type: URLRewrite, urlRewrite: { ${rewrite} } }]`, to,
  ].join(", ");
  const prefix = "path: { type: ReplacePrefixMatch, replacePrefixMatch: /new }";
  expect(routes(world(rule("/a", prefix), rule("/a", prefix)))).toHaveLength(2);
  expect(routes(world(rule("/a", prefix), rule("/b", prefix)))).toHaveLength(3);
  const host = "hostname: b.example";
  expect(routes(world(rule("/a", host), rule("/b", host)))).toHaveLength(2);
});

test("an EnvoyFilter that outgrows a Kubernetes object is an error", () => {
  const many = (count: number): Built => world(...Array.from({ length: count }, (_, i) =>
    `filters: [${setting("x-a", `${i}-${"v".repeat(3000)}`)}], ${to}`));
  expect(many(3).codes).not.toContain("FL0422");
  expect(many(400).diagnostics).toContainEqual(
    expect.objectContaining({ code: "FL0422", level: "error" }));
});

test("what Envoy lets no route change stays with the filter", () => {
  const built = world(`filters: [${setting("Host", "b.example")}], ${to}`);
  expect(JSON.stringify(routes(built))).not.toContain("b.example");
  expect(readTable(built.files.get("istio/routes.flt")!).editLists.flat()).toHaveLength(1);
});
