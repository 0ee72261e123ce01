// Refuses a table that could mislead the matcher. After `verify` has said LOAD_OK, every reference
// stays inside the table and every loop over it ends, whatever the request. Each check runs once,
// at start; the matcher itself checks nothing.

import { verifyAutomaton } from "./automaton";
import {
  ACTION_EDITS, ACTION_HOST_OFF, ACTION_POLICY, ACTION_REPLACE, ACTION_REPLACE_OFF, ACTION_SIZE,
  AUTOMATON_LEN, AUTOMATON_OFF, AUTOMATON_PATTERNS, AUTOMATON_SIZE, BACKEND_ACTION, BACKEND_SIZE,
  BACKEND_TARGET, BACKEND_WEIGHT, CLUSTER_SIZE, CONDITION_HEADER_EXACT, CONDITION_HEADER_REGEX,
  CONDITION_KIND, CONDITION_NAME, CONDITION_QUERY_EXACT, CONDITION_QUERY_REGEX,
  CONDITION_SEGMENT_REGEX, CONDITION_SIZE, CONDITION_VALUE, DISCRIMINATOR_END, DISCRIMINATOR_KIND,
  DISCRIMINATOR_NAME, DISCRIMINATOR_PATH, DISCRIMINATOR_SIZE, EDIT_ADD, EDIT_KIND, EDIT_LIST_SIZE,
  EDIT_NAME_OFF, EDIT_REMOVE, EDIT_SET, EDIT_SIZE, EDIT_VALUE_OFF, EXPRESSION_AUTOMATON,
  EXPRESSION_FIRST_PATH, EXPRESSION_SIZE, GATEWAY_PORT_PORT, GATEWAY_PORT_SIZE, HASH_SLOT_INDEX,
  HASH_SLOT_SIZE, HEADER_CHECKED, HEADER_CHECKSUM, HEADER_CURSORS, HEADER_LENGTH, HEADER_MAGIC,
  HEADER_SIZE, HEADER_STATE_LENGTH, HEADER_VERSION, LEFT, LOAD_BAD_AUTOMATON, LOAD_BAD_CHECKSUM,
  LOAD_BAD_HASH_TABLE, LOAD_BAD_LENGTH, LOAD_BAD_MAGIC, LOAD_BAD_REFERENCE, LOAD_BAD_SECTION,
  LOAD_BAD_STATE, LOAD_BAD_VERSION, LOAD_OK, LOAD_TOO_SHORT, MAGIC, MATCH_FIRST_CONDITION,
  MATCH_METHOD, MATCH_RULE, MATCH_SIZE, METHOD_OTHER, NAME_SIZE, NONE, PATH_FIRST_MATCH,
  PATH_LEN_KIND, PATH_LEN_SHIFT, PATH_OFF, PATH_SIZE, PATH_SPLIT, PIN_COOKIE, PIN_NONE,
  REDIRECT_HOST_OFF, REDIRECT_PORT, REDIRECT_REPLACE, REDIRECT_REPLACE_OFF, REDIRECT_SCHEME,
  REDIRECT_SCHEME_HTTPS, REDIRECT_SIZE, REDIRECT_STATUS, REPLACE_PREFIX, ROUTE_POLICY_SIZE,
  RULE_ACTION, RULE_SIZE, RULE_TARGET, SECTION_ACTIONS, SECTION_AUTOMATA, SECTION_AUTOMATON_WORDS,
  SECTION_BACKENDS, SECTION_CLUSTERS, SECTION_CONDITIONS, SECTION_COUNT, SECTION_DISCRIMINATORS,
  SECTION_EDITS, SECTION_EDIT_LISTS, SECTION_EXPRESSIONS, SECTION_GATEWAY_PORTS, SECTION_HOST_SLOTS,
  SECTION_MATCHES, SECTION_NAMES, SECTION_PATHS, SECTION_PATH_SLOTS, SECTION_REDIRECTS,
  SECTION_ROUTE_POLICIES, SECTION_RULES, SECTION_SHAPES, SECTION_SPLITS, SECTION_STRINGS,
  SECTION_VIRTUAL_HOSTS, SHAPE_END_PATH, SHAPE_FIRST_PATH, SHAPE_SEGMENTS, SHAPE_SEGMENTS_MAX,
  SHAPE_SIZE, SPLIT_FIRST_BACKEND, SPLIT_PIN, SPLIT_PIN_COOKIE_OFF, SPLIT_PIN_NAME, SPLIT_SIZE,
  SPLIT_TOTAL_WEIGHT, TARGET_CLUSTER, TARGET_REDIRECT, TARGET_SHIFT, TARGET_SPLIT, TARGET_STATUS,
  TARGET_VALUE, VERSION, VIRTUAL_HOST_FIRST_EXPRESSION, VIRTUAL_HOST_FIRST_PATH,
  VIRTUAL_HOST_FIRST_SHAPE, VIRTUAL_HOST_KEY, VIRTUAL_HOST_NAME_LEN, VIRTUAL_HOST_NEXT,
  VIRTUAL_HOST_SIZE,
} from "./format";
import { checksum } from "./hash";
import { HOST_LENGTH_MAX } from "./memory";
import { CURSOR_SIZE, SLOT_SIZE } from "./table";

