// Small worlds for the core's tests: IR made by hand or by fast-check, and a core that runs it.

import fc from "fast-check";
import {
  noEdits,
  type Ir,
  type RouteMatch,
  type Rule,
  type VirtualHost,
} from "../../compiler/ir.ts";
import { coreWasm } from "../../compiler/prebuilt.ts";
import { rank } from "../../compiler/rank.ts";
import type { ReferenceRequest } from "../../compiler/reference.ts";
import { encode } from "../../compiler/table/encode.ts";
import { plan, type Plan } from "../../compiler/table/plan.ts";
import { readTable } from "../../compiler/table/read.ts";
import {
  createCore,
  instantiate,
  loadTable,
  type Core,
  type Verdict,
} from "../../runtime/edge/core.ts";

const module = new WebAssembly.Module(coreWasm());
const file = { path: "made.yaml", text: "" };
export const origin = { file, start: 0, end: 0 };

export interface World {
  readonly ir: Ir;
  readonly plan: Plan;
  readonly table: Uint8Array;
  readonly core: Core;
}

export function world(ir: Ir): World {
  const ranked = rank(ir);
  const { plan: planned, diagnostics } = plan(ranked);
  if (diagnostics.length > 0) throw new Error(diagnostics.map((d) => d.title).join("; "));
  const table = encode(planned);
  const exports = instantiate(module);
  const refused = loadTable(exports, table);
  if (refused !== 0) throw new Error(`the core refuses the table: ${refused}`);
  return { ir: ranked, plan: planned, table, core: createCore(exports, readTable(table).names) };
}

/** What the reference and the core are asked, in the form each takes. */
export function decide(core: Core, gatewayPort: number, request: ReferenceRequest): Verdict {
  return core.decide({
    gatewayPort,
    authority: request.authority ?? "",
    target: request.target,
    method: request.method,
    header: (name) => {
      const values = request.headers.filter(([n]) => n.toLowerCase() === name).map(([, v]) => v);
      return values.length > 0 ? values.join(", ") : null;
    },
  });
}

export function rule(name: string, action: Rule["action"], ruleIndex = 0): Rule {
  return { route: { kind: "HTTPRoute", namespace: "default", name }, ruleIndex, action, origin };
}

export const respond500: Rule["action"] = {
  kind: "forward",
  backends: [],
  requestHeaders: noEdits,
};

// --- Generators: few words, so that hosts, paths and headers collide ---

