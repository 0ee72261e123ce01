// Matches of type RegularExpression: RE2's syntax, over the whole text.

import { route, type Exchange, type Expected, type Scenario } from "../scenario.ts";

const v1: Expected = { backend: "v1" };
const v2: Expected = { backend: "v2" };
const v3: Expected = { backend: "v3" };
const none: Expected = { status: 404 };

const at = (target: string, expect: Expected): Exchange =>
  ({ host: "a.example.com", target, expect });

function path(expression: string): string {
  return route("one", `
    rules:
      - matches: [{path: {type: RegularExpression, value: '${expression}'}}]
        backendRefs: [{name: v1, port: 80}]
  `);
}

export const expressions: readonly Scenario[] = [
  {
    name: "a regular expression must fit the whole path",
    manifests: path("/a[0-9]+"),
    requests: [
      at("/a1", v1), at("/a123", v1), at("/a", none), at("/a1/", none), at("/x/a1", none),
      at("/a1?b=c", v1), at("/A1", none),
    ],
  },
  {
    name: "alternatives, classes and counted repetition are RE2's",
    manifests: path("/(?:cat|dog)s?/\\\\d{2,3}/[^/]+".replaceAll("\\\\", "\\")),
    requests: [
      at("/cat/12/x", v1), at("/dogs/123/x.y", v1), at("/cow/12/x", none), at("/cat/1/x", none),
      at("/cat/1234/x", none), at("/cat/12/", none), at("/cat/12/x/y", none),
    ],
  },
  {
    // The choice that docs/decisions.md states: between Exact and PathPrefix.
    name: "a regular expression stands between an exact path and a prefix",
    manifests: route("one", `
      rules:
        - {matches: [{path: {value: /a/b/c}}], backendRefs: [{name: v1, port: 80}]}
        - matches: [{path: {type: RegularExpression, value: "/a/.*"}}]
          backendRefs: [{name: v2, port: 80}]
        - {matches: [{path: {type: Exact, value: /a/b/c}}], backendRefs: [{name: v3, port: 80}]}
    `),
    requests: [at("/a/b/c", v3), at("/a/b/c/d", v2), at("/a/", v2), at("/b", none)],
  },
  {
    name: "a header of type RegularExpression must fit as a whole",
    manifests: route("one", `
      rules:
        - matches: [{headers: [{type: RegularExpression, name: x-a, value: "v[0-9]+|latest"}]}]
          backendRefs: [{name: v1, port: 80}]
    `),
    requests: [
      ...["v10", "latest"].map((value) =>
        ({ ...at("/", v1), headers: [["X-A", value]] as const })),
      ...["v", "xv1", "v1 latest"].map((value) =>
        ({ ...at("/", none), headers: [["x-a", value]] as const })),
      at("/", none),
    ],
  },
  {
    name: "an expression that backtracking would make slow answers at once",
    manifests: path("/(a+)+b"),
    requests: [at(`/${"a".repeat(3000)}c`, none), at(`/${"a".repeat(3000)}b`, v1)],
  },
];
