import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { kinds } from "../../compiler/schema/catalog.ts";
import { passes } from "../../compiler/schema/cel.ts";
import { fill } from "../../compiler/schema/fill.ts";
import type { JsonSchema } from "../../compiler/schema/schema.ts";
import type { Recorded } from "./recorded/cases.ts";
import { disagreement } from "./recorded/compare.ts";

const table = JSON.parse(
  readFileSync(new URL("recorded/api-server.json", import.meta.url), "utf8"),
) as readonly Recorded[];

/** Where we say something else than the API server, and why. */
const differences: readonly (readonly [reason: string, cases: readonly RegExp[]])[] = [
  ["the published type has 32 bits and no implementation reads a larger number; the server alone"
    + " does not look at a number's format",
    [/^(?:Gateway|HTTPRoute|GRPCRoute|DestinationRule) .*: 2\^31$/]],
  ["a dry run does not ask the allocator of node ports, which refuses it",
    [/^Service node port -1$/]],
  ["the server's own settings, which files do not tell",
    [/^Service (?:cluster address outside|ip family six)$/]],
  ["the server reads an octet with a leading zero as decimal for old objects' sake, and Envoy"
    + " does not read it", [/^EndpointSlice address with a leading zero$/]],
  ["a file may describe what runs beside its proxy",
    [/^EndpointSlice address (?:v6 )?of the host$/]],
  ["a null entry of a list is a slip; the server reads it as an empty map in its own kinds",
    [/^EndpointSlice .*: list of null$/]],
  ["such Secrets take no part in routing, and their contents are not looked into",
    [/^Secret (?:docker not json|service account token)$/]],
  ["asked of Kubernetes' own kinds and not of custom ones; takes no part in routing",
    [/^ConfigMap metadata: (?:generation negative|finalizer plain)$/]],
];

const nameOf = (r: Recorded): string => `${r.kind} ${r.name}`;

test("what the API server accepts we accept, and what it refuses we refuse, there", () => {
  const found = table.flatMap((r) => {
    const said = disagreement(r);
    return said === undefined ? [] : [[nameOf(r), said] as const];
  });
  const patterns = differences.flatMap(([, cases]) => cases);
  const open = found.filter(([name]) => !patterns.some((p) => p.test(name)));
  expect(open).toEqual([]);
  const idle = patterns.filter((p) => !found.some(([name]) => p.test(name)));
  expect(idle).toEqual([]);
  expect(found.length).toBeLessThanOrEqual(25);
});

test("the table has accepted and refused manifests of every kind that we read", () => {
  const said = (kind: string) =>
    new Set(table.filter((r) => r.kind === kind).map((r) => r.accepted)).size;
  // Of these only a part is read; nobody is told that the rest of one is wrong.
  const open = new Set(["Pod", "Node", "EnvoyProxy"]);
  expect(kinds.filter((k) => !open.has(k.kind) && said(k.kind) < 2).map((k) => k.kind))
    .toEqual([]);
  expect(table.length).toBeGreaterThan(3000);
});

interface Seen { kept: boolean; broken: boolean }
type Ledger = Map<string, Seen>;

const sizeOf = (value: unknown): number => Object.keys(value as object).length;
const isMap = (v: unknown): boolean => typeof v === "object" && v !== null && !Array.isArray(v);

/** Whether `value`, of the type that the keyword is about, keeps to it. */
const holds: Readonly<Record<string, (limit: never, value: unknown) => boolean | undefined>> = {
  pattern: (p: string, v) => (typeof v === "string" ? new RegExp(p, "u").test(v) : undefined),
  minLength: (n: number, v) => (typeof v === "string" ? v.length >= n : undefined),
  maxLength: (n: number, v) => (typeof v === "string" ? v.length <= n : undefined),
  minimum: (n: number, v) => (typeof v === "number" ? v >= n : undefined),
  maximum: (n: number, v) => (typeof v === "number" ? v <= n : undefined),
  minItems: (n: number, v) => (Array.isArray(v) ? v.length >= n : undefined),
  maxItems: (n: number, v) => (Array.isArray(v) ? v.length <= n : undefined),
  maxProperties: (n: number, v) => (isMap(v) ? sizeOf(v) <= n : undefined),
  enum: (of: readonly unknown[], v) => (v === undefined ? undefined : of.includes(v)),
  required: (names: readonly string[], v) =>
    (isMap(v) ? names.every((n) => (v as object)[n as never] !== undefined) : undefined),
};

