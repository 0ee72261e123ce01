// The table in a plugin's configuration, as Kubernetes objects carry it. Istio turns `pluginConfig`
// into JSON and hands that to the filter as text; docs/envoy.md has what the filter reads.

import { diagnostic, type Diagnostic } from "../diagnostic.ts";

/** How the filter gets its table. */
export const tableCarriers = ["baked", "config"] as const;
export type TableCarrier = (typeof tableCarriers)[number];

/** The value of `pluginConfig`. */
export function pluginConfig(table: Uint8Array): { readonly table: string } {
  return { table: Buffer.from(table).toString("base64") };
}

/**
 * Bytes of base64 in one object. etcd takes requests of 1.5 MiB; the managed fields, and what else
 * there is in an object, need room as well.
 */
const objectMax = 1_048_576;
/** `kubectl apply` keeps the object in an annotation, and annotations hold 256 KiB altogether. */
const annotationMax = 250_000;

export function pluginConfigDiagnostics(table: Uint8Array): readonly Diagnostic[] {
  const size = Math.ceil(table.length / 3) * 4;
  if (size > objectMax) {
    return [diagnostic({
      code: "FL0410",
      title: `the table takes ${size} bytes in a plugin's configuration, and a Kubernetes object `
        + `has room for ${objectMax}`,
      effect: "the API server would refuse the object",
      help: "bake the table into the filter (`--table baked`)",
    })];
  }
  if (size <= annotationMax) return [];
  return [diagnostic({
    code: "FL0411",
    title: `the table takes ${size} bytes in a plugin's configuration`,
    effect: "`kubectl apply` alone refuses an object of more than 256 KiB, because it keeps a copy "
      + "of it in an annotation",
    help: "use `kubectl apply --server-side`, or bake the table into the filter (`--table baked`)",
  })];
}
