// What a request is taken for before anything is matched: one reading of Host and path for both
// runtimes.

import { route, type Exchange, type Expected, type Scenario } from "../scenario.ts";

const v1: Expected = { backend: "v1" };
const v2: Expected = { backend: "v2" };
const none: Expected = { status: 404 };

const host = (name: string, expect: Expected): Exchange => ({ host: name, target: "/", expect });
const path = (target: string, expect: Expected): Exchange =>
  ({ host: "a.example.com", target, expect });

const named = route("one", `
  hostnames: [a.example.com]
  rules: [{backendRefs: [{name: v1, port: 80}]}]
`);

const two = route("one", `
  rules:
    - {matches: [{path: {value: /open}}], backendRefs: [{name: v1, port: 80}]}
    - {matches: [{path: {value: /shut}}], backendRefs: [{name: v2, port: 80}]}
`);

export const normalisation: readonly Scenario[] = [
  {
    // "Hostname … port … MUST be ignored": RFC 3986, section 3.2.3, keeps the port apart.
    name: "a port in Host is not part of the hostname",
    manifests: named,
    requests: [
      host("a.example.com:80", v1), host("a.example.com:8443", v1), host("a.example.com:", v1),
      host("b.example.com:80", none),
    ],
  },
  {
    // RFC 4343: names are compared without case.
    name: "a hostname is compared without case",
    manifests: named,
    requests: [host("A.EXAMPLE.COM", v1), host("A.example.Com:80", v1)],
  },
  {
    // RFC 1034, section 3.1: the trailing dot is the root, and the name is the same one.
    name: "a trailing dot of Host does not count",
    manifests: named,
    requests: [host("a.example.com.", v1), host("a.example.com.:80", v1)],
  },
  {
    // Gateway API hostnames are names: "IP addresses are not allowed".
    name: "an address in Host meets only routes for every hostname",
    manifests: named + route("any", "rules: [{backendRefs: [{name: v2, port: 80}]}]"),
    requests: [host("127.0.0.1", v2), host("[::1]:80", v2), host("a.example.com", v1)],
  },
  {
    // A backend gets Host as the client wrote it.
    name: "Host reaches the backend as it was sent",
    manifests: route("one", "rules: [{backendRefs: [{name: v1, port: 80}]}]"),
    requests: ["a.example.com", "a.example.com:8080", "localhost"].map((name) =>
      host(name, { backend: "v1", upstream: { host: name } })),
  },
  {
    // RFC 3986, section 5.2.4: dot segments are resolved before the path is looked at.
    name: "dot segments are resolved before a path is matched",
    manifests: two,
    requests: [
      path("/open/../shut", v2), path("/open/./x", v1), path("/shut/../open/x", v1),
      path("/open/..", none), path("/../../shut", v2), path("/open/x/..", v1),
      path("/open/../shutter", none), path("/open/...", v1), path("/open..", none),
    ],
  },
  {
    // RFC 3986, section 6.2.2.2: %2E is an unreserved character's escape, the same as a dot.
    name: "escaped dot segments are dot segments",
    manifests: two,
    requests: [
      path("/open/%2e%2e/shut", v2), path("/open/%2E%2E/shut", v2), path("/open/.%2e/shut", v2),
      path("/open/%2e/x", v1), path("/open/%2e%2e%2e/x", v1),
    ],
  },
  {
    // What was matched is what the backend sees.
    name: "a backend sees the path that was matched",
    manifests: two,
    requests: [
      path("/open/../shut/x", { backend: "v2", upstream: { path: "/shut/x" } }),
      path("/open/%2e%2e/shut/x?y=/../z", { backend: "v2", upstream: { path: "/shut/x?y=/../z" } }),
      path("/open/./x/", { backend: "v1", upstream: { path: "/open/x/" } }),
    ],
  },
  {
    // An empty path element is an element: `//` is not `/`.
    name: "repeated slashes are kept",
    manifests: two,
    requests: [
      path("//open", none), path("/open//x", { backend: "v1", upstream: { path: "/open//x" } }),
      path("/open//../x", v1), path("/open//..//../shut", v1), path("/x/..//open", none),
    ],
  },
  {
    // RFC 3986, section 2.2: %2F is data and `/` a delimiter; they are not the same.
    name: "an escaped slash is no delimiter",
    manifests: two,
    requests: [
      path("/open%2Fx", none), path("/open/%2F..%2Fshut", v1), path("/open/..%2Fshut", v1),
    ],
  },
  {
    // Matching is on the path as it stands: other escapes are not undone, nor their case changed.
    name: "other escapes are left as they are",
    manifests: route("one", `
      rules:
        - matches: [{path: {type: Exact, value: /caf%C3%A9}}]
          backendRefs: [{name: v1, port: 80}]
    `),
    requests: [
      path("/caf%C3%A9", v1), path("/caf%c3%a9", none),
      path("/caf%C3%A9?x=%20%zz", { backend: "v1", upstream: { path: "/caf%C3%A9?x=%20%zz" } }),
    ],
  },
  {
    // RFC 3986, section 6.2.2.2: letters, digits and -._~ mean the same escaped and not.
    name: "an escaped unreserved character is that character",
    manifests: two,
    requests: [
      path("/%6Fpen", { backend: "v1", upstream: { path: "/open" } }), path("/ope%6e/x", v1),
      path("/%4Fpen", none),
    ],
  },
  {
    // RFC 9110, section 4.2.4: backslashes have no meaning in URLs, but many servers give them one.
    name: "a backslash counts as a slash",
    manifests: two,
    requests: [path("/open\\..\\shut", v2)],
  },
  {
    // RFC 9112, section 3.2.2: a server must take the absolute form, and its authority counts.
    name: "an absolute target names the host",
    manifests: named,
    requests: [
      { host: "b.example.com", target: "http://a.example.com/x", expect: v1 },
      { host: "a.example.com", target: "http://b.example.com/x", expect: none },
    ],
  },
  {
    // RFC 9112, section 3.2: no form of a request target has a fragment.
    name: "a target with a fragment is no request",
    manifests: two,
    requests: [path("/open#y", { status: 400 }), path("/open?x#y", { status: 400 })],
  },
];
