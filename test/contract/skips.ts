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

const hashing = "names the match and its shares; which backend a value hashes to, the core says";

const pins: Skips = {
  "a split pinned to a header sends equal values to equal backends": hashing,
  "a split pinned to a cookie looks at that cookie alone": hashing,
};

const noGrpc = "the platform has no trailers, which gRPC needs";

/** By runner and scenario name. */
export const skips: Readonly<Record<Runner | "agreement", Skips>> = {
  reference: { ...beforeMatching, ...pins },
  core: beforeMatching,
  envoy: {
    "a rule without matches takes a request for the server as a whole":
      "Envoy's own route has the prefix `/`, which the target `*` does not begin with",
  },
  edge: {
    "a gRPC route matches service and method": noGrpc,
    "a gRPC route matches headers": noGrpc,
    "a gRPC route edits request headers": noGrpc,
    "a rule without matches takes a request for the server as a whole":
      "a worker gets URLs, and there is none for the target `*`",
  },
  agreement: {},
};
