// HTTPQueryParamMatch.

import { route, type Exchange, type Expected, type Scenario } from "../scenario.ts";

const v1: Expected = { backend: "v1" };
const v2: Expected = { backend: "v2" };
const v3: Expected = { backend: "v3" };
const none: Expected = { status: 404 };

const at = (target: string, expect: Expected): Exchange =>
  ({ host: "a.example.com", target, expect });

function query(...params: readonly string[]): string {
  return route("one", `
    rules:
      - matches: [{queryParams: [${params.map((p) => `{${p}}`).join(", ")}]}]
        backendRefs: [{name: v1, port: 80}]
  `);
}

export const queries: readonly Scenario[] = [
  {
    // "Name … must be an exact string match", and so must the value of type Exact.
    name: "a query parameter is matched by name and value",
    manifests: query("name: animal, value: whale"),
    requests: [
      at("/?animal=whale", v1), at("/?x=y&animal=whale&z", v1), at("/?animal=whales", none),
      at("/?animal=Whale", none), at("/?Animal=whale", none), at("/?animal", none), at("/", none),
      at("/?xanimal=whale", none), at("/?x=animal=whale", none), at("/animal=whale", none),
    ],
  },
  {
    // "multiple match values are ANDed together".
    name: "all query parameters of a match must fit",
    manifests: query("name: a, value: '1'", "name: b, value: '2'"),
    requests: [
      at("/?a=1&b=2", v1), at("/?b=2&c=3&a=1", v1), at("/?a=1", none), at("/?a=1&b=1", none),
    ],
  },
  {
    // "If multiple entries specify equivalent query param names, only the first … MUST be
    // considered"; of a parameter that a request repeats, the first counts too.
    name: "of a repeated query parameter the first value counts",
    manifests: query("name: a, value: '1'"),
    requests: [at("/?a=1&a=2", v1), at("/?a=2&a=1", none)],
  },
  {
    // The choice that docs/decisions.md states: names and values are taken as they stand.
    name: "query parameters are compared undecoded",
    manifests: query("name: a, value: 'x y'"),
    requests: [at("/?a=x%20y", none), at("/?a=x+y", none)],
  },
  {
    // "Largest number of query param matches" is the last comparison of the matches themselves.
    name: "more query parameters beat fewer, and a header beats them",
    manifests: route("one", `
      rules:
        - {matches: [{queryParams: [{name: a, value: "1"}]}], backendRefs: [{name: v1, port: 80}]}
        - matches: [{queryParams: [{name: a, value: "1"}, {name: b, value: "2"}]}]
          backendRefs: [{name: v2, port: 80}]
        - matches: [{headers: [{name: x-a, value: "1"}]}]
          backendRefs: [{name: v3, port: 80}]
    `),
    requests: [
      at("/?a=1&b=2", v2), at("/?a=1", v1),
      { ...at("/?a=1&b=2", v3), headers: [["x-a", "1"]] },
    ],
  },
  {
    name: "a query parameter of type RegularExpression must fit as a whole",
    manifests: query("type: RegularExpression, name: a, value: 'v[0-9]+'"),
    requests: [at("/?a=v1", v1), at("/?a=v12", v1), at("/?a=xv1", none), at("/?a=v1x", none)],
  },
];
