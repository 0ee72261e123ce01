import { describe, expect, test } from "vitest";
import type { RouteMatch } from "../../compiler/ir.ts";
import { noEdits } from "../../compiler/ir.ts";
import { comparators, compareMatches, deciding, rank } from "../../compiler/rank.ts";

interface Made extends Partial<Omit<RouteMatch, "rule">> {
  readonly route?: Partial<RouteMatch["rule"]["route"]>;
  readonly ruleIndex?: number;
}

const origin = { file: { path: "x", text: "" }, start: 0, end: 0 };
const action = { kind: "forward", backends: [], requestHeaders: noEdits } as const;
const header = (name: string) => ({ kind: "exact", name, value: "1" }) as const;

function match({ route, ruleIndex = 0, ...rest }: Made): RouteMatch {
  return {
    path: { kind: "prefix", value: "/a" }, headers: [], queryParams: [], matchIndex: 0,
    routeHostname: "a.example.com", origin, ...rest,
    rule: { route: { kind: "HTTPRoute", namespace: "ns", name: "r", ...route }, ruleIndex, action,
      origin },
  };
}

/** Each pair differs in the named criterion, and in a later one the other way round. */
const laws: readonly (readonly [string, string, Made, Made])[] = [
  ["hostname", "an exact hostname beats a longer wildcard",
    { routeHostname: "a.io" }, { routeHostname: "*.long.example.com", path: { kind: "exact",
      value: "/a" } }],
  ["hostname", "the longer of two wildcards wins",
    { routeHostname: "*.b.example.com" }, { routeHostname: "*.example.com", method: "GET" }],
  ["hostname", "any wildcard beats no hostname", { routeHostname: "*.com" },
    { routeHostname: "*" }],
  ["length of the gRPC service", "a longer service beats a method and headers",
    { grpc: { service: 3, method: 0 } }, { grpc: { service: 2, method: 9 },
      path: { kind: "exact", value: "/a" }, headers: [header("a")] }],
  ["length of the gRPC method", "a longer method beats headers and the kind of path",
    { grpc: { service: 0, method: 2 }, path: { kind: "regex", value: "/[^/]+/ab" } },
    { grpc: { service: 0, method: 1 }, path: { kind: "exact", value: "/a" },
      headers: [header("a")] }],
  ["path type", "an exact path beats a longer prefix",
    { path: { kind: "exact", value: "/a" } }, { path: { kind: "prefix", value: "/a/b/c" },
      method: "GET" }],
  ["path type", "an exact path beats a regular expression",
    { path: { kind: "exact", value: "/a" } }, { path: { kind: "regex", value: "/a.*" },
      method: "GET" }],
  ["path type", "a regular expression beats a longer prefix",
    { path: { kind: "regex", value: "/" } }, { path: { kind: "prefix", value: "/long/er" } }],
  ["path length", "the longer prefix beats a method",
    { path: { kind: "prefix", value: "/a/b" } }, { path: { kind: "prefix", value: "/a" },
      method: "GET" }],
  ["method", "a method beats more headers",
    { method: "GET" }, { headers: [header("a"), header("b")] }],
  ["number of headers", "more headers beat more query parameters",
    { headers: [header("a")] }, { queryParams: [header("a"), header("b")] }],
  ["number of query parameters", "more query parameters beat the older route",
    { queryParams: [header("a")] }, { route: { creationTimestamp: "2020-01-01T00:00:00Z" } }],
  ["age of the route", "the older route beats the earlier name",
    { route: { creationTimestamp: "2020-01-01T00:00:00Z", name: "z" } },
    { route: { creationTimestamp: "2020-01-01T00:00:01Z", name: "a" } }],
  ["age of the route", "a route without a timestamp is the newest",
    { route: { creationTimestamp: "2030-01-01T00:00:00Z", name: "z" } }, { route: { name: "a" } }],
  ["age of the route", "time zones are understood",
    { route: { creationTimestamp: "2020-01-01T01:00:00+02:00", name: "z" } },
    { route: { creationTimestamp: "2020-01-01T00:00:00Z", name: "a" } }],
  ["name of the route", "namespace/name is compared by code unit, not by locale",
    { route: { name: "Z" }, ruleIndex: 1 }, { route: { name: "a" } }],
  ["name of the route", "namespace/name is one string: a-b/c comes before a/c",
    { route: { namespace: "a-b" } }, { route: { namespace: "a" } }],
  ["kind of the route", "kinds in alphabetical order", { route: { kind: "GRPCRoute" },
    ruleIndex: 1 }, {}],
  ["order of rules", "the first rule beats the earlier match", { matchIndex: 1 }, { ruleIndex: 1 }],
  ["order of matches", "the first match of a rule wins", {}, { matchIndex: 1 }],
];

describe("the law of precedence", () => {
  test.each(laws)("%s: %s", (name, _, winner, loser) => {
    const [a, b] = [match(winner), match(loser)];
    expect(compareMatches(a, b)).toBeLessThan(0);
    expect(compareMatches(b, a)).toBeGreaterThan(0);
    expect(deciding(a, b)).toBe(name);
  });

  test("every comparator has a law here", () => {
    expect(comparators.map((c) => c.name)).toEqual([...new Set(laws.map(([name]) => name))]);
  });

  test("the length of a regular expression decides nothing", () => {
    const long = match({ path: { kind: "regex", value: "/aaaaaaaaaaaa" }, ruleIndex: 1 });
    const short = match({ path: { kind: "regex", value: "/a" } });
    expect(deciding(short, long)).toBe("order of rules");
    expect(compareMatches(short, long)).toBeLessThan(0);
  });

  test("a match against itself is decided by nothing", () => {
    const one = match({});
    expect(deciding(one, one)).toBe("nothing");
  });

  test("rank orders each virtual host and changes nothing in its argument", () => {
    const [late, early] = [match({ ruleIndex: 1 }), match({})];
    const ir = { clusters: [], gatewayPorts: [{
      gateway: { namespace: "ns", name: "gw" }, port: 80, protocol: "HTTP" as const, listeners: [],
      virtualHosts: [{ hostname: "*", listener: "http", matches: [late, early] }],
    }] };
    expect(rank(ir).gatewayPorts[0]?.virtualHosts[0]?.matches).toEqual([early, late]);
    expect(ir.gatewayPorts[0]?.virtualHosts[0]?.matches).toEqual([late, early]);
  });
});
