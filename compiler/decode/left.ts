// A note for each kind that takes no part in routing, so that nothing is left out in silence.

import { diagnostic, type Diagnostic } from "../diagnostic.ts";
import type { Manifest } from "../manifest.ts";
import { isFields } from "../schema/schema.ts";
import { groupOf } from "./identify.ts";

export function left(strangers: readonly Manifest[]): readonly Diagnostic[] {
  const byKind = new Map<string, Manifest[]>();
  for (const manifest of strangers) {
    const value = isFields(manifest.value) ? manifest.value : {};
    const group = groupOf(String(value.apiVersion));
    const name = `\`${String(value.kind)}\`${group === "" ? "" : ` of \`${group}\``}`;
    const known = byKind.get(name);
    if (known) known.push(manifest);
    else byKind.set(name, [manifest]);
  }
  return [...byKind].map(([name, manifests]) => {
    const count = manifests.length;
    const first = manifests[0];
    return diagnostic({
      code: "FL0110",
      title: count === 1
        ? `the kind ${name} takes no part in routing: 1 document was left out`
        : `the kind ${name} takes no part in routing: ${count} documents were left out`,
      ...(first && { primary: { span: first.at(["kind"]) } }),
    });
  });
}