let base: usize = 0;
let strings: u32 = 0;

// @ts-ignore: decorator
@inline
function at(id: u32): usize {
  return base + load<u32>(base + (id << 3), HEADER_SIZE);
}

// @ts-ignore: decorator
@inline
function size(id: u32): u32 {
  return load<u32>(base + (id << 3), HEADER_SIZE + 4);
}

/** LOAD_OK, or why the `len` bytes at `ptr` (a multiple of 8) are refused. */
export function verify(ptr: usize, len: u32): u32 {
  if (len < HEADER_SIZE + (SECTION_COUNT << 3)) return LOAD_TOO_SHORT;
  if (load<u32>(ptr, HEADER_MAGIC) != MAGIC) return LOAD_BAD_MAGIC;
  if (load<u32>(ptr, HEADER_VERSION) != VERSION) return LOAD_BAD_VERSION;
  if (load<u32>(ptr, HEADER_LENGTH) != len || (len & 7) != 0) return LOAD_BAD_LENGTH;
  if (load<u32>(ptr, HEADER_CHECKSUM) != checksum(ptr + HEADER_CHECKED, len - HEADER_CHECKED)) {
    return LOAD_BAD_CHECKSUM;
  }
  base = ptr;
  for (let id: u32 = 0; id < SECTION_COUNT; id++) {
    if (!sectionFits(id, len)) return LOAD_BAD_SECTION;
  }
  strings = size(SECTION_STRINGS);
  if (!hashTable(SECTION_HOST_SLOTS, SECTION_VIRTUAL_HOSTS)) return LOAD_BAD_HASH_TABLE;
  if (!hashTable(SECTION_PATH_SLOTS, SECTION_PATHS)) return LOAD_BAD_HASH_TABLE;
  if (!texts(SECTION_NAMES, NAME_SIZE) || !texts(SECTION_CLUSTERS, CLUSTER_SIZE)
    || !texts(SECTION_ROUTE_POLICIES, ROUTE_POLICY_SIZE)
    || !gatewayPorts() || !virtualHosts() || !paths() || !matches() || !conditions()
    || !rules() || !splits() || !backends() || !redirects() || !edits() || !actions()
    || !expressions() || !discriminators()) return LOAD_BAD_REFERENCE;
  if (!automata()) return LOAD_BAD_AUTOMATON;
  const stateLength = <u64>(3 + size(SECTION_NAMES)) * SLOT_SIZE
    + ((<u64>size(SECTION_BACKENDS)) << 2) + <u64>load<u32>(ptr, HEADER_CURSORS) * CURSOR_SIZE;
  return <u64>load<u32>(ptr, HEADER_STATE_LENGTH) == stateLength ? LOAD_OK : LOAD_BAD_STATE;
}

