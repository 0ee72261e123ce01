// Diagnostics → text for people, or JSON for tools.

import { excerpt, type Excerpt } from "./render/excerpt.ts";
import type { Diagnostic, Label, Level } from "./diagnostic.ts";
import { positionAt } from "./source.ts";

export interface RenderOptions {
  readonly color: boolean;
  readonly style: "text" | "json";
}

export function render(diagnostics: readonly Diagnostic[], options: RenderOptions): string {
  if (options.style === "json") return `${JSON.stringify(diagnostics.map(toJson), null, 2)}\n`;
  if (diagnostics.length === 0) return "";
  const paint = options.color ? colored : plain;
  const blocks = diagnostics.map((d) => textOf(d, paint));
  return `${blocks.join("\n")}\n${summary(diagnostics)}\n`;
}

type Paint = (style: Style, text: string) => string;
type Style = Level | "bold" | "gutter" | "help";

const sequences: Readonly<Record<Style, string>> = {
  error: "1;31", warning: "1;33", note: "1;36", bold: "1", gutter: "34", help: "1;32",
};

const plain: Paint = (_, text) => text;
const colored: Paint = (style, text) => `\u001b[${sequences[style]}m${text}\u001b[0m`;

/** `2 errors, 1 warning` */
export function summary(diagnostics: readonly Diagnostic[]): string {
  const levels: readonly Level[] = ["error", "warning", "note"];
  return levels.flatMap((level) => {
    const count = diagnostics.filter((d) => d.level === level).length;
    return count === 0 ? [] : [`${count} ${level}${count === 1 ? "" : "s"}`];
  }).join(", ");
}

function textOf(d: Diagnostic, paint: Paint): string {
  const places: { readonly label: Label; readonly mark: "^" | "-" }[] = [
    ...(d.primary ? [{ label: d.primary, mark: "^" as const }] : []),
    ...d.secondary.map((label) => ({ label, mark: "-" as const })),
  ];
  const excerpts = places.map(({ label, mark }) => excerpt(label, mark));
  const width = Math.max(1, ...excerpts.map((e) => String(e.line).length));
  const margin = " ".repeat(width);
  const lines = [`${paint(d.level, `${d.level}[${d.code}]`)}${paint("bold", `: ${d.title}`)}`];
  for (const e of excerpts) lines.push(...excerptLines(e, d.level, width, paint));
  const facts = factsOf(d);
  if (facts !== "") lines.push(`${margin}${paint("gutter", "=")} ${facts}`);
  if (d.help !== undefined) lines.push(`${paint("help", "help:")} ${d.help}`);
  return `${lines.join("\n")}\n`;
}

function excerptLines(
  e: Excerpt, level: Level, width: number, paint: Paint,
): readonly string[] {
  const margin = " ".repeat(width);
  const marks = paint(e.mark === "^" ? level : "gutter", e.underline);
  const label = e.text === undefined ? "" : ` ${e.text}`;
  return [
    `${margin}${paint("gutter", "┌─")} ${e.place}`,
    `${paint("gutter", `${String(e.line).padStart(width)}│`)} ${e.source}`.trimEnd(),
    `${margin}${paint("gutter", "│")} ${e.indent}${marks}${label}`,
  ];
}

/** `HTTPRoute shop/checkout, spec.rules[0]; requests it would take get 500` */
function factsOf(d: Diagnostic): string {
  const where = [d.resource, d.path].filter((p) => p !== undefined).join(", ");
  return [where, d.effect].filter((p) => p !== undefined && p !== "").join("; ");
}

interface JsonPlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  readonly label?: string;
}

function jsonPlace(label: Label): JsonPlace {
  const { span, text } = label;
  const start = positionAt(span.file, span.start);
  const end = positionAt(span.file, span.end);
  return {
    file: span.file.path,
    line: start.line, column: start.column, endLine: end.line, endColumn: end.column,
    ...(text !== undefined && { label: text }),
  };
}

/** Fields that do not apply are absent. */
function toJson(d: Diagnostic): object {
  return {
    code: d.code,
    level: d.level,
    title: d.title,
    ...(d.primary && jsonPlace(d.primary)),
    ...(d.resource !== undefined && { resource: d.resource }),
    ...(d.path !== undefined && { path: d.path }),
    ...(d.effect !== undefined && { effect: d.effect }),
    ...(d.help !== undefined && { help: d.help }),
    secondary: d.secondary.map(jsonPlace),
  };
}
