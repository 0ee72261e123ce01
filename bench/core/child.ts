// One router in a process of its own, so that no other router's types or garbage reach it:
// `fork("child.ts")`, then Ask → Answer, one at a time.

import type { RequestParts } from "../../runtime/edge/core.ts";
import { median } from "../measure.ts";
import { builders, type BenchRouter, type RouterName } from "./routers.ts";
import {
  routesOf, targetsOf, type Position, type Route, type Shape, type Target,
} from "./workload.ts";

export type Ask =
  | {
    readonly kind: "build"; readonly router: RouterName; readonly shape: Shape;
    readonly routes: number;
  }
  | { readonly kind: "turn"; readonly position: Position; readonly cpuMs: number };

export type Answer =
  | { readonly kind: "built"; readonly ms: number }
  | { readonly kind: "figure"; readonly ns: number }
  | { readonly kind: "failed"; readonly reason: string };

/**
 * Requests between two readings of the clock: few enough that their texts stay in the cache, and
 * fewer where a router is so slow that they would be more than a turn.
 */
const batchMax = 1000;
const batchUsMax = 1000;
let batch = batchMax;

let routes: readonly Route[] = [];
let router: BenchRouter | undefined;
const urls = new Map<Position, readonly Request[]>();

function build(ask: Ask & { kind: "build" }): Answer {
  routes = routesOf(ask.shape, ask.routes);
  const startMs = performance.now();
  router = builders[ask.router](routes);
  const ms = performance.now() - startMs;
  for (const position of ["first", "middle", "last", "missing", "any"] as const) {
    const wrong = firstWrong(router, targetsOf(routes, position, 200));
    if (wrong !== undefined) return { kind: "failed", reason: wrong };
  }
  // As in a server, what is compiled for speed has seen requests of all kinds.
  for (const position of ["any", "missing", "any"] as const) {
    const ns = turn(router, position, 60);
    batch = Math.max(10, Math.min(batchMax, Math.round((batchUsMax * 1000) / ns)));
  }
  return { kind: "built", ms };
}

/** A router that answers something else is not compared. */
function firstWrong(router: BenchRouter, targets: readonly Target[]): string | undefined {
  for (const target of targets) {
    const { host, path, method, route } = target;
    const found = router.indexIn(router.match(partsOf(new Request(`http://${host}${path}`, {
      method,
    }))));
    if (found !== route) return `${method} ${host}${path} is route ${found}, not ${route}`;
  }
  return undefined;
}

/**
 * As runtime/edge/serve.ts does. The texts are new each time, as a server's are: a map can't know
 * their hashes from the last time.
 */
function partsOf({ url, method }: { readonly url: string; readonly method: string }): RequestParts {
  const start = url.indexOf("//") + 2;
  const slash = url.indexOf("/", start);
  return {
    gatewayPort: 0, authority: url.slice(start, slash), target: url.slice(slash), method,
    header: () => null,
  };
}

function requestsFor(position: Position): readonly Request[] {
  const known = urls.get(position);
  if (known !== undefined) return known;
  const made = targetsOf(routes, position, batchMax).map(({ host, path, method }) =>
    new Request(`http://${host}${path}`, { method }));
  urls.set(position, made);
  return made;
}

let sink: unknown;

/**
 * Matches until that much CPU time is spent on it; nanoseconds a match, the median of the batches
 * but for the first, which finds what other routers have left in the CPU's caches.
 */
function turn({ match }: BenchRouter, position: Position, cpuMs: number): number {
  const requests = requestsFor(position);
  const batches: number[] = [];
  let spentUs = 0;
  for (let warm = false; spentUs < cpuMs * 1000; warm = true) {
    const parts = requests.slice(0, batch).map(partsOf);
    const before = process.cpuUsage();
    for (let i = 0; i < parts.length; i += 1) sink = match(parts[i] as RequestParts);
    const { user, system } = process.cpuUsage(before);
    if (!warm) continue;
    spentUs += user + system;
    batches.push(((user + system) * 1000) / parts.length);
  }
  return median(batches);
}

/** hono quotes the regular expression that is too large, all megabytes of it. */
function short(text: string): string {
  return text.length <= 120 ? text : `${text.slice(0, 50)} … ${text.slice(-50)}`;
}

process.on("message", (ask: Ask) => {
  let answer: Answer;
  try {
    if (ask.kind === "build") answer = build(ask);
    else if (router === undefined) answer = { kind: "failed", reason: "there is no router yet" };
    else answer = { kind: "figure", ns: turn(router, ask.position, ask.cpuMs) };
  } catch (error) {
    answer = { kind: "failed", reason: short(error instanceof Error ? error.message : "thrown") };
  }
  process.send?.(answer);
});
// Nobody asks any more.
process.on("disconnect", () => process.exit(sink === process ? 1 : 0));
