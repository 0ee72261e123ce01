import { describe, expect, test } from "vitest";
import type { PathMatch, RouteMatch } from "../../compiler/ir.ts";
import {
  accepted, build, gateway, host, http, route, served, service, to, type Built,
} from "./build.ts";
import type { Json } from "./json.ts";

const gw = gateway("gw", [http("a")]);
const s = service("s");
const grpc = (name: string, spec: Json, rest: Json = {}): Json =>
  route(name, { rules: [to("s")], ...spec }, { kind: "GRPCRoute", ...rest });

function matches(...list: Json[]): readonly RouteMatch[] {
  const { ir } = build([gw, s, grpc("r", { rules: list.map((match) =>
    ({ ...to("s"), ...(match ? { matches: [match] } : {}) })) })]);
  return host(ir, "*")?.matches ?? [];
}

describe("what a GRPCRoute matches", () => {
  test.each<[string, Json, PathMatch]>([
    ["service and method", { service: "a.B", method: "C" }, { kind: "exact", value: "/a.B/C" }],
    ["a service", { service: "a.B" }, { kind: "prefix", value: "/a.B" }],
    ["a method", { method: "C.d" }, { kind: "regex", value: "/[^/]+/C\\.d" }],
    ["both as expressions", { type: "RegularExpression", service: "a|b", method: "C.*" },
      { kind: "regex", value: "/(?:a|b)/(?:C.*)" }],
    ["a service as an expression", { type: "RegularExpression", service: "a.*" },
      { kind: "regex", value: "/(?:a.*)/[^/]+" }],
    ["a method as an expression", { type: "RegularExpression", method: "C" },
      { kind: "regex", value: "/[^/]+/(?:C)" }],
    ["nothing", undefined, { kind: "prefix", value: "" }],
  ])("%s", (_, method, path) => {
    expect(matches({ method })[0]?.path).toEqual(path);
  });

  test("without matches it takes every call", () => {
    expect(matches(undefined)).toMatchObject([{ path: { kind: "prefix", value: "" }, headers: [],
      queryParams: [], rule: { route: { kind: "GRPCRoute", name: "r" } } }]);
  });

  test("headers as in an HTTPRoute", () => {
    const [match] = matches({ headers: [{ name: "X-A", value: "1" },
      { name: "x-b", value: ".*", type: "RegularExpression" }, { name: "x-a", value: "2" }] });
    expect(match?.headers).toEqual([{ kind: "exact", name: "x-a", value: "1" },
      { kind: "regex", name: "x-b", value: ".*" }]);
  });

  test("the law of precedence: service, method, headers, then expressions, then the rest", () => {
    const order = matches(
      undefined,
      { headers: [{ name: "a", value: "1" }, { name: "b", value: "1" }] },
      { method: { type: "RegularExpression", service: "abcdefghijklmnop" } },
      { method: { method: "LongMethodName" } },
      { method: { service: "a.b" }, headers: [{ name: "a", value: "1" }] },
      { method: { service: "a.b", method: "C" } },
      { method: { service: "a.b.c" } },
      { method: { service: "a.b" } },
    ).map((m) => m.rule.ruleIndex);
    expect(order).toEqual([6, 5, 4, 7, 3, 2, 1, 0]);
  });

  test("a service stands among the expressions, where the matcher asks for it in time", () => {
    const kinds = (...list: Json[]): string[] =>
      matches(...list).map(({ path }) => `${path.kind} ${path.value}`);
    expect(kinds({ method: { service: "a.b" } }, { method: { method: "C" } }))
      .toEqual(["regex /a\\.b/[^/]+", "regex /[^/]+/C"]);
    expect(kinds({ method: { service: "a.b" } }, { method: { service: "a.b", method: "C" } }))
      .toEqual(["exact /a.b/C", "prefix /a.b"]);
  });
});

