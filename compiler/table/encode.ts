// From the plan to the table's bytes. The format: docs/table-format.md; the numbers:
// filters/core/format.ts.

import {
  ACTION_SIZE, AUTOMATON_SIZE, BACKEND_SIZE, CLUSTER_SIZE, CONDITION_SIZE, DISCRIMINATOR_SIZE,
  EDIT_LIST_SIZE, EDIT_SIZE, EXPRESSION_SIZE, GATEWAY_PORT_SIZE, HASH_SLOT_SIZE, HEADER_CHECKED,
  HEADER_CHECKSUM, HEADER_CURSORS, HEADER_LENGTH, HEADER_MAGIC, HEADER_SIZE,
  HEADER_STATE_LENGTH, HEADER_VERSION, MAGIC, MATCH_SIZE, NAME_SIZE, NONE, PATH_LEN_SHIFT,
  PATH_REGEX, PATH_SIZE, PATH_SPLIT, REDIRECT_SIZE, ROUTE_POLICY_SIZE, RULE_SIZE, SECTION_ACTIONS,
  SECTION_AUTOMATA, SECTION_AUTOMATON_WORDS, SECTION_BACKENDS, SECTION_CLUSTERS, SECTION_CONDITIONS,
  SECTION_COUNT, SECTION_DISCRIMINATORS, SECTION_EDITS, SECTION_EDIT_LISTS, SECTION_EXPRESSIONS,
  SECTION_GATEWAY_PORTS, SECTION_HOST_SLOTS, SECTION_MATCHES, SECTION_NAMES, SECTION_PATHS,
  SECTION_PATH_SLOTS, SECTION_REDIRECTS, SECTION_ROUTE_POLICIES, SECTION_RULES, SECTION_SHAPES,
  SECTION_SPLITS, SECTION_STRINGS, SECTION_VIRTUAL_HOSTS, SHAPE_SIZE, SPLIT_SIZE, VERSION,
  VIRTUAL_HOST_SIZE,
} from "../../filters/core/format.ts";
import {
  absorb, absorbParameter, checksum, finish, home, seed, type HashState,
} from "./hash.ts";
import { leadOf, wordsOf } from "./lead.ts";
import { segmentsOf, type Plan } from "./plan.ts";
import type { PlannedShape } from "./planned.ts";

/** Bytes of one request slot and of one cursor (filters/core/table.ts). */
const REQUEST_SLOT_SIZE = 12;
const CURSOR_SIZE = 8;
/** At 4/7 full a key that is missing is known by 3 probes; at 4/5 it would take 13. */
const PLACES_PER_KEY = 1.75;

const utf8 = new TextEncoder();

/** Text that records refer to; equal texts stand once. */
interface Strings {
  readonly indexes: Map<string, { readonly offset: number; readonly length: number }>;
  readonly chunks: Uint8Array[];
  length: number;
}

/** The words of one section's records, and how many of them count. */
interface Section {
  readonly words: readonly number[];
  readonly count: number;
}

