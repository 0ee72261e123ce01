// Scenarios that a runner cannot pass, with the reason. The suite runs them all the same: one that
// passes is a failure until its line here is gone.

export type Runner = "reference" | "core" | "envoy" | "edge";

/** By runner and scenario name. */
export const skips: Readonly<Record<Runner | "agreement", Readonly<Record<string, string>>>> = {
  reference: {},
  core: {},
  envoy: {},
  edge: {},
  agreement: {},
};
