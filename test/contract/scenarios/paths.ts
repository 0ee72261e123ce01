// HTTPPathMatch: Exact and PathPrefix. What is done to a path before is in normalisation.ts.

import { route, type Exchange, type Expected, type Scenario } from "../scenario.ts";

const v1: Expected = { backend: "v1" };
const v2: Expected = { backend: "v2" };
const v3: Expected = { backend: "v3" };
const none: Expected = { status: 404 };

const at = (target: string, expect: Expected): Exchange =>
  ({ host: "a.example.com", target, expect });

function one(type: string, value: string): string {
  return route("one", `
    rules:
      - matches: [{path: {type: ${type}, value: "${value}"}}]
        backendRefs: [{name: v1, port: 80}]
  `);
}

function prefixes(...values: readonly string[]): string {
  const rules = values.map((value, i) =>
    `  - {matches: [{path: {value: ${value}}}], backendRefs: [{name: v${i + 1}, port: 80}]}`);
  return route("several", `rules:\n${rules.join("\n")}`);
}

export const paths: readonly Scenario[] = [
  {
    // "Matches the URL path exactly and with case sensitivity."
    name: "an exact path takes that path alone",
    manifests: one("Exact", "/one"),
    requests: [
      at("/one", v1), at("/one?x=/two", v1), at("/one/", none), at("/one/two", none),
      at("/One", none), at("/on", none), at("/one1", none), at("/", none),
    ],
  },
  {
    // "an exact path match on the path /foo would only match requests to /foo, NOT /foo/."
    name: "an exact path with a trailing slash is another path",
    manifests: one("Exact", "/one/"),
    requests: [at("/one/", v1), at("/one", none)],
  },
  {
    // "The `abc` prefix … `/abc` matches /abc, /abc/, /abc/def, not /abcd": by path elements.
    name: "a prefix matches whole path elements",
    manifests: one("PathPrefix", "/abc"),
    requests: [
      at("/abc", v1), at("/abc/", v1), at("/abc/def", v1), at("/abc/def/ghi/", v1),
      at("/abc?x", v1), at("/abcd", none), at("/ab", none), at("/Abc", none), at("/x/abc", none),
    ],
  },
  {
    // "A path element refers to the list of labels in the path split by `/`. … trailing slash is
    // ignored": `/abc/` means what `/abc` means.
    name: "a prefix means the same with and without its trailing slash",
    manifests: one("PathPrefix", "/abc/"),
    requests: [at("/abc", v1), at("/abc/", v1), at("/abc/def", v1), at("/abcd", none)],
  },
  {
    name: "a prefix of two elements takes what is below both",
    manifests: one("PathPrefix", "/abc/def"),
    requests: [
      at("/abc/def", v1), at("/abc/def/", v1), at("/abc/def/x", v1), at("/abc", none),
      at("/abc/", none), at("/abc/defx", none), at("/abc/x/def", none),
    ],
  },
  {
    // "If no matches are specified, the default is a prefix path match on "/", which has the
    // effect of matching every HTTP request."
    name: "a rule without matches takes every path",
    manifests: route("one", "rules: [{backendRefs: [{name: v1, port: 80}]}]"),
    requests: [at("/", v1), at("/any/path", v1), at("/?x=y", v1), at("//", v1)],
  },
  {
    // The same sentence: `OPTIONS *` is a request too (RFC 9112, section 3.2.4).
    name: "a rule without matches takes a request for the server as a whole",
    manifests: route("one", "rules: [{backendRefs: [{name: v1, port: 80}]}]"),
    requests: [{ host: "a.example.com", target: "*", method: "OPTIONS", expect: v1 }],
  },
  {
    // "Exact path match" ranks before "prefix path match with largest number of characters".
    name: "an exact path beats every prefix",
    manifests: route("several", `
      rules:
        - {matches: [{path: {value: /}}], backendRefs: [{name: v1, port: 80}]}
        - {matches: [{path: {value: /a/b}}], backendRefs: [{name: v2, port: 80}]}
        - {matches: [{path: {type: Exact, value: /a/b}}], backendRefs: [{name: v3, port: 80}]}
    `),
    requests: [at("/a/b", v3), at("/a/b/", v2), at("/a/b/c", v2), at("/a", v1)],
  },
  {
    name: "the longest prefix wins whatever the order of the rules",
    manifests: prefixes("/", "/a/b/c", "/a"),
    requests: [
      at("/a/b/c", v2), at("/a/b/c/d", v2), at("/a/b", v3), at("/a", v3), at("/ab", v1),
      at("/a/b/cc", v3), at("/", v1),
    ],
  },
  {
    // "Exact" and "PathPrefix" over several `matches`: any of them is enough.
    name: "any match of a rule is enough",
    manifests: route("one", `
      rules:
        - matches:
            - {path: {type: Exact, value: /one}}
            - {path: {value: /two}}
          backendRefs: [{name: v1, port: 80}]
    `),
    requests: [at("/one", v1), at("/two/x", v1), at("/one/x", none), at("/three", none)],
  },
  {
    name: "the query is no part of the path",
    manifests: prefixes("/a", "/a/b"),
    requests: [at("/a?/b", v1), at("/a/?x=/a/b", v1), at("/a/b?", v2), at("/a/b?a?b=c", v2)],
  },
  {
    // A backend sees the path as it was matched, with its query and its slashes.
    name: "a path without a rewrite reaches the backend unchanged",
    manifests: prefixes("/a"),
    requests: ["/a", "/a/", "/a//b", "/a?x=1&y=%20", "/a/?", "/a/%2Fb", "/a/b;c=d"].map((path) =>
      at(path, { backend: "v1", upstream: { path } })),
  },
  {
    name: "long and deep paths match like any other",
    manifests: prefixes("/a", `/a${"/b".repeat(40)}`, `/${"c".repeat(900)}`),
    requests: [
      at(`/a${"/b".repeat(40)}`, v2), at(`/a${"/b".repeat(40)}/b`, v2),
      at(`/a${"/b".repeat(39)}`, v1), at(`/${"c".repeat(900)}`, v3),
      at(`/${"c".repeat(901)}`, none), at(`/a/${"d".repeat(3000)}`, v1),
    ],
  },
];
