// Our core and what a user would run in its place. Each is built from the same routes; the peers
// stand behind a map of hosts and are told no more than they need, which is their best case: they
// need not normalise a host name, nor look for a query.

import findMyWay from "find-my-way";
import { RegExpRouter } from "hono/router/reg-exp-router";
import { TrieRouter } from "hono/router/trie-router";
import { addRoute, createRouter, findRoute } from "rou3";

import { compile } from "../../compiler/compile.ts";
import { hasError } from "../../compiler/diagnostic.ts";
import { coreWasm } from "../../compiler/prebuilt.ts";
import { LOAD_OK, NONE } from "../../filters/core/format.ts";
import { createCore, instantiate, loadTable, type RequestParts } from "../../runtime/edge/core.ts";
import { readFacts } from "../../runtime/edge/facts.ts";
import { byHost, manifests, type Route } from "./workload.ts";

export type RouterName =
  "core" | "maps" | "hono-regexp" | "hono-trie" | "find-my-way" | "rou3" | "urlpattern";

export const routerNames: readonly RouterName[] =
  ["core", "maps", "hono-regexp", "hono-trie", "find-my-way", "rou3", "urlpattern"];

export interface BenchRouter {
  /** Whatever the router answers: nothing is made of it but what the router makes. */
  match(request: RequestParts): unknown;
  /** The index of the route in such an answer, −1 for none. */
  indexIn(answer: unknown): number;
}

type Build = (routes: readonly Route[]) => BenchRouter;

export const builders: Readonly<Record<RouterName, Build>> = {
  "core": buildCore,
  "maps": buildMaps,
  "hono-regexp": buildHonoRegExp,
  "hono-trie": (routes) => buildHono(routes, () => new TrieRouter<number>()),
  "find-my-way": buildFindMyWay,
  "rou3": buildRou3,
  "urlpattern": buildUrlPattern,
};

function buildCore(routes: readonly Route[]): BenchRouter {
  const compilation = compile([{ path: "bench.yaml", text: manifests(routes) }]);
  const { diagnostics, plan, table } = compilation;
  if (hasError(diagnostics)) throw new Error(`it does not compile: ${diagnostics[0]?.title}`);
  const exports = instantiate(new WebAssembly.Module(coreWasm()));
  const code = loadTable(exports, table);
  if (code !== LOAD_OK) throw new Error(`the core refuses the table: ${code}`);
  const { decide } = createCore(exports, readFacts(table).names);
  const indexes = plan.origins.rules.map(({ ruleName }) => Number(ruleName?.slice(6)));
  return {
    match: decide,
    indexIn: (answer) => {
      const { rule } = answer as ReturnType<typeof decide>;
      return rule === NONE ? -1 : indexes[rule] ?? -1;
    },
  };
}

/** One router for each host. */
function hostMap<T>(
  routes: readonly Route[], build: (indexes: readonly number[]) => T,
): ReadonlyMap<string, T> {
  return new Map([...byHost(routes)].map(([host, indexes]) => [host, build(indexes)]));
}

interface Maps {
  readonly exact: ReadonlyMap<string, number>;
  readonly prefix: ReadonlyMap<string, number>;
}

/** What one writes by hand: two maps a host, longest prefix first, segment by segment. */
function buildMaps(routes: readonly Route[]): BenchRouter {
  if (routes.some(({ kind }) => kind === "pattern")) throw new Error("maps have no parameters");
  const pick = (indexes: readonly number[], kind: Route["kind"]): ReadonlyMap<string, number> =>
    new Map(indexes.filter((i) => routes[i]?.kind === kind).map((i) => [routes[i]?.path ?? "", i]));
  const hosts = hostMap(routes, (indexes): Maps =>
    ({ exact: pick(indexes, "exact"), prefix: pick(indexes, "prefix") }));
  const match = ({ authority, target }: RequestParts): number => {
    const host = hosts.get(authority);
    if (host === undefined) return -1;
    const exact = host.exact.get(target);
    if (exact !== undefined) return exact;
    for (let end = target.length; end > 0; end = target.lastIndexOf("/", end - 1)) {
      const found = host.prefix.get(target.slice(0, end));
      if (found !== undefined) return found;
    }
    return -1;
  };
  return { match, indexIn: (answer) => answer as number };
}

interface HonoRouter {
  add(method: string, path: string, handler: number): void;
  match(method: string, path: string): HonoAnswer;
}

