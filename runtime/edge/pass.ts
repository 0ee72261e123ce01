// The short way of a request on which nothing waits and over which nothing watches: it is sent on
// by `fetch` with the few fields changed, and the answer is returned as it comes. What a backend
// and a client see is what forward.ts and dial.ts do for them; only the work around it is left
// out, which otherwise costs as much as the routing.

import { isTracked, type LiveCluster } from "./balancing/cluster.ts";
import type { RequestParts, Verdict } from "./core.ts";
import { dropped, editFields, type Edit } from "./headers.ts";

/** Whether requests to this cluster may go the short way. */
export function isShort(live: LiveCluster): boolean {
  const { cluster: { protocol, policy, refusal }, endpoints } = live;
  return endpoints.length === 1 && endpoints[0]?.isName === true && protocol === "http1"
    && refusal === undefined && policy.outlierDetection === undefined && !isTracked(live)
    // A key may ask for a cookie, and `fetch` sends nothing before the request.
    && policy.consistentHash === undefined && policy.proxyProtocol === undefined;
}

/**
 * The backend's answer, or undefined where the request is not one to be sent on as it is. Rejects
 * where there is no connection.
 */
export function pass(
  { endpoints: [endpoint], cluster: { tls } }: LiveCluster,
  verdict: Verdict,
  edits: readonly Edit[],
  { target, authority, method }: RequestParts,
  request: Request,
): Promise<Response> | undefined {
  const drop = dropped(request.headers);
  // An upgrade that `connection` does not name is none (RFC 9110, section 7.8).
  const isUpgrade = drop.includes("connection") && request.headers.has("upgrade");
  if (endpoint === undefined || isUpgrade) return undefined;
  const { address, port } = endpoint;
  const scheme = tls === undefined ? "http" : "https";
  const { body } = request;
  // Cheaper than a `Request` made of the client's, of which the headers are changed then.
  const headers = new Headers(request.headers);
  for (const name of drop) headers.delete(name);
  editFields(headers, edits);
  headers.set("x-forwarded-host", verdict.host ?? authority);
  const init = { method, headers, body, redirect: "manual", duplex: "half" } as const;
  return fetch(`${scheme}://${address}:${port}${verdict.text ?? target}`, init);
}
