// Tests against a real Envoy are skipped only where none can be had, and then say why.

import { findEnvoy, type EnvoyBinary } from "../../runtime/envoy/binary.ts";

export interface EnvoyOrReason {
  readonly binary?: EnvoyBinary;
  /** Empty where there is an Envoy; else what to put behind a suite's name. */
  readonly reason: string;
}

export function envoyOrReason(): Promise<EnvoyOrReason> {
  return findEnvoy().then(
    (binary) => ({ binary, reason: "" }),
    (error: Error) => ({ reason: ` (skipped: ${error.message})` }),
  );
}
