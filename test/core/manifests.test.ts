// From manifests to verdicts: generated Gateways and HTTPRoutes go through the whole compiler, and
// the core must choose what the specification says. What it says is written down here once more,
// straight from the resources, without the compiler's intermediate representation.

import fc from "fast-check";
import { expect, test } from "vitest";
import { NONE } from "../../filters/core/format.ts";
import { compile } from "../../compiler/compile.ts";
import { coreWasm } from "../../compiler/prebuilt.ts";
import { matchesWhole } from "../../compiler/regex/whole.ts";
import { readTable } from "../../compiler/table/read.ts";
import { createCore, instantiate, loadTable } from "../../runtime/edge/core.ts";
import { decide } from "./world.ts";

const module = new WebAssembly.Module(coreWasm());
const tables = Number(process.env["FAIRLEAD_FUZZ_TABLES"] ?? 400) / 4;

// --- Manifests: few words, so that hosts, paths and headers collide ---

const hostname = fc.constantFrom(
  "a.example.com",
  "b.example.com",
  "x.a.example.com",
  "*.example.com",
  "*.a.example.com",
  "*.com",
);
const stringMatch = (names: readonly string[]): fc.Arbitrary<StringMatch> =>
  fc.record({
    type: fc.constantFrom("Exact" as const, "Exact" as const, "RegularExpression" as const),
    name: fc.constantFrom(...names),
    value: fc.constantFrom("1", "2", "v[0-9]", "v1"),
  });
