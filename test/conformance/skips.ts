// Conformance tests that are not run here although their features are claimed, each with its
// reason. A test whose features are not claimed needs no line: features.ts says why.

import type { RuntimeName } from "./runner.ts";

export interface Skip {
  readonly test: string;
  /** Absent: on every runtime. */
  readonly runtime?: RuntimeName;
  readonly reason: string;
}

export const skips: readonly Skip[] = [
  {
    test: "GatewayInfrastructureMetadata",
    reason: "looks at the Deployments and Services that a controller makes in a cluster",
  },
];

/** Why a test is left out on a runtime; undefined where it is not. */
export function skipReason(name: string, runtime: RuntimeName): string | undefined {
  return skips.find(({ test, runtime: on = runtime }) => test === name && on === runtime)?.reason;
}
