// Session persistence: a cookie or a header brings back which endpoint answered a client first, and
// when that was. The value means nothing outside of fairlead; it holds in every isolate and through
// swaps, since it is made of the endpoint's address and not of its place in a list.

import type { Session } from "../../compiler/ir.ts";
import type { LiveCluster } from "./balancing/cluster.ts";
import { cookieOf, setCookie } from "./cookies.ts";

export interface Pinned {
  readonly cluster: number;
  readonly endpoint: number;
  /** Seconds since 1970. */
  readonly since: number;
}

/** Where the request's session leads; undefined without one, or where it is over or gone. */
export function resume(
  session: Session,
  request: Request,
  clusters: readonly LiveCluster[],
  chosen: number,
  now: number,
): Pinned | undefined {
  const text = session.kind === "header"
    ? request.headers.get(session.name)
    : cookieOf(request.headers.get("cookie"), session.name);
  const [, hash, started] = /^([0-9a-z]{1,11})\.([0-9a-z]{1,9})$/.exec(text ?? "") ?? [];
  if (hash === undefined || started === undefined) return undefined;
  const since = parseInt(started, 36);
  const { absoluteTimeoutMs } = session;
  if (absoluteTimeoutMs !== undefined && since * 1000 + absoluteTimeoutMs <= now) return undefined;
  const candidates = session.split?.map(({ cluster }) => cluster) ?? [];
  for (const cluster of candidates.includes(chosen) ? candidates : [chosen]) {
    const live = clusters[cluster];
    const endpoint = live?.endpoints.findIndex((_, i) => nameOf(live, i) === hash) ?? -1;
    if (endpoint >= 0) return { cluster, endpoint, since };
  }
  return undefined;
}

/** Tells the client where it is now, unless it knows. */
export function tell(
  session: Session,
  live: LiveCluster,
  endpoint: number,
  now: number,
  headers: Headers,
): void {
  const value = `${nameOf(live, endpoint)}.${Math.floor(now / 1000).toString(36)}`;
  if (session.kind === "header") {
    headers.set(session.name, value);
    return;
  }
  const { permanent, absoluteTimeoutMs, path } = session;
  const maxAgeSeconds = permanent && absoluteTimeoutMs !== undefined
    ? Math.ceil(absoluteTimeoutMs / 1000)
    : undefined;
  headers.append("set-cookie", setCookie(session.name, value, { maxAgeSeconds, path }));
}

/** An endpoint's name in sessions: 53 bits of a hash, so that no address is given away. */
function nameOf({ cluster, endpoints }: LiveCluster, index: number): string {
  const { address, port } = endpoints[index] ?? { address: "", port: 0 };
  const text = `${cluster.name} ${address} ${port}`;
  let low = 0xdeadbeef;
  let high = 0x41c6ce57;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    low = Math.imul(low ^ code, 2654435761);
    high = Math.imul(high ^ code, 1597334677);
  }
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  return (4294967296 * (2097151 & high) + (low >>> 0)).toString(36);
}
