// Session persistence by Envoy's own filter: a cookie or a header names the endpoint that answered.
// It can only send a request to an endpoint of the route's cluster. Where a rule splits, the route
// therefore takes its requests to a cluster with the endpoints of all backends, by their weights.

import { createHash } from "node:crypto";

import type { Cluster, Session } from "../../ir.ts";
import type { Json } from "../artifact.ts";
import type { Union } from "./cluster.ts";
import { duration } from "./duration.ts";

type Fields = { readonly [key: string]: Json };

export const sessionFilter = "envoy.filters.http.stateful_session";

const filter = "type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3";
const state = "type.googleapis.com/envoy.extensions.http.stateful_session";

/** Without a state of its own it does nothing where the route has none. */
export function sessionHttpFilter(): Fields {
  return { name: sessionFilter, typed_config: { "@type": `${filter}.StatefulSession` } };
}

export function sessionConfig(session: Session): Fields {
  return {
    "@type": `${filter}.StatefulSessionPerRoute`,
    stateful_session: { session_state: sessionState(session) },
  };
}

/** The cluster in place of the one our filter chose; undefined where that one will do. */
export function sessionUnion(
  session: Session | undefined, clusters: readonly Cluster[],
): Union | undefined {
  const members = (session?.split ?? []).flatMap(({ weight, cluster: index }) => {
    const cluster = clusters[index];
    return cluster ? [{ weight, cluster }] : [];
  });
  const [first, ...rest] = members;
  // One transport for all endpoints: a cluster has no other for some of them.
  const alike = ({ protocol, tls }: Cluster): string => JSON.stringify([protocol, tls]);
  if (!first || rest.length === 0) return undefined;
  if (rest.some(({ cluster }) => alike(cluster) !== alike(first.cluster))) return undefined;
  const text = JSON.stringify(members.map(({ weight, cluster }) => [weight, cluster.name]));
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 16);
  return { name: `fairlead-session|${hash}`, members };
}

function sessionState({ kind, name, path, permanent, absoluteTimeoutMs }: Session): Fields {
  if (kind === "header") {
    return {
      name: "envoy.http.stateful_session.header",
      typed_config: { "@type": `${state}.header.v3.HeaderBasedSessionState`, name },
    };
  }
  // A cookie that ends with the browser's session has no age, so that its own end cannot be told.
  const ttl = permanent && absoluteTimeoutMs !== undefined
    ? duration(absoluteTimeoutMs)
    : undefined;
  return {
    name: "envoy.http.stateful_session.cookie",
    typed_config: {
      "@type": `${state}.cookie.v3.CookieBasedSessionState`,
      cookie: { name, path, ttl },
    },
  };
}
