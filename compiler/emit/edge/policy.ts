// The fields of a DestinationRule that the edge platform cannot carry out, each at its own line.
//
// What bounds a connection's idle time, age, requests or streams holds by itself where the worker
// dials: it opens a connection for each request. Behind a name it is `fetch` that dials, and the
// platform keeps those connections as it likes.

import { isIpAddress } from "../../../runtime/edge/config.ts";
import { diagnostic, type Diagnostic } from "../../diagnostic.ts";
import type { Cluster, ClusterPolicy } from "../../ir.ts";

type Field = keyof ClusterPolicy | "tls";

interface Gap {
  readonly field: Field;
  /** What the platform does not do, after "the edge platform". */
  readonly lacks: string;
  readonly effect: string;
  readonly help?: string;
}

const keptByPlatform = "keeps connections to named backends by rules of its own";
const asLongAsItLikes = "their connections may serve more requests, or live longer";
const byAddress = "give its endpoints by address (an EndpointSlice): each request then has a"
  + " connection of its own";

/** Whether requests go by `fetch`, to some endpoint at least. */
function isFetched({ protocol, endpoints, policy }: Cluster): boolean {
  if (protocol === "h2c" || policy.proxyProtocol !== undefined) return false;
  return endpoints.kind === "dns"
    || endpoints.addresses.some(({ address }) => !isIpAddress(address));
}

const everywhere: readonly Gap[] = [
  {
    field: "tcpKeepalive",
    lacks: "sets no keepalive on its sockets",
    effect: "a connection that died without a word is noticed by the route's timeouts alone",
  },
  {
    field: "useClientProtocol",
    lacks: "does not tell the HTTP version of its client to backends",
    effect: "backends get HTTP/1.1, or HTTP/2 where their port's appProtocol asks for it",
    help: "name the protocol with appProtocol `kubernetes.io/h2c`",
  },
];

/** Envoy has them for HTTP/2 alone. */
const pings: Gap = {
  field: "http2KeepAlive",
  lacks: "sends no HTTP/2 pings: a connection serves one request",
  effect: "a connection that died without a word is noticed by the route's timeouts alone",
};

const fetched: readonly Gap[] = [
  ...(["httpIdleTimeoutMs", "maxConnectionDurationMs", "maxRequestsPerConnection",
    "maxConcurrentStreams"] as const).map((field): Gap =>
    ({ field, lacks: keptByPlatform, effect: asLongAsItLikes, help: byAddress })),
  {
    field: "connectTimeoutMs",
    lacks: "takes its own time to connect to a name",
    effect: "only the route's timeouts bound it",
    help: "give the rule a `timeouts.backendRequest`",
  },
];

function gapsOf(cluster: Cluster): readonly Gap[] {
  const { policy, protocol, tls } = cluster;
  const gaps = [...everywhere];
  if (protocol === "h2c") gaps.push(pings);
  if (isFetched(cluster)) gaps.push(...fetched);
  if (policy.retryBudget?.intervalMs !== undefined) {
    gaps.push({
      field: "retryBudget",
      lacks: "counts the requests under way alone, and not those of the budget's interval",
      effect: "after a quiet moment fewer retries are allowed than Envoy would allow",
    });
  }
  if (tls?.insecureSkipVerify === true) {
    gaps.push({
      field: "tls",
      lacks: "verifies every certificate",
      effect: "a backend whose certificate is not publicly trusted gets no requests: 503",
    });
  }
  return gaps;
}

/** A field counts once, however many clusters follow it. One that nobody wrote is not told. */
export function policyGaps(clusters: readonly Cluster[]): readonly Diagnostic[] {
  const told = new Map<string, Diagnostic>();
  for (const cluster of clusters) {
    for (const { field, lacks, effect, help } of gapsOf(cluster)) {
      const origin = cluster.policyOrigins?.[field];
      if (origin === undefined) continue;
      const { resource, path, span } = origin;
      const key = `${resource} ${path} ${lacks}`;
      if (told.has(key)) continue;
      told.set(key, diagnostic({
        code: "FL0407",
        title: `the edge platform ${lacks}`,
        primary: { span, text: "not carried out there" },
        resource, path, effect, ...(help !== undefined && { help }),
      }));
    }
  }
  return [...told.values()];
}
