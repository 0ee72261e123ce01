// Reads a table back into plain values: for the edge runtime, for `inspect` and for tests. It
// trusts the bytes; whoever did not make them lets the core verify them first.

import {
  ACTION_SIZE, AUTOMATON_SIZE, BACKEND_SIZE, CLUSTER_SIZE, CONDITION_HEADER_EXACT,
  CONDITION_HEADER_REGEX, CONDITION_QUERY_EXACT, CONDITION_SEGMENT_REGEX, CONDITION_SIZE,
  DISCRIMINATOR_SIZE, EDIT_ADD, EDIT_LIST_SIZE, EDIT_SET, EDIT_SIZE, EXPRESSION_SIZE,
  GATEWAY_PORT_SIZE, HEADER_CHECKSUM, HEADER_LENGTH, HEADER_SIZE, HEADER_STATE_LENGTH,
  HEADER_VERSION, MATCH_SIZE, NAME_SIZE, PATH_KIND, PATH_LEN_SHIFT, PATH_SIZE, PATH_SPLIT,
  REDIRECT_SIZE, ROUTE_POLICY_SIZE, RULE_SIZE, SECTION_ACTIONS, SECTION_AUTOMATA, SECTION_BACKENDS,
  SECTION_CLUSTERS, SECTION_CONDITIONS, SECTION_DISCRIMINATORS, SECTION_EDITS, SECTION_EDIT_LISTS,
  SECTION_EXPRESSIONS, SECTION_GATEWAY_PORTS, SECTION_MATCHES, SECTION_NAMES, SECTION_PATHS,
  SECTION_REDIRECTS, SECTION_ROUTE_POLICIES, SECTION_RULES, SECTION_SHAPES, SECTION_SPLITS,
  SECTION_STRINGS, SECTION_VIRTUAL_HOSTS, SHAPE_SIZE, SPLIT_SIZE, VIRTUAL_HOST_SIZE,
} from "../../filters/core/format.ts";

export interface TableEdit {
  readonly kind: "set" | "add" | "remove";
  readonly name: string;
  readonly value: string;
}

export interface Table {
  readonly version: number;
  readonly length: number;
  readonly checksum: number;
  readonly stateLength: number;
  /** Header names; name n is read into slot SLOT_HEADERS + n. */
  readonly names: readonly string[];
  readonly gatewayPorts: readonly {
    readonly name: string; readonly port: number; readonly tls: boolean;
  }[];
  readonly virtualHosts: readonly {
    readonly hostname: string; readonly gatewayPort: number; readonly firstPath: number;
    readonly next: number; readonly firstExpression: number; readonly firstShape: number;
  }[];
  readonly paths: readonly {
    readonly kind: "prefix" | "exact" | "regex" | "value"; readonly value: string;
    readonly firstMatch: number; readonly split: boolean;
  }[];
  readonly matches: readonly {
    readonly rule: number; readonly firstCondition: number; readonly method: number;
    readonly rank: number;
  }[];
  readonly conditions: readonly {
    readonly kind: number; readonly name: string; readonly value: string | number;
  }[];
  readonly rules: readonly { readonly target: number; readonly action: number }[];
  readonly splits: readonly {
    readonly firstBackend: number; readonly totalWeight: number; readonly pin: number;
    readonly pinName: number; readonly cookie: string;
  }[];
  readonly backends: readonly {
    readonly target: number; readonly weight: number; readonly action: number;
  }[];
  readonly clusters: readonly string[];
  readonly redirects: readonly {
    readonly status: number; readonly scheme: number; readonly host: string; readonly port: number;
    readonly replace: number; readonly replacement: string;
  }[];
  readonly editLists: readonly (readonly TableEdit[])[];
  readonly actions: readonly {
    readonly edits: number; readonly policy: number; readonly host: string;
    readonly replace: number; readonly replacement: string;
  }[];
  /** Names; policy 0 is nothing and has none. */
  readonly routePolicies: readonly string[];
  readonly expressions: readonly { readonly automaton: number; readonly firstPath: number }[];
  readonly shapes: readonly {
    readonly segments: number; readonly tail: number; readonly parameters: number;
    readonly filled: number; readonly firstPath: number; readonly endPath: number;
  }[];
  readonly discriminators: readonly {
    readonly path: number; readonly end: number; readonly kind: number; readonly name: string;
  }[];
  /** Lengths in bytes. */
  readonly automata: readonly { readonly length: number; readonly patterns: number }[];
}

const utf8 = new TextDecoder();

/** How many records a section has, without reading them. */
export function recordCount(bytes: Uint8Array, section: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getUint32(HEADER_SIZE + section * 8 + 4, true);
}

/** Each record of a section, as its words. */
type Records = <T>(id: number, size: number, read: (words: number[]) => T) => T[];
type Text = (offset: number, length: number) => string;

