// HTTPRouteRule.backendRefs: what stands for an answer where no backend can be reached.

import { route, type Exchange, type Scenario } from "../scenario.ts";

function answers(status: number, target = "/"): Exchange {
  return { host: "a.example.com", target, expect: { status } };
}

const to = (ref: string): string => route("one", `rules: [{backendRefs: [{${ref}}]}]`);

const elsewhere = "contract-elsewhere";

function foreign(grant: string): string {
  return `---
apiVersion: v1
kind: Service
metadata: {name: v1, namespace: ${elsewhere}-${grant}}
spec: {selector: {app: v1}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: ${elsewhere}-${grant}}
`;
}

export const invalidBackends: readonly Scenario[] = [
  {
    // "If all entries in BackendRefs are invalid … all traffic which matches this rule MUST
    // receive a 500 status code."
    name: "a Service that does not exist answers 500",
    manifests: to("name: missing, port: 80"),
    requests: [answers(500), answers(500, "/any?x")],
  },
  {
    // An unknown kind of backend is an invalid reference.
    name: "a backend of an unknown kind answers 500",
    manifests: to("kind: Unknown, group: example.com, name: x, port: 80"),
    requests: [answers(500)],
  },
  {
    name: "a port that the Service does not have answers 500",
    manifests: to("name: v1, port: 81"),
    requests: [answers(500)],
  },
  {
    // "a ReferenceGrant object is required in the referent namespace".
    name: "a Service of another namespace without a grant answers 500",
    manifests: foreign("refused") + to(`name: v1, namespace: ${elsewhere}-refused, port: 80`),
    requests: [answers(500)],
  },
  {
    // "If unspecified … no filters and no backends": a rule that forwards to nothing.
    name: "a rule without backends answers 500",
    manifests: route("one", "rules: [{matches: [{path: {value: /}}]}]"),
    requests: [answers(500)],
  },
  {
    // A Service that is there but has no ready endpoint is valid.
    name: "a Service without ready endpoints answers 503",
    manifests: to("name: idle, port: 80"),
    requests: [answers(503)],
  },
  {
    // A 500 is this rule's answer; others are not touched, and no request falls through to them.
    name: "an invalid rule still takes the requests it matches",
    manifests: route("one", `
      rules:
        - {matches: [{path: {value: /broken}}], backendRefs: [{name: missing, port: 80}]}
        - backendRefs: [{name: v1, port: 80}]
    `),
    requests: [
      answers(500, "/broken"),
      { host: "a.example.com", target: "/", expect: { backend: "v1" } },
    ],
  },
  {
    // "Filters … that cannot be resolved": the request must get an error.
    name: "an unknown extension filter answers 500",
    manifests: route("one", `
      rules:
        - filters:
            - {type: ExtensionRef, extensionRef: {group: example.com, kind: Unknown, name: x}}
          backendRefs: [{name: v1, port: 80}]
    `),
    requests: [answers(500)],
  },
];
