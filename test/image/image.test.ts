// The image's bytes: what Istio and Envoy Gateway unpack, and the same wherever they are made.

import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { bake, bakedTable } from "../../compiler/emit/bake.ts";
import { filterImage } from "../../compiler/image/filter-image.ts";
import { makeImage, type Image } from "../../compiler/image/image.ts";
import { imageLayout } from "../../compiler/image/layout.ts";
import { readReference } from "../../compiler/image/reference.ts";
import { filterWasm as prebuiltFilter } from "../../compiler/prebuilt.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const sha256 = (bytes: Uint8Array): string =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

const filterWasm = new TextEncoder().encode("\0asm: not really, but long enough ".repeat(40));

interface Manifest {
  readonly schemaVersion: number;
  readonly config: { readonly digest: string; readonly mediaType: string };
  readonly layers: readonly {
    readonly digest: string; readonly mediaType: string; readonly size: number;
  }[];
  readonly annotations: Readonly<Record<string, string>>;
}

const manifestOf = ({ manifest }: Image): Manifest => JSON.parse(text(manifest.bytes));
const blobOf = ({ blobs }: Image, digest: string | undefined): Uint8Array =>
  blobs.find((b) => b.digest === digest)?.bytes ?? new Uint8Array();

test("the digests are the same on every machine", () => {
  // Written down from one run: another deflate, a time or an owner in the tar would change them.
  expect(makeImage({ filterWasm, form: "compat", annotations: {} }).manifest.digest)
    .toBe("sha256:1a8549c764ccb050f9b89507dee19ec0b12902bd4e17509769e2541d7e3aaeea");
  expect(makeImage({ filterWasm, form: "artifact", annotations: {} }).manifest.digest)
    .toBe("sha256:27ef9759751b14a089b63c1344cf6f850778d89349737df87698ab35231e08c9");
});

test("every digest and size is that of the bytes", () => {
  for (const form of ["compat", "artifact"] as const) {
    const image = makeImage({ filterWasm, form, annotations: {} });
    for (const { digest, bytes } of [image.manifest, ...image.blobs]) {
      expect(digest).toBe(sha256(bytes));
    }
    for (const { digest, size } of manifestOf(image).layers) {
      expect(blobOf(image, digest).length).toBe(size);
    }
  }
});

test("compat: one layer, a tar of plugin.wasm alone", () => {
  const image = makeImage({ filterWasm, form: "compat", annotations: {} });
  const { layers, annotations, config } = manifestOf(image);
  expect(annotations).toEqual({ "module.wasm.image/variant": "compat" });
  expect(layers.map((l) => l.mediaType)).toEqual(["application/vnd.oci.image.layer.v1.tar+gzip"]);
  const tar = gunzipSync(blobOf(image, layers[0]?.digest));
  expect(text(tar.subarray(0, 12))).toBe("plugin.wasm\0");
  expect(parseInt(text(tar.subarray(124, 135)), 8)).toBe(filterWasm.length);
  expect(tar.subarray(512, 512 + filterWasm.length)).toEqual(Buffer.from(filterWasm));
  expect(tar.length % 512).toBe(0);
  const { rootfs } = JSON.parse(text(blobOf(image, config.digest)));
  expect(rootfs.diff_ids).toEqual([sha256(tar)]);
});

test("artifact: two layers, the filter as it stands among them", () => {
  const image = makeImage({ filterWasm, form: "artifact", annotations: {} });
  const { layers } = manifestOf(image);
  expect(layers).toHaveLength(2);
  const content = layers.find((l) =>
    l.mediaType === "application/vnd.module.wasm.content.layer.v1+wasm");
  expect(blobOf(image, content?.digest)).toEqual(filterWasm);
});

test("a filter's image names the hash of its table, and the revision that is given", () => {
  const { table } = compile([]);
  const baked = bake(prebuiltFilter(), table);
  expect(bakedTable(baked)).toEqual(new Uint8Array(table));
  expect(bakedTable(prebuiltFilter())).toBeUndefined();
  const image = filterImage({ filterWasm: baked, revision: "0123abc" });
  expect(manifestOf(image).annotations).toMatchObject({
    "fairlead/table-sha256": sha256(table).slice("sha256:".length),
    "org.opencontainers.image.revision": "0123abc",
  });
  const other = filterImage({ filterWasm: baked });
  expect(other.blobs.map((b) => b.digest)).toEqual(image.blobs.map((b) => b.digest));
  expect(other.manifest.digest).not.toBe(image.manifest.digest);
});

test("a layout holds every blob under its digest, and the tag in its index", () => {
  const image = makeImage({ filterWasm, form: "compat", annotations: {} });
  const layout = imageLayout(image, "v1");
  const index = JSON.parse(text(layout.find((a) => a.path === "index.json")?.bytes ?? filterWasm));
  expect(index.manifests).toEqual([expect.objectContaining({
    digest: image.manifest.digest, size: image.manifest.bytes.length,
    annotations: { "org.opencontainers.image.ref.name": "v1" },
  })]);
  for (const { path, bytes } of layout.filter((a) => a.path.startsWith("blobs/"))) {
    expect(path).toBe(`blobs/${sha256(bytes).replace(":", "/")}`);
  }
  expect(layout.filter((a) => a.path.startsWith("blobs/"))).toHaveLength(3);
});

test.each([
  ["registry.example.com/shop/filter:v1", "registry.example.com", "shop/filter", "v1"],
  ["oci://registry.example.com:5000/filter", "registry.example.com:5000", "filter", "latest"],
  ["localhost/a__b/c-d.e", "localhost", "a__b/c-d.e", "latest"],
  ["[::1]:5000/filter:A_b", "[::1]:5000", "filter", "A_b"],
])("%s is read", (given, registry, repository, tag) => {
  expect(readReference(given)).toEqual({ ok: true, reference: { registry, repository, tag } });
});

test.each([
  ["filter:v1", "names no registry"],
  ["shop/filter:v1", "names no registry"],
  ["registry.example.com/Shop/filter", "lower case"],
  ["registry.example.com/filter:", "tag"],
  ["registry.example.com/filter@sha256:0", "digest"],
  ["registry.example.com/../filter", "lower case"],
])("%s is refused with a reason", (given, reason) => {
  expect(readReference(given)).toEqual({ ok: false, problem: expect.stringContaining(reason) });
});
