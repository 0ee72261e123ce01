// From events to lines: what is shown, when, and in which words.

import { expect, test } from "vitest";

import type { Cluster, ClusterPolicy } from "../../compiler/ir.ts";
import { ejectionEvent } from "../../runtime/envoy/health.ts";
import type { HealthEvent, Limit } from "../../runtime/health/event.ts";
import { openLedger } from "../../runtime/health/ledger.ts";
import { eventLine } from "../../runtime/health/render.ts";
import { noThrottle, throttle, type Throttle } from "../../runtime/health/throttle.ts";
import { clusterViews, isWatched, learn, nothingKnown } from "../../runtime/health/view.ts";
import { cluster as clusterWith } from "../edge/world.ts";

const overflow = (count: number, limit: Limit = "pending", cluster = "c"): HealthEvent =>
  ({ kind: "overflowed", cluster, limit, count, at: 0 });
const ejected = (endpoint: string): HealthEvent => ({
  kind: "ejected", cluster: "c", endpoint, at: 10_000, until: 40_000,
  cause: { kind: "consecutive5xxErrors", count: 5 },
});

/** The counts shown at each look, a second apart unless told otherwise. */
function counts(looks: readonly (readonly HealthEvent[])[], everyMs = 1000): number[][] {
  let state: Throttle = noThrottle;
  return looks.map((events, i) => {
    const shown = throttle(state, events, i * everyMs);
    state = shown.throttle;
    return shown.events.map((event) => (event.kind === "overflowed" ? event.count : -1));
  });
}

test("an overflow shows at once, what follows is summed up after 1, 2, 4 … 30 seconds", () => {
  const looks = counts(Array.from({ length: 101 }, () => [overflow(1000)]));
  const shownAt = looks.flatMap((shown, second) => (shown.length > 0 ? [second] : []));
  expect(shownAt).toEqual([0, 1, 3, 7, 15, 31, 61, 91]);
  expect(looks.flat().slice(0, 4)).toEqual([1000, 1000, 2000, 4000]);
});

test("nothing that overflowed is lost, and quiet makes the next one show at once", () => {
  const looks = counts([[overflow(5)], [], [], [overflow(7)], [overflow(1)], [], [overflow(2)]]);
  expect(looks).toEqual([[5], [], [], [7], [1], [], [2]]);
  const halves = counts([[overflow(1)], [overflow(2)], [overflow(3)], []], 500);
  expect(halves).toEqual([[1], [], [5], []]);
});

test("limits and clusters are throttled each by itself", () => {
  const looks = counts([[overflow(1)], [overflow(2, "retries"), overflow(3, "pending", "d")]], 10);
  expect(looks).toEqual([[1], [2, 3]]);
});

test("of many ejections at once ten show, and how many more there were", () => {
  const events = Array.from({ length: 25 }, (_, i) => ejected(`10.0.0.${i}:80`));
  const shown = throttle(noThrottle, events, 0);
  expect([shown.events.length, shown.omitted]).toEqual([10, 15]);
});

test("a ledger sums overflows up and keeps the latest thousand ejections", () => {
  const { note, take } = openLedger();
  for (let i = 0; i < 1500; i += 1) note(ejected(`10.0.0.1:${i}`));
  for (let i = 0; i < 1500; i += 1) note(overflow(1));
  note(overflow(2, "retries"));
  const taken = take();
  expect(taken.length).toBe(1002);
  expect(taken[0]).toMatchObject({ endpoint: "10.0.0.1:500" });
  expect(taken.slice(1000)).toEqual([overflow(1500), overflow(2, "retries")]);
  expect(take()).toEqual([]);
});

const policy: ClusterPolicy = {
  maxConnections: 100, http1MaxPendingRequests: 10, http2MaxRequests: 200, maxRetries: 3,
  outlierDetection: { maxEjectionPercent: 50 },
};
const known: Cluster = { ...clusterWith("app", [], policy), subset: "v1" };
const lineOf = (event: HealthEvent, about: Cluster | undefined = known): string =>
  eventLine(event, about, (ms) => `${ms / 1000} s`);

