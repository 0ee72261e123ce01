// ajv's errors as problems: one cause, one message, at the place where it was written.

import type { ValuePath } from "../manifest.ts";
import { nearest } from "./nearest.ts";
import { isFields, lastName, type Fields, type Problem } from "./schema.ts";
import type { StructureError } from "./structure.ts";

/** What the patterns of the published schemas say, in words. */
const patternWords: readonly (readonly [RegExp, string])[] = [
  [/^\^\$\|\^\(\?=\[-0-9\]/, "a port's name: at most 15 of a-z, 0-9 and `-`, one a letter"],
  [/^\^\[0-9\]\{4\}-/, "a time such as `2026-01-31T12:00:00Z`"],
  [/^\^\[\\r\\n\]/, "base64"],
  [/\{0,61\}\[A-Za-z0-9\]\)\?\$$/, "a name such as `app` or `example.com/app`"],
  [/^\^\(\\\*\\\.\)\?\[a-z0-9\]/, "a hostname in lower case, or `*.` and a hostname"],
  [/^\^\$\|\^\[a-z0-9\]/, "a group such as `apps.example.com`, or the empty string"],
  [/^\^\[a-z0-9\]\(\[-a-z0-9\]\*\[a-z0-9\]\)\?\(\\\./, "lower-case letters, digits, `-` and `.`"],
  [/^\^\[a-z0-9\]\(\[-a-z0-9\]\*\[a-z0-9\]\)\?\$$/, "lower-case letters, digits and `-`"],
  [/^\^\[a-z\]\(\[-a-z0-9\]/, "a letter, then lower-case letters, digits and `-`"],
  [/^\^\(\(\[A-Za-z0-9\]\[-A-Za-z0-9_\.\]/, "letters, digits, `-`, `_` and `.`"],
  [/^\^\[a-zA-Z\]\(\[-a-zA-Z0-9\]/, "a kind such as `Service`"],
  [/^\^\[A-Za-z0-9!#\$%&'/, "a header name"],
  [/^\^\(\[0-9\]\{1,5\}\(h\|m\|s\|ms\)\)/, "a duration such as `10s`, `250ms` or `1h30m`"],
];

export function structureProblems(
  errors: readonly StructureError[], root: ValuePath,
): readonly Problem[] {
  const unions = errors.filter(isUnion);
  const problems: Problem[] = [];
  const seen = new Set<string>();
  for (const error of errors) {
    if (unions.some((u) => u !== error && isBranchOf(error, u))) continue;
    // An empty string is said to be empty, not to break a pattern as well.
    const isEmpty = error.keyword === "pattern" && error.data === "";
    if (isEmpty && Number(error.parentSchema?.minLength) > 0) continue;
    const problem = wordError(error, [...root, ...pathOf(error)], errors);
    const identity = JSON.stringify([problem.path, problem.title]);
    if (seen.has(identity)) continue;
    seen.add(identity);
    problems.push(problem);
  }
  return problems;
}

function isUnion(error: StructureError): boolean {
  return error.keyword === "oneOf" || error.keyword === "anyOf";
}

function isBranchOf(error: StructureError, union: StructureError): boolean {
  return error.schemaPath.startsWith(`${union.schemaPath}/`)
    && error.instancePath.startsWith(union.instancePath);
}

/** ajv writes paths as JSON pointers; the data tells indexes from keys. */
function pathOf(error: StructureError): ValuePath {
  if (error.instancePath === "") return [];
  return error.instancePath.slice(1).split("/").map((step) => {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
    return /^(?:0|[1-9][0-9]*)$/.test(name) ? Number(name) : name;
  });
}

function wordError(
  error: StructureError, path: ValuePath, errors: readonly StructureError[],
): Problem {
  const { keyword, params, data } = error;
  const name = lastName(path);
  switch (keyword) {
    case "additionalProperties":
      return unknownField(path, String(params.additionalProperty), error.parentSchema ?? {});
    case "type":
      return wrongType(path, params.type, data);
    case "required": {
      const missing = String(params.missingProperty);
      const part = typeof path.at(-1) === "string" ? ("key" as const) : undefined;
      return {
        code: "FL0105", path, ...(part && { part }), about: [...path, missing],
        title: `\`${missing}\` is missing`,
      };
    }
    case "enum":
      return notInEnum(path, data, Array.isArray(params.allowedValues) ? params.allowedValues : []);
    case "pattern": {
      const pattern = String(params.pattern);
      const words = patternWords.find(([p]) => p.test(pattern))?.[1];
      return {
        code: "FL0106", path, title: `${show(data)} is not valid for \`${name}\``,
        label: words === undefined ? `it has to match ${pattern}` : `it has to be ${words}`,
      };
    }
    case "oneOf":
    case "anyOf":
      return wordUnion(error, path, errors);
    default:
      return limit(error, path, name);
  }
}

function limit(error: StructureError, path: ValuePath, name: string): Problem {
  const { keyword, params, data } = error;
  const bound = String(params.limit);
  const size = Array.isArray(data) ? data.length : isFields(data) ? Object.keys(data).length : 0;
  const title = ((): string => {
    switch (keyword) {
      case "minimum": return `\`${name}\` is ${String(data)}, and has to be at least ${bound}`;
      case "maximum": return `\`${name}\` is ${String(data)}, and can be at most ${bound}`;
      case "minLength":
        return data === "" ? `\`${name}\` is empty`
          : `\`${name}\` is shorter than ${bound} characters`;
      case "maxLength": return `\`${name}\` is longer than ${bound} characters`;
      case "minItems":
      case "minProperties":
        return size === 0 ? `\`${name}\` is empty` : `\`${name}\` has fewer than ${bound} entries`;
      case "maxItems":
      case "maxProperties":
        return `\`${name}\` has ${size} entries; at most ${bound} are allowed`;
      case "format":
        return params.format === "int32" ? `\`${name}\` is too large a number`
          : `${show(data)} is not valid for \`${name}\``;
      default: return `${show(data)} is not valid for \`${name}\``;
    }
  })();
  const large = typeof data === "object" && typeof path.at(-1) === "string";
  return { code: "FL0106", path, ...(large && { part: "key" as const }), title };
}

function unknownField(path: ValuePath, field: string, schema: Fields): Problem {
  const known = isFields(schema.properties) ? Object.keys(schema.properties).sort() : [];
  const guess = nearest(field, known);
  const where = path.length === 0 ? "the resource" : `\`${lastName(path)}\``;
  const label = guess !== undefined ? `did you mean \`${guess}\`?` : undefined;
  const help = guess === undefined && known.length > 0 && known.length <= 12
    ? `${where} takes ${known.map((k) => `\`${k}\``).join(", ")}` : undefined;
  return {
    code: "FL0103", path: [...path, field], part: "key", title: `unknown field \`${field}\``,
    ...(label !== undefined && { label }), ...(help !== undefined && { help }),
  };
}

const typeWords: Readonly<Record<string, string>> = {
  object: "a map", array: "a list", string: "a string", integer: "an integer", number: "a number",
  boolean: "`true` or `false`", null: "null",
};

function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  if (typeof value === "boolean") return `the boolean \`${String(value)}\``;
  return typeof value === "number" ? `the number ${String(value)}` : "a string";
}

function wrongType(path: ValuePath, wanted: unknown, data: unknown): Problem {
  const types = (Array.isArray(wanted) ? wanted : [wanted]).map(String).filter((t) => t !== "null");
  const words = types.map((t) => typeWords[t] ?? t).join(" or ");
  const scalar = typeof data === "boolean" || typeof data === "number";
  const numeric = typeof data === "string" && data !== "" && !Number.isNaN(Number(data));
  const label = types.includes("string") && scalar ? "put it in quotes"
    : types.includes("integer") && numeric ? "write it without quotes"
    : types.includes("array") && isFields(data) ? "is a `- ` missing?"
    : undefined;
  const large = typeof data === "object" && data !== null && typeof path.at(-1) === "string";
  const ofList = typeof path.at(-1) === "number" ? "an entry of " : "";
  return {
    code: "FL0104", path, ...(large && { part: "key" as const }),
    title: `${ofList}\`${lastName(path)}\` has to be ${words}, not ${typeName(data)}`,
    ...(label !== undefined && { label }),
  };
}

function notInEnum(path: ValuePath, data: unknown, allowed: readonly unknown[]): Problem {
  const values = allowed.filter((v) => v !== null).map(String);
  const guess = typeof data === "string" ? nearest(data, values) : undefined;
  return {
    code: "FL0106", path, title: `${show(data)} is not a value of \`${lastName(path)}\``,
    ...(guess !== undefined && { label: `did you mean \`${guess}\`?` }),
    help: `one of ${values.map((v) => `\`${v}\``).join(", ")}`,
  };
}

function show(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "nothing";
  return `\`${text.length > 60 ? `${text.slice(0, 57)}…` : text}\``;
}

/** `oneOf` of `required` means: these fields exclude each other. */
function wordUnion(
  error: StructureError, path: ValuePath, errors: readonly StructureError[],
): Problem {
  const branches: readonly unknown[] = Array.isArray(error.schema) ? error.schema : [];
  const names = branches.flatMap((b) =>
    isFields(b) && Array.isArray(b.required) ? b.required.map(String) : []);
  const data = isFields(error.data) ? error.data : {};
  const present = names.filter((n) => data[n] !== undefined);
  const second = present[1];
  if (second !== undefined) {
    const shown = present.map((n) => `\`${n}\``).join(" and ");
    return {
      code: "FL0106", path: [...path, second], part: "key", title: `${shown} exclude each other`,
    };
  }
  const format = errors.find((e) => e.keyword === "format" && isBranchOf(e, error));
  if (format) {
    const inner = [...path, ...pathOf(format).slice(pathOf(error).length)];
    return {
      code: "FL0106", path: inner, title: `${show(format.data)} is not an IP address`,
    };
  }
  if (names.length > 0) {
    const shown = names.map((n) => `\`${n}\``).join(", ");
    return { code: "FL0105", path, part: "key", title: `one of ${shown} has to be set` };
  }
  return { code: "FL0106", path, title: `\`${lastName(path)}\` has none of the allowed forms` };
}