const label = fc.constantFrom("a", "b", "api", "example", "com", "x-1");
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((l) => l.join("."));
const hostname = fc.oneof(
  name,
  name.map((n) => `*.${n}`),
  { arbitrary: fc.constant("*"), weight: 3 },
);
const segment = fc.constantFrom("", "a", "b", "ab", "store", "longer-than-eight-bytes", "é");
const path = fc.array(segment, { maxLength: 5 }).map((s) => s.map((x) => `/${x}`).join(""));
const header = fc.record({
  kind: fc.constant("exact" as const),
  name: fc.constantFrom("x-canary", "version", "accept"),
  value: fc.constantFrom("", "1", "true", "v2, v3", "é"),
});
const pattern = fc.constantFrom("1|true", "v[0-9](, v3)?", ".*", "", "[^/]+", "\\\\w*é?");
const valueHeader = fc.oneof(
  { arbitrary: header, weight: 3 },
  {
    arbitrary: fc.record({
      kind: fc.constant("regex" as const),
      name: fc.constantFrom("x-canary", "version"),
      value: pattern,
    }),
    weight: 1,
  },
);
const parameter = fc.record({
  kind: fc.constantFrom("exact" as const, "regex" as const),
  name: fc.constantFrom("a", "b", ""),
  value: fc.constantFrom("", "1", "x", "v2", "[0-9]+"),
});
const pathPattern = fc.constantFrom(
  "/a/[^/]+",
  "/[^/]+/b",
  "/store(/.*)?",
  "/.*",
  "/(a|b)+",
  "/ab/.*/b",
  "/[^/]+/[^/]+/ab",
  "/é.*",
  "",
  "/a",
  "/(a|b)/[^/]+",
  "/a/[ab]+",
  "/a/[^/]*",
  "/[^/]+/.+",
  "/[^/]+(/.*)?",
  "/a/[^/]+/?",
  "/[a-z]+/b/[^/]+",
  "/longer-than-eight-bytes/[^/]+/(a|store)",
);
const method = fc.constantFrom("GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "TRACE");

/** What a match asks for, without the rule behind it. */
type Shape = Pick<RouteMatch, "path" | "method" | "headers" | "queryParams">;

const matchShape: fc.Arbitrary<Shape> = fc.record({
  path: fc.oneof(
    path.map((p) => ({ kind: "exact" as const, value: p === "" ? "/" : p })),
    // Canonical prefixes end in no slash.
    path.map((p) => ({ kind: "prefix" as const, value: p.replace(/\/+$/, "") })),
    pathPattern.map((value) => ({ kind: "regex" as const, value })),
  ),
  method: fc.option(method, { nil: undefined, freq: 2 }),
  headers: fc.uniqueArray(valueHeader, { maxLength: 2, selector: (h) => h.name }),
  queryParams: fc.oneof(
    { arbitrary: fc.constant([]), weight: 3 },
    { arbitrary: fc.uniqueArray(parameter, { maxLength: 2, selector: (q) => q.name }), weight: 1 },
  ),
});

/** Many matches on one path, so that a discriminator takes over. */
const crowded: fc.Arbitrary<Shape[]> = fc.array(
  fc.record({
    path: fc.constantFrom(
      { kind: "prefix" as const, value: "" },
      { kind: "exact" as const, value: "/a" },
      { kind: "prefix" as const, value: "/store" },
    ),
    method: fc.option(method, { nil: undefined, freq: 1 }),
    headers: fc.oneof(
      fc.constant([]),
      fc
        .constantFrom(..."0123456789")
        .map((value) => [{ kind: "exact" as const, name: "version", value }]),
      fc
        .tuple(header, fc.constantFrom("v2", "v3"))
        .map(([h, value]) =>
          h.name === "version" ? [h] : [h, { kind: "exact" as const, name: "version", value }],
        ),
    ),
    queryParams: fc.oneof(
      { arbitrary: fc.constant([]), weight: 2 },
      {
        arbitrary: fc
          .constantFrom(..."0123456789x")
          .map((value) => [{ kind: "exact" as const, name: "a", value }]),
        weight: 1,
      },
    ),
  }),
  { minLength: 20, maxLength: 60 },
);

/** IR of one to three gateway ports whose matches all have rules of their own. */
export const irs: fc.Arbitrary<Ir> = fc
  .array(
    fc.uniqueArray(
      fc.record({
        hostname,
        matches: fc.oneof(
          { arbitrary: fc.array(matchShape, { maxLength: 12 }), weight: 4 },
          { arbitrary: crowded, weight: 1 },
        ),
        wider: fc.array(matchShape, { maxLength: 4 }),
      }),
      { maxLength: 6, selector: (h) => h.hostname },
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map((ports) => {
    let rules = 0;
    const toMatch =
      (routeHostname: string) =>
      (shape: Shape): RouteMatch => ({
        ...shape,
        rule: rule(`r${rules}`, respond500, rules++),
        matchIndex: 0,
        routeHostname,
        origin,
      });
    return {
      clusters: [],
      gatewayPorts: ports.map((hosts, port) => ({
        gateway: { namespace: "default", name: `gateway-${port}` },
        port: 80,
        protocol: "HTTP" as const,
        listeners: [{ name: "http" }],
        virtualHosts: hosts.map(
          (h): VirtualHost => ({
            hostname: h.hostname,
            listener: "http",
            matches: [...h.matches.map(toMatch(h.hostname)), ...h.wider.map(toMatch("*"))],
          }),
        ),
      })),
    };
  });

export const requests: fc.Arbitrary<ReferenceRequest> = fc.record({
  authority: fc.oneof(
    name,
    name.map((n) => `${n.toUpperCase()}:8080`),
    name.map((n) => `${n}.`),
    fc.constant(""),
    fc.constantFrom("[::1]:80", "127.0.0.1", ".", "..com", ":80"),
  ),
  target: fc.oneof(
    fc
      .tuple(
        path,
        fc.constantFrom(
          "",
          "?",
          "?a=/b",
          "#f",
          "/",
          "?a=1&b=x",
          "?b=v2&a=&a=1",
          "?x&b&=1",
          "?a=1#&b=2",
          "?a=b=c&b=12",
        ),
      )
      .map(([p, q]) => `${p === "" ? "/" : p}${q}`),
    fc.constantFrom("*", ""),
  ),
  method: fc.oneof(method, fc.constantFrom("get", "BREW", "")),
  headers: fc.array(
    fc.tuple(
      fc.constantFrom("X-Canary", "version", "accept", "other"),
      fc.constantFrom("", "1", "true", "v2", "v3", "é", "4", "7"),
    ),
    { maxLength: 4 },
  ),
});
