// The one entry: from a request to a verdict. `run` is a state machine that stops where it needs a
// value an adapter has not given yet, so that an adapter fetches only what decides.

import {
  BACKEND_EDITS, BACKEND_SIZE, BACKEND_TARGET, MATCH_RULE, MATCH_SIZE, NONE, PATH_FIRST_MATCH,
  PATH_LEN_KIND, PATH_SIZE, REDIRECT_SIZE, REDIRECT_STATUS, RULE_EDITS, RULE_SIZE, RULE_TARGET,
  SECTION_BACKENDS, SECTION_MATCHES, SECTION_PATHS, SECTION_REDIRECTS, SECTION_RULES,
  SECTION_VIRTUAL_HOSTS, SLOT_AUTHORITY, SLOT_PATH, TARGET_CLUSTER, TARGET_REDIRECT, TARGET_SHIFT,
  TARGET_SPLIT, TARGET_VALUE, VERDICT_BACKEND, VERDICT_BACKEND_EDITS, VERDICT_CLUSTER,
  VERDICT_FORWARD, VERDICT_KIND, VERDICT_MATCH, VERDICT_NO_MATCH, VERDICT_REDIRECT,
  VERDICT_RESPOND, VERDICT_RULE, VERDICT_RULE_EDITS, VERDICT_STATUS, VERDICT_TEXT_LEN,
  VERDICT_TEXT_PTR, VIRTUAL_HOST_EXACT, VIRTUAL_HOST_NEXT, VIRTUAL_HOST_PREFIXES,
  VIRTUAL_HOST_SIZE,
} from "./format";
import { findHost, hostMatters } from "./host";
import { output, verdict } from "./memory";
import { depth, findExact, findPrefix, ignorePath, splitPath } from "./path";
import { HOLDS, holds } from "./predicate";
import { location } from "./redirect";
import { forget, known } from "./slots";
import { pick } from "./split";
import { section, slotCount } from "./table";

const STAGE_HOST: u32 = 0;
const STAGE_PATH: u32 = 1;
const STAGE_CANDIDATES: u32 = 2;
const STAGE_CONCLUDE: u32 = 3;

let stage: u32 = 0;
let gatewayPort: u32 = 0;
let virtualHost: u32 = 0;
/** The next probe: depth + 1 is the exact path, n the prefix of n segments, −1 none is left. */
let probeNext: i32 = 0;
let pathRecord: u32 = 0;
let candidate: u32 = 0;
let candidateEnd: u32 = 0;

/** Begins a request that came in on `port` (index into GATEWAY_PORTS). */
export function start(port: u32): void {
  forget(slotCount());
  gatewayPort = port;
  stage = STAGE_HOST;
}

/** VERDICT_* where it is decided, else −(slot + 1) of the value it needs. */
export function run(): i32 {
  if (stage == STAGE_HOST) {
    if (hostMatters(gatewayPort) && !known(SLOT_AUTHORITY)) return want(SLOT_AUTHORITY);
    virtualHost = findHost(gatewayPort);
    if (virtualHost == NONE) return noMatch();
    stage = STAGE_PATH;
  }
  if (stage == STAGE_PATH) {
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
  const host = section(SECTION_VIRTUAL_HOSTS) + virtualHost * VIRTUAL_HOST_SIZE;
  if (load<u32>(host, VIRTUAL_HOST_EXACT) || load<u32>(host, VIRTUAL_HOST_PREFIXES) & ~1) {
    if (!known(SLOT_PATH)) return want(SLOT_PATH);
    probeNext = splitPath(virtualHost) ? <i32>depth + 1 : ignorePath(virtualHost);
  } else {
    probeNext = ignorePath(virtualHost);
  }
  candidate = 0;
  candidateEnd = 0;
  stage = STAGE_CANDIDATES;
  return 0;
}

/** Steps through the candidates in order of precedence. */
function seek(): i32 {
  while (true) {
    while (candidate < candidateEnd) {
      const result = holds(candidate);
      if (result) return result;
      candidate += 1;
    }
    if (!nextPath()) {
      const host = section(SECTION_VIRTUAL_HOSTS) + virtualHost * VIRTUAL_HOST_SIZE;
      const next = load<u32>(host, VIRTUAL_HOST_NEXT);
      if (next == NONE) return noMatch();
      virtualHost = next;
      const wanted = enter();
      if (wanted < 0) {
        stage = STAGE_PATH;
        return wanted;
      }
    }
  }
}

/** Goes on to the next path record that exists: the exact path, then ever shorter prefixes. */
function nextPath(): bool {
  const host = section(SECTION_VIRTUAL_HOSTS) + virtualHost * VIRTUAL_HOST_SIZE;
  const prefixes = load<u32>(host, VIRTUAL_HOST_PREFIXES);
  while (probeNext >= 0) {
    const at = <u32>probeNext;
    probeNext -= 1;
    if (at > depth) {
      pathRecord = load<u32>(host, VIRTUAL_HOST_EXACT) ? findExact(virtualHost) : NONE;
    } else {
      pathRecord = prefixes & (1 << (at < 31 ? at : 31)) ? findPrefix(virtualHost, at) : NONE;
    }
    if (pathRecord == NONE) continue;
    const record = section(SECTION_PATHS) + pathRecord * PATH_SIZE;
    candidate = load<u32>(record, PATH_FIRST_MATCH);
    candidateEnd = load<u32>(record, PATH_SIZE + PATH_FIRST_MATCH);
    return true;
  }
  return false;
}

/** The match is `candidate`: what follows from its rule. */
function conclude(): i32 {
  const rule = load<u32>(section(SECTION_MATCHES) + candidate * MATCH_SIZE, MATCH_RULE);
  const record = section(SECTION_RULES) + rule * RULE_SIZE;
  let target = load<u32>(record, RULE_TARGET);
  if (target >> TARGET_SHIFT == TARGET_REDIRECT) {
    return redirect(target & TARGET_VALUE, rule);
  }
  store<u32>(verdict, load<u32>(record, RULE_EDITS), VERDICT_RULE_EDITS);
  store<u32>(verdict, 0, VERDICT_BACKEND_EDITS);
  store<u32>(verdict, NONE, VERDICT_BACKEND);
  if (target >> TARGET_SHIFT == TARGET_SPLIT) {
    const backend = pick(target & TARGET_VALUE);
    const chosen = section(SECTION_BACKENDS) + backend * BACKEND_SIZE;
    target = load<u32>(chosen, BACKEND_TARGET);
    store<u32>(verdict, backend, VERDICT_BACKEND);
    store<u32>(verdict, load<u32>(chosen, BACKEND_EDITS), VERDICT_BACKEND_EDITS);
  }
  const value = target & TARGET_VALUE;
  if (target >> TARGET_SHIFT != TARGET_CLUSTER) return answer(VERDICT_RESPOND, value, rule);
  store<u32>(verdict, value, VERDICT_CLUSTER);
  return answer(VERDICT_FORWARD, 200, rule);
}

function redirect(index: u32, rule: u32): i32 {
  if (!known(SLOT_AUTHORITY)) return want(SLOT_AUTHORITY);
  if (!known(SLOT_PATH)) return want(SLOT_PATH);
  const matched = load<u32>(section(SECTION_PATHS) + pathRecord * PATH_SIZE, PATH_LEN_KIND) >> 1;
  const len = location(index, gatewayPort, matched);
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
