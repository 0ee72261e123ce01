// What is done to a request, and when. The filter runs before Istio's authorization, so that this
// looks at the route that is taken. Whatever the filter changed of the request by then, a policy
// would judge instead of what the client sent: a rewrite would lead around a rule on paths. Under
// Istio the filter therefore only names cluster and policy, and header edits and rewrites are
// Envoy's router's to do, behind all filters. Equal changes are one policy.

import {
  noEdits, noPolicy, type Forward, type HeaderEdits, type PathMatch, type RequestChange,
  type RouteMatch, type Rule, type WeightedBackend,
} from "../../ir.ts";

/** The same matches with rules that leave the request as it came. */
export function changesAfterwards(): (match: RouteMatch) => RouteMatch {
  // A rule stays one object for all matches that change the request in the same way.
  const known = new Map<Rule, Map<string, Rule>>();
  return (match) => {
    const { rule } = match;
    if (rule.action.kind !== "forward" || !changes(rule.action)) return match;
    const key = JSON.stringify(match.path);
    const rules = known.get(rule) ?? new Map<string, Rule>();
    known.set(rule, rules);
    const moved = rules.get(key) ?? { ...rule, action: moveChanges(rule.action, match.path) };
    rules.set(key, moved);
    return { ...match, rule: moved };
  };
}

function changes({ requestHeaders, rewrite, backends }: Forward): boolean {
  return [{ requestHeaders, rewrite }, ...backends].some((part) =>
    part.rewrite !== undefined || isEdit(part.requestHeaders));
}

function isEdit({ set, add, remove }: HeaderEdits): boolean {
  return set.length + add.length + remove.length > 0;
}

function moveChanges(forward: Forward, match: PathMatch): Forward {
  const { rewrite: _, ...rest } = forward;
  return {
    ...rest,
    requestHeaders: kept(forward.requestHeaders),
    backends: forward.backends.map((backend): WeightedBackend => {
      const { rewrite: _own, policy, ...others } = backend;
      const { responseHeaders, mirrors } = noPolicy;
      const request = changeOf(forward, backend, match);
      return {
        ...others,
        requestHeaders: kept(backend.requestHeaders),
        policy: { responseHeaders, mirrors, ...policy, request },
      };
    }),
  };
}

function changeOf(forward: Forward, backend: WeightedBackend, match: PathMatch): RequestChange {
  const { hostname, path } = { ...forward.rewrite, ...backend.rewrite };
  return {
    headers: [forward.requestHeaders, backend.requestHeaders].map(moved).filter(isEdit),
    ...(hostname !== undefined && { hostname }),
    ...(path && { path: { match, rewrite: path } }),
  };
}

// Envoy refuses a whole configuration that has a route change one of these, and so they stay with
// the filter.
const routersOwn = /^(:|host$)/;

function kept(edits: HeaderEdits): HeaderEdits {
  return chosen(edits, (name) => routersOwn.test(name));
}

function moved(edits: HeaderEdits): HeaderEdits {
  return chosen(edits, (name) => !routersOwn.test(name));
}

function chosen({ set, add, remove }: HeaderEdits, is: (name: string) => boolean): HeaderEdits {
  const named = ({ name }: { readonly name: string }): boolean => is(name);
  const edits = { set: set.filter(named), add: add.filter(named), remove: remove.filter(is) };
  return isEdit(edits) ? edits : noEdits;
}
