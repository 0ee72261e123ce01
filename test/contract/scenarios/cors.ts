// HTTPCORSFilter: preflight requests are answered by the gateway, actual ones get their fields.

import { route, type Exchange, type Expected, type Scenario } from "../scenario.ts";

const host = "a.example.com";
const origin = "https://app.example.org";

function cors(fields: string): string {
  return route("one", `
    rules:
      - filters: [{type: CORS, cors: {${fields}}}]
        backendRefs: [{name: v1, port: 80}]
  `);
}

function preflight(from: string, method: string, expect: Expected): Exchange {
  return {
    host, target: "/", method: "OPTIONS", expect,
    headers: [["origin", from], ["access-control-request-method", method]],
  };
}

export const corsScenarios: readonly Scenario[] = [
  {
    // "the gateway … responds to the preflight" without asking the backend.
    name: "a preflight request from an allowed origin is answered by the gateway",
    seenBy: "traffic",
    manifests: cors(`allowOrigins: ["${origin}"], allowMethods: [GET, PUT], allowHeaders: [x-a], `
      + "maxAge: 60, allowCredentials: true"),
    requests: [preflight(origin, "PUT", {
      status: 200,
      headers: {
        "access-control-allow-origin": origin, "access-control-allow-credentials": "true",
        "access-control-max-age": "60",
      },
    })],
  },
  {
    // "Access-Control-Expose-Headers", "Access-Control-Allow-Origin" of the actual request.
    name: "an actual request from an allowed origin goes on and gets its fields",
    seenBy: "traffic",
    manifests: cors(`allowOrigins: ["${origin}"], exposeHeaders: [x-b]`),
    requests: [
      {
        host, target: "/", headers: [["origin", origin]],
        expect: {
          backend: "v1",
          headers: {
            "access-control-allow-origin": origin, "access-control-expose-headers": "x-b",
          },
        },
      },
      {
        host, target: "/", headers: [["origin", "https://evil.example.org"]],
        expect: { backend: "v1", headers: { "access-control-allow-origin": null } },
      },
      {
        host, target: "/",
        expect: { backend: "v1", headers: { "access-control-allow-origin": null } },
      },
    ],
  },
  {
    // "https://*.example.org": a wildcard stands for one or more labels.
    name: "an origin may be allowed by a wildcard",
    seenBy: "traffic",
    manifests: cors('allowOrigins: ["https://*.example.org"]'),
    requests: [
      {
        host, target: "/", headers: [["origin", origin]],
        expect: { backend: "v1", headers: { "access-control-allow-origin": origin } },
      },
      {
        host, target: "/", headers: [["origin", "https://example.org"]],
        expect: { backend: "v1", headers: { "access-control-allow-origin": null } },
      },
    ],
  },
];
