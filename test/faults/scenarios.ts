// What can be wrong with a backend, and what a client of each runtime sees of it. docs/faults.md
// shows the same table.

import type { RuntimeName } from "../../runtime/dev/runtimes.ts";
import { ok, status, type Fault } from "../backends/faulty.ts";

export interface Scenario {
  /** What the backend does; the table's first column. */
  readonly fault: string;
  /** The name of the Service, and the path that leads to it. */
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  /** Fields of the route's rule. */
  readonly rule?: object;
  /** Of the DestinationRule, beside outlier detection: one failure ejects, for an hour. */
  readonly trafficPolicy?: object;
  /** So many requests, one after the other; the last one counts. Absent: 1. */
  readonly requests?: number;
  /** The request that counts is made once another one has had the endpoint ejected. */
  readonly isEjectedFirst?: boolean;
  /** So many requests that the backend holds while the one that counts is made. */
  readonly held?: number;
  /** On both runtimes, or on each. */
  readonly outcome: Outcome | Readonly<Record<RuntimeName, Outcome>>;
  /** Why they differ. */
  readonly why?: string;
}

/** `refuses`: nothing listens. `unknown`: no EndpointSlice, and the name does not resolve. */
export type Endpoint = Fault | "refuses" | "unknown" | "good";

export interface Outcome {
  readonly status: number;
  /** Whether the client can tell that the answer is not whole. */
  readonly breaksOff?: boolean;
  /** Envoy's response flag, by the words it answers with. */
  readonly flag?: keyof typeof flags;
  /** Whether the request counts as a failure of the endpoint's. */
  readonly counts: boolean;
}

