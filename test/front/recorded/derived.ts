// Manifests derived from the schemas: for each field and each thing that its schema says of it, a
// manifest that keeps to it and one that does not. What is right the API server says, not this.

import { kinds, type Kind } from "../../../compiler/schema/catalog.ts";
import { passes } from "../../../compiler/schema/cel.ts";
import type { JsonSchema } from "../../../compiler/schema/schema.ts";
import { bases } from "./bases.ts";
import type { Case } from "./cases.ts";

type Steps = readonly (string | number)[];
type Tree = Record<string | number, unknown>;

/** Strings of many forms: each pattern takes some of them and refuses others. */
const texts: readonly string[] = [
  "a", "/a", "a.b", "10s", "a/b", "example.com/x", "10.0.0.1", "https://a.b", "A", "a-b", "a_b",
  "a:1", "", "-a", "a-", "a b", "*.a", "*.a.b", "*", "a.*", "a.b.", ".a", "9a", "1h30m", "1.5s",
  "100000s",
  "0s", "-1s", "1h1h1h1h1h", "A.b", "\u00e4", "a\n", "http://*.a:80", "https://*", "a!b",
  "c3RvcA==",
];

function fits(schema: JsonSchema, text: string): boolean {
  const { pattern, minLength = 0, maxLength = Infinity } = schema;
  return text.length >= minLength && text.length <= maxLength
    && (pattern === undefined || new RegExp(pattern, "u").test(text))
    && (schema["x-kubernetes-validations"] ?? []).every((r) => passes(r.rule, text));
}

/** The least that a schema takes. */
function least(schema: JsonSchema): unknown {
  if (schema.default !== undefined) return schema.default;
  if (schema.enum) return schema.enum[0];
  if (schema["x-kubernetes-int-or-string"]) return 80;
  switch (schema.type) {
    case "string":
      if (schema.format === "date-time") return "2026-01-01T00:00:00Z";
      return texts.find((t) => fits(schema, t)) ?? "a".repeat(schema.minLength ?? 1);
    case "integer": case "number": return Math.max(schema.minimum ?? 1, 1);
    case "boolean": return true;
    case "array": return schema.items && (schema.minItems ?? 0) > 0 ? [least(schema.items)] : [];
    default:
      return Object.fromEntries((schema.required ?? []).map((name) =>
        [name, least(schema.properties?.[name] ?? {})]));
  }
}

interface Place {
  readonly steps: Steps;
  readonly schema: JsonSchema;
  readonly schemas: readonly JsonSchema[];
}

function placesOf(
  schema: JsonSchema, steps: Steps = [], above: readonly JsonSchema[] = [],
): readonly Place[] {
  const schemas = [...above, schema];
  const { properties = {}, items, additionalProperties: more } = schema;
  return [
    { steps, schema, schemas },
    ...Object.entries(properties).flatMap(([n, p]) => placesOf(p, [...steps, n], schemas)),
    ...(items ? placesOf(items, [...steps, 0], schemas) : []),
    ...(typeof more === "object" ? placesOf(more, [...steps, "key"], schemas) : []),
  ];
}

function reach(spec: unknown, steps: Steps): number {
  let value = spec;
  for (const [i, step] of steps.entries()) {
    if (typeof value !== "object" || value === null || !(step in value)) return i;
    value = (value as Tree)[step];
  }
  return steps.length;
}

/** The base that holds most of the way to `place`, with `value` there; the rest is made up. */
function withValue(kind: Kind, place: Place, value: unknown): unknown {
  const [base] = [...bases(kind)].sort((a, b) =>
    reach(b, place.steps) - reach(a, place.steps)
    || JSON.stringify(a).length - JSON.stringify(b).length);
  if (place.steps.length === 0) return value;
  const spec = structuredClone(base) as Tree;
  let at = spec;
  place.steps.slice(0, -1).forEach((step, i) => {
    at[step] ??= least(place.schemas[i + 1] ?? {});
    at = at[step] as Tree;
  });
  const last = place.steps.at(-1) ?? "";
  if (value === undefined) delete at[last];
  else at[last] = value;
  return spec;
}

function copies(schema: JsonSchema | undefined, count: number): readonly unknown[] {
  return Array.from({ length: count }, (_, i) => {
    const item = least(schema ?? {});
    const numbered = (text: unknown): string => `${String(text)}${i}`;
    if (typeof item === "string") return schema?.enum ? schema.enum[i] ?? item : numbered(item);
    if (typeof item !== "object" || item === null) return item;
    if ("name" in item) return { ...item, name: numbered(item.name) };
    return "value" in item ? { ...item, value: numbered(item.value) } : item;
  });
}

type Probe = readonly [name: string, value: unknown];

