import { describe, expect, test } from "vitest";

import { builders, routerNames } from "../../bench/core/routers.ts";
import { github } from "../../bench/core/github.ts";
import { routesOf, targetsOf, type Route } from "../../bench/core/workload.ts";
import type { RequestParts } from "../../runtime/edge/core.ts";

const tables: readonly (readonly [string, readonly Route[]])[] = [
  ["many hosts", routesOf("hosts", 120)],
  ["one host", routesOf("one-host", 120)],
  ["GitHub's routes", github],
];

describe.each(tables)("routers on %s", (_, routes) => {
  const hasPatterns = routes.some(({ kind }) => kind === "pattern");
  const able = routerNames.filter((name) => name !== "maps" || !hasPatterns);

  test.each(able)("%s finds the route that a request was made for, or none", (name) => {
    const { match, indexIn } = builders[name](routes);
    for (const position of ["first", "middle", "last", "missing", "any"] as const) {
      for (const { host, method, path, route } of targetsOf(routes, position, 300)) {
        const parts: RequestParts = {
          gatewayPort: 0, authority: host, target: path, method, header: () => null,
        };
        expect(indexIn(match(parts)), `${method} ${host}${path}`).toBe(route);
      }
    }
  });
});

test("every route is one of a kind", () => {
  for (const [, routes] of tables) {
    const keys = routes.map(({ host, method, path }) => `${method} ${host}${path}`);
    expect(new Set(keys).size).toBe(routes.length);
  }
});
