// HTTPRouteMatch: method and headers. All conditions of one match must hold.

import { route, type Exchange, type Expected, type Scenario } from "../scenario.ts";

const v1: Expected = { backend: "v1" };
const v2: Expected = { backend: "v2" };
const none: Expected = { status: 404 };
const host = "a.example.com";

type Lines = readonly (readonly [string, string])[];

function get(headers: Lines, expect: Expected): Exchange {
  return { host, target: "/", headers, expect };
}

function header(name: string, value: string): string {
  return route("one", `
    rules:
      - matches: [{headers: [{name: ${name}, value: ${JSON.stringify(value)}}]}]
        backendRefs: [{name: v1, port: 80}]
  `);
}

const methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] as const;

export const methodsHeaders: readonly Scenario[] = [
  {
    // "When specified, this route will be matched only if the request has the specified method."
    name: "a method takes requests with it and no others",
    manifests: route("one", `
      rules:
        - {matches: [{method: POST}], backendRefs: [{name: v1, port: 80}]}
        - {matches: [{method: PATCH}], backendRefs: [{name: v2, port: 80}]}
    `),
    requests: methods.map((method) => ({
      host, target: "/", method,
      expect: method === "POST" ? v1 : method === "PATCH" ? v2 : none,
    })),
  },
  {
    name: "a rule without a method takes every method",
    manifests: route("one", "rules: [{backendRefs: [{name: v1, port: 80}]}]"),
    requests: [...methods, "HEAD", "PROPFIND"].map((method) =>
      ({ host, target: "/", method, expect: { backend: "v1", upstream: { method } } })),
  },
  {
    // GET and HEAD are two methods; the spec has no rule that one implies the other.
    name: "GET does not take HEAD",
    manifests: route("one", `
      rules: [{matches: [{method: GET}], backendRefs: [{name: v1, port: 80}]}]
    `),
    requests: [
      { host, target: "/", method: "GET", expect: v1 },
      { host, target: "/", method: "HEAD", expect: none },
    ],
  },
  {
    // "Name … MUST be case-insensitive" (RFC 9110, section 5.1); the value is taken as it stands.
    name: "a header's name is compared without case and its value with it",
    manifests: header("X-Version", "Two"),
    requests: [
      get([["x-version", "Two"]], v1), get([["X-VERSION", "Two"]], v1),
      get([["X-Version", "two"]], none), get([["X-Version", "Two "]], v1), get([], none),
      get([["X-Version", "Two2"]], none), get([["X-Version", ""]], none),
    ],
  },
  {
    // "multiple match values are ANDed together, meaning, a request must match all".
    name: "all headers of a match must fit",
    manifests: route("one", `
      rules:
        - matches: [{headers: [{name: x-a, value: "1"}, {name: x-b, value: "2"}]}]
          backendRefs: [{name: v1, port: 80}]
    `),
    requests: [
      get([["x-a", "1"], ["x-b", "2"]], v1), get([["x-b", "2"], ["x-a", "1"]], v1),
      get([["x-a", "1"]], none), get([["x-b", "2"]], none), get([["x-a", "1"], ["x-b", "1"]], none),
    ],
  },
  {
    // "If multiple entries specify equivalent header names, only the first entry … MUST be
    // considered for a match."
    name: "of two entries for one header name only the first counts",
    manifests: route("one", `
      rules:
        - matches: [{headers: [{name: X-A, value: "1"}, {name: x-a, value: "2"}]}]
          backendRefs: [{name: v1, port: 80}]
    `),
    requests: [get([["x-a", "1"]], v1), get([["x-a", "2"]], none)],
  },
  {
    // RFC 9110, section 5.3: lines of one name are one list, joined by ", ".
    name: "repeated lines of a header are one list",
    manifests: header("x-a", "1, 2"),
    requests: [
      get([["x-a", "1"], ["x-a", "2"]], v1), get([["x-a", "1, 2"]], v1),
      get([["x-a", "2"], ["x-a", "1"]], none), get([["x-a", "1"]], none),
    ],
  },
  {
    name: "one of several values in repeated lines is not enough",
    manifests: header("x-a", "1"),
    requests: [get([["x-a", "1"]], v1), get([["x-a", "1"], ["x-a", "2"]], none)],
  },
  {
    name: "a header of the request's own syntax can be matched",
    manifests: route("one", `
      rules:
        - matches: [{headers: [{name: user-agent, value: "probe/1.0"}]}]
          backendRefs: [{name: v1, port: 80}]
        - matches: [{headers: [{name: cookie, value: "a=b; c=d"}]}]
          backendRefs: [{name: v2, port: 80}]
    `),
    requests: [
      get([["user-agent", "probe/1.0"]], v1), get([["cookie", "a=b; c=d"]], v2),
      get([["cookie", "a=b"]], none),
    ],
  },
];