/** Bytes of one record, and whether one more record follows the last to close its range. */
function recordSize(id: u32): u32 {
  switch (id) {
    case SECTION_STRINGS: return 1;
    case SECTION_NAMES: return NAME_SIZE;
    case SECTION_GATEWAY_PORTS: return GATEWAY_PORT_SIZE;
    case SECTION_HOST_SLOTS: return HASH_SLOT_SIZE;
    case SECTION_VIRTUAL_HOSTS: return VIRTUAL_HOST_SIZE;
    case SECTION_PATH_SLOTS: return HASH_SLOT_SIZE;
    case SECTION_PATHS: return PATH_SIZE;
    case SECTION_MATCHES: return MATCH_SIZE;
    case SECTION_CONDITIONS: return CONDITION_SIZE;
    case SECTION_RULES: return RULE_SIZE;
    case SECTION_SPLITS: return SPLIT_SIZE;
    case SECTION_BACKENDS: return BACKEND_SIZE;
    case SECTION_CLUSTERS: return CLUSTER_SIZE;
    case SECTION_REDIRECTS: return REDIRECT_SIZE;
    case SECTION_EDIT_LISTS: return EDIT_LIST_SIZE;
    case SECTION_EDITS: return EDIT_SIZE;
    case SECTION_ACTIONS: return ACTION_SIZE;
    case SECTION_ROUTE_POLICIES: return ROUTE_POLICY_SIZE;
    case SECTION_EXPRESSIONS: return EXPRESSION_SIZE;
    case SECTION_AUTOMATA: return AUTOMATON_SIZE;
    case SECTION_SHAPES: return SHAPE_SIZE;
    case SECTION_DISCRIMINATORS: return DISCRIMINATOR_SIZE;
    default: return 4;
  }
}

function closed(id: u32): bool {
  return id == SECTION_VIRTUAL_HOSTS || id == SECTION_PATHS || id == SECTION_MATCHES
    || id == SECTION_SPLITS || id == SECTION_EDIT_LISTS;
}

function sectionFits(id: u32, len: u32): bool {
  const offset = load<u32>(base + (id << 3), HEADER_SIZE);
  if (offset & 3) return false;
  if (offset < HEADER_SIZE + (SECTION_COUNT << 3)) return false;
  const records = <u64>size(id) + (closed(id) ? 1 : 0);
  return <u64>offset + records * recordSize(id) <= <u64>len;
}

/** At least one slot is empty, so that probing ends; the others name records that exist. */
function hashTable(id: u32, records: u32): bool {
  const slots = size(id);
  const limit = size(records);
  let empty: u32 = 0;
  for (let i: u32 = 0; i < slots; i++) {
    const index = load<u32>(at(id) + i * HASH_SLOT_SIZE, HASH_SLOT_INDEX);
    if (index > limit) return false;
    if (index == 0) empty += 1;
  }
  return empty > 0;
}

/** The (offset, length) pair at `ptr` lies inside STRINGS. */
// @ts-ignore: decorator
@inline
function isText(ptr: usize): bool {
  return <u64>load<u32>(ptr) + <u64>load<u32>(ptr, 4) <= <u64>strings;
}

function texts(id: u32, stride: u32): bool {
  const records = size(id);
  for (let i: u32 = 0; i < records; i++) if (!isText(at(id) + i * stride)) return false;
  return true;
}

/** The ranges that start at `field` of each record follow each other and end at `limit`. */
function ranges(id: u32, stride: u32, field: u32, limit: u32): bool {
  const records = size(id);
  let before: u32 = 0;
  for (let i: u32 = 0; i <= records; i++) {
    const first = load<u32>(at(id) + i * stride + field);
    if (first < before || first > limit) return false;
    before = first;
  }
  return before == limit;
}

function gatewayPorts(): bool {
  const records = size(SECTION_GATEWAY_PORTS);
  for (let i: u32 = 0; i < records; i++) {
    const record = at(SECTION_GATEWAY_PORTS) + i * GATEWAY_PORT_SIZE;
    if (!isText(record) || load<u32>(record, GATEWAY_PORT_PORT) > 65535) return false;
  }
  return true;
}

