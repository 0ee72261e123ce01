// The filter as a container image, in the two forms that Istio and Envoy Gateway unpack (Wasm Image
// Specification, "compat" and "oci"). An image is a function of the filter and its annotations:
// the same ones give the same digest on every machine, so that `build` can name an image by its
// digest before `push` has sent it.

import { createHash } from "node:crypto";

import { gzippedFile } from "./archive.ts";

export const imageForms = ["compat", "artifact"] as const;

/**
 * `compat`: an ordinary image with one layer, `plugin.wasm` in a tar; every registry takes it.
 * `artifact`: media types of its own and the filter as it stands, for registries that take those.
 */
export type ImageForm = (typeof imageForms)[number];

export interface ImageInput {
  /** The filter, its table baked into it or not. */
  readonly filterWasm: Uint8Array;
  readonly form: ImageForm;
  /** Of the manifest, beside those that the form demands. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** Bytes that a registry keeps by their digest. */
export interface Blob {
  readonly mediaType: string;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest: string;
  readonly bytes: Uint8Array;
}

export interface Image {
  readonly manifest: Blob;
  /** What the manifest refers to: the configuration first, then the layers. */
  readonly blobs: readonly Blob[];
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

export const manifestMediaType = "application/vnd.oci.image.manifest.v1+json";

export function makeImage({ filterWasm, form, annotations }: ImageInput): Image {
  const parts = form === "compat" ? compatParts(filterWasm) : artifactParts(filterWasm);
  const [config, ...layers] = parts.descriptors;
  const all = { ...annotations, ...parts.annotations };
  const sorted = Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1));
  const manifest = jsonBlob(manifestMediaType, {
    schemaVersion: 2,
    mediaType: manifestMediaType,
    config,
    layers,
    ...(sorted.length > 0 && { annotations: Object.fromEntries(sorted) }),
  });
  return { manifest, blobs: parts.blobs };
}

interface Parts {
  readonly descriptors: readonly Descriptor[];
  readonly blobs: readonly Blob[];
  readonly annotations: Readonly<Record<string, string>>;
}

function compatParts(filterWasm: Uint8Array): Parts {
  const { bytes, uncompressed } = gzippedFile("plugin.wasm", filterWasm);
  const layer = blob("application/vnd.oci.image.layer.v1.tar+gzip", bytes);
  // Tools that list images ask for a platform; proxy-wasm has none.
  const config = jsonBlob("application/vnd.oci.image.config.v1+json", {
    architecture: "wasm",
    os: "wasm",
    config: {},
    rootfs: { type: "layers", diff_ids: [digestOf(uncompressed)] },
  });
  return {
    blobs: [config, layer],
    descriptors: [describe(config), describe(layer)],
    annotations: { "module.wasm.image/variant": "compat" },
  };
}

function artifactParts(filterWasm: Uint8Array): Parts {
  const runtime = jsonBlob("application/vnd.module.wasm.config.v1+json", {
    type: "envoy_proxy", abiVersions: ["v0.2.1"], config: { root_ids: [] },
  });
  const content = blob("application/vnd.module.wasm.content.layer.v1+wasm", filterWasm);
  return {
    // The runtime configuration is a layer as well: Istio takes an image of exactly two.
    blobs: [runtime, content],
    descriptors: [
      describe(runtime), titled(describe(runtime), "runtime-config.json"),
      titled(describe(content), "filter.wasm"),
    ],
    annotations: {},
  };
}

function blob(mediaType: string, bytes: Uint8Array): Blob {
  return { mediaType, digest: digestOf(bytes), bytes };
}

function jsonBlob(mediaType: string, value: unknown): Blob {
  return blob(mediaType, new TextEncoder().encode(JSON.stringify(value)));
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function describe({ mediaType, digest, bytes }: Blob): Descriptor {
  return { mediaType, digest, size: bytes.length };
}

function titled(descriptor: Descriptor, title: string): Descriptor {
  return { ...descriptor, annotations: { "org.opencontainers.image.title": title } };
}
