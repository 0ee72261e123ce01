// The front of the compiler over one text, as the user would see it.

import { decode, type Decoded } from "../../compiler/decode.ts";
import { sortDiagnostics } from "../../compiler/diagnostic.ts";
import { parse } from "../../compiler/parse.ts";
import { render } from "../../compiler/render.ts";

export function decodeTexts(texts: Readonly<Record<string, string>>): Decoded {
  const parsed = Object.entries(texts).map(([path, text]) => parse({ path, text }));
  const decoded = decode(parsed.flatMap((p) => p.manifests));
  const diagnostics = [...parsed.flatMap((p) => p.diagnostics), ...decoded.diagnostics];
  return { inventory: decoded.inventory, diagnostics: sortDiagnostics(diagnostics) };
}

export function report(texts: Readonly<Record<string, string>>): string {
  const { diagnostics } = decodeTexts(texts);
  return `\n${render(diagnostics, { color: false, style: "text" })}`;
}
