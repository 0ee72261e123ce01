// An image as an OCI image layout (image-spec, "OCI Image Layout Specification"): a folder that
// other tools carry to a registry, for machines that have no way there themselves.

import { textArtifact, type Artifact } from "../emit/artifact.ts";
import type { Image } from "./image.ts";

export function imageLayout({ manifest, blobs }: Image, tag?: string): readonly Artifact[] {
  const index = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [{
      mediaType: manifest.mediaType,
      digest: manifest.digest,
      size: manifest.bytes.length,
      ...(tag !== undefined && { annotations: { "org.opencontainers.image.ref.name": tag } }),
    }],
  };
  return [
    textArtifact("oci-layout", JSON.stringify({ imageLayoutVersion: "1.0.0" })),
    textArtifact("index.json", JSON.stringify(index)),
    ...[...blobs, manifest].map(({ digest, bytes }) => (
      { path: `blobs/${digest.replace(":", "/")}`, bytes }
    )),
  ];
}