function wrongTypes({ type, ...schema }: JsonSchema): readonly Probe[] {
  if (schema["x-kubernetes-int-or-string"]) return [["boolean", true], ["text", "a"]];
  switch (type) {
    case "string": return [["number", 1], ["null", null]];
    case "integer": return [["text", "1"], ["fraction", 1.5], ["null", null], ["whole", 1.0]];
    case "boolean": return [["text", "true"], ["null", null]];
    case "array":
      return [["map", {}], ["empty list", []], ["null", null], ["list of null", [null]]];
    case "object": return [["list", []], ["text", "a"], ["empty map", {}], ["null", null]];
    default: return [];
  }
}

function limits(schema: JsonSchema): readonly Probe[] {
  const { maxLength, minimum, maximum, maxItems, maxProperties, format } = schema;
  const probes: Probe[] = [];
  if (maxLength !== undefined) {
    const first = String(least(schema)).slice(0, 1) || "a";
    for (const n of [maxLength, maxLength + 1]) {
      probes.push([`${n} characters`, first + "a".repeat(n - 1)]);
    }
  }
  if (minimum !== undefined) probes.push(["minimum", minimum], ["below minimum", minimum - 1]);
  if (maximum !== undefined) probes.push(["maximum", maximum], ["above maximum", maximum + 1]);
  if (schema.type === "integer" && maximum === undefined) {
    probes.push(["2^31", 2 ** 31], [`negative ${format ?? ""}`, -1]);
  }
  for (const n of maxItems === undefined ? [] : [maxItems, maxItems + 1]) {
    probes.push([`${n} entries`, copies(schema.items, n)]);
  }
  for (const n of maxProperties === undefined ? [] : [maxProperties, maxProperties + 1]) {
    const keys = Array.from({ length: n }, (_, i) => [`k${i}`, "v"]);
    probes.push([`${n} keys`, Object.fromEntries(keys)]);
  }
  return probes;
}

function probesOf(place: Place): readonly (readonly [family: string, Probe])[] {
  const { schema, steps } = place;
  const field = String(steps.findLast((s) => typeof s === "string") ?? "spec");
  const of = `${field}${typeof steps.at(-1) === "number" ? "[]" : ""}`;
  const found: (readonly [string, Probe])[] = wrongTypes(schema).map(
    (p) => [`type ${of} ${String(schema.type)}`, p] as const);
  found.push(...limits(schema).map((p) => [`limit ${of}`, p] as const));
  if (schema.enum) {
    found.push(...[...schema.enum, "nonsense", ""].map((v) =>
      [`enum ${of} ${JSON.stringify(schema.enum)}`, [`value ${String(v)}`, v]] as const));
  }
  if (schema.pattern !== undefined) {
    found.push(...texts.map((t) =>
      [`pattern ${schema.pattern}`, [`text ${JSON.stringify(t)}`, t]] as const));
    found.push(...["!", String(least(schema))].map((t) =>
      [`pattern ${of} ${schema.pattern}`, [`text ${JSON.stringify(t)}`, t]] as const));
  }
  for (const { rule } of schema.type === "string" ? schema["x-kubernetes-validations"] ?? [] : []) {
    found.push(...texts.map((t) => [`rule ${rule}`, [`text ${JSON.stringify(t)}`, t]] as const));
  }
  if (schema.properties) {
    found.push([`unknown ${of} ${Object.keys(schema.properties).join()}`,
      ["unknown field", { ...(least(schema) as object), nonsense: 1 }]]);
  }
  for (const name of schema.required ?? []) {
    const { [name]: _, ...rest } = least(schema) as Tree;
    found.push([`required ${of}`, [`without ${name}`, rest]]);
  }
  return found;
}

/** Longer manifests would only make the table long. */
const lengthMax = 10_000;

/** One family of probes is tried once a kind; types and a pattern's texts once in all. */
export function derivedCases(manifest: (kind: Kind, spec: unknown) => Tree): readonly Case[] {
  const cases: Case[] = [];
  const seen = new Set<string>();
  for (const kind of kinds) {
    const schema = Object.values(kind.versions)[0] ?? {};
    for (const place of placesOf(schema)) {
      for (const [family, [probe, value]] of probesOf(place)) {
        const everywhere = /^(?:pattern \S+|rule .*|type .*)$/.test(family);
        const identity = `${everywhere ? "" : kind.kind} ${family} ${probe}`;
        if (seen.has(identity)) continue;
        seen.add(identity);
        const where = place.steps.map((s) => (typeof s === "number" ? `[${s}]` : `.${s}`)).join("");
        const whole = manifest(kind, withValue(kind, place, value));
        if (JSON.stringify(whole).length > lengthMax) continue;
        cases.push({
          name: `${where === "" ? kind.part : where.slice(1)}: ${probe}`, kind: kind.kind,
          manifest: whole,
        });
      }
    }
  }
  return cases;
}