export function encode(plan: Plan): Uint8Array {
  const strings: Strings = { indexes: new Map(), chunks: [], length: 0 };
  const sections = sectionsOf(plan, strings);
  const tablesOffset = HEADER_SIZE + SECTION_COUNT * 8;
  const recordsLength = sections.reduce((sum, s) => sum + s.words.length * 4, 0);
  const stringsOffset = tablesOffset + recordsLength;
  const length = (stringsOffset + strings.length + 7) & ~7;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let offset = tablesOffset;
  sections.forEach(({ words, count }, i) => {
    // STRINGS is section 0 in the directory and the last in the file.
    writeDirectory(view, i + 1, offset, count);
    for (const word of words) {
      view.setUint32(offset, word, true);
      offset += 4;
    }
  });
  writeDirectory(view, SECTION_STRINGS, stringsOffset, strings.length);
  for (const chunk of strings.chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  writeHeader(view, plan, length);
  view.setUint32(HEADER_CHECKSUM, checksum(bytes.subarray(HEADER_CHECKED)), true);
  return bytes;
}

function writeDirectory(view: DataView, id: number, offset: number, count: number): void {
  view.setUint32(HEADER_SIZE + id * 8, offset, true);
  view.setUint32(HEADER_SIZE + id * 8 + 4, count, true);
}

function writeHeader(view: DataView, plan: Plan, length: number): void {
  const cursors = cursorsOf(plan);
  const stateLength = (3 + plan.names.length) * REQUEST_SLOT_SIZE + plan.backends.length * 4
    + cursors * CURSOR_SIZE;
  view.setUint32(HEADER_MAGIC, MAGIC, true);
  view.setUint32(HEADER_VERSION, VERSION, true);
  view.setUint32(HEADER_LENGTH, length, true);
  view.setUint32(HEADER_STATE_LENGTH, stateLength, true);
  view.setUint32(HEADER_CURSORS, cursors, true);
}

/** The most path expressions (of automata) and shapes of one virtual host; HEADER_CURSORS. */
function cursorsOf(plan: Plan): number {
  const counts = plan.virtualHosts.map((host, i) => {
    const next = plan.virtualHosts[i + 1];
    return (next?.firstShape ?? plan.shapes.length) - host.firstShape;
  });
  for (const { kind, virtualHost, segments } of plan.paths) {
    if (kind === PATH_REGEX && !segments) counts[virtualHost] = (counts[virtualHost] ?? 0) + 1;
  }
  return counts.reduce((most, n) => Math.max(most, n), plan.discriminators.length > 0 ? 2 : 1);
}

/** Sections 1 to SECTION_COUNT − 1, in the order of their ids. */
function sectionsOf(plan: Plan, strings: Strings): readonly Section[] {
  const sections: Section[] = [];
  const put: Put = (id, size, records, end) => {
    const words = records.flat();
    if (end) words.push(...end);
    if (words.length * 4 !== (records.length + (end ? 1 : 0)) * size) {
      throw new Error(`section ${id}: records are not ${size} bytes`);
    }
    sections[id - 1] = { words, count: records.length };
  };
  const text = (value: string): readonly number[] => intern(strings, value);
  putHosts(plan, put, text);
  putMatches(plan, put, text);
  putTargets(plan, put, text);
  putEdits(plan, put, text);
  putAutomata(plan, put);
  return sections;
}

type Put = (
  id: number, size: number, records: readonly (readonly number[])[], end?: readonly number[],
) => void;
type Text = (value: string) => readonly number[];

function putHosts(plan: Plan, put: Put, text: Text): void {
  put(SECTION_NAMES, NAME_SIZE, plan.names.map(text));
  put(SECTION_GATEWAY_PORTS, GATEWAY_PORT_SIZE, plan.gatewayPorts.map((p) => [
    ...text(p.name), p.port, p.tls ? 1 : 0, p.wildcards, p.exact ? 1 : 0]));
  put(SECTION_HOST_SLOTS, HASH_SLOT_SIZE, hostSlots(plan));
  put(SECTION_VIRTUAL_HOSTS, VIRTUAL_HOST_SIZE, plan.virtualHosts.map((h, i) => [
    ...text(h.name), (h.gatewayPort << 1) | (h.wildcard ? 1 : 0), h.firstPath, h.prefixes,
    h.exact, h.next, h.firstExpression, h.firstShape, ...leadOf(plan, i),
  ]), [
    0, 0, 0, plan.paths.length, 0, 0, NONE, plan.expressions.length, plan.shapes.length, 0, 0, 0]);
}

function putMatches(plan: Plan, put: Put, text: Text): void {
  put(SECTION_PATH_SLOTS, HASH_SLOT_SIZE, pathSlots(plan));
  put(SECTION_PATHS, PATH_SIZE, plan.paths.map((p) => {
    const [offset = 0, length = 0] = text(p.value);
    const bits = (length << PATH_LEN_SHIFT) | (p.split ? PATH_SPLIT : 0) | p.kind;
    return [offset, bits, p.firstMatch];
  }), [0, 0, plan.matches.length]);
  put(SECTION_MATCHES, MATCH_SIZE, plan.matches.map((m) => [
    m.rule, m.firstCondition, ((m.rank << 8) | m.method) >>> 0,
  ]), [0, plan.conditions.length, 0]);
  const word = (value: number | string): readonly number[] =>
    (typeof value === "number" ? [value, 0] : text(value));
  put(SECTION_DISCRIMINATORS, DISCRIMINATOR_SIZE, plan.discriminators.map((d) => [
    d.path, d.end, d.kind, ...word(d.name)]));
  put(SECTION_CONDITIONS, CONDITION_SIZE, plan.conditions.map((c) => [
    c.kind, ...word(c.name), ...word(c.value)]));
}

function putTargets(plan: Plan, put: Put, text: Text): void {
  put(SECTION_RULES, RULE_SIZE, plan.rules.map((r) => [r.target, r.action]));
  put(SECTION_SPLITS, SPLIT_SIZE, plan.splits.map((s) => [
    s.firstBackend, s.totalWeight, s.pin, s.pinName, ...text(s.cookie),
  ]), [plan.backends.length, 0, 0, 0, 0, 0]);
  put(SECTION_BACKENDS, BACKEND_SIZE, plan.backends.map((b) => [b.target, b.weight, b.action]));
  put(SECTION_CLUSTERS, CLUSTER_SIZE, plan.clusters.map(text));
  put(SECTION_REDIRECTS, REDIRECT_SIZE, plan.redirects.map((r) => [
    r.status, r.scheme, ...text(r.host), r.port, r.replace, ...text(r.replacement)]));
  put(SECTION_ACTIONS, ACTION_SIZE, plan.actions.map((a) => [
    a.edits, a.policy, ...text(a.host), a.replace, ...text(a.replacement)]));
  put(SECTION_ROUTE_POLICIES, ROUTE_POLICY_SIZE, plan.policyNames.map(text));
}

function putAutomata(plan: Plan, put: Put): void {
  put(SECTION_EXPRESSIONS, EXPRESSION_SIZE, plan.expressions.map((e) => [
    e.automaton, e.firstPath]));
  put(SECTION_SHAPES, SHAPE_SIZE, plan.shapes.map((s) => [
    s.segments, s.tail, s.parameters, s.filled, s.firstPath, s.endPath, ...leadsOf(plan, s)]));
  let offset = 0;
  put(SECTION_AUTOMATA, AUTOMATON_SIZE, plan.automata.map(({ bytes, patterns }) => {
    const record = [offset, bytes.length / 4, patterns];
    offset += bytes.length / 4;
    return record;
  }));
  put(SECTION_AUTOMATON_WORDS, 4, plan.automata.flatMap(({ bytes }) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Array.from({ length: bytes.length / 4 }, (_, i) => [view.getUint32(i * 4, true)]);
  }));
}

