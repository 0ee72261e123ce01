// Which hostnames the filter carries under Istio, and what becomes of the others.

import { expect, test } from "vitest";

import { VERDICT_FORWARD, VERDICT_LEAVE, VERDICT_NO_MATCH } from "../../filters/core/format.ts";
import { compile } from "../../compiler/compile.ts";
import { coreWasm } from "../../compiler/prebuilt.ts";
import { readTable } from "../../compiler/table/read.ts";
import { createCore, instantiate, loadTable, type Verdict } from "../../runtime/edge/core.ts";
import { hostFilter } from "../filter/host.ts";
import { build, gateway, http80, route, service, type Built } from "./world.ts";

const module = new WebAssembly.Module(coreWasm());

function ask({ files }: Built, authority: string, target = "/", gatewayPort = 0): Verdict {
  const table = files.get("istio/routes.flt")!;
  const exports = instantiate(module);
  expect(loadTable(exports, table)).toBe(0);
  return createCore(exports, readTable(table).names)
    .decide({ gatewayPort, authority, target, method: "GET", header: () => null });
}

const kindOf = (built: Built, authority: string, target?: string): number =>
  ask(built, authority, target).kind;

const text = gateway("gw", http80) + service("a")
  + route("narrow", "api.example.com",
    "matches: [{ path: { value: /v1 } }], backendRefs: [{ name: a, port: 80 }]")
  + route("wide", "'*.example.com'") + route("else", "b.example");

test("a hostname that no route has is left to Istio", () => {
  const built = build(text);
  expect(kindOf(built, "other.test")).toBe(VERDICT_LEAVE);
  expect(kindOf(built, "b.example")).toBe(VERDICT_FORWARD);
  expect(kindOf(built, "api.example.com", "/v1/x")).toBe(VERDICT_FORWARD);
});

test("a hostname that a route has is the filter's, also where no rule matches", () => {
  expect(kindOf(build(text), "api.example.com", "/other")).toBe(VERDICT_NO_MATCH);
});

test("`--other-hosts 404` refuses them instead", () => {
  const built = build(text, { refuseOthers: true });
  expect(kindOf(built, "other.test")).toBe(VERDICT_NO_MATCH);
  expect(ask(built, "other.test").status).toBe(404);
  expect(kindOf(built, "b.example")).toBe(VERDICT_FORWARD);
});

test("with `--hostname` only those are carried, and none of them takes another's requests", () => {
  const built = build(text, { hostnames: ["*.example.com"] });
  expect(kindOf(built, "x.example.com")).toBe(VERDICT_FORWARD);
  // Narrower, and not asked for: it stays with Istio and does not fall to the wider one.
  expect(kindOf(built, "api.example.com", "/v1")).toBe(VERDICT_LEAVE);
  expect(kindOf(built, "b.example")).toBe(VERDICT_LEAVE);
  const strict = build(text, { hostnames: ["b.example"], refuseOthers: true });
  expect(kindOf(strict, "b.example")).toBe(VERDICT_FORWARD);
  expect(kindOf(strict, "api.example.com", "/v1")).toBe(VERDICT_LEAVE);
});

test("a route without a hostname makes every other hostname the filter's", () => {
  const built = build(gateway("gw", http80) + service("a") + route("any", undefined));
  expect(kindOf(built, "other.test")).toBe(VERDICT_FORWARD);
});

test("a listener without routes is Istio's, even below a wider one with some", () => {
  const listeners = `${http80}, { name: api, protocol: HTTP, port: 80, hostname: api.example }`;
  const built = build(gateway("gw", listeners) + service("a")
    + route("r", undefined).replace("name: gw }", "name: gw, sectionName: http }"));
  expect(kindOf(built, "other.test")).toBe(VERDICT_FORWARD);
  expect(kindOf(built, "api.example")).toBe(VERDICT_LEAVE);
});

test("what we put into the cluster is no route of the user's when it is in the input", () => {
  const built = build(text);
  const place = new TextDecoder().decode(built.files.get("istio/httproute.yaml"));
  const again = build(`${text}\n${place}`);
  expect(again.files.get("istio/routes.flt")).toEqual(built.files.get("istio/routes.flt"));
  expect(compile([{ path: "in.yaml", text: place }]).diagnostics.map(({ code }) => code))
    .toEqual(["FL0111"]);
});

test("a hostname that no route has cannot be carried", () => {
  const { diagnostics } = build(text, { hostnames: ["b.exampel"] });
  expect(diagnostics).toContainEqual(expect.objectContaining(
    { code: "FL0414", level: "error", help: "did you mean `b.example`?" }));
});

test("what the filter answers for is said, Gateway by Gateway", () => {
  const note = build(text).diagnostics.find(({ code }) => code === "FL0417");
  expect(note).toMatchObject({ level: "note", resource: "Gateway demo/gw",
    title: expect.stringContaining("`*.example.com`, `api.example.com`, `b.example`") });
  expect(build(text, { hostnames: ["b.example"] }).diagnostics
    .find(({ code }) => code === "FL0417")?.title).not.toContain("api.example.com");
});

test("the filter lets a request that it leaves go on as it came", () => {
  const filter = hostFilter(new Uint8Array(build(text).files.get("istio/filter.wasm")!));
  expect(filter.start()).toBe(true);
  expect(filter.configure(1, "")).toBe(true);
  const headers = (host: string): [string, string][] =>
    [[":authority", host], [":path", "/"], [":method", "GET"]];
  const left = filter.request(2, headers("other.test"));
  expect(left.headers).toEqual(headers("other.test"));
  expect(left.action).toBe("continue");
  expect(filter.request(3, headers("b.example")).headers.map(([name]) => name))
    .toContain("x-fairlead-cluster");
});
