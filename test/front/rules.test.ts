import { expect, test } from "vitest";
import { decode } from "../../compiler/decode.ts";
import { fill } from "../../compiler/schema/fill.ts";
import { kinds } from "../../compiler/schema/catalog.ts";
import { passes } from "../../compiler/schema/cel.ts";
import type { JsonSchema } from "../../compiler/schema/schema.ts";
import { parse } from "../../compiler/parse.ts";
import { httpRuleCases, type RuleCase } from "./http-cases.ts";
import { otherRuleCases } from "./other-cases.ts";

const ruleCases = [...httpRuleCases, ...otherRuleCases];

function kindOf(c: RuleCase) {
  return kinds.find((k) => k.kind === c.kind)!;
}

function manifestOf(c: RuleCase): string {
  const { group, versions } = kindOf(c);
  const version = c.version ?? Object.keys(versions)[0]!;
  return JSON.stringify({
    apiVersion: group === "" ? version : `${group}/${version}`,
    kind: c.kind, metadata: { name: "x" }, spec: c.spec,
  });
}

test.each(ruleCases)("$kind: $name", (c) => {
  const { manifests, diagnostics } = parse({ path: "x.json", text: manifestOf(c) });
  const found = [...diagnostics, ...decode(manifests).diagnostics];
  expect(found.map((d) => d.title)).toEqual(c.title === undefined ? [] : [c.title]);
  expect(found.every((d) => d.code === "FL0107")).toBe(true);
  if (c.path !== undefined) expect(found[0]?.path).toBe(c.path);
});

/** Rules that no manifest can break, since the structure has refused it before. */
const shadowed = new Set([
  // Keyed lists refuse a second entry of one key themselves (FL0106).
  "self.all(l1, self.exists_one(l2, l1.name == l2.name))",
  "self.all(t1, self.exists_one(t2, t1.port == t2.port))",
  // The enumeration of `type` refuses other values (FL0106).
  "self.type in ['Exact','PathPrefix'] || self.type == 'RegularExpression'",
  // The pattern of a hostname does (FL0106).
  tlsName("!h.contains('*') ? h.matches('^(", ")$') : true"),
  tlsName("h.contains('*') ? (h.startsWith('*.') && h.substring(2).matches('^(", ")$')) : true"),
]);

function tlsName(before: string, after: string): string {
  const name = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
  return `self.all(h, ${before}${name}${after})`;
}

test("the rules that no manifest can break are evaluated all the same", () => {
  const pairs: readonly (readonly [unknown, unknown])[] = [
    [[{ name: "a" }, { name: "b" }], [{ name: "a" }, { name: "a" }]],
    [[{ port: 1 }, { port: 2 }], [{ port: 1 }, { port: 1 }]],
    [{ type: "Exact" }, { type: "Prefix" }],
    [["a.b", "*.c"], ["A_"]],
    [["a_", "*.c"], ["a.*"]],
  ];
  expect([...shadowed].map((rule, i) => pairs[i]!.map((value) => passes(rule, value))))
    .toEqual(pairs.map(() => [true, false]));
});

test("every rule of the published schemas refuses a case and accepts another", () => {
  const seen = new Map<string, { passed: boolean; failed: boolean }>();
  const visit = (schema: JsonSchema, value: unknown): void => {
    for (const { rule, title } of schema["x-kubernetes-validations"] ?? []) {
      // Our own rules of Kubernetes' kinds are held against the API server in api-server.test.ts.
      if (title !== undefined || rule.includes("oldSelf") || shadowed.has(rule)) continue;
      const entry = seen.get(rule) ?? { passed: false, failed: false };
      seen.set(rule, entry);
      if (value !== undefined) entry[passes(rule, value) ? "passed" : "failed"] = true;
    }
    const fields = (value ?? {}) as Record<string, unknown>;
    for (const [name, p] of Object.entries(schema.properties ?? {})) visit(p, fields[name]);
    const { items, additionalProperties: more } = schema;
    const list = Array.isArray(value) ? value : [undefined];
    if (items) list.forEach((item) => visit(items, item));
    const values = [undefined, ...Object.values(fields)];
    if (typeof more === "object") values.forEach((v) => visit(more, v));
  };
  for (const c of ruleCases) {
    const schema = Object.values(kindOf(c).versions)[0]!;
    visit(schema, fill(c.spec, schema));
  }
  const open = [...seen].filter(([, s]) => !s.passed || !s.failed).map(([rule]) => rule);
  expect(open).toEqual([]);
  expect(seen.size).toBeGreaterThan(100);
});
