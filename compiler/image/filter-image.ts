// The image of a baked filter, with what an operator asks of it later: which table it carries and
// which revision of the manifests that table was made from.

import { createHash } from "node:crypto";

import { bakedTable } from "../emit/bake.ts";
import { makeImage, type Image, type ImageForm } from "./image.ts";

export interface FilterImageInput {
  readonly filterWasm: Uint8Array;
  readonly form?: ImageForm;
  /**
   * Of the source, as the user's version control names it. It is part of the digest: two revisions
   * with the same routes are two images.
   */
  readonly revision?: string;
}

export function filterImage({ filterWasm, form = "compat", revision }: FilterImageInput): Image {
  const table = bakedTable(filterWasm);
  return makeImage({
    filterWasm, form,
    annotations: {
      "org.opencontainers.image.title": "fairlead filter",
      ...(table && { "fairlead/table-sha256": createHash("sha256").update(table).digest("hex") }),
      ...(revision !== undefined && { "org.opencontainers.image.revision": revision }),
    },
  });
}
