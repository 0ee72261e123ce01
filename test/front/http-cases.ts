// HTTPRoutes that break exactly one validation rule (CEL) each, and some that break none. Their
// specs are written as data; `rules.test.ts` puts them through the decoder.

export interface RuleCase {
  readonly name: string;
  readonly kind: string;
  readonly version?: string;
  readonly spec: object;
  /** What the diagnostic says; absent where the manifest is accepted. */
  readonly title?: string;
  readonly path?: string;
}

const parentRefs = [{ name: "gw" }];

function http(rule: object, more: object = {}): object {
  return { parentRefs, rules: [rule], ...more };
}

function filters(...list: readonly object[]): object {
  return http({ filters: list });
}

function path(value: string, type = "PathPrefix"): object {
  return http({ matches: [{ path: { type, value } }] });
}

function auth(externalAuth: object): object {
  return filters({ type: "ExternalAuth", externalAuth });
}

const service = { name: "auth", port: 9000 };

/** Every filter, by type, with the least that it takes. */
const filterFields: Readonly<Record<string, readonly [string, object]>> = {
  RequestHeaderModifier: ["requestHeaderModifier", { add: [{ name: "a", value: "b" }] }],
  ResponseHeaderModifier: ["responseHeaderModifier", { remove: ["a"] }],
  RequestMirror: ["requestMirror", { backendRef: { name: "b", port: 80 } }],
  RequestRedirect: ["requestRedirect", { scheme: "https" }],
  URLRewrite: ["urlRewrite", { hostname: "a.example.com" }],
  CORS: ["cors", { allowOrigins: ["https://a.example.com"] }],
  ExternalAuth: ["externalAuth", { protocol: "GRPC", backendRef: service, grpc: {} }],
  ExtensionRef: ["extensionRef", { group: "example.com", kind: "Thing", name: "x" }],
};

export function filterOf(type: string): object {
  const [field, value] = filterFields[type]!;
  return { type, [field]: value };
}

const unions: readonly RuleCase[] = Object.entries(filterFields).flatMap(([type, [field,
  value]]) => {
  const other =
    type === "RequestHeaderModifier" ? "ResponseHeaderModifier" : "RequestHeaderModifier";
  return [
    { name: `filter ${type}`, kind: "HTTPRoute", spec: filters(filterOf(type)) },
    {
      name: `filter ${type} without its field`, kind: "HTTPRoute", spec: filters({ type }),
      title: `\`type\` is \`${type}\`, but \`${field}\` is missing`,
      path: "spec.rules[0].filters[0].type",
    },
    {
      name: `filter of another type with ${field}`, kind: "HTTPRoute",
      spec: filters({ ...filterOf(other), [field]: value }),
      title: `\`${field}\` is set, but \`type\` is not \`${type}\``,
      path: `spec.rules[0].filters[0].${field}`,
    },
  ];
});

const repeated: readonly RuleCase[] =
  ["RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite", "CORS"].map(
    (type) => ({
      name: `two filters ${type}`, kind: "HTTPRoute", spec: filters(filterOf(type), filterOf(type)),
      title: `more than one \`${type}\` filter`, path: "spec.rules[0].filters[1].type",
    }),
  );

const badPaths: readonly RuleCase[] = [
  ["x", "the path does not start with `/`"],
  ["/a//b", "the path contains `//`"],
  ["/a/./b", "the path contains `/./`"],
  ["/a/../b", "the path contains `/../`"],
  ["/a%2fb", "the path contains `%2f`"],
  ["/a%2Fb", "the path contains `%2F`"],
  ["/a/..", "the path ends with `/..`"],
  ["/a/.", "the path ends with `/.`"],
  ["/a#b", "the path contains `#`"],
  ["/a b", "the path has characters that a URL's path cannot have"],
].map(([value = "", title = ""]) => ({
  name: `path ${value}`, kind: "HTTPRoute", spec: path(value), title,
  path: "spec.rules[0].matches[0].path.value",
}));

