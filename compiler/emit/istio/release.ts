// What each release of Istio takes; docs/istio.md has the table with its sources. Where the release
// is not stated, the forms are those that every release since 1.24 understands in the same way.

import { diagnostic, type Diagnostic } from "../../diagnostic.ts";

/** How a resource says which pods it is for: by naming the Gateway, or by the pods' labels. */
export type Targeting = "targetRefs" | "labels";

export interface Release {
  /** `TrafficExtension` takes the place of `WasmPlugin` since 1.30. */
  readonly pluginKind: "WasmPlugin" | "TrafficExtension";
  readonly pluginTargeting: Targeting;
  /** Before 1.27 an EnvoyFilter's targetRefs took in all Gateways of its namespace. */
  readonly filterTargeting: Targeting;
}

const oldest = 22;
const newest = 32;

/** Of `major.minor`, with or without a patch version; absent: not stated. */
export function releaseOf(version: string | undefined): Release | Diagnostic {
  if (version === undefined) {
    return { pluginKind: "WasmPlugin", pluginTargeting: "targetRefs", filterTargeting: "labels" };
  }
  const minor = Number(/^v?1\.(\d+)(?:\.\d+)?$/.exec(version)?.[1] ?? -1);
  if (minor < oldest || minor > newest) return unsupported(version);
  return {
    pluginKind: minor >= 30 ? "TrafficExtension" : "WasmPlugin",
    pluginTargeting: minor >= 24 ? "targetRefs" : "labels",
    filterTargeting: minor >= 27 ? "targetRefs" : "labels",
  };
}

function unsupported(version: string): Diagnostic {
  return diagnostic({
    code: "FL0412",
    title: `\`--istio-version ${version}\` is not a release we write manifests for`,
    help: `supported are 1.${oldest} to 1.${newest}; without the option the manifests are those`
      + " that 1.24 and later understand",
  });
}