function virtualHosts(): bool {
  const records = size(SECTION_VIRTUAL_HOSTS);
  for (let i: u32 = 0; i < records; i++) {
    const record = at(SECTION_VIRTUAL_HOSTS) + i * VIRTUAL_HOST_SIZE;
    if (!isText(record) || load<u32>(record, VIRTUAL_HOST_NAME_LEN) > HOST_LENGTH_MAX) return false;
    if (load<u32>(record, VIRTUAL_HOST_KEY) >> 1 >= size(SECTION_GATEWAY_PORTS)) return false;
    // Only ever onwards, so that following it ends.
    const next = load<u32>(record, VIRTUAL_HOST_NEXT);
    if (next != NONE && next != LEFT && (next <= i || next >= records)) return false;
  }
  const paths = size(SECTION_PATHS);
  return ranges(SECTION_VIRTUAL_HOSTS, VIRTUAL_HOST_SIZE, VIRTUAL_HOST_FIRST_PATH, paths)
    && ranges(SECTION_VIRTUAL_HOSTS, VIRTUAL_HOST_SIZE, VIRTUAL_HOST_FIRST_EXPRESSION,
      size(SECTION_EXPRESSIONS))
    && ranges(SECTION_VIRTUAL_HOSTS, VIRTUAL_HOST_SIZE, VIRTUAL_HOST_FIRST_SHAPE,
      size(SECTION_SHAPES));
}

function paths(): bool {
  const records = size(SECTION_PATHS);
  for (let i: u32 = 0; i < records; i++) {
    const record = at(SECTION_PATHS) + i * PATH_SIZE;
    const lengthAndKind = load<u32>(record, PATH_LEN_KIND);
    const end = <u64>load<u32>(record, PATH_OFF) + <u64>(lengthAndKind >> PATH_LEN_SHIFT);
    if (end > <u64>strings) return false;
    // Only what has a discriminator may look for one.
    if (lengthAndKind & PATH_SPLIT && size(SECTION_DISCRIMINATORS) == 0) return false;
  }
  return ranges(SECTION_PATHS, PATH_SIZE, PATH_FIRST_MATCH, size(SECTION_MATCHES));
}

function matches(): bool {
  const records = size(SECTION_MATCHES);
  for (let i: u32 = 0; i < records; i++) {
    const record = at(SECTION_MATCHES) + i * MATCH_SIZE;
    if (load<u32>(record, MATCH_RULE) >= size(SECTION_RULES)) return false;
    if ((load<u32>(record, MATCH_METHOD) & 0xff) >= METHOD_OTHER) return false;
  }
  return ranges(SECTION_MATCHES, MATCH_SIZE, MATCH_FIRST_CONDITION, size(SECTION_CONDITIONS));
}

function conditions(): bool {
  const records = size(SECTION_CONDITIONS);
  for (let i: u32 = 0; i < records; i++) {
    const record = at(SECTION_CONDITIONS) + i * CONDITION_SIZE;
    const kind = load<u32>(record, CONDITION_KIND);
    if (kind < CONDITION_HEADER_EXACT || kind > CONDITION_SEGMENT_REGEX) return false;
    const named = kind <= CONDITION_HEADER_REGEX
      ? load<u32>(record, CONDITION_NAME) < size(SECTION_NAMES)
      : kind == CONDITION_SEGMENT_REGEX || isText(record + CONDITION_NAME);
    const regex = kind != CONDITION_HEADER_EXACT && kind != CONDITION_QUERY_EXACT;
    const valued = regex
      ? load<u32>(record, CONDITION_VALUE) < size(SECTION_AUTOMATA)
      : isText(record + CONDITION_VALUE);
    if (!named || !valued) return false;
  }
  return true;
}

/** `kinds` is a set of bits 1 << TARGET_*. */
function isTarget(target: u32, kinds: u32): bool {
  const kind = target >> TARGET_SHIFT;
  const value = target & TARGET_VALUE;
  if (!(kinds & (1 << kind))) return false;
  if (kind == TARGET_CLUSTER) return value < size(SECTION_CLUSTERS);
  if (kind == TARGET_SPLIT) return value < size(SECTION_SPLITS);
  if (kind == TARGET_REDIRECT) return value < size(SECTION_REDIRECTS);
  return value >= 200 && value <= 599;
}

function rules(): bool {
  const all: u32 = (1 << TARGET_CLUSTER) | (1 << TARGET_SPLIT) | (1 << TARGET_STATUS)
    | (1 << TARGET_REDIRECT);
  const records = size(SECTION_RULES);
  for (let i: u32 = 0; i < records; i++) {
    const record = at(SECTION_RULES) + i * RULE_SIZE;
    if (!isTarget(load<u32>(record, RULE_TARGET), all)) return false;
    if (load<u32>(record, RULE_ACTION) >= size(SECTION_ACTIONS)) return false;
  }
  return true;
}