function putEdits(plan: Plan, put: Put, text: Text): void {
  const edits = plan.editLists.flat();
  let first = 0;
  const starts = plan.editLists.map((list) => {
    const start = first;
    first += list.length;
    return [start];
  });
  put(SECTION_EDIT_LISTS, EDIT_LIST_SIZE, starts, [edits.length]);
  put(SECTION_EDITS, EDIT_SIZE, edits.map((e) => [e.kind, ...text(e.name), ...text(e.value)]));
}

function intern(strings: Strings, value: string): readonly [number, number] {
  const known = strings.indexes.get(value);
  if (known) return [known.offset, known.length];
  const chunk = utf8.encode(value);
  const entry = { offset: strings.length, length: chunk.length };
  strings.indexes.set(value, entry);
  strings.chunks.push(chunk);
  strings.length += chunk.length;
  return [entry.offset, entry.length];
}

/** Places keys by open addressing, in order, so that equal plans give equal bytes. */
function place(tags: readonly { readonly tag: number; readonly index: number }[]): number[][] {
  const places = Math.max(2, Math.ceil(tags.length * PLACES_PER_KEY) + 1);
  const slots: number[][] = Array.from({ length: places }, () => [0, 0]);
  for (const { tag, index } of tags) {
    let at = home(tag, places);
    while (slots[at]?.[1] !== 0) at = at + 1 === places ? 0 : at + 1;
    slots[at] = [tag, index + 1];
  }
  return slots;
}

function hostSlots(plan: Plan): number[][] {
  return place(plan.virtualHosts.flatMap((host, index) => {
    if (!host.findable) return [];
    const state = absorb(seed(host.gatewayPort), utf8.encode(host.name));
    return [{ tag: finish(state, host.wildcard ? 1 : 0), index }];
  }));
}

/** SHAPE_LEADS in two words. */
function leadsOf(plan: Plan, { firstPath, endPath }: PlannedShape): readonly [number, number] {
  return wordsOf(plan.paths.slice(firstPath, endPath).map(({ virtualHost, segments = [] }) => {
    const parameter = segments.indexOf(undefined);
    return hashOf(virtualHost, parameter < 0 ? segments : segments.slice(0, parameter)).high >>> 26;
  }));
}

/** Of a path's segments; a parameter is undefined. */
function hashOf(virtualHost: number, segments: readonly (string | undefined)[]): HashState {
  return segments.reduce<HashState>((state, segment) => (segment === undefined
    ? absorbParameter(state) : absorb(state, utf8.encode(segment))), seed(virtualHost));
}

function pathSlots(plan: Plan): number[][] {
  return place(plan.paths.flatMap((path, index) => {
    if (path.parent !== undefined) {
      const state = absorb(seed(path.parent), utf8.encode(path.value));
      return [{ tag: finish(state, path.kind), index }];
    }
    const segments = path.segments
      ?? (path.kind === PATH_REGEX ? undefined : segmentsOf(path.value));
    if (!segments) return [];
    return [{ tag: finish(hashOf(path.virtualHost, segments), path.kind), index }];
  }));
}
