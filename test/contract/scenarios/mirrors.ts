// HTTPRequestMirrorFilter.

import { route, type Scenario } from "../scenario.ts";

const host = "a.example.com";

function mirror(...filters: readonly string[]): string {
  return route("one", `
    rules:
      - filters: [${filters.map((f) => `{type: RequestMirror, requestMirror: {${f}}}`).join(", ")}]
        backendRefs: [{name: v1, port: 80}]
  `);
}

export const mirrors: readonly Scenario[] = [
  {
    // "Requests are sent to the specified destination, but responses from that destination are
    // ignored."
    name: "a mirror gets a copy and the client the backend's answer",
    seenBy: "traffic",
    manifests: mirror("backendRef: {name: v2, port: 80}"),
    requests: [
      { host, target: "/x?y", expect: { backend: "v1", mirrored: ["v2"] } },
      {
        host, target: "/", method: "POST", body: "abc",
        expect: { backend: "v1", mirrored: ["v2"] },
      },
    ],
  },
  {
    name: "several mirrors get a copy each",
    seenBy: "traffic",
    manifests: mirror("backendRef: {name: v2, port: 80}", "backendRef: {name: v3, port: 80}"),
    requests: [{ host, target: "/", expect: { backend: "v1", mirrored: ["v2", "v3"] } }],
  },
  {
    // "Fraction represents the fraction of requests that should be mirrored": all of them here.
    name: "a mirror of the whole share gets a copy of every request",
    seenBy: "traffic",
    manifests: mirror("backendRef: {name: v2, port: 80}, fraction: {numerator: 5, denominator: 5}"),
    requests: Array.from({ length: 4 }, () =>
      ({ host, target: "/", expect: { backend: "v1", mirrored: ["v2"] } })),
  },
  {
    // "Percent … 0 means 0%".
    name: "a mirror of no share gets no copy",
    seenBy: "traffic",
    manifests: mirror("backendRef: {name: v2, port: 80}, percent: 0"),
    requests: [{ host, target: "/", expect: { backend: "v1", mirrored: [] } }],
  },
  {
    // "If the referent cannot be found, the rule is … MUST NOT" be stopped from forwarding.
    name: "a mirror that does not exist leaves requests alone",
    seenBy: "traffic",
    manifests: mirror("backendRef: {name: missing, port: 80}"),
    requests: [{ host, target: "/", expect: { backend: "v1", mirrored: [] } }],
  },
];
