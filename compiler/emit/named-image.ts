// Where a mesh or gateway that others run fetches the filter, and how it knows the right one.

import { createHash } from "node:crypto";

import { filterImage } from "../image/filter-image.ts";
import type { Json } from "./artifact.ts";
import { pluginConfig } from "./plugin-config.ts";

type Fields = { readonly [key: string]: Json };

export interface ImageOptions {
  /** Where the filter is fetched: `oci://…`, `https://…` or, by Istio, `file://…`. */
  readonly image?: string;
  /** A Secret with the registry's credentials. */
  readonly imagePullSecret?: string;
}

export interface Image {
  /** `oci://…`, `https://…` or `file://…`. */
  readonly url: string;
  /** Of the file filter.wasm, in hexadecimal. */
  readonly fileHash: string;
  /** Of the image's manifest, in hexadecimal; absent where no image is made of the file. */
  readonly digest?: string;
  /** Of the routing table in it. */
  readonly tableHash: string;
  /** A Secret with the registry's credentials, in the pods' namespace. */
  readonly pullSecret?: string;
  /** The table, for a filter into which none is baked. */
  readonly config?: Fields;
}

export interface NamedImage {
  readonly image: Image;
  /** The user said where it is. */
  readonly known: boolean;
  /** By the digest that `push` gives it, not by one that the user named. */
  readonly pinned: boolean;
}

export function namedImage(
  filterWasm: Uint8Array, table: Uint8Array, isConfigured: boolean,
  { image, imagePullSecret }: ImageOptions,
): NamedImage {
  const fileHash = createHash("sha256").update(filterWasm).digest("hex");
  const tableHash = createHash("sha256").update(table).digest("hex");
  // The name cannot be known before the image is pushed: the default is a registry that does not
  // exist. The tag is the filter's own hash, so that another table is another image to Istio.
  const url = image ?? `oci://registry.example/fairlead/filter:${fileHash.slice(0, 12)}`;
  const named = /@sha256:([0-9a-f]{64})$/.exec(url)?.[1];
  // As `push` makes it without options.
  const made = filterImage({ filterWasm }).manifest.digest.slice("sha256:".length);
  return {
    image: {
      url, fileHash, tableHash, digest: named ?? made,
      ...(imagePullSecret === undefined ? {} : { pullSecret: imagePullSecret }),
      ...(isConfigured && { config: pluginConfig(table) }),
    },
    known: image !== undefined,
    pinned: url.startsWith("oci://") && named === undefined,
  };
}