describe("backends of GRPCRoutes", () => {
  const clusters = (appProtocol: string | undefined, ...routes: Json[]): string[] =>
    build([gw, service("s", { ports: [{ port: 80, ...(appProtocol ? { appProtocol } : {}) }] }),
      ...routes]).ir.clusters.map((c) => `${c.name} ${c.protocol}`);
  const name = "outbound|80||s.default.svc.cluster.local";
  const web = route("w", { hostnames: ["w.io"], rules: [to("s")] });
  const calls = grpc("g", { hostnames: ["g.io"] });

  test("without a protocol of its own a backend is spoken to with HTTP/2", () => {
    expect(clusters(undefined, calls)).toEqual([`${name} h2c`]);
    expect(clusters("kubernetes.io/h2c", calls)).toEqual([`${name} h2c`]);
  });

  test("an HTTPRoute's way to the same port keeps the usual name", () => {
    expect(clusters(undefined, calls, web)).toEqual([`${name} http1`, `${name}|h2c h2c`]);
    expect(clusters("kubernetes.io/h2c", calls, web)).toEqual([`${name} h2c`]);
  });

  test("WebSocket cannot carry gRPC", () => {
    const built = build([gw, service("s", { ports: [
      { port: 80, appProtocol: "kubernetes.io/ws" }] }), calls, web]);
    expect(built.said.length).toBe(1);
    expect(built.status("GRPCRoute/default/g").parents[0].conditions[1]).toMatchObject(
      { type: "ResolvedRefs", status: "False", reason: "UnsupportedProtocol" });
    expect(host(built.ir, "g.io")?.matches[0]?.rule.action)
      .toMatchObject({ backends: [{ weight: 1 }] });
    expect(built.ir.clusters.map((c) => c.protocol)).toEqual(["websocket"]);
  });

  test("filters of rule and backend are carried out", () => {
    const set = [{ name: "X-A", value: "1" }];
    const { ir } = build([gw, s, service("t"), grpc("r", { rules: [{
      filters: [{ type: "RequestMirror", requestMirror: { backendRef: { name: "t", port: 80 } } }],
      backendRefs: [{ name: "s", port: 80, filters: [
        { type: "RequestHeaderModifier", requestHeaderModifier: { set } }] }] }] })]);
    const action = host(ir, "*")?.matches[0]?.rule.action as Json;
    expect(action.policy.mirrors).toEqual([{ cluster: 1, numerator: 1, denominator: 1 }]);
    expect(action.backends[0].requestHeaders.set).toEqual([{ name: "x-a", value: "1" }]);
  });
});

describe("a hostname is either for HTTPRoutes or for GRPCRoutes", () => {
  const made = (day: string): Json => ({ created: `2026-01-${day}T00:00:00Z` });
  const web = (hostnames: string[] | undefined, day: string, spec: Json = {}): Json =>
    route("web", { ...(hostnames ? { hostnames } : {}), rules: [to("s")], ...spec }, made(day));
  const calls = (hostnames: string[] | undefined, day: string, spec: Json = {}): Json =>
    grpc("calls", { ...(hostnames ? { hostnames } : {}), ...spec }, made(day));
  const both = (built: Built): string[] => [accepted(built, "HTTPRoute/default/web"),
    accepted(built, "GRPCRoute/default/calls")].map((text) => text.split("=")[1] ?? text);

  test.each<[string, string[] | undefined, string[] | undefined, boolean]>([
    ["the same name", ["a.io"], ["a.io"], true],
    ["a wildcard over the name", ["*.io"], ["a.io"], true],
    ["a name below the wildcard", ["x.y.io"], ["*.io"], true],
    ["a wildcard below the wildcard", ["*.y.io"], ["*.io"], true],
    ["no name at all", undefined, ["a.io"], true],
    ["any name", ["a.io"], undefined, true],
    ["other names", ["a.io"], ["b.io"], false],
    ["the domain itself, which its wildcard leaves out", ["a.io"], ["*.a.io"], false],
    ["a sibling's wildcard", ["*.a.io"], ["*.b.io"], false],
    ["one of several", ["b.io", "x.a.io", "a.io"], ["c.io", "*.a.io"], true],
  ])("%s", (_, ours, theirs, isShared) => {
    const older = build([gw, s, web(ours, "01"), calls(theirs, "02")]);
    expect(both(older)).toEqual(["True/Accepted",
      isShared ? "False/HostnameConflict" : "True/Accepted"]);
    const younger = build([gw, s, web(ours, "03"), calls(theirs, "02")]);
    expect(both(younger)).toEqual([isShared ? "False/HostnameConflict" : "True/Accepted",
      "True/Accepted"]);
    expect(older.said.filter((text) => text.startsWith("FL0303")).length).toBe(isShared ? 1 : 0);
  });

  test("of two of one age the first by name counts", () => {
    expect(both(build([gw, s, web(["a.io"], "01"), calls(["a.io"], "01")])))
      .toEqual(["False/HostnameConflict", "True/Accepted"]);
  });

  test("the refused route serves nothing and counts nowhere", () => {
    const built = build([gw, s, web(["a.io"], "01"), calls(["a.io"], "02")]);
    expect(served(built.ir, "a.io")).toEqual(["web#0"]);
    expect(built.status("Gateway/default/gw").listeners[0].attachedRoutes).toBe(1);
  });

  test("listeners are judged one by one", () => {
    const two = gateway("gw", [http("a", "a.io"), http("b", "b.io")]);
    const built = build([two, s, web(["a.io"], "01"), calls(["a.io", "b.io"], "02")]);
    expect(both(built)).toEqual(["True/Accepted", "True/Accepted"]);
    expect([served(built.ir, "a.io"), served(built.ir, "b.io")]).toEqual([["web#0"], ["calls#0"]]);
    expect(built.said.length).toBe(1);
  });

  test("a refused route stands in nobody's way", () => {
    const third = grpc("third", { hostnames: ["b.io"] }, made("03"));
    const built = build([gw, s, calls(["a.io"], "01"), web(["b.io", "a.io"], "02"), third]);
    expect(both(built)).toEqual(["False/HostnameConflict", "True/Accepted"]);
    expect(served(built.ir, "b.io")).toEqual(["third#0"]);
  });
});
