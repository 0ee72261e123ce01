// Carries out a verdict: header edits and the cluster's name for Envoy's one route, or an answer.

import {
  CLUSTER_NAME_LEN, CLUSTER_NAME_OFF, CLUSTER_SIZE, EDIT_ADD, EDIT_KIND, EDIT_LIST_FIRST,
  EDIT_LIST_SIZE, EDIT_NAME_LEN, EDIT_NAME_OFF, EDIT_REMOVE, EDIT_SIZE, EDIT_VALUE_LEN,
  EDIT_VALUE_OFF, ROUTE_POLICY_NAME_LEN, ROUTE_POLICY_NAME_OFF, ROUTE_POLICY_SIZE, SECTION_CLUSTERS,
  SECTION_EDITS, SECTION_EDIT_LISTS, SECTION_ROUTE_POLICIES, VERDICT_CLUSTER, VERDICT_EDITS,
  VERDICT_FORWARD, VERDICT_HOST_LEN, VERDICT_HOST_PTR, VERDICT_LEAVE, VERDICT_NO_MATCH,
  VERDICT_POLICY, VERDICT_REDIRECT, VERDICT_STATUS, VERDICT_TEXT_LEN, VERDICT_TEXT_PTR,
} from "../core/format";
import { take, verdict } from "../core/memory";
import { section, text } from "../core/table";
import {
  ACTION_CONTINUE, ACTION_PAUSE, addHeader, MAP_REQUEST_HEADERS, removeHeader, replaceHeader,
  sendLocalResponse,
} from "./abi";
import {
  AUTHORITY, AUTHORITY_LEN, CLUSTER, CLUSTER_LEN, HEADERS_TOO_LARGE, HEADERS_TOO_LARGE_LEN,
  INVALID_BACKEND, INVALID_BACKEND_LEN, LOCATION, LOCATION_LEN, NO_ROUTE, NO_ROUTE_LEN, PATH,
  PATH_LEN, POLICY, POLICY_LEN, REDIRECT, REDIRECT_LEN,
} from "./text";

/** The ACTION_* for Envoy. */
export function apply(kind: i32): u32 {
  if (kind == VERDICT_FORWARD) return forward();
  if (kind == VERDICT_LEAVE) return ACTION_CONTINUE;
  const status = load<u32>(verdict, VERDICT_STATUS);
  if (kind == VERDICT_REDIRECT) return redirect(status);
  if (kind == VERDICT_NO_MATCH) return respond(status, NO_ROUTE, NO_ROUTE_LEN);
  return respond(status, INVALID_BACKEND, INVALID_BACKEND_LEN);
}

/** 431 (RFC 6585 §5): the headers do not fit the fixed arena. */
export function refuse(): u32 {
  return respond(431, HEADERS_TOO_LARGE, HEADERS_TOO_LARGE_LEN);
}

function respond(status: u32, details: usize, len: u32): u32 {
  sendLocalResponse(status, details, len, 0, 0, 0, 0, -1);
  return ACTION_PAUSE;
}

function forward(): u32 {
  edit(load<u32>(verdict, VERDICT_EDITS));
  const target = load<u32>(verdict, VERDICT_TEXT_LEN);
  if (target) replace(PATH, PATH_LEN, load<u32>(verdict, VERDICT_TEXT_PTR), target);
  const host = load<u32>(verdict, VERDICT_HOST_LEN);
  if (host) replace(AUTHORITY, AUTHORITY_LEN, load<u32>(verdict, VERDICT_HOST_PTR), host);
  const policy = load<u32>(verdict, VERDICT_POLICY);
  if (policy) {
    const record = section(SECTION_ROUTE_POLICIES) + policy * ROUTE_POLICY_SIZE;
    // Envoy's routes for policies match this header.
    replace(POLICY, POLICY_LEN, text(load<u32>(record, ROUTE_POLICY_NAME_OFF)),
      load<u32>(record, ROUTE_POLICY_NAME_LEN));
  }
  const cluster = section(SECTION_CLUSTERS) + load<u32>(verdict, VERDICT_CLUSTER) * CLUSTER_SIZE;
  // Overwrites whatever stands there, and makes Envoy choose its route anew.
  replace(CLUSTER, CLUSTER_LEN,
    text(load<u32>(cluster, CLUSTER_NAME_OFF)), load<u32>(cluster, CLUSTER_NAME_LEN));
  return ACTION_CONTINUE;
}

// @ts-ignore: decorator
@inline
function replace(name: usize, nameLen: u32, value: usize, len: u32): void {
  replaceHeader(MAP_REQUEST_HEADERS, name, nameLen, value, len);
}

function edit(list: u32): void {
  if (list == 0) return;
  const record = section(SECTION_EDIT_LISTS) + list * EDIT_LIST_SIZE;
  const end = load<u32>(record, EDIT_LIST_SIZE + EDIT_LIST_FIRST);
  for (let i = load<u32>(record, EDIT_LIST_FIRST); i < end; i++) {
    const at = section(SECTION_EDITS) + i * EDIT_SIZE;
    const name = text(load<u32>(at, EDIT_NAME_OFF));
    const nameLen = load<u32>(at, EDIT_NAME_LEN);
    const value = text(load<u32>(at, EDIT_VALUE_OFF));
    const valueLen = load<u32>(at, EDIT_VALUE_LEN);
    const kind = load<u32>(at, EDIT_KIND);
    if (kind == EDIT_REMOVE) removeHeader(MAP_REQUEST_HEADERS, name, nameLen);
    else if (kind == EDIT_ADD) addHeader(MAP_REQUEST_HEADERS, name, nameLen, value, valueLen);
    else replaceHeader(MAP_REQUEST_HEADERS, name, nameLen, value, valueLen);
  }
}

function redirect(status: u32): u32 {
  const len = load<u32>(verdict, VERDICT_TEXT_LEN);
  const pairs = take(4 + 8 + LOCATION_LEN + 1 + len + 1);
  if (pairs == 0) return refuse();
  store<u32>(pairs, 1);
  store<u32>(pairs, LOCATION_LEN, 4);
  store<u32>(pairs, len, 8);
  const key = pairs + 12;
  memory.copy(key, LOCATION, LOCATION_LEN);
  store<u8>(key + LOCATION_LEN, 0);
  const value = key + LOCATION_LEN + 1;
  memory.copy(value, load<u32>(verdict, VERDICT_TEXT_PTR), len);
  store<u8>(value + len, 0);
  const size = <u32>(value + len + 1 - pairs);
  sendLocalResponse(status, REDIRECT, REDIRECT_LEN, 0, 0, pairs, size, -1);
  return ACTION_PAUSE;
}
