// Validation rules by a CEL library, with what Kubernetes adds to the language.

import { isIP } from "node:net";
import { Environment, Optional } from "@marcbachmann/cel-js";
import type { ParseResult } from "@marcbachmann/cel-js";

/** The receiver of `format.dns1123Subdomain().validate(…)`. */
class Formats {}
class Format {
  readonly pattern: RegExp;
  readonly lengthMax: number;
  constructor(pattern: RegExp, lengthMax: number) {
    this.pattern = pattern;
    this.lengthMax = lengthMax;
  }
}

const label = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?";
const subdomain = new Format(new RegExp(`^${label}(?:\\.${label})*$`), 253);
const patterns = new Map<string, RegExp>();

/** RE2 takes `(?i)` within a pattern; JavaScript takes it as a flag. */
function re2(pattern: string): RegExp {
  const known = patterns.get(pattern);
  if (known) return known;
  const insensitive = pattern.includes("(?i)");
  const made = new RegExp(pattern.replaceAll("(?i)", ""), insensitive ? "iu" : "u");
  patterns.set(pattern, made);
  return made;
}

let environment: Environment | undefined;

function makeEnvironment(): Environment {
  return new Environment({ enableOptionalTypes: true })
    .registerVariable("self", "dyn")
    .registerType("kubernetes.Formats", Formats)
    .registerType("kubernetes.Format", Format)
    .registerConstant("format", "kubernetes.Formats", new Formats())
    .registerFunction(
      "kubernetes.Formats.dns1123Subdomain(): kubernetes.Format", () => subdomain,
    )
    .registerFunction(
      "kubernetes.Format.validate(string): optional<list<string>>",
      (format: Format, text: string) =>
        text.length <= format.lengthMax && format.pattern.test(text)
          ? Optional.none() : Optional.of(["invalid"]),
    )
    .registerType("kubernetes.URL", URL)
    .registerFunction("isURL(string): bool", (text: string) => URL.canParse(text))
    .registerFunction("url(string): kubernetes.URL", (text: string) => new URL(text))
    .registerFunction(
      "kubernetes.URL.getScheme(): string", ({ protocol }: URL) => protocol.slice(0, -1),
    )
    .registerFunction("isIP(string): bool", (text: string) => isIP(text) !== 0)
    .registerFunction(
      "string.re2(string): bool", (text: string, pattern: string) => re2(pattern).test(text),
    );
}

/** `has(self[0].name)`: the library takes only names and dots inside `has`. */
const hasOfItem = /\bhas\((\w[\w.]*\[\d+\])\.(\w+)\)/g;

/** Puts a rule of Kubernetes into the words of the library. */
function dialect(rule: string): string {
  return rule
    // Kubernetes writes fields that are CEL's own words as `__namespace__`.
    .replaceAll("__namespace__", "namespace")
    .replaceAll(".matches(", ".re2(")
    .replaceAll(hasOfItem, "$1.?$2.hasValue()");
}

const programs = new Map<string, ParseResult>();

function programOf(rule: string): ParseResult {
  const known = programs.get(rule);
  if (known) return known;
  environment ??= makeEnvironment();
  const program = environment.parse(dialect(rule));
  programs.set(rule, program);
  return program;
}

/** Whether `self` passes. A rule that cannot be evaluated refuses, as in the API server. */
export function passes(rule: string, self: unknown): boolean {
  const program = programOf(rule);
  try {
    return program({ self }) === true;
  } catch {
    return false;
  }
}
