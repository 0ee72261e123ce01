// Which listener a route is attached to. ParentReference and Listener.allowedRoutes.

import { gateway, route, type Scenario } from "../scenario.ts";

const to = (name: string): string => `rules: [{backendRefs: [{name: ${name}, port: 80}]}]`;
const host = "a.example.com";

/** A listener for each hostname on one port, and a route for each listener alone. */
const isolated = {
  any: undefined, wide: "*.example.com", narrow: "*.foo.example.com", one: "abc.foo.example.com",
} as const;

type Isolated = keyof typeof isolated;

const isolation = gateway(`listeners:\n${Object.entries(isolated).map(([name, hostname]) =>
  `  - {name: ${name}, port: 80, protocol: HTTP${
    hostname === undefined ? "" : `, hostname: "${hostname}"`}}`).join("\n")}`)
  + Object.keys(isolated).map((name) => route(name, `
    parentRefs: [{name: gateway, sectionName: ${name}}]
    rules: [{matches: [{path: {value: /${name}}}], backendRefs: [{name: v1, port: 80}]}]
  `)).join("");

/** Only the path of the listener that `name` belongs to leads anywhere. */
function belongs(name: string, own: Isolated): Scenario["requests"] {
  return (Object.keys(isolated) as Isolated[]).map((path) => ({
    host: name, target: `/${path}`,
    expect: path === own ? { backend: "v1" } : { status: 404 },
  }));
}

export const listeners: readonly Scenario[] = [
  {
    // "A request MUST only match the most specific listener": listeners are isolated by hostname.
    name: "a request belongs to the listener with the most specific hostname and to no other",
    manifests: isolation,
    requests: [
      ...belongs("bar.com", "any"), ...belongs("bar.example.com", "wide"),
      ...belongs("bar.foo.example.com", "narrow"), ...belongs("abc.foo.example.com", "one"),
      ...belongs("foo.example.com", "wide"), ...belongs("a.b.foo.example.com", "narrow"),
    ],
  },
  {
    // "SectionName is the name of a section within the target resource."
    name: "sectionName attaches a route to one listener",
    manifests: gateway(`
      listeners:
        - {name: one, port: 80, protocol: HTTP}
        - {name: other, port: 81, protocol: HTTP}
    `) + route("one", `parentRefs: [{name: gateway, sectionName: other}]\n${to("v1")}`),
    requests: [
      { host, target: "/", port: 81, expect: { backend: "v1" } },
      { host, target: "/", port: 80, expect: { status: 404 } },
    ],
  },
  {
    // "Port is the network port this Route targets."
    name: "port attaches a route to the listeners on it",
    manifests: gateway(`
      listeners:
        - {name: one, port: 80, protocol: HTTP}
        - {name: other, port: 81, protocol: HTTP}
    `) + route("one", `parentRefs: [{name: gateway, port: 80}]\n${to("v1")}`),
    requests: [
      { host, target: "/", port: 80, expect: { backend: "v1" } },
      { host, target: "/", port: 81, expect: { status: 404 } },
    ],
  },
  {
    // "When unspecified, the route attaches to every listener" that admits it.
    name: "a parentRef without a section attaches a route to every listener",
    manifests: gateway(`
      listeners:
        - {name: one, port: 80, protocol: HTTP}
        - {name: other, port: 81, protocol: HTTP, hostname: "*.example.com"}
    `) + route("one", to("v1")),
    requests: [
      { host, target: "/", port: 80, expect: { backend: "v1" } },
      { host, target: "/", port: 81, expect: { backend: "v1" } },
      { host: "a.org", target: "/", port: 81, expect: { status: 404 } },
    ],
  },
  {
    // "Only Routes in this namespace may be used by this Gateway" is the default.
    name: "a listener admits routes of its own namespace only unless it says otherwise",
    manifests: "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: contract-foreign}\n"
      + route("own", to("v1"))
      + route("foreign", `
        parentRefs:
          - name: gateway
            namespace: a-listener-admits-routes-of-its-own-namespace-only-unless-it-sa
        rules:
          - matches: [{path: {value: /foreign}}]
            backendRefs: [{name: v2, port: 80}]
      `, { namespace: "contract-foreign" }),
    requests: [
      { host, target: "/", expect: { backend: "v1" } },
      { host, target: "/foreign", expect: { backend: "v1" } },
    ],
  },
  {
    // "HTTPRoutes … attached to several Gateways" are served by each.
    name: "a route with two parents is served by both Gateways",
    manifests: gateway("listeners: [{name: http, port: 80, protocol: HTTP}]", "one")
      + gateway("listeners: [{name: http, port: 80, protocol: HTTP}]", "other")
      + route("both", `parentRefs: [{name: one}, {name: other}]\n${to("v1")}`)
      + route("single", `
        parentRefs: [{name: other}]
        rules: [{matches: [{path: {value: /other}}], backendRefs: [{name: v2, port: 80}]}]
      `),
    requests: [
      { host, target: "/other", gateway: "one", expect: { backend: "v1" } },
      { host, target: "/other", gateway: "other", expect: { backend: "v2" } },
      { host, target: "/", gateway: "other", expect: { backend: "v1" } },
    ],
  },
];
