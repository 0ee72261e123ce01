// HTTPURLRewriteFilter.

import { route, type Exchange, type Scenario } from "../scenario.ts";

function rewrite(fields: string, match = "path: {value: /a}"): string {
  return route("one", `
    rules:
      - matches: [{${match}}]
        filters: [{type: URLRewrite, urlRewrite: {${fields}}}]
        backendRefs: [{name: v1, port: 80}]
  `);
}

function becomes(target: string, path: string, host = "a.example.com"): Exchange {
  return {
    host: "a.example.com", target, expect: { backend: "v1", upstream: { path, host } },
  };
}

export const rewrites: readonly Scenario[] = [
  {
    // "Hostname is the value to be used to replace the Host header value during forwarding."
    name: "a rewrite replaces the hostname",
    seenBy: "traffic",
    manifests: rewrite("hostname: b.example.org"),
    requests: [becomes("/a/b?c=d", "/a/b?c=d", "b.example.org")],
  },
  {
    name: "a rewrite replaces the full path and keeps the query",
    seenBy: "traffic",
    manifests: rewrite("path: {type: ReplaceFullPath, replaceFullPath: /new}"),
    requests: [becomes("/a/b?c=d", "/new?c=d"), becomes("/a", "/new"), becomes("/a?", "/new?")],
  },
  {
    // The table at HTTPPathModifier.replacePrefixMatch.
    name: "a rewrite replaces the matched prefix and keeps the rest",
    seenBy: "traffic",
    manifests: rewrite("path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}"),
    requests: [
      becomes("/a/b?c=d", "/new/b?c=d"), becomes("/a", "/new"), becomes("/a/", "/new/"),
      becomes("/a?c", "/new?c"),
    ],
  },
  {
    name: "a rewrite can take the matched prefix away",
    seenBy: "traffic",
    manifests: rewrite("path: {type: ReplacePrefixMatch, replacePrefixMatch: /}"),
    requests: [becomes("/a/b?c=d", "/b?c=d"), becomes("/a", "/"), becomes("/a/", "/")],
  },
  {
    name: "a rewrite of prefix and hostname together",
    seenBy: "traffic",
    manifests: rewrite(
      "hostname: b.example.org, path: {type: ReplacePrefixMatch, replacePrefixMatch: /x/y/}"),
    requests: [becomes("/a/b?c", "/x/y/b?c", "b.example.org")],
  },
  {
    // GEP-5224 of v1.7: on a backendRef the rewrite is for that backend.
    name: "a backendRef's rewrite takes the place of the rule's",
    seenBy: "traffic",
    manifests: route("one", `
      rules:
        - filters: [{type: URLRewrite, urlRewrite: {hostname: rule.example.org}}]
          backendRefs:
            - name: v1
              port: 80
              filters: [{type: URLRewrite, urlRewrite: {hostname: backend.example.org}}]
    `),
    requests: [becomes("/a", "/a", "backend.example.org")],
  },
];