function enter(ledger: Ledger, what: string, held: boolean | undefined, accepted: boolean): void {
  const seen = ledger.get(what) ?? { kept: false, broken: false };
  ledger.set(what, seen);
  if (held === true && accepted) seen.kept = true;
  if (held === false && !accepted) seen.broken = true;
}

function note(ledger: Ledger, schema: JsonSchema, value: unknown, accepted: boolean): void {
  for (const [keyword, keeps] of Object.entries(holds)) {
    const limit = schema[keyword as keyof JsonSchema];
    if (limit === undefined) continue;
    const what = `${keyword} ${JSON.stringify(limit)}`;
    enter(ledger, what, keeps(limit as never, value), accepted);
  }
  for (const { rule } of schema["x-kubernetes-validations"] ?? []) {
    if (rule.includes("oldSelf")) continue;
    const held = value === undefined || value === null ? undefined : passes(rule, value);
    enter(ledger, rule, held, accepted);
  }
  const fields = (isMap(value) ? value : {}) as Readonly<Record<string, unknown>>;
  const { properties = {}, items, additionalProperties: more } = schema;
  for (const [name, p] of Object.entries(properties)) note(ledger, p, fields[name], accepted);
  for (const item of items ? [undefined, ...Array.isArray(value) ? value : []] : []) {
    if (items) note(ledger, items, item, accepted);
  }
  if (typeof more !== "object") return;
  for (const inner of [undefined, ...Object.values(fields)]) note(ledger, more, inner, accepted);
}

/** What no manifest within the table's bounds breaks, or none keeps and is accepted. */
const unrecorded: readonly RegExp[] = [
  // Every text keeps to it.
  /^minLength 0$/,
  // The pattern of each entry has refused it before.
  /^self\.all\(h, h\.contains\('\*'\) \?/,
  // Too long for a table; the test above tries one of them.
  /^max(?:Items|Properties) (?:4096|1000)$/,
];

test("limits of thousands are kept to", () => {
  const ofSlice = (n: number) => disagreement({
    name: "", kind: "EndpointSlice", accepted: n <= 1000, causes: ["FieldValueTooMany endpoints"],
    manifest: {
      apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata: { name: "x" },
      addressType: "IPv4",
      endpoints: Array.from({ length: n }, () => ({ addresses: ["10.0.0.1"] })),
    },
  });
  expect([ofSlice(1000), ofSlice(1001)]).toEqual([undefined, undefined]);
});

test("every rule, pattern, limit and enumeration has an accepted and a refused manifest", () => {
  const ledger: Ledger = new Map();
  for (const { kind: name, manifest, accepted } of table) {
    const kind = kinds.find((k) => k.kind === name)!;
    const version = String(manifest.apiVersion).split("/").at(-1) ?? "";
    const schema = kind.versions[version]!;
    const value = kind.part === "spec" ? manifest.spec : manifest;
    note(ledger, schema, fill(value, schema), accepted);
  }
  const open = [...ledger].filter(([, s]) => !s.kept || !s.broken).map(([what]) => what);
  expect(open.filter((what) => !unrecorded.some((u) => u.test(what)))).toEqual([]);
  expect(unrecorded.filter((u) => !open.some((what) => u.test(what)))).toEqual([]);
  expect(ledger.size).toBeGreaterThan(200);
});
