// HTTPHeaderFilter on requests: RequestHeaderModifier of a rule and of a backendRef.

import { route, type Exchange, type Fields, type Scenario } from "../scenario.ts";

type Lines = readonly (readonly [string, string])[];

function saw(headers: Lines, expected: Fields, target = "/"): Exchange {
  return {
    host: "a.example.com", target, headers,
    expect: { backend: "v1", upstream: { headers: expected } },
  };
}

function edit(...changes: readonly string[]): string {
  return route("one", `
    rules:
      - filters:
          - {type: RequestHeaderModifier, requestHeaderModifier: {${changes.join(", ")}}}
        backendRefs: [{name: v1, port: 80}]
  `);
}

export const headerEdits: readonly Scenario[] = [
  {
    // "Set overwrites the request with the given header (name, value) before the action."
    name: "set replaces every line of a request header",
    manifests: edit("set: [{name: X-Set, value: new}]"),
    requests: [
      saw([], { "x-set": "new" }), saw([["X-SET", "old"]], { "x-set": "new" }),
      saw([["x-set", "a"], ["x-set", "b"]], { "x-set": "new" }),
    ],
  },
  {
    // "Add adds the given header(s) to the request … It appends to any existing values."
    name: "add appends to what the request has",
    manifests: edit("add: [{name: X-Add, value: more}]"),
    requests: [
      saw([], { "x-add": "more" }), saw([["x-add", "a"]], { "x-add": "a, more" }),
      saw([["x-add", "a"], ["x-add", "b"]], { "x-add": "a, b, more" }),
    ],
  },
  {
    // "Remove the given header(s) from the HTTP request before the action. … case-insensitive."
    name: "remove takes every line of a request header away",
    manifests: edit("remove: [X-Gone, x-also]"),
    requests: [
      saw([["x-gone", "a"], ["X-Gone", "b"], ["x-stays", "c"]], { "x-gone": null, "x-stays": "c" }),
      saw([["X-ALSO", "a"]], { "x-also": null }), saw([], { "x-gone": null }),
    ],
  },
  {
    name: "set, add and remove of one filter go together",
    manifests: edit("set: [{name: x-set, value: new}]", "add: [{name: x-add, value: more}]",
      "remove: [x-gone]"),
    requests: [
      saw([["x-set", "old"], ["x-add", "a"], ["x-gone", "b"]],
        { "x-set": "new", "x-add": "a, more", "x-gone": null }),
    ],
  },
  {
    // A backendRef's filters apply "if and only if the request is being forwarded to the backend".
    name: "a backendRef's header edits are for that backend alone",
    manifests: route("one", `
      rules:
        - backendRefs:
            - name: v1
              port: 80
              filters:
                - type: RequestHeaderModifier
                  requestHeaderModifier: {set: [{name: x-for, value: v1}]}
        - matches: [{path: {value: /plain}}]
          backendRefs: [{name: v1, port: 80}]
    `),
    requests: [saw([], { "x-for": "v1" }), saw([], { "x-for": null }, "/plain")],
  },
  {
    name: "header edits of the rule come before those of the backendRef",
    manifests: route("one", `
      rules:
        - filters:
            - type: RequestHeaderModifier
              requestHeaderModifier:
                set: [{name: x-set, value: rule}]
                add: [{name: x-add, value: rule}]
          backendRefs:
            - name: v1
              port: 80
              filters:
                - type: RequestHeaderModifier
                  requestHeaderModifier:
                    set: [{name: x-set, value: backend}]
                    add: [{name: x-add, value: backend}]
    `),
    requests: [saw([], { "x-set": "backend", "x-add": "rule, backend" })],
  },
  {
    // Matching looks at the request as the client sent it.
    name: "an edited header does not change which rule takes the request",
    manifests: route("one", `
      rules:
        - matches: [{headers: [{name: x-a, value: "1"}]}]
          filters:
            - {type: RequestHeaderModifier, requestHeaderModifier: {remove: [x-a]}}
          backendRefs: [{name: v1, port: 80}]
        - backendRefs: [{name: v2, port: 80}]
    `),
    requests: [saw([["x-a", "1"]], { "x-a": null })],
  },
  {
    name: "headers that no filter names reach the backend as they were sent",
    manifests: edit("set: [{name: x-set, value: new}]"),
    requests: [
      saw([["Accept", "a/b;q=0.5"], ["X-Two", "1"], ["x-two", "2"], ["x-empty", ""],
        ["x-request-id", "mine"], ["authorization", "Bearer x"]], {
        "accept": "a/b;q=0.5", "x-two": "1, 2", "x-empty": "", "x-request-id": "mine",
        "authorization": "Bearer x",
      }),
    ],
  },
  {
    // Safe steering: nothing that a client sends chooses its backend (docs/decisions.md).
    name: "a client cannot steer by headers of the gateway's own",
    manifests: edit("set: [{name: x-set, value: new}]"),
    requests: [
      saw([["x-fairlead-cluster", "outbound|80||v2.default.svc.cluster.local"]],
        { "x-fairlead-cluster": null }),
      saw([["X-Fairlead-Cluster", ""], ["x-envoy-original-path", "/b"]],
        { "x-fairlead-cluster": null }),
    ],
  },
];
