// HTTPRouteTimeouts and HTTPRouteRetry. No scenario measures a time: an answer either comes or not.

import { route, type Exchange, type Expected, type Scenario } from "../scenario.ts";

type Lines = readonly (readonly [string, string])[];

function get(headers: Lines, expect: Expected): Exchange {
  return { host: "a.example.com", target: "/", headers, expect };
}

const rule = (fields: string): string =>
  route("one", `rules: [{${fields}, backendRefs: [{name: v1, port: 80}]}]`);

const retry = rule("retry: {codes: [503], attempts: 2, backoff: 10ms}");

export const timeoutsRetries: readonly Scenario[] = [
  {
    // "Request specifies the maximum duration for a gateway to respond to an HTTP request."
    name: "a request that takes longer than its timeout gets 504",
    seenBy: "traffic",
    manifests: rule("timeouts: {request: 300ms}"),
    requests: [get([["x-echo-delay", "1500"]], { status: 504 }), get([], { backend: "v1" })],
  },
  {
    // "BackendRequest specifies a timeout for an individual request from the gateway".
    name: "a backend that takes longer than its timeout gets the client a 504",
    seenBy: "traffic",
    manifests: rule("timeouts: {backendRequest: 300ms}"),
    requests: [get([["x-echo-delay", "1500"]], { status: 504 }), get([], { backend: "v1" })],
  },
  {
    // "Setting a timeout to the zero duration (e.g. "0s") SHOULD disable the timeout".
    name: "a timeout of zero is none",
    seenBy: "traffic",
    manifests: rule("timeouts: {request: 0s}"),
    requests: [get([["x-echo-delay", "400"]], { backend: "v1" })],
  },
  {
    // "Attempts specifies the maximum number of times an individual request … should be retried."
    name: "a status in the list is tried again as often as attempts says",
    seenBy: "traffic",
    manifests: retry,
    requests: [
      get([["x-echo-fail", "1"]], { backend: "v1", attempts: 2 }),
      get([["x-echo-fail", "2"]], { backend: "v1", attempts: 3 }),
      get([["x-echo-fail", "3"]], { status: 503, attempts: 3 }),
    ],
  },
  {
    name: "a status that is not in the list is not tried again",
    seenBy: "traffic",
    manifests: retry,
    requests: [
      get([["x-echo-status", "500"]], { status: 500, backend: "v1", attempts: 1 }),
      get([], { backend: "v1", attempts: 1 }),
    ],
  },
];
