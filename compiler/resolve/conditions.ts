// The conditions of a route at one of its parents, whatever kind of parent that is.

import type { Condition } from "./resolved.ts";

/** What of the route itself, beside the parent, its conditions depend on. */
export interface Facets {
  readonly resolvedRefs: Condition;
  /** Beside the rules: why one is left out. */
  readonly dropped: readonly (string | undefined)[];
  /** Why the whole route cannot be accepted, whatever its parents. */
  readonly unsupported?: string;
}

/** Set only where some rules are left out and some are not, as the spec asks. */
function partiallyInvalid(dropped: Facets["dropped"]): readonly Condition[] {
  const out = dropped.flatMap((why, i) => (why === undefined ? [] : [`${i}: ${why}`]));
  if (out.length === 0 || out.length === dropped.length) return [];
  return [{ type: "PartiallyInvalid", status: "True", reason: "IncompatibleFilters",
    message: `Dropped Rule ${out.join("; ")}` }];
}

/** The parent takes the route; it is accepted unless something about itself stands against it. */
export function acceptedAs(facets: Facets): readonly [Condition, ...Condition[]] {
  const { dropped, unsupported, resolvedRefs } = facets;
  if (unsupported !== undefined) {
    return refusedAs({ reason: "UnsupportedValue", message: unsupported }, facets);
  }
  const first = dropped.find((d) => d !== undefined);
  if (first !== undefined && !dropped.includes(undefined)) {
    return refusedAs({ reason: "IncompatibleFilters", message: first }, facets);
  }
  const accepted: Condition = {
    type: "Accepted", status: "True", reason: "Accepted", message: "the route is attached",
  };
  return [accepted, resolvedRefs, ...partiallyInvalid(dropped)];
}

export function refusedAs(
  { reason, message }: Pick<Condition, "reason" | "message">, { resolvedRefs }: Facets,
): readonly [Condition, ...Condition[]] {
  return [{ type: "Accepted", status: "False", reason, message }, resolvedRefs];
}
