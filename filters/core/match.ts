// The one entry: from a request to a verdict. `run` is a state machine that stops where it needs a
// value an adapter has not given yet, so that an adapter fetches only what decides.

import { closeAll, nextByRank, openRecord } from "./candidates";
import { hasExpressions, openExpressions } from "./expression";
import {
  ABSENT, ACTION_EDITS, ACTION_HOST_LEN, ACTION_HOST_OFF, ACTION_POLICY, ACTION_REPLACE,
  ACTION_SIZE, BACKEND_ACTION, BACKEND_SIZE, BACKEND_TARGET, LEFT, MATCH_RULE, MATCH_SIZE, NONE,
  PATH_LEN_KIND, PATH_LEN_SHIFT, PATH_SIZE, REDIRECT_SIZE, REDIRECT_STATUS, REPLACE_NOTHING,
  RULE_ACTION, RULE_SIZE, RULE_TARGET, SECTION_ACTIONS, SECTION_BACKENDS, SECTION_REDIRECTS,
  SECTION_RULES, SLOT_AUTHORITY, SLOT_PATH, TARGET_CLUSTER, TARGET_REDIRECT, TARGET_SHIFT,
  TARGET_SPLIT, TARGET_VALUE, VERDICT_BACKEND, VERDICT_CLUSTER, VERDICT_EDITS, VERDICT_FORWARD,
  VERDICT_HOST_LEN, VERDICT_HOST_PTR, VERDICT_KIND, VERDICT_LEAVE, VERDICT_MATCH, VERDICT_NO_MATCH,
  VERDICT_POLICY, VERDICT_REDIRECT, VERDICT_RESPOND, VERDICT_RULE, VERDICT_STATUS,
  VERDICT_TEXT_LEN, VERDICT_TEXT_PTR, VIRTUAL_HOST_EXACT, VIRTUAL_HOST_NEXT,
  VIRTUAL_HOST_PREFIXES, VIRTUAL_HOST_SIZE,
} from "./format";
import { findHost, hostMatters } from "./host";
import { output, verdict } from "./memory";
import { depth, findExact, findPrefix, ignorePath, splitPath } from "./path";
import { HOLDS, holds } from "./predicate";
import { forget, known } from "./slots";
import { neededFor, pick, rewritesPath } from "./split";
import { matches, paths, section, text, virtualHosts } from "./table";
import { location, rewrittenTarget } from "./target";

const STAGE_HOST: u32 = 0;
const STAGE_PATH: u32 = 1;
const STAGE_CANDIDATES: u32 = 2;
const STAGE_CONCLUDE: u32 = 3;

// Where in a virtual host the next candidates come from, in order of precedence.
const PROBE_EXACT: u32 = 0;
const PROBE_EXPRESSIONS: u32 = 1;
const PROBE_PREFIXES: u32 = 2;

let stage: u32 = 0;
let gatewayPort: u32 = 0;
let virtualHost: u32 = 0;
/** The virtual host that the host name led to, or NONE; others may have followed it. */
let entry: u32 = NONE;
let probe: u32 = 0;
/** Segments of the next prefix to look for; −1: none is left. */
let prefixNext: i32 = 0;
/** A record that was found and is to be opened. */
let pending: u32 = NONE;
/** Length of the prefix that the candidate matched, without a trailing slash. */
let matchedLength: u32 = 0;
/** The match being judged, and whether it still is. */
let candidate: u32 = 0;
let judging: bool = false;

/** Begins a request that came in on `port` (index into GATEWAY_PORTS). */
export function start(port: u32): void {
  forget();
  gatewayPort = port;
  stage = STAGE_HOST;
}

/** After `start`: port and authority are those of the last request that was decided. */
export function sameHost(): void {
  virtualHost = entry;
  stage = STAGE_PATH;
}

/** The virtual host's record of the last request that was decided, 0 where it had none. */
export function lastHost(): usize {
  return entry == NONE ? 0 : virtualHosts + entry * VIRTUAL_HOST_SIZE;
}