function splits(): bool {
  const all = size(SECTION_BACKENDS);
  if (!ranges(SECTION_SPLITS, SPLIT_SIZE, SPLIT_FIRST_BACKEND, all)) return false;
  const records = size(SECTION_SPLITS);
  for (let i: u32 = 0; i < records; i++) {
    const record = at(SECTION_SPLITS) + i * SPLIT_SIZE;
    const end = load<u32>(record, SPLIT_SIZE + SPLIT_FIRST_BACKEND);
    let total: u64 = 0;
    for (let b = load<u32>(record, SPLIT_FIRST_BACKEND); b < end; b++) {
      total += <u64>load<u32>(at(SECTION_BACKENDS) + b * BACKEND_SIZE, BACKEND_WEIGHT);
    }
    // Also refuses a split without backends; credits stay far inside i32.
    if (total == 0 || total > 0x3fffffff) return false;
    if (total != <u64>load<u32>(record, SPLIT_TOTAL_WEIGHT)) return false;
    const pin = load<u32>(record, SPLIT_PIN);
    if (pin > PIN_COOKIE || !isText(record + SPLIT_PIN_COOKIE_OFF)) return false;
    if (pin != PIN_NONE && load<u32>(record, SPLIT_PIN_NAME) >= size(SECTION_NAMES)) return false;
  }
  return true;
}

function backends(): bool {
  const ends: u32 = (1 << TARGET_CLUSTER) | (1 << TARGET_STATUS);
  const records = size(SECTION_BACKENDS);
  for (let i: u32 = 0; i < records; i++) {
    const record = at(SECTION_BACKENDS) + i * BACKEND_SIZE;
    if (!isTarget(load<u32>(record, BACKEND_TARGET), ends)) return false;
    if (load<u32>(record, BACKEND_ACTION) >= size(SECTION_ACTIONS)) return false;
  }
  return true;
}

function redirects(): bool {
  const records = size(SECTION_REDIRECTS);
  for (let i: u32 = 0; i < records; i++) {
    const record = at(SECTION_REDIRECTS) + i * REDIRECT_SIZE;
    const status = load<u32>(record, REDIRECT_STATUS);
    if (status < 300 || status > 399) return false;
    if (load<u32>(record, REDIRECT_SCHEME) > REDIRECT_SCHEME_HTTPS) return false;
    if (load<u32>(record, REDIRECT_PORT) > 65535) return false;
    if (load<u32>(record, REDIRECT_REPLACE) > REPLACE_PREFIX) return false;
    if (!isText(record + REDIRECT_HOST_OFF) || !isText(record + REDIRECT_REPLACE_OFF)) return false;
  }
  return true;
}

function edits(): bool {
  const records = size(SECTION_EDITS);
  for (let i: u32 = 0; i < records; i++) {
    const record = at(SECTION_EDITS) + i * EDIT_SIZE;
    const kind = load<u32>(record, EDIT_KIND);
    if (kind != EDIT_SET && kind != EDIT_ADD && kind != EDIT_REMOVE) return false;
    if (!isText(record + EDIT_NAME_OFF) || !isText(record + EDIT_VALUE_OFF)) return false;
  }
  return size(SECTION_EDIT_LISTS) > 0 && ranges(SECTION_EDIT_LISTS, EDIT_LIST_SIZE, 0, records);
}

function actions(): bool {
  const records = size(SECTION_ACTIONS);
  for (let i: u32 = 0; i < records; i++) {
    const record = at(SECTION_ACTIONS) + i * ACTION_SIZE;
    if (load<u32>(record, ACTION_EDITS) >= size(SECTION_EDIT_LISTS)) return false;
    if (load<u32>(record, ACTION_POLICY) >= size(SECTION_ROUTE_POLICIES)) return false;
    if (load<u32>(record, ACTION_REPLACE) > REPLACE_PREFIX) return false;
    if (!isText(record + ACTION_HOST_OFF) || !isText(record + ACTION_REPLACE_OFF)) return false;
  }
  return records > 0;
}