type HonoAnswer = readonly [readonly (readonly [number, unknown])[], ...unknown[]];

function buildHono(routes: readonly Route[], create: () => HonoRouter): BenchRouter {
  const hosts = hostMap(routes, (indexes) => {
    const router = create();
    for (const index of indexes) {
      const { kind = "exact", path = "", method = "ALL" } = routes[index] ?? {};
      // hono's "/a/*" takes in "/a" too.
      router.add(method, kind === "prefix" ? `${path}/*` : colons(path), index);
    }
    // The first match builds what it looks things up in.
    router.match("GET", "/");
    return router;
  });
  return {
    match: ({ authority, target, method }) => hosts.get(authority)?.match(method, target),
    indexIn: (answer) => (answer as HonoAnswer)[0][0]?.[0] ?? -1,
  };
}

/**
 * It refuses "/gists/{gist}" beside "/gists/public", so that paths without parameters stand in maps
 * of their own where there are both.
 */
function buildHonoRegExp(routes: readonly Route[]): BenchRouter {
  if (!routes.some(({ kind }) => kind === "pattern")) {
    return buildHono(routes, () => new RegExpRouter<number>());
  }
  const hosts = hostMap(routes, (indexes) => {
    const router = new RegExpRouter<number>();
    const paths = new Map<string, Map<string, number>>();
    for (const index of indexes) {
      const { kind, method = "GET", path = "" } = routes[index] ?? {};
      if (kind === "pattern") router.add(method, colons(path), index);
      else paths.set(method, (paths.get(method) ?? new Map<string, number>()).set(path, index));
    }
    router.match("GET", "/");
    return { router, paths };
  });
  return {
    match: ({ authority, target, method }) => {
      const host = hosts.get(authority);
      return host && (host.paths.get(method)?.get(target) ?? host.router.match(method, target));
    },
    indexIn: (answer) => (typeof answer === "number" ? answer
      : (answer as HonoAnswer)[0][0]?.[0] ?? -1),
  };
}

/** `/users/{user}` as most routers write it. */
function colons(path: string): string {
  return path.replace(/\{(\w+)\}/g, ":$1");
}

function buildFindMyWay(routes: readonly Route[]): BenchRouter {
  const hosts = hostMap(routes, (indexes) => {
    const router = findMyWay({ caseSensitive: true });
    for (const index of indexes) {
      const { kind = "exact", path = "", method = "GET" } = routes[index] ?? {};
      const add = (pattern: string): void =>
        router.on(method as "GET", pattern, () => undefined, { index });
      add(colons(path));
      if (kind === "prefix") add(`${path}/*`);
    }
    return router;
  });
  type Answer = { readonly store: { readonly index: number } } | null | undefined;
  return {
    match: ({ authority, target, method }) => hosts.get(authority)?.find(method as "GET", target),
    indexIn: (answer) => (answer as Answer)?.store.index ?? -1,
  };
}

function buildRou3(routes: readonly Route[]): BenchRouter {
  const hosts = hostMap(routes, (indexes) => {
    const router = createRouter<number>();
    for (const index of indexes) {
      const { kind = "exact", path = "", method = "" } = routes[index] ?? {};
      // rou3's "/a/**" takes in "/a" too.
      addRoute(router, method, kind === "prefix" ? `${path}/**` : colons(path), index);
    }
    return router;
  });
  return {
    match: ({ authority, target, method }) => {
      const router = hosts.get(authority);
      return router && findRoute(router, method, target);
    },
    indexIn: (answer) => (answer as { readonly data: number } | undefined)?.data ?? -1,
  };
}

/** One pattern after the other: the platform has nothing better for many. */
function buildUrlPattern(routes: readonly Route[]): BenchRouter {
  const hosts = hostMap(routes, (indexes) => indexes.map((index) => {
    const { kind = "exact", path = "", method } = routes[index] ?? {};
    const pathname = kind === "prefix" ? `${path}{/*}?` : colons(path);
    return { index, method, pattern: new URLPattern({ pathname }) };
  }));
  return {
    match: ({ authority, target, method }) => {
      const pathname = target;
      for (const route of hosts.get(authority) ?? []) {
        if (route.method !== undefined && route.method !== method) continue;
        if (route.pattern.test({ pathname })) return route.index;
      }
      return -1;
    },
    indexIn: (answer) => answer as number,
  };
}
