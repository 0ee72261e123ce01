import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { build, gateway, host, http, route, served, service, slice, to } from "./build.ts";
import type { Json } from "./json.ts";

const s = service("s");

describe("hostnames", () => {
  test("a hostname belongs to the most specific listener, even one without routes", () => {
    const { ir } = build([s, gateway("gw", [http("any"), http("wide", "*.example.com"),
      http("narrow", "*.foo.example.com"), http("one", "abc.foo.example.com")]),
    route("r", { parentRefs: [{ name: "gw", sectionName: "any" }], rules: [to("s")] })]);
    expect(ir.gatewayPorts[0]?.virtualHosts.map((h) => [h.hostname, h.listener, h.matches.length]))
      .toEqual([["abc.foo.example.com", "one", 0], ["*.foo.example.com", "narrow", 0],
        ["*.example.com", "wide", 0], ["*", "any", 1]]);
  });

  test("a route's hostname inside a more specific listener's domain is not served here", () => {
    const { ir, said } = build([s, gateway("gw", [http("any"), http("wide", "*.example.com")]),
      route("r", { parentRefs: [{ name: "gw", sectionName: "any" }],
        hostnames: ["a.example.com", "b.io"], rules: [to("s")] })]);
    expect(host(ir, "a.example.com")).toBeUndefined();
    expect(served(ir, "*.example.com")).toEqual([]);
    expect(served(ir, "b.io")).toEqual(["r#0"]);
    expect(said).toEqual(
      ["FL0302 hostname `a.example.com` belongs to listener `wide`, not to `any`"]);
  });

  test("a route's wildcard goes around the more specific listener", () => {
    const { ir } = build([s, gateway("gw", [http("any"), http("one", "a.example.com")]),
      route("r", { parentRefs: [{ name: "gw", sectionName: "any" }],
        hostnames: ["*.example.com"], rules: [to("s")] })]);
    expect([served(ir, "*.example.com"), served(ir, "a.example.com")]).toEqual([["r#0"], []]);
  });

  test("the hostname as written ranks routes that share an intersection", () => {
    const { ir } = build([s, gateway("gw", [http("one", "a.example.com")]),
      route("a-wide", { hostnames: ["*.example.com"], rules: [to("s")] }),
      route("b-none", { rules: [to("s")] }),
      route("z-exact", { hostnames: ["a.example.com"], rules: [to("s")] })]);
    expect(served(ir, "a.example.com")).toEqual(["z-exact#0", "a-wide#0", "b-none#0"]);
  });

  test("a route that reaches one hostname twice is there once, as its more specific self", () => {
    const { ir } = build([s, gateway("gw", [http("one", "a.example.com")]),
      route("r", { hostnames: ["*.com", "a.example.com", "*.example.com"], rules: [to("s")] })]);
    expect(host(ir, "a.example.com")?.matches.map((m) =>
      m.routeHostname)).toEqual(["a.example.com"]);
  });

  test("hostnames are in lower case", () => {
    const { ir } = build([s, gateway("gw", [http("one", "*.Example.com")]),
      route("r", { hostnames: ["A.example.COM"], rules: [to("s")] })]);
    expect(served(ir, "a.example.com")).toEqual(["r#0"]);
  });

  test("no two virtual hosts of a port share a hostname, each has its owner's domain", () => {
    const name = fc.constantFrom("", "a.io", "*.io", "b.io", "x.a.io", "*.a.io", "c.com");
    fc.assert(fc.property(fc.uniqueArray(name, { minLength: 1 }), fc.array(fc.array(name)), (ls,
      rs) => {
      const { ir } = build([s, gateway("gw", ls.map((h, i) => http(`l${i}`, h))),
        ...rs.map((h, i) => route(`r${i}`, { hostnames: h.filter(Boolean), rules: [to("s")] }))]);
      const hosts = ir.gatewayPorts[0]?.virtualHosts.map((h) => h.hostname) ?? [];
      expect(new Set(hosts).size).toBe(hosts.length);
      for (const listener of ls) expect(hosts).toContain(listener || "*");
    }), { numRuns: 200 });
  });
});

