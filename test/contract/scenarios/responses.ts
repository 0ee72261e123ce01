// ResponseHeaderModifier, of a rule and of a backendRef.

import { route, type Exchange, type Fields, type Scenario } from "../scenario.ts";

/** `set` is what the backend answers with, as echo.ts has it. */
function gave(set: string, headers: Fields, target = "/"): Exchange {
  return {
    host: "a.example.com", target, headers: [["x-echo-set", set]],
    expect: { backend: "v1", headers },
  };
}

const edit = `
  rules:
    - filters:
        - type: ResponseHeaderModifier
          responseHeaderModifier:
            set: [{name: X-Set, value: new}]
            add: [{name: X-Add, value: more}]
            remove: [x-gone]
      backendRefs: [{name: v1, port: 80}]
`;

export const responses: readonly Scenario[] = [
  {
    // "ResponseHeaderModifier defines a schema for a filter that modifies response headers."
    name: "a rule sets, adds and removes response headers",
    seenBy: "traffic",
    manifests: route("one", edit),
    requests: [
      gave("", { "x-set": "new", "x-add": "more", "x-gone": null }),
      gave("x-set=old;x-add=a;x-gone=b;x-gone=c;x-stays=d",
        { "x-set": "new", "x-add": "a, more", "x-gone": null, "x-stays": "d" }),
      gave("x-set=a;x-set=b", { "x-set": "new" }),
    ],
  },
  {
    name: "a backendRef's response edits come on top of the rule's",
    seenBy: "traffic",
    manifests: route("one", `
      rules:
        - filters:
            - type: ResponseHeaderModifier
              responseHeaderModifier: {set: [{name: x-rule, value: rule}]}
          backendRefs:
            - name: v1
              port: 80
              filters:
                - type: ResponseHeaderModifier
                  responseHeaderModifier: {set: [{name: x-backend, value: v1}]}
    `),
    requests: [gave("", { "x-rule": "rule", "x-backend": "v1" })],
  },
  {
    // RFC 9110, section 7.6.1: fields of a connection end with it.
    name: "fields of the backend's connection end at the gateway",
    seenBy: "traffic",
    manifests: route("one", "rules: [{backendRefs: [{name: v1, port: 80}]}]"),
    requests: [gave("keep-alive=timeout=77;x-a=1", { "x-a": "1", "proxy-connection": null })],
  },
  {
    // A gateway adds no field of its own to answers (docs/decisions.md).
    name: "a gateway adds no field of its own to a backend's answer",
    seenBy: "traffic",
    manifests: route("one", "rules: [{backendRefs: [{name: v1, port: 80}]}]"),
    requests: [
      gave("server=mine", { "server": "mine", "via": null, "x-envoy-upstream-service-time": null }),
      gave("", { "server": null, "x-powered-by": null, "cf-ray": null }),
    ],
  },
  {
    // Fields that a backend repeats are not one list where commas have a meaning (RFC 6265).
    name: "repeated cookies of a backend stay apart",
    seenBy: "traffic",
    manifests: route("one", "rules: [{backendRefs: [{name: v1, port: 80}]}]"),
    requests: [gave("set-cookie=a;set-cookie=b", { "set-cookie": "a, b" })],
  },
  {
    name: "a backend's status reaches the client",
    seenBy: "traffic",
    manifests: route("one", "rules: [{backendRefs: [{name: v1, port: 80}]}]"),
    requests: [201, 302, 404, 418, 500, 503].map((status) => ({
      host: "a.example.com", target: "/", headers: [["x-echo-status", String(status)]] as const,
      expect: { status, backend: "v1", attempts: 1 },
    })),
  },
];