test.each<readonly [HealthEvent, string]>([
  [ejected("10.0.0.1:80"), "10.0.0.1:80 is ejected: 5 consecutive 5xx, until 40 s"],
  [{ ...ejected("10.0.0.1:80"), until: undefined, cause: { kind: "other", name: "SUCCESS_RATE" } },
    "10.0.0.1:80 is ejected: success rate"],
  [{ kind: "returned", cluster: "c", endpoint: "10.0.0.1:80", at: 10_000 },
    "10.0.0.1:80 takes requests again"],
  [overflow(1234), "1,234 requests refused, too many wait (http1MaxPendingRequests: 10)"],
  [overflow(1, "requests"),
    "1 request refused, too many are under way (http2MaxRequests: 200)"],
  [overflow(2, "connections"), "2 times no connection was free (maxConnections: 100)"],
  [overflow(1, "retries"), "1 retry left out, too many are under way (maxRetries: 3)"],
  [overflow(5, "ejections"),
    "5 ejections left out, too many endpoints are out (maxEjectionPercent: 50)"],
] as readonly (readonly [HealthEvent, string])[])("the words for %j", (event, text) => {
  expect(lineOf(event).replace(/^\d+ s {2}/, ""))
    .toBe(`Service test/app:80 subset v1: ${text}`);
});

test("a cluster that the routes no longer know keeps its own name", () => {
  expect(eventLine(overflow(1), undefined, () => "now"))
    .toBe("now  c: 1 request refused, too many wait (http1MaxPendingRequests)");
});

test("a view joins what is seen with what events told", () => {
  const { name } = known;
  const told = learn(learn(nothingKnown, [{ ...ejected("10.0.0.1:80"), cluster: name }]), [
    { ...overflow(3), cluster: name }, { ...ejected("10.0.0.1:80"), cluster: name },
    { ...overflow(4), cluster: name },
  ]);
  const endpoints = [
    { endpoint: "10.0.0.1:80", isEjected: true, active: 2 },
    { endpoint: "10.0.0.2:80", isEjected: false },
  ];
  expect(clusterViews([known], [{ cluster: name, endpoints, active: 2, waiting: 0 }], told))
    .toEqual([{
      name, service: "test/app:80", subset: "v1", active: 2, waiting: 0, overflows: { pending: 7 },
      endpoints: [
        { address: "10.0.0.1:80", state: "ejected", active: 2, ejections: 2,
          cause: "5 consecutive 5xx", since: "1970-01-01T00:00:10.000Z",
          until: "1970-01-01T00:00:40.000Z" },
        { address: "10.0.0.2:80", state: "healthy", ejections: 0 },
      ],
    }]);
});

test("who has no limit and no detection need not be watched", () => {
  expect(isWatched(clusterWith("plain", [], { loadBalancer: "RANDOM" }))).toBe(false);
  expect(isWatched(known)).toBe(true);
});

// --- Envoy's log ---------------------------------------------------------------------------------

const logged = (action: string, seconds: number, more: object = {}): string => JSON.stringify({
  type: "CONSECUTIVE_5XX", cluster_name: known.name, upstream_url: "10.0.0.1:80", action,
  num_ejections: 1, enforced: true, timestamp: new Date(seconds * 1000).toISOString(), ...more,
});

test("Envoy's ejections last longer each time, as Envoy counts them", () => {
  const detection = { consecutive5xxErrors: 7, baseEjectionTimeMs: 30_000, intervalMs: 10_000 };
  const clusters = [{ ...known, policy: { outlierDetection: detection } }];
  const state = new Map();
  const told = [
    logged("EJECT", 0), logged("UNEJECT", 30), logged("EJECT", 35, { num_ejections: 2 }),
    logged("UNEJECT", 95), logged("EJECT", 106, { num_ejections: 3 }),
    logged("EJECT", 110, { num_ejections: 1 }),
  ].flatMap((line) => ejectionEvent(line, { clusters }, state));
  expect(told.map((event) => event.kind === "ejected" && [event.cause, event.until])).toEqual([
    [{ kind: "consecutive5xxErrors", count: 7 }, 30_000], false,
    [{ kind: "consecutive5xxErrors", count: 7 }, 95_000], false,
    [{ kind: "consecutive5xxErrors", count: 7 }, 166_000],
    [{ kind: "consecutive5xxErrors", count: 7 }, 140_000],
  ]);
});

test("what Envoy did not carry out, or did not write whole, is no event", () => {
  const ir = { clusters: [known] };
  expect(ejectionEvent(logged("EJECT", 0, { enforced: false }), ir, new Map())).toEqual([]);
  expect(ejectionEvent(logged("EJECT", 0).slice(0, 30), ir, new Map())).toEqual([]);
  expect(ejectionEvent("", ir, new Map())).toEqual([]);
});