describe("rules", () => {
  const gw = gateway("gw", [http("a")]);
  const action = (rule: object): Json =>
    host(build([gw, s, service("t"), route("r", { rules: [rule] })]).ir,
      "*")?.matches[0]?.rule.action;
  const weights = (...list: (number | undefined)[]): object => ({ backendRefs: list.map((weight,
    i) =>
    ({ name: i === 0 ? "s" : "gone", port: 80, ...(weight === undefined ? {} : { weight }) })) });

  test("a backend of weight zero is dropped, an absent weight is one", () => {
    expect(action(weights(undefined, 0)).backends.map((b: Json) => b.weight)).toEqual([1]);
  });

  test("an invalid backend keeps its share", () => {
    expect(action(weights(3, 1)).backends.map((b: Json) => [b.weight, b.cluster]))
      .toEqual([[3, 0], [1, undefined]]);
  });

  test("all weights zero, and no backends at all, leave nothing to choose from", () => {
    expect([action(weights(0, 0)).backends, action({}).backends]).toEqual([[], []]);
  });

  test("a prefix loses its trailing slash, an exact path keeps it", () => {
    const paths = (type: string, value: string): unknown => host(build([gw, s, route("r",
      { rules: [{ ...to("s"), matches: [{ path: { type, value } }] }] })]).ir,
        "*")?.matches[0]?.path;
    expect(["/", "/a", "/a/"].map((v) => paths("PathPrefix", v))).toEqual(
      ["", "/a", "/a"].map((value) => ({ kind: "prefix", value })));
    expect(paths("Exact", "/a/")).toEqual({ kind: "exact", value: "/a/" });
    expect(paths("RegularExpression", "/a/.*")).toEqual({ kind: "regex", value: "/a/.*" });
  });

  test("header names are lower case and the first of equivalent ones counts", () => {
    const headers = [{ name: "X-A", value: "1" }, { name: "x-a", value: "2" }];
    const queryParams = [{ name: "Q", value: "1" }, { name: "q", value: "2" }, { name: "Q",
      value: "3" }];
    const [match] = host(build([gw, s, route("r", { rules: [
      { ...to("s"), matches: [{ headers, queryParams, method: "GET" }] }] })]).ir, "*")?.matches
        ?? [];
    expect(match?.headers).toEqual([{ kind: "exact", name: "x-a", value: "1" }]);
    expect(match?.queryParams.map((q) => [q.name, q.value])).toEqual([["Q", "1"], ["q", "2"]]);
  });

  test("a header filter stands on the rule and on the backend", () => {
    const filters = (value: string): object[] => [{ type: "RequestHeaderModifier",
      requestHeaderModifier: { set: [{ name: "X-A", value }], remove: ["X-B"] } }];
    const { requestHeaders, backends } = action({ filters: filters("rule"),
      backendRefs: [{ name: "s", port: 80, filters: filters("backend") }] });
    expect(requestHeaders).toEqual({ set: [{ name: "x-a", value: "rule" }], add: [],
      remove: ["x-b"] });
    expect(backends[0].requestHeaders.set).toEqual([{ name: "x-a", value: "backend" }]);
  });

  test("a redirect keeps what it names and nothing more", () => {
    const filters = [{ type: "RequestRedirect", requestRedirect: { hostname: "B.io", port: 8443,
      path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/x" } } }];
    expect(action({ filters })).toEqual({ kind: "redirect", statusCode: 302, hostname: "b.io",
      port: 8443, path: { kind: "prefix", value: "/x" } });
  });

  test("a rule with a filter that must not be skipped answers 500", () => {
    const filters = [{ type: "ExtensionRef", extensionRef: { group: "x.io", kind: "Y",
      name: "z" } }];
    const built = build([gw, s, route("r", { rules: [{ ...to("s"), filters }] })]);
    expect(built.said).toEqual(["FL0210 filter `x.io/Y` is not known"]);
    expect(host(built.ir, "*")?.matches[0]?.rule.action).toMatchObject({ backends: [] });
  });

  test("rules that contradict themselves are left out, the others stay", () => {
    const filters = [{ type: "URLRewrite", urlRewrite: {} },
      { type: "RequestRedirect", requestRedirect: {} }];
    const built = build([gw, s, route("r", { rules: [{ filters }, to("s")] })]);
    expect(served(built.ir, "*")).toEqual(["r#1"]);
    expect(built.said.some((said) => said.startsWith("FL0211 URLRewrite and"))).toBe(true);
    expect(built.status("HTTPRoute/default/r").parents[0].conditions[2]).toMatchObject({
      type: "PartiallyInvalid", status: "True" });
    expect(built.status("HTTPRoute/default/r").parents[0].conditions[2].message)
      .toMatch(/^Dropped Rule 0:/);
  });

  test("one rule is one object however many matches and hostnames lead to it", () => {
    const { ir } = build([gw, s, route("r", { hostnames: ["a.io", "b.io"],
      rules: [{ ...to("s"), matches: [{ path: { value: "/a" } }, { path: { value: "/b" } }] }] })]);
    const rules = ["a.io", "b.io"].flatMap((h) => host(ir, h)?.matches.map((m) => m.rule) ?? []);
    expect([rules.length, new Set(rules).size]).toEqual([4, 1]);
  });
});

describe("clusters", () => {
  const gw = gateway("gw", [http("a")]);
  const cluster = (fields: object, slices: object[] = []): Json =>
    build([gw, service("s", fields), ...slices, route("r", { rules: [to("s")] })]).ir.clusters[0];
  const named = { ports: [{ port: 80, name: "web", targetPort: 8080 }] };

  test("without slices the Service's name is dialled", () => {
    expect(cluster({})).toMatchObject({ name: "outbound|80||s.default.svc.cluster.local",
      endpoints: { kind: "dns", hostname: "s.default.svc.cluster.local", port: 80 } });
  });

  test("a headless Service's name leads to the pods' port", () => {
    expect(cluster({ ...named, clusterIP: "None" }).endpoints.port).toBe(8080);
  });

  test("an ExternalName is dialled as it stands", () => {
    expect(cluster({ type: "ExternalName", externalName: "x.io", ports: undefined }).endpoints)
      .toEqual({ kind: "dns", hostname: "x.io", port: 80 });
  });

  test("all slices of the Service, its port found by name, ready ones only, each once, sorted",
    () => {
    const ready = (ready: boolean | undefined): object => ({ conditions: { ready } });
    const slices = [
      slice("s", "two", { ports: [{ name: "other", port: 1 }, { name: "web", port: 8081 }],
        endpoints: [{ addresses: ["10.0.0.2"] }, { addresses: ["10.0.0.1"] }] }),
      slice("s", "one", { ports: [{ name: "web", port: 8080 }], endpoints: [
        { addresses: ["10.0.0.9"], ...ready(true) }, { addresses: ["10.0.0.3"], ...ready(false) },
        { addresses: ["10.0.0.9"], ...ready(undefined) }] }),
      slice("s", "six", { addressType: "IPv6", ports: [{ name: "web", port: 8080 }],
        endpoints: [{ addresses: ["fd00::1"] }] }),
      slice("t", "not-mine", { ports: [{ name: "web", port: 8080 }],
        endpoints: [{ addresses: ["10.9.9.9"] }] }),
    ];
    expect(cluster(named, slices).endpoints).toEqual({ kind: "static", addresses: [
      { address: "10.0.0.1", port: 8081 }, { address: "10.0.0.2", port: 8081 },
      { address: "10.0.0.9", port: 8080 }, { address: "fd00::1", port: 8080 }] });
  });

  test("slices without a ready endpoint mean none, not the name", () => {
    const endpoints = [{ addresses: ["10.0.0.1"], conditions: { ready: false } }];
    expect(cluster({}, [slice("s", "one", { ports: [{ name: "", port: 80 }],
      endpoints })]).endpoints)
      .toEqual({ kind: "static", addresses: [] });
  });

  test.each([["kubernetes.io/h2c", "h2c"], ["kubernetes.io/ws", "websocket"], ["http", "http1"],
    [undefined, "http1"]])("appProtocol %s is %s", (appProtocol, protocol) => {
    expect(cluster({ ports: [{ port: 80, appProtocol }] }).protocol).toBe(protocol);
  });

  test("clusters are those in use, sorted by name", () => {
    const { ir } = build([gw, service("b"), service("a"), service("unused"), service("weightless"),
      route("r", { rules: [to("b", "a"), { backendRefs: [{ name: "weightless", port: 80,
        weight: 0 }] }] })]);
    expect(ir.clusters.map((c) => c.service.name)).toEqual(["a", "b"]);
    expect(host(ir, "*")?.matches.map((m) => m.rule.action)).toMatchObject(
      [{ backends: [{ cluster: 1 }, { cluster: 0 }] }, { backends: [] }]);
  });
});

test("a route on every listener of the port hides nothing from itself", () => {
  const { said } = build([s, gateway("gw", [http("any"), http("wide", "*.example.com")]),
    route("r", { hostnames: ["a.example.com"], rules: [to("s")] })]);
  expect(said).toEqual([]);
});

test("the order of the input shows nowhere", () => {
  const objects = [gateway("gw", [http("a"), http("b", "*.io")]), gateway("gx", [http("a")]),
    service("s"), service("t"), slice("s", "x", { ports: [{ port: 1 }],
      endpoints: [{ addresses: ["1.1.1.1"] }] }),
    slice("s", "y", { ports: [{ port: 2 }], endpoints: [{ addresses: ["1.1.1.1"] }] }),
    route("r1", { rules: [to("s", "gone")] }), route("r2", { hostnames: ["a.io"],
      rules: [to("t")] }),
    route("r3", { parentRefs: [{ name: "gx" }], rules: [to("t", "s")] })];
  const text = (list: readonly object[]): string => {
    const { ir, said, status } = build(list);
    const plain = (k: string, v: unknown): unknown => (k === "origin" ? undefined : v);
    return JSON.stringify([ir, said, status("Gateway/default/gw"),
      status("HTTPRoute/default/r1")], plain);
  };
  const expected = text(objects);
  fc.assert(fc.property(fc.shuffledSubarray(objects, { minLength: objects.length }),
    (list) => text(list) === expected), { numRuns: 50 });
});
