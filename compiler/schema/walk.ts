// Validation rules and the uniqueness of list entries, over a value whose structure is checked.
// Only the parts of a schema that have a rule somewhere below them are visited.

import type { ValuePath } from "../manifest.ts";
import { passes } from "./cel.ts";
import { wordRule, type Wording } from "./rules.ts";
import { isFields, lastName, type CelRule, type JsonSchema, type Problem } from "./schema.ts";

interface Visit {
  readonly properties: readonly (readonly [string, Visit])[];
  readonly additional?: Visit;
  readonly items?: Visit;
  readonly rules: readonly CelRule[];
  readonly listType?: string;
  readonly listKeys: readonly string[];
}

const visits = new WeakMap<JsonSchema, Visit | null>();

function visitOf(schema: JsonSchema): Visit | null {
  const known = visits.get(schema);
  if (known !== undefined) return known;
  const properties: [string, Visit][] = [];
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const visit = visitOf(property);
    if (visit) properties.push([name, visit]);
  }
  const { additionalProperties } = schema;
  const additional =
    typeof additionalProperties === "object" ? visitOf(additionalProperties) : null;
  const items = schema.items ? visitOf(schema.items) : null;
  const listType = schema["x-kubernetes-list-type"];
  // A transition rule compares with the stored object; a file has none.
  const rules = (schema["x-kubernetes-validations"] ?? []).filter(
    (r) => !/\boldSelf\b/.test(r.rule),
  );
  const unique = listType === "set" || listType === "map";
  const idle = properties.length === 0 && !additional && !items && rules.length === 0 && !unique;
  const visit: Visit | null = idle ? null : {
    properties, rules,
    ...(additional && { additional }),
    ...(items && { items }),
    ...(unique && { listType }),
    listKeys: schema["x-kubernetes-list-map-keys"] ?? [],
  };
  visits.set(schema, visit);
  return visit;
}

/**
 * Problems of `value` against the rules of its schema. Rules are not asked about a value with a
 * structural problem at or below it (`damaged`): they may rest on what is missing there.
 */
export function ruleProblems(
  value: unknown, schema: JsonSchema, root: ValuePath, damaged: readonly ValuePath[],
): readonly Problem[] {
  const visit = visitOf(schema);
  const problems: Problem[] = [];
  if (visit) walk(value, visit, [...root], damaged, problems);
  return problems;
}

type Path = (string | number)[];

function isDamaged(path: Path, damaged: readonly ValuePath[]): boolean {
  return damaged.some((d) => d.length >= path.length && path.every((step, i) => d[i] === step));
}

function walk(
  value: unknown, visit: Visit, path: Path, damaged: readonly ValuePath[], problems: Problem[],
): void {
  if (value === undefined || value === null) return;
  const before = problems.length;
  if (visit.listType && Array.isArray(value)) uniqueness(value, visit, path, problems);
  const repeats = problems.length > before;
  if (damaged.length === 0 || !isDamaged(path, damaged)) {
    for (const { rule, title, at } of visit.rules) {
      // Some lists have a rule that says the same as their type.
      if (passes(rule, value) || (repeats && rule.includes("exists_one"))) continue;
      const worded = wordRule(rule, value);
      if (worded.general && problems.length > before) continue;
      problems.push(broken(at ? { ...worded, at } : worded, title, path));
    }
  }
  if (Array.isArray(value)) {
    if (visit.items) {
      for (let i = 0; i < value.length; i++) {
        step(value[i], visit.items, i, path, damaged, problems);
      }
    }
    return;
  }
  if (!isFields(value)) return;
  for (const [name, below] of visit.properties) {
    if (value[name] !== undefined) step(value[name], below, name, path, damaged, problems);
  }
  if (visit.additional) {
    for (const name of Object.keys(value)) {
      step(value[name], visit.additional, name, path, damaged, problems);
    }
  }
}

function broken(worded: Wording, title: string | undefined, path: Path): Problem {
  return {
    code: "FL0107",
    path: [...path, ...(worded.at ?? [])],
    ...(worded.key && { part: "key" as const }),
    title: title ?? worded.title,
    ...(title === undefined && worded.help !== undefined && { help: worded.help }),
  };
}

function step(
  value: unknown, visit: Visit, name: string | number, path: Path,
  damaged: readonly ValuePath[], problems: Problem[],
): void {
  path.push(name);
  walk(value, visit, path, damaged, problems);
  path.pop();
}

function uniqueness(
  list: readonly unknown[], visit: Visit, path: Path, problems: Problem[],
): void {
  const seen = new Map<string, number>();
  list.forEach((item, index) => {
    const keys = visit.listKeys;
    const identity = visit.listType === "set" || !isFields(item)
      ? JSON.stringify(item) : JSON.stringify(keys.map((k) => item[k] ?? null));
    const first = seen.get(identity);
    if (first === undefined) {
      seen.set(identity, index);
      return;
    }
    const what = isFields(item)
      ? keys.map((k) => `\`${k}\` ${JSON.stringify(item[k])}`).join(", ") : JSON.stringify(item);
    problems.push({
      code: "FL0106",
      path: isFields(item) && keys[0] !== undefined ? [...path, index, keys[0]] : [...path, index],
      title: `\`${lastName(path)}\` has two entries with ${what}`,
      label: `the same as \`${lastName(path)}[${first}]\``,
    });
  });
}
