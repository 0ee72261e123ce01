// HTTPRequestRedirectFilter.

import { route, type Exchange, type Scenario } from "../scenario.ts";

function redirect(fields: string, match = ""): string {
  return route("one", `
    rules:
      - ${match}
        filters: [{type: RequestRedirect, requestRedirect: {${fields}}}]
  `.replace("- \n        filters", "- filters"));
}

function to(location: string, target = "/a/b?c=d", status = 302, host = "a.example.com"): Exchange {
  return { host, target, expect: { status, location } };
}

const prefix = "matches: [{path: {value: /a}}]";

export const redirects: readonly Scenario[] = [
  {
    // "Hostname … When empty, the hostname in the Host header of the request is used."
    name: "a redirect without fields keeps host, path and query",
    manifests: redirect("statusCode: 301"),
    requests: [
      to("http://a.example.com/a/b?c=d", "/a/b?c=d", 301),
      to("http://a.example.com/", "/", 301),
    ],
  },
  {
    // "StatusCode is the HTTP status code to be used in response. default: 302".
    name: "a redirect is a 302 unless it says otherwise",
    manifests: redirect("hostname: b.example.com"),
    requests: [to("http://b.example.com/a/b?c=d")],
  },
  ...[303, 307, 308].map((status): Scenario => ({
    name: `a redirect with status ${status}`,
    manifests: redirect(`statusCode: ${status}, hostname: b.example.com`),
    requests: [to("http://b.example.com/x", "/x", status)],
  })),
  {
    // "If redirect scheme is not-empty, the redirect port MUST be the well-known port associated
    // with the redirect scheme"; a Location leaves out the port that its scheme implies.
    name: "a redirect to https goes to its well-known port",
    manifests: redirect("scheme: https"),
    requests: [
      to("https://a.example.com/x", "/x"),
      to("https://a.example.com/x", "/x", 302, "a.example.com:80"),
    ],
  },
  {
    // "If no port is specified, the redirect port MUST be derived": from the listener's port.
    name: "a redirect keeps the listener's port where neither scheme nor port is given",
    manifests: "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n"
      + "metadata: {name: gateway}\nspec:\n  gatewayClassName: fairlead\n"
      + "  listeners: [{name: http, port: 8080, protocol: HTTP}]\n"
      + redirect("hostname: b.example.com"),
    requests: [{ ...to("http://b.example.com:8080/x", "/x"), port: 8080 }],
  },
  {
    // "Port is the port to be used in the value of the Location header."
    name: "a redirect's own port is in the location unless its scheme implies it",
    manifests: route("one", `
      rules:
        - matches: [{path: {value: /odd}}]
          filters: [{type: RequestRedirect, requestRedirect: {port: 8443}}]
        - matches: [{path: {value: /http}}]
          filters: [{type: RequestRedirect, requestRedirect: {port: 80}}]
        - matches: [{path: {value: /https}}]
          filters: [{type: RequestRedirect, requestRedirect: {scheme: https, port: 443}}]
        - matches: [{path: {value: /cross}}]
          filters: [{type: RequestRedirect, requestRedirect: {scheme: https, port: 80}}]
    `),
    requests: [
      to("http://a.example.com:8443/odd", "/odd"), to("http://a.example.com/http", "/http"),
      to("https://a.example.com/https", "/https"), to("https://a.example.com:80/cross", "/cross"),
    ],
  },
  {
    // "ReplaceFullPath specifies the value with which to replace the full path".
    name: "a redirect replaces the full path and keeps the query",
    manifests: redirect("path: {type: ReplaceFullPath, replaceFullPath: /new}"),
    requests: [to("http://a.example.com/new?c=d"), to("http://a.example.com/new", "/")],
  },
  {
    // The table at HTTPPathModifier.replacePrefixMatch: the prefix by elements, slashes tidied.
    name: "a redirect replaces the matched prefix and keeps the rest",
    manifests: redirect("path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}", prefix),
    requests: [
      to("http://a.example.com/new/b?c=d"), to("http://a.example.com/new", "/a"),
      to("http://a.example.com/new/", "/a/"), to("http://a.example.com/new?x", "/a?x"),
    ],
  },
  {
    // "/foo/bar" with prefix "/foo" and replacement "/" becomes "/bar", and "/foo" becomes "/".
    name: "a redirect can take the matched prefix away",
    manifests: redirect("path: {type: ReplacePrefixMatch, replacePrefixMatch: /}", prefix),
    requests: [
      to("http://a.example.com/b?c=d"), to("http://a.example.com/", "/a"),
      to("http://a.example.com/", "/a/"),
    ],
  },
  {
    name: "a replacement's trailing slash is not doubled",
    manifests: redirect("path: {type: ReplacePrefixMatch, replacePrefixMatch: /new/}", prefix),
    requests: [to("http://a.example.com/new/b?c=d"), to("http://a.example.com/new/", "/a/")],
  },
  {
    name: "a redirect may change everything at once",
    manifests: redirect("scheme: https, hostname: b.example.com, port: 9443, statusCode: 301, "
      + "path: {type: ReplacePrefixMatch, replacePrefixMatch: /x/y}", prefix),
    requests: [to("https://b.example.com:9443/x/y/b?c=d", "/a/b?c=d", 301)],
  },
];
