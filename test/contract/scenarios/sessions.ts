// SessionPersistence of a rule (GEP-1619).

import { route, type Scenario } from "../scenario.ts";

const host = "a.example.com";

const session = (fields: string): string => route("one", `
  rules:
    - sessionPersistence: {${fields}}
      backendRefs: [{name: v1, port: 80}, {name: v2, port: 80}]
`);

export const sessions: readonly Scenario[] = [
  {
    // "Cookie-based session persistence": the gateway gives the cookie, the client sends it back.
    name: "a session cookie ties a client to the backend of its first request",
    seenBy: "traffic",
    manifests: session("type: Cookie, cookie: {name: sid}"),
    requests: [{ host, target: "/", times: 8, session: "set-cookie", shares: { v1: 8, v2: 8 } }],
  },
  {
    name: "a session header ties a client to the backend of its first request",
    seenBy: "traffic",
    manifests: session("type: Header, header: {name: x-sid}"),
    requests: [{ host, target: "/", times: 8, session: "x-sid", shares: { v1: 8, v2: 8 } }],
  },
];
