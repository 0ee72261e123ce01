// Session persistence by Envoy's own filter: a cookie or a header names the endpoint that answered.
// It holds within the cluster that our filter chose.

import type { Session } from "../../ir.ts";
import type { Json } from "../artifact.ts";
import { duration } from "./cluster.ts";

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