/** VERDICT_* where it is decided, else −(slot + 1) of the value it needs. */
export function run(): i32 {
  if (stage == STAGE_HOST) {
    if (hostMatters(gatewayPort) && !known(SLOT_AUTHORITY)) return want(SLOT_AUTHORITY);
    entry = findHost(gatewayPort);
    virtualHost = entry;
    stage = STAGE_PATH;
  }
  if (stage == STAGE_PATH) {
    if (virtualHost == NONE) return noMatch();
    const wanted = enter();
    if (wanted < 0) return wanted;
  }
  if (stage == STAGE_CANDIDATES) {
    const result = seek();
    if (result != HOLDS) return result;
    stage = STAGE_CONCLUDE;
  }
  return conclude();
}

// @ts-ignore: decorator
@inline
function want(slot: u32): i32 {
  return -(<i32>slot + 1);
}

function noMatch(): i32 {
  return answer(VERDICT_NO_MATCH, 404, NONE);
}

/** Reads the path for the virtual host at hand, unless no path can make a difference there. */
function enter(): i32 {
  const host = virtualHosts + virtualHost * VIRTUAL_HOST_SIZE;
  const expressions = hasExpressions(virtualHost);
  probe = PROBE_PREFIXES;
  if (expressions || load<u32>(host, VIRTUAL_HOST_EXACT)
    || load<u32>(host, VIRTUAL_HOST_PREFIXES) & ~1) {
    if (!known(SLOT_PATH)) return want(SLOT_PATH);
    if (splitPath(virtualHost, host, expressions)) {
      probe = PROBE_EXACT;
      prefixNext = <i32>depth;
    } else {
      prefixNext = ignorePath(virtualHost);
    }
  } else {
    prefixNext = ignorePath(virtualHost);
  }
  closeAll();
  pending = NONE;
  judging = false;
  stage = STAGE_CANDIDATES;
  return 0;
}

/** Steps through the candidates in order of precedence. */
function seek(): i32 {
  while (true) {
    if (judging) {
      const result = holds(candidate);
      if (result) return result;
    }
    candidate = nextByRank();
    judging = candidate != NONE;
    if (judging) continue;
    const opened = openNext();
    if (opened < 0) return opened;
    if (opened) continue;
    const host = virtualHosts + virtualHost * VIRTUAL_HOST_SIZE;
    const next = load<u32>(host, VIRTUAL_HOST_NEXT);
    if (next == NONE) return noMatch();
    if (next == LEFT) return answer(VERDICT_LEAVE, 404, NONE);
    virtualHost = next;
    const wanted = enter();
    if (wanted < 0) {
      stage = STAGE_PATH;
      return wanted;
    }
  }
}

/** Opens what comes next in order of precedence: 1, 0 where nothing is left, or what it needs. */
function openNext(): i32 {
  closeAll();
  if (pending == NONE) {
    if (probe == PROBE_EXACT) {
      probe = PROBE_EXPRESSIONS;
      const host = virtualHosts + virtualHost * VIRTUAL_HOST_SIZE;
      pending = findExact(virtualHost, load<u32>(host, VIRTUAL_HOST_EXACT));
    }
    if (pending == NONE && probe == PROBE_EXPRESSIONS) {
      probe = PROBE_PREFIXES;
      if (hasExpressions(virtualHost)) {
        matchedLength = 0;
        openExpressions(virtualHost);
        return 1;
      }
    }
    if (pending == NONE) pending = nextPrefix();
    if (pending == NONE) return 0;
  }
  const wanted = openRecord(pending);
  if (wanted < 0) return wanted;
  const record = paths + pending * PATH_SIZE;
  matchedLength = load<u32>(record, PATH_LEN_KIND) >> PATH_LEN_SHIFT;
  pending = NONE;
  return 1;
}

/** The record of the next prefix that exists, ever shorter; NONE where none is left. */
function nextPrefix(): u32 {
  const host = virtualHosts + virtualHost * VIRTUAL_HOST_SIZE;
  const prefixes = load<u32>(host, VIRTUAL_HOST_PREFIXES);
  while (prefixNext >= 0) {
    const at = <u32>prefixNext;
    prefixNext -= 1;
    if (!(prefixes & (1 << (at < 31 ? at : 31)))) continue;
    const found = findPrefix(virtualHost, at);
    if (found != NONE) return found;
  }
  return NONE;
}

