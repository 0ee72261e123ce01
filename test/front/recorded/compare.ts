// What the compiler says of a recorded manifest, against what the API server said.

import { decode } from "../../../compiler/decode.ts";
import type { Diagnostic } from "../../../compiler/diagnostic.ts";
import { parse } from "../../../compiler/parse.ts";
import type { Recorded } from "./cases.ts";

function diagnosticsOf({ manifest }: Recorded): readonly Diagnostic[] {
  const { manifests, diagnostics } = parse({ path: "x.json", text: JSON.stringify(manifest) });
  return [...diagnostics, ...decode(manifests).diagnostics];
}

/** `spec.rules[0].name` and `data[a/b]` as the same kind of text, to compare beginnings. */
function steps(path: string): string {
  return path.replaceAll("[", ".").replaceAll("]", "")
    // The server adds one to the other before it looks.
    .replace(/^stringData\b/, "data")
    // A Service's one address counts as the first of its list.
    .replace(/^spec\.clusterIPs\b(?:\.0)?/, "spec.clusterIP")
    // It writes one field with a capital.
    .replace("spec.LoadBalancer", "spec.loadBalancer");
}

function within(inner: string, outer: string): boolean {
  return inner === outer || (outer !== "" && inner.startsWith(`${outer}.`));
}

/** A cause points at the value that a rule is on; we often point at the field that breaks it. */
function near(cause: string, ours: string): boolean {
  const theirs = steps(cause.slice(cause.indexOf(" ") + 1 || cause.length));
  // Some come without the indexes of lists.
  const mine = /\.\d/.test(theirs) ? steps(ours) : steps(ours).replaceAll(/\.\d+/g, "");
  return theirs === "" || within(mine, theirs) || within(theirs, mine);
}

/** In one line where they disagree, or undefined where they agree. */
export function disagreement(recorded: Recorded): string | undefined {
  const found = diagnosticsOf(recorded).filter((d) => d.level === "error");
  if (recorded.accepted) {
    return found.length === 0 ? undefined : `refused: ${found.map((d) => d.title).join("; ")}`;
  }
  const causes = recorded.causes ?? [];
  if (found.length === 0) return `accepted: ${causes.join("; ")}`;
  // "Other rules were not asked, since the structure is wrong" comes without a field.
  const placed = causes.filter((c) => c.includes(" "));
  const telling = placed.length > 0 ? placed : causes;
  if (telling.some((c) => found.some((d) => near(c, d.path ?? "")))) return undefined;
  return `elsewhere: ${found.map((d) => d.path).join("; ")} not ${causes.join("; ")}`;
}
