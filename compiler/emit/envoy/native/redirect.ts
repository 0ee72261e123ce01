// Redirects. Envoy's own action keeps a port that the client wrote behind the host, where the API
// derives the port from the redirect or the listener. Where no port is to be seen and the host is
// the request's, a request that wrote one is therefore answered by a route of its own, whose
// Location is put together from metadata.

import type { GatewayPort, PathMatch, Redirect } from "../../../ir.ts";
import type { Json } from "../../artifact.ts";
import { pathSubstitution, regexRewrite, type PathSubstitution } from "./path.ts";

type Fields = { readonly [key: string]: Json };

/** The filter that takes a host apart; it is off but for the routes that ask for it. */
export const splitFilter = "fairlead-host";

const metadataType =
  "type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config";

export function splitHttpFilter(): Fields {
  return { name: splitFilter, disabled: true, typed_config: { "@type": metadataType } };
}

const codes: Readonly<Record<number, string>> = {
  301: "MOVED_PERMANENTLY", 302: "FOUND", 303: "SEE_OTHER", 307: "TEMPORARY_REDIRECT",
  308: "PERMANENT_REDIRECT",
};

export function isRedirectStatus(status: number): boolean {
  return codes[status] !== undefined;
}

/** Routes without their `match`; `when` are conditions beside the match's own. */
export interface RedirectRoute {
  readonly when: readonly Fields[];
  readonly route: Fields;
}

export function redirectRoutes(
  redirect: Redirect, path: PathMatch, listener: Pick<GatewayPort, "port" | "protocol">,
): readonly RedirectRoute[] {
  const scheme = redirect.scheme ?? (listener.protocol === "HTTPS" ? "https" : "http");
  const wellKnown = scheme === "https" ? 443 : 80;
  const port = redirect.port ?? (redirect.scheme === undefined ? listener.port : wellKnown);
  const own: RedirectRoute = {
    when: [],
    route: {
      redirect: {
        scheme_redirect: scheme,
        host_redirect: redirect.hostname,
        port_redirect: port === wellKnown ? undefined : port,
        regex_rewrite: redirect.path && regexRewrite(pathSubstitution(path, redirect.path)),
        response_code: codes[redirect.statusCode],
      },
    },
  };
  if (redirect.hostname !== undefined || port !== wellKnown) return [own];
  return [portless(scheme, redirect, path), own];
}

const withPort = "(.*):\\d*";

function portless(scheme: string, redirect: Redirect, match: PathMatch): RedirectRoute {
  const host = { regex: `^${withPort}$`, substitution: "\\1" };
  const rules = [metadataRule(":authority", "host", host)];
  if (redirect.path) {
    rules.push(metadataRule(":path", "path", pathSubstitution(match, redirect.path, "(\\?.*)?")));
  }
  const path = redirect.path ? "%DYNAMIC_METADATA(fairlead:path)%" : "%REQ(:path)%";
  return {
    when: [{ name: ":authority", string_match: { safe_regex: { regex: withPort } } }],
    route: {
      direct_response: { status: redirect.statusCode },
      response_headers_to_add: [{
        header: {
          key: "location", value: `${scheme}://%DYNAMIC_METADATA(fairlead:host)%${path}`,
        },
        append_action: "OVERWRITE_IF_EXISTS_OR_ADD",
      }],
      typed_per_filter_config: {
        [splitFilter]: {
          "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig",
          config: { "@type": metadataType, request_rules: rules },
        },
      },
    },
  };
}

function metadataRule(header: string, key: string, rewrite: PathSubstitution): Fields {
  return {
    header,
    on_header_present: {
      metadata_namespace: "fairlead", key, type: "STRING",
      regex_value_rewrite: regexRewrite(rewrite),
    },
  };
}