/** The match is `candidate`: what follows from its rule. */
function conclude(): i32 {
  const rule = load<u32>(matches + candidate * MATCH_SIZE, MATCH_RULE);
  const record = section(SECTION_RULES) + rule * RULE_SIZE;
  const target = load<u32>(record, RULE_TARGET);
  const kind = target >> TARGET_SHIFT;
  if (kind == TARGET_REDIRECT) return redirect(target & TARGET_VALUE, rule);
  if (kind == TARGET_SPLIT) return split(target & TARGET_VALUE, rule);
  store<u32>(verdict, NONE, VERDICT_BACKEND);
  return arrive(target, load<u32>(record, RULE_ACTION), rule);
}

function split(index: u32, rule: u32): i32 {
  const slot = neededFor(index);
  if (slot != ABSENT) return want(slot);
  // Picking changes the split's state, so it waits until nothing else is wanted.
  if (rewritesPath(index) && !known(SLOT_PATH)) return want(SLOT_PATH);
  const backend = pick(index);
  const chosen = section(SECTION_BACKENDS) + backend * BACKEND_SIZE;
  store<u32>(verdict, backend, VERDICT_BACKEND);
  return arrive(load<u32>(chosen, BACKEND_TARGET), load<u32>(chosen, BACKEND_ACTION), rule);
}

// @ts-ignore: decorator
@inline
function actionAt(index: u32): usize {
  return section(SECTION_ACTIONS) + index * ACTION_SIZE;
}

/** At a cluster or a status. */
function arrive(target: u32, actionIndex: u32, rule: u32): i32 {
  const value = target & TARGET_VALUE;
  if (target >> TARGET_SHIFT != TARGET_CLUSTER) return answer(VERDICT_RESPOND, value, rule);
  const action = actionAt(actionIndex);
  let len: u32 = 0;
  if (load<u32>(action, ACTION_REPLACE) != REPLACE_NOTHING) {
    if (!known(SLOT_PATH)) return want(SLOT_PATH);
    len = rewrittenTarget(action, matchedLength);
    // 414: the new target would be longer than any Envoy would let a request be.
    if (len == 0) return answer(VERDICT_RESPOND, 414, rule);
  }
  store<u32>(verdict, output, VERDICT_TEXT_PTR);
  store<u32>(verdict, len, VERDICT_TEXT_LEN);
  store<u32>(verdict, value, VERDICT_CLUSTER);
  store<u32>(verdict, load<u32>(action, ACTION_EDITS), VERDICT_EDITS);
  store<u32>(verdict, load<u32>(action, ACTION_POLICY), VERDICT_POLICY);
  store<u32>(verdict, text(load<u32>(action, ACTION_HOST_OFF)), VERDICT_HOST_PTR);
  store<u32>(verdict, load<u32>(action, ACTION_HOST_LEN), VERDICT_HOST_LEN);
  return answer(VERDICT_FORWARD, 200, rule);
}

function redirect(index: u32, rule: u32): i32 {
  if (!known(SLOT_AUTHORITY)) return want(SLOT_AUTHORITY);
  if (!known(SLOT_PATH)) return want(SLOT_PATH);
  const len = location(index, gatewayPort, matchedLength);
  store<u32>(verdict, NONE, VERDICT_BACKEND);
  // 414: the Location would be longer than any Envoy would let the request be.
  if (len == 0) return answer(VERDICT_RESPOND, 414, rule);
  store<u32>(verdict, output, VERDICT_TEXT_PTR);
  store<u32>(verdict, len, VERDICT_TEXT_LEN);
  const record = section(SECTION_REDIRECTS) + index * REDIRECT_SIZE;
  return answer(VERDICT_REDIRECT, load<u32>(record, REDIRECT_STATUS), rule);
}

function answer(kind: i32, status: u32, rule: u32): i32 {
  store<u32>(verdict, kind, VERDICT_KIND);
  store<u32>(verdict, status, VERDICT_STATUS);
  store<u32>(verdict, rule, VERDICT_RULE);
  store<u32>(verdict, rule == NONE ? NONE : candidate, VERDICT_MATCH);
  return kind;
}
