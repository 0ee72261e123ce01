// CORS by Envoy's own filter, which stands behind ours and takes its policy from the route. Three
// things that the Gateway API asks for it does not do, and routes of their own do them: a preflight
// of a foreign origin gets no CORS header at all, an absent Access-Control-Request-Headers leaves
// the answer's header out, and a port that is the scheme's default may be written or not.

import type { Cors } from "../../ir.ts";
import type { Json } from "../artifact.ts";

type Fields = { readonly [key: string]: Json };

export const corsFilter = "envoy.filters.http.cors";

const cors = "type.googleapis.com/envoy.extensions.filters.http.cors.v3";

/** The filter itself does nothing where the route has no policy. */
export function corsHttpFilter(): Fields {
  return { name: corsFilter, typed_config: { "@type": `${cors}.Cors` } };
}

export function corsConfig(policy: Cors): Fields {
  const { allowCredentials, exposeHeaders } = policy;
  // To a browser that sends credentials "*" is a header's name.
  const exposed = allowCredentials ? exposeHeaders.filter((name) => name !== "*") : exposeHeaders;
  return {
    "@type": `${cors}.CorsPolicy`,
    allow_origin_string_match: policy.allowOrigins.map(originMatcher),
    // Envoy answers a "*" with what was asked for: right with credentials and without.
    allow_methods: list(policy.allowMethods),
    allow_headers: list(policy.allowHeaders),
    expose_headers: list(exposed),
    allow_credentials: allowCredentials,
    max_age: String(policy.maxAgeSeconds),
    forward_not_matching_preflights: false,
  };
}

function list(values: readonly string[]): string | undefined {
  if (values.length === 0) return undefined;
  return values.includes("*") ? "*" : values.join(",");
}

export interface Preflight {
  /** The conditions on a preflight whose origin is not allowed. */
  readonly refused: readonly Fields[];
  /** Requests for which another policy counts. */
  readonly special: readonly { readonly when: readonly Fields[]; readonly cors: Cors }[];
}

const isPreflight: readonly Fields[] = [
  { name: ":method", string_match: { exact: "OPTIONS" } },
  { name: "origin", present_match: true },
  { name: "access-control-request-method", present_match: true },
];

export function preflight(policy: Cors): Preflight {
  const allowed = policy.allowOrigins.map(originMatcher);
  const foreign = allowed.map((string_match): Fields =>
    ({ name: "origin", string_match, invert_match: true }));
  const bare: Fields = { name: "access-control-request-headers", present_match: false };
  return {
    refused: [...isPreflight, ...foreign],
    special: policy.allowHeaders.includes("*")
      ? [{ when: [...isPreflight, bare], cors: { ...policy, allowHeaders: [] } }]
      : [],
  };
}

const defaultPorts: Readonly<Record<string, string>> = { http: "80", https: "443" };

/** An origin of the API as an expression over what browsers send. */
function originMatcher(origin: string): Fields {
  if (origin === "*") return { safe_regex: { regex: ".*" } };
  const [, scheme = "", host = "", port] = /^([^:]*):\/\/(.*?)(?::(\d+))?$/.exec(origin) ?? [];
  const standard = defaultPorts[scheme.toLowerCase()];
  const isStandard = port === undefined || port === standard;
  if (!host.includes("*") && !(isStandard && standard !== undefined)) {
    return { exact: origin, ignore_case: true };
  }
  const hosts = host.split("*").map(escape).join("[^/:]*");
  const ports = isStandard ? `(?::${standard})?` : `:${port}`;
  return { safe_regex: { regex: `(?i)${escape(scheme)}://${hosts}${ports}` } };
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
