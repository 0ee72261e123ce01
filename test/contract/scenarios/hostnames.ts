// Which route a request's host leads to. HTTPRouteSpec.hostnames and Listener.hostname.

import { gateway, route, type Expected, type Exchange, type Scenario } from "../scenario.ts";

const to = (name: string): string => `rules: [{backendRefs: [{name: ${name}, port: 80}]}]`;

function at(host: string | undefined, expect: Expected): Exchange {
  return { target: "/", expect, ...(host === undefined ? {} : { host }) };
}

const v1: Expected = { backend: "v1" };
const v2: Expected = { backend: "v2" };
const v3: Expected = { backend: "v3" };
const none: Expected = { status: 404 };

export const hostnames: readonly Scenario[] = [
  {
    // "Hostnames defines a set of hostnames that should match against the HTTP Host header."
    name: "a hostname takes requests for it and no others",
    manifests: route("one", `hostnames: [a.example.com]\n${to("v1")}`),
    requests: [
      at("a.example.com", v1), at("b.example.com", none), at("example.com", none),
      at("a.example.com.evil.com", none), at("xa.example.com", none), at("com", none),
    ],
  },
  {
    // "If unspecified … all hostnames are matched", for the route as for the listener.
    name: "a route without hostnames takes every host",
    manifests: route("one", to("v1")),
    requests: [at("a.example.com", v1), at("localhost", v1), at("a-b.c", v1)],
  },
  {
    // "A wildcard label (*.) … would match both test.example.com, and foo.test.example.com.
    // *.example.com would not match example.com."
    name: "a wildcard takes one or more labels and never none",
    manifests: route("one", `hostnames: ["*.example.com"]\n${to("v1")}`),
    requests: [
      at("a.example.com", v1), at("a.b.c.example.com", v1), at("example.com", none),
      at("aexample.com", none), at("example.com.a", none),
    ],
  },
  {
    // "Characters in a matching non-wildcard hostname" decide before anything else does.
    name: "an exact hostname beats a wildcard whatever their order",
    manifests: [
      route("wild", `hostnames: ["*.example.com"]\n${to("v1")}`, {
        created: "2025-01-01T00:00:00Z",
      }),
      route("exact", `hostnames: [a.example.com]\n${to("v2")}`, {
        created: "2026-01-01T00:00:00Z",
      }),
    ].join(""),
    requests: [at("a.example.com", v2), at("b.example.com", v1), at("a.a.example.com", v1)],
  },
  {
    // "Characters in a matching hostname": the longer of two wildcards.
    name: "a longer wildcard beats a shorter one",
    manifests: [
      route("short", `hostnames: ["*.example.com"]\n${to("v1")}`),
      route("long", `hostnames: ["*.a.example.com"]\n${to("v2")}`),
      route("any", to("v3")),
    ].join(""),
    requests: [
      at("b.a.example.com", v2), at("c.b.a.example.com", v2), at("a.example.com", v1),
      at("b.example.com", v1), at("example.com", v3), at("other.org", v3),
    ],
  },
  {
    // Hostnames are compared by label, without regard to case (RFC 4343).
    name: "several hostnames of one route lead to the same rules",
    manifests: route("one", `hostnames: [a.example.com, "*.example.org", b.test]\n${to("v1")}`),
    requests: [
      at("a.example.com", v1), at("x.example.org", v1), at("b.test", v1), at("c.test", none),
    ],
  },
  {
    // "If a hostname is specified by both the Listener and HTTPRoute, there must be at least one
    // intersecting hostname"; those that do not intersect are ignored.
    name: "only hostnames that meet the listener's are served",
    manifests: gateway(`
      listeners:
        - {name: http, port: 80, protocol: HTTP, hostname: "*.example.com"}
    `) + route("one", `hostnames: [a.example.com, b.example.org]\n${to("v1")}`),
    requests: [at("a.example.com", v1), at("b.example.org", none), at("c.example.com", none)],
  },
  {
    // An HTTPRoute with `*.example.com` meets a listener `test.example.com` at that one name.
    name: "a route's wildcard shrinks to the listener's hostname",
    manifests: gateway(`
      listeners:
        - {name: http, port: 80, protocol: HTTP, hostname: test.example.com}
    `) + route("one", `hostnames: ["*.example.com"]\n${to("v1")}`),
    requests: [at("test.example.com", v1), at("other.example.com", none)],
  },
  {
    name: "a route without hostnames takes the listener's hostname and no other",
    manifests: gateway(`
      listeners:
        - {name: http, port: 80, protocol: HTTP, hostname: test.example.com}
    `) + route("one", to("v1")),
    requests: [at("test.example.com", v1), at("example.com", none)],
  },
  {
    // The choice that docs/decisions.md states: as with Envoy's virtual hosts.
    name: "a request never falls through to a wider hostname of another listener",
    manifests: gateway(`
      listeners:
        - {name: wide, port: 80, protocol: HTTP, hostname: "*.example.com"}
        - {name: narrow, port: 80, protocol: HTTP, hostname: a.example.com}
    `) + route("wide", `parentRefs: [{name: gateway, sectionName: wide}]\n${to("v1")}`)
      + route("narrow", `
        parentRefs: [{name: gateway, sectionName: narrow}]
        rules: [{matches: [{path: {value: /only}}], backendRefs: [{name: v2, port: 80}]}]
      `),
    requests: [
      { ...at("a.example.com", v2), target: "/only" }, at("a.example.com", none),
      at("b.example.com", v1),
    ],
  },
  {
    // GatewayRouteHostnameIntersectionPrecedence: the hostname as the route wrote it counts.
    name: "on one host the route that wrote the more specific hostname comes first",
    manifests: [
      route("wide", `
        hostnames: ["*.example.com"]
        rules: [{matches: [{path: {type: Exact, value: /x}}], backendRefs: [{name: v1, port: 80}]}]
      `),
      route("narrow", `hostnames: [a.example.com]\n${to("v2")}`),
    ].join(""),
    requests: [
      { ...at("a.example.com", v2), target: "/x" }, { ...at("b.example.com", v1), target: "/x" },
    ],
  },
];
