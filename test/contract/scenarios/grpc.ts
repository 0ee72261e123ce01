// GRPCRoute: service and method instead of paths, gRPC's statuses instead of HTTP's.

import { route, type Exchange, type Expected, type Scenario } from "../scenario.ts";

function call(target: string, expect: Expected): Exchange {
  return { host: "a.example.com", target, protocol: "grpc", expect };
}

const fine = (backend: string): Expected => ({ backend, grpcStatus: 0 });
/** UNIMPLEMENTED: no route has the method. */
const unknown: Expected = { grpcStatus: 12 };

const grpc = (spec: string): string => route("one", spec, { kind: "GRPCRoute" });

export const grpcScenarios: readonly Scenario[] = [
  {
    // "GRPCMethodMatch … Service, Method … at least one of them".
    name: "a gRPC route matches service and method",
    seenBy: "traffic",
    manifests: grpc(`
      rules:
        - {matches: [{method: {service: a.Shop, method: Buy}}], backendRefs: [{name: g1, port: 80}]}
        - {matches: [{method: {service: a.Shop}}], backendRefs: [{name: g2, port: 80}]}
    `),
    requests: [
      call("/a.Shop/Buy", fine("g1")), call("/a.Shop/Sell", fine("g2")),
      call("/a.Shops/Buy", unknown), call("/a.shop/Buy", unknown),
    ],
  },
  {
    name: "a gRPC route matches headers",
    seenBy: "traffic",
    manifests: grpc(`
      rules:
        - {matches: [{headers: [{name: x-a, value: "1"}]}], backendRefs: [{name: g1, port: 80}]}
        - backendRefs: [{name: g2, port: 80}]
    `),
    requests: [
      { ...call("/a.B/C", fine("g1")), headers: [["x-a", "1"]] }, call("/a.B/C", fine("g2")),
    ],
  },
  {
    // The same filter as an HTTPRoute's.
    name: "a gRPC route edits request headers",
    seenBy: "traffic",
    manifests: grpc(`
      rules:
        - filters:
            - type: RequestHeaderModifier
              requestHeaderModifier:
                set: [{name: x-set, value: new}]
                add: [{name: x-add, value: more}]
                remove: [x-gone]
          backendRefs: [{name: g1, port: 80}]
    `),
    requests: [{
      ...call("/a.B/C", {
        ...fine("g1"), upstream: { headers: { "x-set": "new", "x-add": "more", "x-gone": null } },
      }),
      headers: [["x-set", "old"], ["x-gone", "a"]],
    }],
  },
  {
    // "an `UNAVAILABLE` status": what gRPC has for 500 and 503.
    name: "a gRPC call to a backend that does not exist is UNAVAILABLE",
    seenBy: "traffic",
    manifests: grpc("rules: [{backendRefs: [{name: missing, port: 80}]}]"),
    requests: [call("/a.B/C", { grpcStatus: 14 })],
  },
];
