// A route by itself, and its matches as they were lowered last: what edits elsewhere leave alone.

import type { Diagnostic } from "../diagnostic.ts";
import type { ClusterIndex, Pin, RoutePolicy } from "../ir.ts";
import { newReport } from "../resolve/report.ts";
import type { Target } from "../resolve/resolved.ts";
import { reportGaps } from "./gaps.ts";
import type { HostlessMatch } from "./matches.ts";
import { pinOf } from "./pin.ts";
import { lowerRoute, targetsOf, type RequestRoute } from "./rules.ts";

/** What a route says, whatever else there is. */
export interface RouteFacts {
  readonly targets: ReadonlySet<Target>;
  readonly pin: Pin | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

export function makeFacts(route: RequestRoute): RouteFacts {
  const report = newReport();
  reportGaps(route, report);
  const pin = pinOf(route.resource, report);
  return { targets: new Set(targetsOf(route)), pin, diagnostics: report.diagnostics };
}

/** All that lowering a route may ask of the rest of the input. */
export interface Places {
  readonly clusterOf: (target: Target) => ClusterIndex | undefined;
  readonly hashKeyOf: (cluster: ClusterIndex) => RoutePolicy["hashKey"];
}

/** Matches, and the places that they were lowered for. */
export interface LoweredRoute {
  readonly matches: readonly HostlessMatch[];
  readonly places: ReadonlyMap<Target, string>;
}

function placeOf(target: Target, { clusterOf, hashKeyOf }: Places): string {
  const cluster = clusterOf(target);
  const key = cluster === undefined ? undefined : hashKeyOf(cluster);
  return key === undefined ? String(cluster) : `${cluster} ${JSON.stringify(key)}`;
}

/** `last` as long as every target is where it was then. */
export function lowerOnce(
  route: RequestRoute, pin: Pin | undefined, places: Places, last: LoweredRoute | undefined,
): LoweredRoute {
  if (last && [...last.places].every(([to, place]) => placeOf(to, places) === place)) return last;
  const asked = new Set<Target>();
  const { clusterOf, hashKeyOf } = places;
  const matches = lowerRoute(route, {
    clusterOf: (target) => {
      asked.add(target);
      return clusterOf(target);
    },
    hashKeyOf, pin,
  });
  return { matches, places: new Map([...asked].map((to) => [to, placeOf(to, places)])) };
}
