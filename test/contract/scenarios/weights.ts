// BackendRef.weight. A split is exact over any short run, which is more than the spec asks for.

import { route, type Scenario } from "../scenario.ts";

const host = "a.example.com";

function split(...refs: readonly string[]): string {
  const list = refs.map((ref) => `{${ref}, port: 80}`).join(", ");
  return route("one", `rules: [{backendRefs: [${list}]}]`);
}

function pinned(pin: string): string {
  const rules = "rules: [{backendRefs: [{name: v1, port: 80}, {name: v2, port: 80}]}]";
  return route("one", rules, { pin });
}

export const weights: readonly Scenario[] = [
  {
    // The hash of the value decides: these are its picks on every runtime.
    name: "a split pinned to a header sends equal values to equal backends",
    manifests: pinned("header: x-user"),
    requests: [
      { host, target: "/", headers: [["X-User", "ada"]], times: 4, shares: { v1: 4 } },
      { host, target: "/", headers: [["X-User", "bob"]], times: 4, shares: { v2: 4 } },
      { host, target: "/", times: 4, shares: { v1: 2, v2: 2 } },
    ],
  },
  {
    name: "a split pinned to a cookie looks at that cookie alone",
    manifests: pinned("cookie: uid"),
    requests: [
      { host, target: "/", headers: [["Cookie", "a=1; uid=bob"]], times: 3, shares: { v2: 3 } },
      { host, target: "/", headers: [["Cookie", "uid=ada; b=2"]], times: 3, shares: { v1: 3 } },
      { host, target: "/", headers: [["Cookie", "xuid=bob"]], times: 4, shares: { v1: 2, v2: 2 } },
    ],
  },
  {
    name: "ten requests at 50 to 50 give five and five",
    manifests: split("name: v1, weight: 50", "name: v2, weight: 50"),
    requests: [{ host, target: "/", times: 10, shares: { v1: 5, v2: 5 } }],
  },
  {
    // "Weight … defaults to 1": both have the same share.
    name: "a backendRef without a weight counts as one",
    manifests: split("name: v1", "name: v2, weight: 1"),
    requests: [{ host, target: "/", times: 10, shares: { v1: 5, v2: 5 } }],
  },
  {
    name: "twenty requests at 90 to 10 give eighteen and two",
    manifests: split("name: v1, weight: 90", "name: v2, weight: 10"),
    requests: [{ host, target: "/", times: 20, shares: { v1: 18, v2: 2 } }],
  },
  {
    // "computed as weight/(sum of all weights in this BackendRefs list)".
    name: "shares are by the sum of the weights",
    manifests: split("name: v1, weight: 1", "name: v2, weight: 2", "name: v3, weight: 3"),
    requests: [{ host, target: "/", times: 12, shares: { v1: 2, v2: 4, v3: 6 } }],
  },
  {
    // "If weight is set to 0, no traffic should be forwarded for this entry."
    name: "a backend of weight 0 gets nothing",
    manifests: split("name: v1, weight: 0", "name: v2, weight: 3"),
    requests: [{ host, target: "/", times: 6, shares: { v2: 6 } }],
  },
  {
    // Nothing is left to forward to.
    name: "a rule whose backends all have weight 0 answers 500",
    manifests: split("name: v1, weight: 0", "name: v2, weight: 0"),
    requests: [{ host, target: "/", times: 3, shares: { 500: 3 } }],
  },
  {
    // "a weight of 50 and an invalid backend of weight 50: 50 percent of traffic must receive 500".
    name: "an invalid backend keeps its share as 500",
    manifests: split("name: v1, weight: 3", "name: missing, weight: 1"),
    requests: [{ host, target: "/", times: 8, shares: { v1: 6, 500: 2 } }],
  },
  {
    // "If a Service … has no ready endpoints … the gateway SHOULD return a 503" for its share.
    name: "a backend without endpoints keeps its share as 503",
    manifests: split("name: v1, weight: 1", "name: idle, weight: 1"),
    requests: [{ host, target: "/", times: 6, shares: { v1: 3, 503: 3 } }],
  },
  {
    name: "one Service may stand in a split twice",
    manifests: split("name: v1, weight: 1", "name: v2, weight: 2", "name: v1, weight: 1"),
    requests: [{ host, target: "/", times: 8, shares: { v1: 4, v2: 4 } }],
  },
  {
    name: "two rules count their splits apart",
    manifests: route("one", `
      rules:
        - matches: [{path: {value: /a}}]
          backendRefs: [{name: v1, port: 80}, {name: v2, port: 80}]
        - matches: [{path: {value: /b}}]
          backendRefs: [{name: v1, port: 80, weight: 2}, {name: v3, port: 80, weight: 1}]
    `),
    requests: [
      { host, target: "/a", times: 4, shares: { v1: 2, v2: 2 } },
      { host, target: "/b", times: 6, shares: { v1: 4, v3: 2 } },
      { host, target: "/a", times: 2, shares: { v1: 1, v2: 1 } },
    ],
  },
];
