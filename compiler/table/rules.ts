// Rules, splits, backends, redirects and what is done to a request on its way: the part of the plan
// behind a match.

import {
  EDIT_ADD, EDIT_REMOVE, EDIT_SET, PIN_COOKIE, PIN_HEADER, PIN_NONE, REDIRECT_SCHEME_HTTP,
  REDIRECT_SCHEME_HTTPS, REDIRECT_SCHEME_SAME, REPLACE_FULL_PATH, REPLACE_NOTHING, REPLACE_PREFIX,
  TARGET_CLUSTER, TARGET_REDIRECT, TARGET_SHIFT, TARGET_SPLIT, TARGET_STATUS,
} from "../../filters/core/format.ts";
import {
  noPolicy, type Forward, type HeaderEdits, type PathRewrite, type Pin, type Redirect,
  type RoutePolicy, type Rule, type WeightedBackend,
} from "../ir.ts";
import { invalidBackendStatus } from "../reference.ts";
import { actionIndex, editsIndex, nameIndex, policyIndex, type Draft } from "./draft.ts";
import type { PlannedEdit } from "./planned.ts";

export function planRule(draft: Draft, rule: Rule): number {
  const known = draft.ruleIndexes.get(rule);
  if (known !== undefined) return known;
  const index = draft.rules.length;
  draft.ruleIndexes.set(rule, index);
  draft.origins.rules.push(rule);
  draft.rules.push(rule.action.kind === "redirect"
    ? { target: target(TARGET_REDIRECT, planRedirect(draft, rule.action)), action: 0 }
    : planForward(draft, rule.action, invalidBackendStatus(rule)));
  return index;
}

function target(kind: number, value: number): number {
  return ((kind << TARGET_SHIFT) | value) >>> 0;
}

function planForward(
  draft: Draft, forward: Forward, invalid: number,
): { target: number; action: number } {
  const [only, second] = forward.backends;
  // "If there are no entries in BackendRefs … the HTTP status code is 500"; so for weights of 0.
  if (!only) return { target: target(TARGET_STATUS, invalid), action: 0 };
  if (!second) {
    return { target: backendTarget(only, invalid), action: planAction(draft, forward, only) };
  }
  const firstBackend = draft.backends.length;
  let totalWeight = 0;
  for (const backend of forward.backends) {
    totalWeight += backend.weight;
    draft.origins.backends.push(backend);
    draft.backends.push({
      target: backendTarget(backend, invalid), weight: backend.weight,
      action: planAction(draft, forward, backend),
    });
  }
  const pin = planPin(draft, forward.pin);
  const split = draft.splits.push({ firstBackend, totalWeight, ...pin }) - 1;
  return { target: target(TARGET_SPLIT, split), action: 0 };
}

function planPin(
  draft: Draft, pin: Pin | undefined,
): { readonly pin: number; readonly pinName: number; readonly cookie: string } {
  if (!pin) return { pin: PIN_NONE, pinName: 0, cookie: "" };
  return pin.kind === "header"
    ? { pin: PIN_HEADER, pinName: nameIndex(draft, pin.name), cookie: "" }
    : { pin: PIN_COOKIE, pinName: nameIndex(draft, "cookie"), cookie: pin.name };
}

function backendTarget(backend: WeightedBackend, invalid: number): number {
  return backend.cluster === undefined
    ? target(TARGET_STATUS, invalid) : target(TARGET_CLUSTER, backend.cluster);
}

/** The rule's filters and those of the backend, as one. */
function planAction(draft: Draft, forward: Forward, backend: WeightedBackend): number {
  // Nothing is forwarded to an invalid backend, so nothing is done to the request either.
  if (backend.cluster === undefined) return 0;
  const rewrite = { ...forward.rewrite, ...backend.rewrite };
  return actionIndex(draft, {
    edits: editsIndex(draft, [forward, backend].flatMap((f) => editsOf(f.requestHeaders))),
    policy: policyIndex(draft, policyOf(forward, backend)),
    host: rewrite.hostname ?? "", ...replacementOf(rewrite.path),
  });
}

function editsOf({ set, add, remove }: HeaderEdits): readonly PlannedEdit[] {
  return [
    ...set.map(({ name, value }) => ({ kind: EDIT_SET, name, value })),
    ...add.map(({ name, value }) => ({ kind: EDIT_ADD, name, value })),
    ...remove.map((name) => ({ kind: EDIT_REMOVE, name, value: "" })),
  ];
}

export function policyOf(forward: Forward, backend: WeightedBackend): RoutePolicy {
  const base = forward.policy ?? noPolicy;
  const own = backend.policy;
  if (!own) return base;
  return {
    ...base,
    responseHeaders: joinEdits(base.responseHeaders, own.responseHeaders),
    mirrors: [...base.mirrors, ...own.mirrors],
    ...(own.hashKey && { hashKey: own.hashKey }),
    ...(own.request && { request: own.request }),
  };
}

/** Rule's edits, then the backend's: what the backend says of a header counts. */
function joinEdits(rule: HeaderEdits, backend: HeaderEdits): HeaderEdits {
  const later = new Set([...backend.set.map((e) => e.name), ...backend.remove]);
  const kept = <T extends { readonly name: string }>(edits: readonly T[]): readonly T[] =>
    edits.filter((e) => !later.has(e.name));
  return {
    set: [...kept(rule.set), ...backend.set],
    add: [...kept(rule.add), ...backend.add],
    remove: [...rule.remove.filter((name) => !later.has(name)
      && !backend.add.some((e) => e.name === name)), ...backend.remove],
  };
}

function replacementOf(
  path: PathRewrite | undefined,
): { readonly replace: number; readonly replacement: string } {
  if (!path) return { replace: REPLACE_NOTHING, replacement: "" };
  const replace = path.kind === "full" ? REPLACE_FULL_PATH : REPLACE_PREFIX;
  return { replace, replacement: path.value };
}

function planRedirect(draft: Draft, redirect: Redirect): number {
  const scheme = redirect.scheme === undefined ? REDIRECT_SCHEME_SAME
    : redirect.scheme === "https" ? REDIRECT_SCHEME_HTTPS : REDIRECT_SCHEME_HTTP;
  return draft.redirects.push({
    status: redirect.statusCode, scheme, host: redirect.hostname ?? "",
    port: redirect.port ?? 0, ...replacementOf(redirect.path),
  }) - 1;
}