/** Each names an automaton and as many PATHS of its virtual host as that one has patterns. */
function expressions(): bool {
  const hosts = size(SECTION_VIRTUAL_HOSTS);
  const cursors = load<u32>(base, HEADER_CURSORS);
  for (let h: u32 = 0; h < hosts; h++) {
    const host = at(SECTION_VIRTUAL_HOSTS) + h * VIRTUAL_HOST_SIZE;
    const pathEnd = load<u32>(host, VIRTUAL_HOST_SIZE + VIRTUAL_HOST_FIRST_PATH);
    const end = load<u32>(host, VIRTUAL_HOST_SIZE + VIRTUAL_HOST_FIRST_EXPRESSION);
    let patterns: u64 = 0;
    const shapeEnd = load<u32>(host, VIRTUAL_HOST_SIZE + VIRTUAL_HOST_FIRST_SHAPE);
    for (let i = load<u32>(host, VIRTUAL_HOST_FIRST_SHAPE); i < shapeEnd; i++) {
      const shape = at(SECTION_SHAPES) + i * SHAPE_SIZE;
      if (load<u32>(shape, SHAPE_SEGMENTS) > SHAPE_SEGMENTS_MAX) return false;
      const pathStart = load<u32>(host, VIRTUAL_HOST_FIRST_PATH);
      if (load<u32>(shape, SHAPE_FIRST_PATH) < pathStart) return false;
      if (load<u32>(shape, SHAPE_END_PATH) > pathEnd) return false;
      patterns += 1;
    }
    for (let i = load<u32>(host, VIRTUAL_HOST_FIRST_EXPRESSION); i < end; i++) {
      const record = at(SECTION_EXPRESSIONS) + i * EXPRESSION_SIZE;
      const automaton = load<u32>(record, EXPRESSION_AUTOMATON);
      if (automaton >= size(SECTION_AUTOMATA)) return false;
      const own = load<u32>(at(SECTION_AUTOMATA) + automaton * AUTOMATON_SIZE, AUTOMATON_PATTERNS);
      const first = load<u32>(record, EXPRESSION_FIRST_PATH);
      if (first < load<u32>(host, VIRTUAL_HOST_FIRST_PATH)) return false;
      if (<u64>first + <u64>own > <u64>pathEnd) return false;
      patterns += <u64>own;
    }
    // Every shape and every accepting pattern takes a cursor; an automaton lists each at most once.
    if (patterns > <u64>cursors) return false;
  }
  return true;
}

/** Each names a header or parameter, and values' records that exist; two cursors are enough. */
function discriminators(): bool {
  const records = size(SECTION_DISCRIMINATORS);
  const cursors: u32 = records ? 2 : 1;
  if (load<u32>(base, HEADER_CURSORS) < cursors) return false;
  for (let i: u32 = 0; i < records; i++) {
    const record = at(SECTION_DISCRIMINATORS) + i * DISCRIMINATOR_SIZE;
    const end = load<u32>(record, DISCRIMINATOR_END);
    if (load<u32>(record, DISCRIMINATOR_PATH) >= end || end > size(SECTION_PATHS)) return false;
    const kind = load<u32>(record, DISCRIMINATOR_KIND);
    const named = kind == CONDITION_HEADER_EXACT
      ? load<u32>(record, DISCRIMINATOR_NAME) < size(SECTION_NAMES)
      : kind == CONDITION_QUERY_EXACT && isText(record + DISCRIMINATOR_NAME);
    if (!named) return false;
  }
  return true;
}

function automata(): bool {
  const records = size(SECTION_AUTOMATA);
  const words = <u64>size(SECTION_AUTOMATON_WORDS);
  for (let i: u32 = 0; i < records; i++) {
    const record = at(SECTION_AUTOMATA) + i * AUTOMATON_SIZE;
    const offset = load<u32>(record, AUTOMATON_OFF);
    const len = load<u32>(record, AUTOMATON_LEN);
    if (<u64>offset + <u64>len > words) return false;
    const ptr = at(SECTION_AUTOMATON_WORDS) + (offset << 2);
    if (!verifyAutomaton(ptr, len << 2, load<u32>(record, AUTOMATON_PATTERNS))) return false;
  }
  return true;
}