export function readTable(bytes: Uint8Array): Table {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u32 = (at: number): number => view.getUint32(at, true);
  const stringsAt = u32(HEADER_SIZE + SECTION_STRINGS * 8);
  const text: Text = (offset, length) =>
    utf8.decode(bytes.subarray(stringsAt + offset, stringsAt + offset + length));
  const records: Records = (id, size, read) => {
    const at = u32(HEADER_SIZE + id * 8);
    return Array.from({ length: u32(HEADER_SIZE + id * 8 + 4) }, (_, i) =>
      read(Array.from({ length: size / 4 }, (_, w) => u32(at + i * size + w * 4))));
  };
  const names = records(SECTION_NAMES, NAME_SIZE, ([at = 0, len = 0]) => text(at, len));
  return {
    version: u32(HEADER_VERSION), length: u32(HEADER_LENGTH), checksum: u32(HEADER_CHECKSUM),
    stateLength: u32(HEADER_STATE_LENGTH), names,
    ...readHosts(records, text), ...readMatches(records, text, names),
    ...readTargets(records, text), editLists: readEdits(records, text),
    expressions: records(SECTION_EXPRESSIONS, EXPRESSION_SIZE,
      ([automaton = 0, firstPath = 0]) => ({ automaton, firstPath })),
    discriminators: records(SECTION_DISCRIMINATORS, DISCRIMINATOR_SIZE,
      ([path = 0, end = 0, kind = 0, name = 0, nameLen = 0]) => ({
        path, end, kind,
        name: kind === CONDITION_HEADER_EXACT ? names[name] ?? "" : text(name, nameLen),
      })),
    shapes: records(SECTION_SHAPES, SHAPE_SIZE,
      ([segments = 0, tail = 0, parameters = 0, filled = 0, firstPath = 0, endPath = 0]) => ({
        segments, tail, parameters, filled, firstPath, endPath,
      })),
    automata: records(SECTION_AUTOMATA, AUTOMATON_SIZE,
      ([, words = 0, patterns = 0]) => ({ length: words * 4, patterns })),
  };
}

function readHosts(
  records: Records, text: Text,
): Pick<Table, "gatewayPorts" | "virtualHosts"> {
  return {
    gatewayPorts: records(SECTION_GATEWAY_PORTS, GATEWAY_PORT_SIZE,
      ([at = 0, len = 0, port = 0, tls]) => ({ name: text(at, len), port, tls: tls === 1 })),
    virtualHosts: records(SECTION_VIRTUAL_HOSTS, VIRTUAL_HOST_SIZE, (
      [at = 0, len = 0, key = 0, firstPath = 0, , , next = 0, firstExpression = 0, firstShape = 0],
    ) => ({
      hostname: key & 1 ? (len ? `*.${text(at, len)}` : "*") : text(at, len),
      gatewayPort: key >>> 1, firstPath, next, firstExpression, firstShape,
    })),
  };
}

const pathKinds = ["prefix", "exact", "regex", "value"] as const;

function readMatches(
  records: Records, text: Text, names: readonly string[],
): Pick<Table, "paths" | "matches" | "conditions"> {
  return {
    paths: records(SECTION_PATHS, PATH_SIZE, ([at = 0, lengthAndKind = 0, firstMatch = 0]) => ({
      kind: pathKinds[lengthAndKind & PATH_KIND] ?? "prefix",
      value: text(at, lengthAndKind >>> PATH_LEN_SHIFT), firstMatch,
      split: (lengthAndKind & PATH_SPLIT) !== 0,
    })),
    matches: records(SECTION_MATCHES, MATCH_SIZE,
      ([rule = 0, firstCondition = 0, method = 0]) => ({
        rule, firstCondition, method: method & 0xff, rank: method >>> 8,
      })),
    conditions: records(SECTION_CONDITIONS, CONDITION_SIZE,
      ([kind = 0, name = 0, nameLen = 0, value = 0, len = 0]) => ({
        kind, name: kind <= CONDITION_HEADER_REGEX ? names[name] ?? ""
          : kind === CONDITION_SEGMENT_REGEX ? `segment ${name}` : text(name, nameLen),
        value: kind === CONDITION_HEADER_EXACT || kind === CONDITION_QUERY_EXACT
          ? text(value, len) : value,
      })),
  };
}

function readTargets(
  records: Records, text: Text,
): Pick<Table, "rules" | "splits" | "backends" | "clusters" | "redirects" | "actions"
  | "routePolicies"> {
  return {
    rules: records(SECTION_RULES, RULE_SIZE, ([target = 0, action = 0]) => ({ target, action })),
    splits: records(SECTION_SPLITS, SPLIT_SIZE,
      ([firstBackend = 0, totalWeight = 0, pin = 0, pinName = 0, at = 0, len = 0]) => ({
        firstBackend, totalWeight, pin, pinName, cookie: text(at, len),
      })),
    backends: records(SECTION_BACKENDS, BACKEND_SIZE,
      ([target = 0, weight = 0, action = 0]) => ({ target, weight, action })),
    clusters: records(SECTION_CLUSTERS, CLUSTER_SIZE, ([at = 0, len = 0]) => text(at, len)),
    redirects: records(SECTION_REDIRECTS, REDIRECT_SIZE, (
      [status = 0, scheme = 0, hostAt = 0, hostLen = 0, port = 0, replace = 0, at = 0, len = 0],
    ) => ({
      status, scheme, host: text(hostAt, hostLen), port, replace, replacement: text(at, len),
    })),
    actions: records(SECTION_ACTIONS, ACTION_SIZE,
      ([edits = 0, policy = 0, hostAt = 0, hostLen = 0, replace = 0, at = 0, len = 0]) => ({
        edits, policy, host: text(hostAt, hostLen), replace, replacement: text(at, len),
      })),
    routePolicies: records(SECTION_ROUTE_POLICIES, ROUTE_POLICY_SIZE,
      ([at = 0, len = 0]) => text(at, len)),
  };
}

function readEdits(records: Records, text: Text): Table["editLists"] {
  const edits = records(SECTION_EDITS, EDIT_SIZE,
    ([kind, nameAt = 0, nameLen = 0, at = 0, len = 0]): TableEdit => ({
      kind: kind === EDIT_SET ? "set" : kind === EDIT_ADD ? "add" : "remove",
      name: text(nameAt, nameLen), value: text(at, len),
    }));
  const firsts = records(SECTION_EDIT_LISTS, EDIT_LIST_SIZE, ([first = 0]) => first);
  return firsts.map((first, i) => edits.slice(first, firsts[i + 1] ?? edits.length));
}