/** What a client reads where Envoy sets the flag, and what the edge says in its place. */
export const flags = {
  UF: {
    envoy: /reset reason: remote connection failure/,
    edge: /^no connection to the backend\n$/,
  },
  UC: {
    envoy: /reset reason: (connection termination|remote reset)/,
    edge: /^the backend closed the connection before it answered\n$/,
  },
  UPE: { envoy: /reset reason: protocol error/, edge: /^the backend's answer is not HTTP\n$/ },
  UT: { envoy: /^upstream request timeout$/, edge: /^no answer in time\n$/ },
  UO: { envoy: /reset reason: overflow/, edge: /^too many requests under way to the backend/ },
  UH: {
    envoy: /^no healthy upstream$/,
    edge: /^(all endpoints are ejected|no ready endpoint|no connection to the backend)\n$/,
  },
} as const;

const head = "HTTP/1.1 200 OK\r\n";
const chunked = `${head}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n`;
const slow: Fault = { kind: "answer", afterMs: 1_000 };
const retry = { attempts: 2, backoff: "1ms", codes: [503] };
const roundRobin = { loadBalancer: { simple: "ROUND_ROBIN" } };

const fine: Outcome = { status: 200, counts: false };
const failed = (code: number, flag: keyof typeof flags, counts = true): Outcome =>
  ({ status: code, flag, counts });

export const scenarios: readonly Scenario[] = [
  {
    fault: "refuses the connection", name: "refuses", endpoints: ["refuses"],
    outcome: failed(503, "UF"),
  },
  {
    fault: "resets the connection before its head", name: "resets",
    endpoints: [{ kind: "reset" }], outcome: failed(503, "UC"),
  },
  {
    fault: "closes the connection before its head", name: "closes",
    endpoints: [{ kind: "hangUp" }], outcome: failed(503, "UC"),
  },
  {
    fault: "closes the connection within its head", name: "half-head",
    endpoints: [{ kind: "bytes", text: `${head}x-a: `, end: "close" }],
    outcome: failed(502, "UPE"),
  },
  {
    fault: "resets the connection within its head", name: "half-head-reset",
    endpoints: [{ kind: "bytes", text: `${head}x-a: `, end: "reset" }],
    outcome: failed(502, "UPE"),
  },
  {
    fault: "answers what is no HTTP", name: "garbage", endpoints: [{ kind: "garbage" }],
    outcome: failed(502, "UPE"),
  },
  {
    fault: "sends a header of 79 KiB", name: "large-header",
    endpoints: [{ kind: "hugeHeader", bytes: 79 * 1024 }], outcome: fine,
  },
  {
    fault: "sends a header of 81 KiB", name: "huge-header",
    endpoints: [{ kind: "hugeHeader", bytes: 81 * 1024 }], outcome: failed(502, "UPE"),
  },
  {
    fault: "sends 101 header lines", name: "many-headers",
    endpoints: [{
      kind: "bytes", end: "close",
      text: `${head}${"x-a: 1\r\n".repeat(100)}content-length: 0\r\n\r\n`,
    }],
    outcome: failed(502, "UPE"),
  },
  {
    fault: "resets within a body of known length", name: "short-length",
    endpoints: [{ kind: "resetMidBody" }],
    outcome: { status: 200, breaksOff: true, counts: true },
  },
  {
    fault: "resets within a chunked body", name: "chunked-reset",
    endpoints: [{ kind: "bytes", text: chunked, end: "reset" }],
    outcome: { status: 200, breaksOff: true, counts: true },
  },
  {
    fault: "closes within a chunked body", name: "chunked-close",
    endpoints: [{ kind: "bytes", text: chunked, end: "close" }],
    outcome: { status: 200, breaksOff: true, counts: true },
  },
  {
    fault: "answers after a second, where nothing limits it", name: "slow", endpoints: [slow],
    outcome: fine,
  },
  {
    fault: "answers after a second, where `timeouts.request` is 200 ms", name: "slow-request",
    endpoints: [slow], rule: { timeouts: { request: "200ms" } }, outcome: failed(504, "UT"),
  },
  {
    fault: "answers after a second, where `timeouts.backendRequest` is 200 ms",
    name: "slow-attempt", endpoints: [slow], rule: { timeouts: { backendRequest: "200ms" } },
    outcome: failed(504, "UT"),
  },
  {
    fault: "has a name that does not resolve", name: "unknown", endpoints: ["unknown"],
    outcome: { envoy: failed(503, "UH", false), edge: failed(503, "UH", true) },
    why: "Envoy resolves names beforehand and has no endpoint where there is no address. To the"
      + " edge the name is the endpoint, which fails when it is dialled.",
  },
  {
    fault: "has no endpoint at all", name: "nowhere", endpoints: [],
    outcome: failed(503, "UH", false),
  },
  {
    fault: "answers 500", name: "error", endpoints: [status(500)],
    outcome: { status: 500, counts: true },
  },
  {
    fault: "refuses at one of two endpoints; a retry is allowed", name: "half-retried",
    endpoints: ["refuses", "good"], rule: { retry }, trafficPolicy: roundRobin, requests: 6,
    outcome: { status: 200, counts: true },
  },
  {
    fault: "answers 503 at one of two endpoints; 503 is retried", name: "half-503",
    endpoints: [status(503), ok], rule: { retry }, trafficPolicy: roundRobin, requests: 6,
    outcome: { status: 200, counts: true },
  },
  {
    fault: "is slow at one of two endpoints; `timeouts.backendRequest` is 200 ms, and a retry is"
      + " allowed",
    name: "half-slow", endpoints: [slow, "good"], trafficPolicy: roundRobin, requests: 2,
    rule: { retry, timeouts: { backendRequest: "200ms" } }, outcome: { status: 200, counts: true },
  },
  {
    fault: "failed before at its only endpoint, which is ejected", name: "ejected",
    endpoints: [status(500)], isEjectedFirst: true, outcome: failed(503, "UH"),
  },
  {
    fault: "is slow, and as many requests wait as `http1MaxPendingRequests` allows",
    name: "pending", endpoints: [{ kind: "hold" }], held: 2,
    trafficPolicy: { connectionPool: {
      tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1 } } },
    outcome: failed(503, "UO", false),
  },
  {
    fault: "is slow, and as many requests are under way as `http2MaxRequests` allows",
    name: "requests", endpoints: [{ kind: "hold" }], held: 1,
    trafficPolicy: { connectionPool: { http: { http2MaxRequests: 1 } } },
    outcome: failed(503, "UO", false),
  },
];

export function outcomeOf({ outcome }: Scenario, runtime: RuntimeName): Outcome {
  return "status" in outcome ? outcome : outcome[runtime];
}
