// Scenarios that a runner cannot pass, with the reason. The suite runs them all the same: one that
// passes is a failure until its line here is gone.

export type Runner = "reference" | "core" | "envoy" | "edge";
type Skips = Readonly<Record<string, string>>;

const parts = "takes a request's parts as the runtimes hand them on, which have normalised them";

const beforeMatching: Skips = {
  "dot segments are resolved before a path is matched": parts,
  "escaped dot segments are dot segments": parts,
  "a backend sees the path that was matched": parts,
  "an escaped unreserved character is that character": parts,
  "a backslash counts as a slash": parts,
  "an absolute target names the host": parts,
  "a target with a fragment is no request": parts,
};

const asWritten = "workerd hands the target on as it was written: only plain dot segments are gone";

/** By runner and scenario name. */
export const skips: Readonly<Record<Runner | "agreement", Skips>> = {
  reference: beforeMatching,
  core: beforeMatching,
  envoy: {},
  edge: {
    "escaped dot segments are dot segments": asWritten,
    "a backend sees the path that was matched": asWritten,
    "an escaped unreserved character is that character": asWritten,
    "a backslash counts as a slash": asWritten,
    "a target with a fragment is no request": asWritten,
  },
  agreement: {},
};
