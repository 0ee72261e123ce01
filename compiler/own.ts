// What we put into a cluster ourselves. By its label it is found again, to be pruned or removed;
// and read back from the cluster as input, it is none of the user's routes.

import { diagnostic, type Diagnostic } from "./diagnostic.ts";
import type { Manifest } from "./manifest.ts";
import type { Resource } from "./resources.ts";

const managedBy = "app.kubernetes.io/managed-by";

export const ownLabels = { [managedBy]: "fairlead" } as const;

export function isOwn({ metadata }: Resource): boolean {
  return metadata.labels?.[managedBy] === ownLabels[managedBy];
}

export function leftOwn(manifests: readonly Manifest[]): readonly Diagnostic[] {
  const [first] = manifests;
  if (!first) return [];
  const count = manifests.length;
  return [diagnostic({
    code: "FL0111",
    title: `${count === 1 ? "1 document" : `${count} documents`} that fairlead made itself `
      + `${count === 1 ? "was" : "were"} left out`,
    primary: { span: first.at(["metadata"]), text: `has the label \`${managedBy}: fairlead\`` },
  })];
}
