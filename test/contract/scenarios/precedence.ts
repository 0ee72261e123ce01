// HTTPRouteRule.matches: which of several matches that fit takes a request.

import { route, type Exchange, type Expected, type Scenario } from "../scenario.ts";

const v1: Expected = { backend: "v1" };
const v2: Expected = { backend: "v2" };
const v3: Expected = { backend: "v3" };
const host = "a.example.com";
const old = "2025-01-01T00:00:00Z";
const young = "2026-01-01T00:00:00Z";

const to = (name: string): string => `rules: [{backendRefs: [{name: ${name}, port: 80}]}]`;

function get(headers: readonly (readonly [string, string])[], expect: Expected): Exchange {
  return { host, target: "/x", headers, expect };
}

export const precedence: readonly Scenario[] = [
  {
    // The order of the list: path before method before headers.
    name: "a longer path beats a method and headers",
    manifests: route("one", `
      rules:
        - matches:
            - {path: {value: /}, method: GET, headers: [{name: x-a, value: "1"}]}
          backendRefs: [{name: v1, port: 80}]
        - {matches: [{path: {value: /x}}], backendRefs: [{name: v2, port: 80}]}
    `),
    requests: [get([["x-a", "1"]], v2), { ...get([["x-a", "1"]], v1), target: "/y" }],
  },
  {
    // "Method match" stands before "largest number of header matches".
    name: "a method beats any number of headers",
    manifests: route("one", `
      rules:
        - matches:
            - headers: [{name: x-a, value: "1"}, {name: x-b, value: "2"}]
          backendRefs: [{name: v1, port: 80}]
        - {matches: [{method: GET}], backendRefs: [{name: v2, port: 80}]}
    `),
    requests: [
      get([["x-a", "1"], ["x-b", "2"]], v2),
      { ...get([["x-a", "1"], ["x-b", "2"]], v1), method: "PUT" },
    ],
  },
  {
    // "Largest number of header matches."
    name: "more headers beat fewer",
    manifests: route("one", `
      rules:
        - {matches: [{headers: [{name: x-a, value: "1"}]}], backendRefs: [{name: v1, port: 80}]}
        - matches:
            - headers: [{name: x-a, value: "1"}, {name: x-b, value: "2"}]
          backendRefs: [{name: v2, port: 80}]
        - backendRefs: [{name: v3, port: 80}]
    `),
    requests: [
      get([["x-a", "1"], ["x-b", "2"]], v2), get([["x-a", "1"]], v1), get([["x-b", "2"]], v3),
    ],
  },
  {
    // "If ties still exist across multiple Routes": "the oldest Route based on creation timestamp".
    name: "of two equal matches the older route's wins",
    manifests: route("a-young", to("v1"), { created: young })
      + route("b-old", to("v2"), { created: old }),
    requests: [get([], v2)],
  },
  {
    // "The Route appearing first in alphabetical order by {namespace}/{name}."
    name: "of two equal matches of one age the first name wins",
    manifests: route("b", to("v1"), { created: old }) + route("a", to("v2"), { created: old }),
    requests: [get([], v2)],
  },
  {
    // "If ties still exist within an HTTPRoute, … the FIRST matching rule (in list order)".
    name: "of two equal matches of one route the first rule wins",
    manifests: route("one", `
      rules:
        - {matches: [{path: {value: /x}}], backendRefs: [{name: v3, port: 80}]}
        - {matches: [{path: {value: /x}}], backendRefs: [{name: v1, port: 80}]}
    `),
    requests: [get([], v3)],
  },
  {
    // Age comes after every comparison of the matches themselves.
    name: "a younger route with a longer path beats an older one",
    manifests: route("old", to("v1"), { created: old })
      + route("young", `
        rules: [{matches: [{path: {value: /x}}], backendRefs: [{name: v2, port: 80}]}]
      `, { created: young }),
    requests: [get([], v2), { ...get([], v1), target: "/" }],
  },
  {
    // Matches of different routes on one host form one order.
    name: "the rules of several routes on one host are ranked together",
    manifests: route("one", `
      hostnames: [${host}]
      rules:
        - {matches: [{path: {value: /x}}], backendRefs: [{name: v1, port: 80}]}
        - {matches: [{path: {value: /x/y/z}}], backendRefs: [{name: v3, port: 80}]}
    `, { created: old }) + route("other", `
      hostnames: [${host}]
      rules:
        - {matches: [{path: {value: /x/y}}], backendRefs: [{name: v2, port: 80}]}
    `, { created: young }),
    requests: [
      get([], v1), { ...get([], v2), target: "/x/y" }, { ...get([], v3), target: "/x/y/z" },
    ],
  },
  {
    // A match that does not fit is passed over, however high it ranks.
    name: "a higher match that does not fit gives way to the next that does",
    manifests: route("one", `
      rules:
        - matches:
            - {path: {type: Exact, value: /x}, headers: [{name: x-a, value: "1"}]}
          backendRefs: [{name: v1, port: 80}]
        - {matches: [{path: {value: /x}, method: POST}], backendRefs: [{name: v2, port: 80}]}
        - backendRefs: [{name: v3, port: 80}]
    `),
    requests: [
      get([["x-a", "1"]], v1), { ...get([], v2), method: "POST" }, get([], v3),
      get([["x-a", "2"]], v3),
    ],
  },
];