const modifiers: readonly RuleCase[] = [
  [{ type: "ReplaceFullPath" }, "`type` is `ReplaceFullPath`, but `replaceFullPath` is missing"],
  [{ type: "ReplacePrefixMatch" },
    "`type` is `ReplacePrefixMatch`, but `replacePrefixMatch` is missing"],
  [{ type: "ReplaceFullPath", replaceFullPath: "/", replacePrefixMatch: "/" },
    "`replacePrefixMatch` is set, but `type` is not `ReplacePrefixMatch`"],
  [{ type: "ReplacePrefixMatch", replaceFullPath: "/", replacePrefixMatch: "/" },
    "`replaceFullPath` is set, but `type` is not `ReplaceFullPath`"],
].map(([modifier, title]) => ({
  name: `path modifier ${JSON.stringify(modifier)}`, kind: "HTTPRoute",
  spec: filters({ type: "RequestRedirect", requestRedirect: { path: modifier } }),
  title: String(title),
}));

const toPrefix = { path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/b" } };
const twoMatches = [{ path: { value: "/a" } }, { path: { value: "/c" } }];

const prefixFilters = [["RequestRedirect", "requestRedirect"], ["URLRewrite", "urlRewrite"]];

const prefixes: readonly RuleCase[] = prefixFilters.flatMap(([type = "", field = ""]) => {
    const list = [{ type, [field]: toPrefix }];
    const title = `\`${field}\` replaces a prefix, but the rule does not have exactly one`
      + " `PathPrefix` match";
    return [
      { name: `${type} of one prefix`, kind: "HTTPRoute",
        spec: http({ matches: [{ path: { value: "/a" } }], filters: list }) },
      { name: `${type} of two prefixes`, kind: "HTTPRoute",
        spec: http({ matches: twoMatches, filters: list }), title, path: "spec.rules[0]" },
      { name: `${type} of an exact path`, kind: "HTTPRoute", title,
        spec: http({ matches: [{ path: { type: "Exact", value: "/a" } }], filters: list }) },
      { name: `${type} of two prefixes on a backend`, kind: "HTTPRoute", title,
        spec: http({ matches: twoMatches, backendRefs: [{ name: "b", port: 80,
          filters: list }] }) },
    ];
  });

function session(sessionPersistence: object): object {
  return http({ sessionPersistence });
}

const rules: readonly RuleCase[] = [
  { name: "redirect and rewrite", kind: "HTTPRoute",
    spec: filters(filterOf("RequestRedirect"), filterOf("URLRewrite")),
    title: "`RequestRedirect` and `URLRewrite` exclude each other" },
  { name: "redirect with backends", kind: "HTTPRoute",
    spec: http({ filters: [filterOf("RequestRedirect")], backendRefs: [{ name: "b", port: 80 }] }),
    title: "a rule with `backendRefs` cannot redirect", path: "spec.rules[0].backendRefs" },
  { name: "star beside a header", kind: "HTTPRoute",
    spec: filters({ type: "CORS", cors: { allowHeaders: ["*", "a"] } }),
    title: "`*` stands for all values and has to stand alone" },
  { name: "mirror percent and fraction", kind: "HTTPRoute",
    spec: filters({ type: "RequestMirror",
      requestMirror: { backendRef: { name: "b", port: 80 }, percent: 1,
        fraction: { numerator: 1 } } }),
    title: "`percent` and `fraction` exclude each other" },
  { name: "fraction above one", kind: "HTTPRoute",
    spec: filters({ type: "RequestMirror",
      requestMirror: { backendRef: { name: "b", port: 80 }, fraction: { numerator: 101 } } }),
    title: "`numerator` is greater than `denominator`" },
  { name: "fraction below one", kind: "HTTPRoute",
    spec: filters({ type: "RequestMirror",
      requestMirror: { backendRef: { name: "b", port: 80 }, fraction: { numerator: 99 } } }) },
  { name: "backend timeout above the request's", kind: "HTTPRoute",
    spec: http({ timeouts: { request: "1s", backendRequest: "1500ms" } }),
    title: "`backendRequest` is longer than `request`" },
  { name: "backend timeout below the request's", kind: "HTTPRoute",
    spec: http({ timeouts: { request: "1m30s", backendRequest: "89s" } }) },
  { name: "no request timeout", kind: "HTTPRoute",
    spec: http({ timeouts: { request: "0s", backendRequest: "89s" } }) },
  { name: "permanent cookie", kind: "HTTPRoute",
    spec: session({ type: "Cookie", cookie: { lifetimeType: "Permanent" } }),
    title: "a `Permanent` cookie needs an `absoluteTimeout`" },
  { name: "permanent cookie with a timeout", kind: "HTTPRoute",
    spec: session({ type: "Cookie", absoluteTimeout: "1h",
      cookie: { lifetimeType: "Permanent" } }) },
  { name: "cookie for a header", kind: "HTTPRoute",
    spec: session({ type: "Header", header: { name: "x" }, cookie: { name: "y" } }),
    title: "`cookie` is set, but `type` is not `Cookie`" },
  { name: "header for a cookie", kind: "HTTPRoute",
    spec: session({ type: "Cookie", header: { name: "x" }, cookie: { name: "y" } }),
    title: "`header` is set, but `type` is not `Header`" },
  { name: "cookie session without cookie", kind: "HTTPRoute", spec: session({ type: "Cookie" }),
    title: "`type` is `Cookie`, but `cookie` is missing" },
  { name: "header session without header", kind: "HTTPRoute", spec: session({ type: "Header" }),
    title: "`type` is `Header`, but `header` is missing" },
  { name: "header session", kind: "HTTPRoute",
    spec: session({ type: "Header", header: { name: "x" } }) },
  { name: "two rules of one name", kind: "HTTPRoute",
    spec: { parentRefs, rules: [{ name: "a" }, { name: "a" }] },
    title: "two rules have the same `name`", path: "spec.rules[1]" },
  { name: "129 matches", kind: "HTTPRoute",
    spec: { parentRefs, rules: [64, 64, 1].map((n) => ({ matches: many(n) })) },
    title: "the rules have more than 128 matches together" },
  { name: "128 matches", kind: "HTTPRoute",
    spec: { parentRefs, rules: [64, 63, 1].map((n) => ({ matches: many(n) })) } },
  { name: "regular expressions may hold anything", kind: "HTTPRoute",
    spec: path("^//../%2f#", "RegularExpression") },
];

function many(count: number): readonly object[] {
  return Array.from({ length: count }, (_, i) => ({ path: { value: `/${i}` } }));
}

const references: readonly RuleCase[] = [
  { name: "one parent twice", kind: "HTTPRoute",
    spec: { parentRefs: [{ name: "a" }, { name: "a" }] },
    title: "two entries name the same parent", path: "spec.parentRefs[1]" },
  { name: "one parent with and without a section", kind: "HTTPRoute",
    spec: { parentRefs: [{ name: "a" }, { name: "a", sectionName: "x" }] },
    title: "two entries name the same parent, and only one of them says which part of it" },
  { name: "two sections of one parent", kind: "HTTPRoute",
    spec: { parentRefs: [{ name: "a", sectionName: "y" }, { name: "a", sectionName: "x" }] } },
  { name: "one name in two namespaces", kind: "HTTPRoute",
    spec: { parentRefs: [{ name: "a", namespace: "n" }, { name: "a", namespace: "m" }] } },
  { name: "Service without a port", kind: "HTTPRoute",
    spec: http({ backendRefs: [{ name: "b" }] }),
    title: "a reference to a Service needs a `port`" },
  { name: "another kind without a port", kind: "HTTPRoute",
    spec: http({ backendRefs: [{ name: "b", group: "example.com", kind: "Bucket" }] }) },
  { name: "XBackend with a port", kind: "HTTPRoute",
    spec: http({ backendRefs: [
      { name: "b", group: "gateway.networking.x-k8s.io", kind: "XBackend", port: 80 }] }),
    title: "a reference to an XBackend takes no `port`" },
  { name: "auth GRPC without grpc", kind: "HTTPRoute",
    spec: auth({ protocol: "GRPC", backendRef: service }),
    title: "`protocol` is `GRPC`, but `grpc` is missing" },
  { name: "auth HTTP without http", kind: "HTTPRoute",
    spec: auth({ protocol: "HTTP", backendRef: service }),
    title: "`protocol` is `HTTP`, but `http` is missing" },
  { name: "auth GRPC with http", kind: "HTTPRoute",
    spec: auth({ protocol: "GRPC", backendRef: service, grpc: {}, http: {} }),
    title: "`http` is set, but `protocol` is not `HTTP`" },
  { name: "auth HTTP with grpc", kind: "HTTPRoute",
    spec: auth({ protocol: "HTTP", backendRef: service, grpc: {}, http: {} }),
    title: "`grpc` is set, but `protocol` is not `GRPC`" },
];

export const httpRuleCases: readonly RuleCase[] = [
  ...unions, ...repeated, ...badPaths, ...modifiers, ...prefixes, ...rules, ...references,
];