const match = fc.record({
  path: fc.oneof(
    fc.record({
      type: fc.constantFrom("Exact" as const, "PathPrefix" as const),
      value: fc.constantFrom("/", "/a", "/a/b", "/a/", "/ab", "/a/b/c", "/store"),
    }),
    fc.record({
      type: fc.constant("RegularExpression" as const),
      value: fc.constantFrom("/a/[^/]+", "/[^/]+/b", "/(a|ab)(/.*)?", "/.*[bc]"),
    }),
  ),
  method: fc.option(fc.constantFrom("GET", "POST"), { nil: undefined }),
  headers: fc.uniqueArray(stringMatch(["X-A", "X-B"]), { maxLength: 2, selector: (h) => h.name }),
  queryParams: fc.uniqueArray(stringMatch(["q", "r"]), { maxLength: 1, selector: (h) => h.name }),
});
const route = fc.record({
  namespace: fc.constantFrom("default", "team"),
  created: fc.option(fc.constantFrom("2020-01-01T00:00:00Z", "2024-06-01T00:00:00Z"), {
    nil: undefined,
  }),
  hostnames: fc.uniqueArray(hostname, { maxLength: 2 }),
  rules: fc.array(fc.array(match, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
});
const listeners = fc.uniqueArray(fc.oneof(hostname, fc.constant("")), {
  minLength: 1,
  maxLength: 3,
});
const requests = fc.array(
  fc.record({
    host: fc.constantFrom(
      "a.example.com",
      "b.example.com",
      "x.a.example.com",
      "y.x.a.example.com",
      "c.com",
      "com",
    ),
    path: fc.constantFrom(
      "/",
      "/a",
      "/a/",
      "/a/b",
      "/a/b/",
      "/a/b/c",
      "/ab",
      "/ab/c",
      "/store/x",
      "/z",
    ),
    query: fc.constantFrom("", "?q=1", "?q=2&q=1", "?r=v1", "?r=v7&q=1"),
    method: fc.constantFrom("GET", "POST", "PUT"),
    headers: fc.array(fc.tuple(fc.constantFrom("x-a", "X-B"), fc.constantFrom("1", "2", "v1")), {
      maxLength: 2,
    }),
  }),
  { minLength: 20, maxLength: 20 },
);

interface StringMatch {
  readonly type: "Exact" | "RegularExpression";
  readonly name: string;
  readonly value: string;
}
type Route = typeof route extends fc.Arbitrary<infer T> ? T : never;
type Match = Route["rules"][number][number];
type Request = typeof requests extends fc.Arbitrary<(infer T)[]> ? T : never;

function documents(hosts: readonly string[], routes: readonly Route[]): string {
  const gateway = {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "Gateway",
    metadata: { name: "g", namespace: "default" },
    spec: {
      gatewayClassName: "fairlead",
      listeners: hosts.map((host, i) => ({
        name: `l${i}`,
        protocol: "HTTP",
        port: 80,
        allowedRoutes: { namespaces: { from: "All" } },
        ...(host === "" ? {} : { hostname: host }),
      })),
    },
  };
  return [
    gateway,
    ...routes.map((r, i) => ({
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "HTTPRoute",
      metadata: {
        name: `r${i}`,
        namespace: r.namespace,
        ...(r.created === undefined ? {} : { creationTimestamp: r.created }),
      },
      spec: {
        parentRefs: [{ name: "g", namespace: "default" }],
        ...(r.hostnames.length === 0 ? {} : { hostnames: r.hostnames }),
        rules: r.rules.map((matches) => ({ matches })),
      },
    })),
  ]
    .map((d) => JSON.stringify(d))
    .join("\n---\n");
}

// --- The specification ---

const takes = (name: string, host: string): boolean =>
  name === "" || (name.startsWith("*.") ? host.endsWith(name.slice(1)) : name === host);

/** "Characters in a matching non-wildcard hostname", then "characters in a matching hostname". */
const specificity = (name: string): number =>
  name === "" ? 0 : name.startsWith("*.") ? name.length : 1000 + name.length;

const mostSpecific = (names: readonly string[]): string | undefined =>
  [...names].sort((a, b) => specificity(b) - specificity(a))[0];

function fits(m: Match, request: Request): boolean {
  const { value } = m.path;
  const prefix = value.replace(/\/$/, "");
  const path =
    m.path.type === "Exact"
      ? request.path === value
      : m.path.type === "RegularExpression"
        ? matchesWhole(value, request.path)
        : request.path === prefix || request.path.startsWith(`${prefix}/`);
  const equal = ({ type, value: wanted }: StringMatch, got: string | undefined): boolean =>
    got !== undefined && (type === "Exact" ? got === wanted : matchesWhole(wanted, got));
  const header = (name: string): string | undefined => {
    const values = request.headers.filter(([n]) => n.toLowerCase() === name.toLowerCase());
    return values.length === 0 ? undefined : values.map(([, v]) => v).join(", ");
  };
  const parameter = (name: string): string | undefined =>
    request.query
      .slice(1)
      .split("&")
      .find((p) => p.startsWith(`${name}=`))
      ?.slice(name.length + 1);
  return (
    path &&
    (m.method === undefined || m.method === request.method) &&
    m.headers.every((h) => equal(h, header(h.name))) &&
    m.queryParams.every((q) => equal(q, parameter(q.name)))
  );
}

/** The order of precedence as numbers and texts to be compared one after the other. */
function order(
  r: Route,
  name: string,
  written: string,
  rule: number,
  index: number,
): (number | string)[] {
  const m = r.rules[rule]![index]!;
  const kinds = { Exact: 0, RegularExpression: 1, PathPrefix: 2 };
  return [
    -specificity(written),
    kinds[m.path.type],
    m.path.type === "PathPrefix" ? -m.path.value.replace(/\/$/, "").length : 0,
    m.method === undefined ? 1 : 0,
    -m.headers.length,
    -m.queryParams.length,
    r.created ?? "9999",
    `${r.namespace}/${name}`,
    rule,
    index,
  ];
}

function compare(a: readonly (number | string)[], b: readonly (number | string)[]): number {
  for (const [i, x] of a.entries()) {
    const y = b[i]!;
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}

/** "default/r0 rules[0] matches[1]", or undefined for 404. */
function specified(
  hosts: readonly string[],
  routes: readonly Route[],
  request: Request,
): string | undefined {
  const { host } = request;
  const listener = mostSpecific(hosts.filter((h) => takes(h, host)));
  if (listener === undefined) return undefined;
  const attached = routes.flatMap((r, i) =>
    (r.hostnames.length === 0 ? [""] : r.hostnames)
      .filter((written) => takes(written, host) && overlaps(written, listener))
      .map((written) => ({ r, name: `r${i}`, written, met: mostSpecific([written, listener])! })),
  );
  // A request stays with the most specific hostname that is served there.
  const met = mostSpecific([
    ...attached.map((a) => a.met),
    ...(hosts.includes(listener) ? [listener] : []),
  ]);
  const found = attached
    .filter((a) => a.met === met)
    .flatMap(({ r, name, written }) =>
      r.rules.flatMap((matches, rule) =>
        matches.flatMap((m, index) =>
          fits(m, request)
            ? [
                {
                  key: order(r, name, written, rule, index),
                  text: `${r.namespace}/${name} rules[${rule}] matches[${index}]`,
                },
              ]
            : [],
        ),
      ),
    );
  return found.sort((a, b) => compare(a.key, b.key))[0]?.text;
}

/** Whether two hostnames have names in common. */
function overlaps(a: string, b: string): boolean {
  const [wide, narrow] = specificity(a) < specificity(b) ? [a, b] : [b, a];
  return (
    wide === "" ||
    wide === narrow ||
    (wide.startsWith("*.") && narrow.replace(/^\*/, "x").endsWith(wide.slice(1)))
  );
}

test("the compiled table chooses what the specification says of the manifests", () => {
  let matched = 0;
  fc.assert(
    fc.property(
      listeners,
      fc.array(route, { minLength: 1, maxLength: 6 }),
      requests,
      (hosts, routes, all) => {
        const { table, plan, ir } = compile([{ path: "in.yaml", text: documents(hosts, routes) }]);
        if (ir.gatewayPorts.length === 0) return;
        const exports = instantiate(module);
        expect(loadTable(exports, table)).toBe(0);
        const core = createCore(exports, readTable(table).names);
        for (const request of all) {
          const { match: found } = decide(core, 0, {
            authority: request.host,
            target: request.path + request.query,
            method: request.method,
            headers: request.headers,
          });
          const chosen = found === NONE ? undefined : plan.origins.matches[found];
          const got =
            chosen &&
            `${chosen.rule.route.namespace}/${chosen.rule.route.name} ` +
              `rules[${chosen.rule.ruleIndex}] matches[${chosen.matchIndex}]`;
          const wanted = specified(hosts, routes, request);
          expect(got, JSON.stringify(request)).toBe(wanted);
          if (wanted !== undefined) matched += 1;
        }
      },
    ),
    { numRuns: tables, seed: Number(process.env["FAIRLEAD_FUZZ_SEED"] ?? 20261121) },
  );
  expect(matched).toBeGreaterThan(tables);
}, 600_000);
