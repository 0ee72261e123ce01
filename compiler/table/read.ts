// Reads a table back into plain values: for the edge runtime, for `inspect` and for tests. It trusts
// the bytes; whoever did not make them lets the core verify them first.

import {
  BACKEND_SIZE, CLUSTER_SIZE, CONDITION_SIZE, EDIT_ADD, EDIT_LIST_SIZE, EDIT_SET, EDIT_SIZE,
  GATEWAY_PORT_SIZE, HEADER_CHECKSUM, HEADER_FLAGS, HEADER_LENGTH, HEADER_SIZE,
  HEADER_STATE_LENGTH, HEADER_VERSION, MATCH_SIZE, NAME_SIZE, PATH_SIZE, REDIRECT_SIZE, RULE_SIZE,
  SECTION_BACKENDS, SECTION_CLUSTERS, SECTION_CONDITIONS, SECTION_EDITS, SECTION_EDIT_LISTS,
  SECTION_GATEWAY_PORTS, SECTION_MATCHES, SECTION_NAMES, SECTION_PATHS, SECTION_REDIRECTS,
  SECTION_RULES, SECTION_SPLITS, SECTION_STRINGS, SECTION_VIRTUAL_HOSTS, SPLIT_SIZE,
  VIRTUAL_HOST_SIZE,
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
  readonly flags: number;
  /** Header names; name n is read into slot SLOT_HEADERS + n. */
  readonly names: readonly string[];
  readonly gatewayPorts: readonly { readonly name: string; readonly port: number; readonly tls: boolean }[];
  readonly virtualHosts: readonly {
    readonly hostname: string; readonly gatewayPort: number; readonly firstPath: number; readonly next: number;
  }[];
  readonly paths: readonly { readonly kind: "exact" | "prefix"; readonly value: string; readonly firstMatch: number }[];
  readonly matches: readonly { readonly rule: number; readonly firstCondition: number; readonly method: number }[];
  readonly conditions: readonly { readonly kind: number; readonly name: string; readonly value: string }[];
  readonly rules: readonly { readonly target: number; readonly edits: number }[];
  readonly splits: readonly { readonly firstBackend: number; readonly totalWeight: number }[];
  readonly backends: readonly { readonly target: number; readonly weight: number; readonly edits: number }[];
  readonly clusters: readonly string[];
  readonly redirects: readonly {
    readonly status: number; readonly scheme: number; readonly host: string; readonly port: number;
    readonly pathKind: number; readonly path: string;
  }[];
  readonly editLists: readonly (readonly TableEdit[])[];
}

const utf8 = new TextDecoder();

export function readTable(bytes: Uint8Array): Table {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u32 = (at: number): number => view.getUint32(at, true);
  const stringsAt = u32(HEADER_SIZE + SECTION_STRINGS * 8);
  const text = (offset: number, length: number): string =>
    utf8.decode(bytes.subarray(stringsAt + offset, stringsAt + offset + length));
  /** Each record of a section as its words. */
  const records = <T>(id: number, size: number, read: (words: number[]) => T): T[] => {
    const at = u32(HEADER_SIZE + id * 8);
    return Array.from({ length: u32(HEADER_SIZE + id * 8 + 4) }, (_, i) =>
      read(Array.from({ length: size / 4 }, (_, w) => u32(at + i * size + w * 4))));
  };
  const named = ([offset = 0, length = 0]: number[]): string => text(offset, length);
  const names = records(SECTION_NAMES, NAME_SIZE, named);
  const edits = records(SECTION_EDITS, EDIT_SIZE, ([kind, nameAt = 0, nameLen = 0, at = 0, len = 0]) => ({
    kind: kind === EDIT_SET ? "set" as const : kind === EDIT_ADD ? "add" as const : "remove" as const,
    name: text(nameAt, nameLen), value: text(at, len),
  }));
  const lists = records(SECTION_EDIT_LISTS, EDIT_LIST_SIZE, ([first = 0]) => first);
  return {
    version: u32(HEADER_VERSION), length: u32(HEADER_LENGTH), checksum: u32(HEADER_CHECKSUM),
    stateLength: u32(HEADER_STATE_LENGTH), flags: u32(HEADER_FLAGS), names,
    gatewayPorts: records(SECTION_GATEWAY_PORTS, GATEWAY_PORT_SIZE, ([at = 0, len = 0, port = 0, tls]) => ({
      name: text(at, len), port, tls: tls === 1,
    })),
    virtualHosts: records(SECTION_VIRTUAL_HOSTS, VIRTUAL_HOST_SIZE, (
      [at = 0, len = 0, key = 0, firstPath = 0, , , next = 0],
    ) => ({
      hostname: key & 1 ? (len ? `*.${text(at, len)}` : "*") : text(at, len),
      gatewayPort: key >>> 1, firstPath, next,
    })),
    paths: records(SECTION_PATHS, PATH_SIZE, ([at = 0, lengthAndKind = 0, firstMatch = 0]) => ({
      kind: lengthAndKind & 1 ? "exact" as const : "prefix" as const,
      value: text(at, lengthAndKind >>> 1), firstMatch,
    })),
    matches: records(SECTION_MATCHES, MATCH_SIZE, ([rule = 0, firstCondition = 0, method = 0]) => ({
      rule, firstCondition, method,
    })),
    conditions: records(SECTION_CONDITIONS, CONDITION_SIZE, ([kind = 0, at = 0, len = 0]) => ({
      kind: kind & 0xff, name: names[kind >>> 8] ?? "", value: text(at, len),
    })),
    rules: records(SECTION_RULES, RULE_SIZE, ([target = 0, list = 0]) => ({ target, edits: list })),
    splits: records(SECTION_SPLITS, SPLIT_SIZE, ([firstBackend = 0, totalWeight = 0]) => ({
      firstBackend, totalWeight,
    })),
    backends: records(SECTION_BACKENDS, BACKEND_SIZE, ([target = 0, weight = 0, list = 0]) => ({
      target, weight, edits: list,
    })),
    clusters: records(SECTION_CLUSTERS, CLUSTER_SIZE, named),
    redirects: records(SECTION_REDIRECTS, REDIRECT_SIZE, (
      [status = 0, scheme = 0, hostAt = 0, hostLen = 0, port = 0, pathKind = 0, at = 0, len = 0],
    ) => ({ status, scheme, host: text(hostAt, hostLen), port, pathKind, path: text(at, len) })),
    editLists: lists.map((first, i) => edits.slice(first, lists[i + 1] ?? edits.length)),
  };
}
