// The binding to the core's wasm: one precompiled module, instantiated synchronously. A request is
// written once into the core's buffer, and the answer is read as integers.

import {
  ABSENT, LOAD_BAD_STATE, SLOT_HEADERS, SLOT_METHOD, VERDICT_BACKEND,
  VERDICT_CLUSTER, VERDICT_EDITS, VERDICT_FORWARD, VERDICT_HOST_LEN, VERDICT_HOST_PTR,
  VERDICT_MATCH, VERDICT_NO_MATCH, VERDICT_POLICY, VERDICT_REDIRECT, VERDICT_RESPOND, VERDICT_RULE,
  VERDICT_SIZE, VERDICT_STATUS, VERDICT_TEXT_LEN, VERDICT_TEXT_PTR,
} from "../../filters/core/format.ts";
import { aligned, authorities, textAt, writeText, type Input } from "./input.ts";
import { isForeign, readLead, type Lead } from "./lead.ts";

/** What filters/edge exports. */
export interface CoreExports {
  readonly memory: WebAssembly.Memory;
  reserve(length: number): number;
  load(length: number): number;
  inputPtr(): number;
  inputLength(): number;
  verdictPtr(): number;
  /** Of the last request's virtual host: lead.ts. */
  leadPtr(): number;
  start(gatewayPort: number): void;
  /**
   * `start`, `put` of authority and target as they stand in the input buffer, and `run`. `again`
   * is 1 where port and authority are the last request's: the core knows the virtual host then.
   */
  open(
    gatewayPort: number, authorityLength: number, targetLength: number, again: number,
  ): number;
  put(slot: number, ptr: number, length: number): void;
  run(): number;
}

/** The parts of a request that a table can look at. */
export interface RequestParts {
  readonly gatewayPort: number;
  readonly authority: string;
  /** The request target with its query. */
  readonly target: string;
  readonly method: string;
  header(name: string): string | null;
}

/** Indexes are the table's; NONE where there is none. */
export interface Verdict {
  readonly kind: number;
  readonly status: number;
  readonly match: number;
  readonly rule: number;
  readonly backend: number;
  readonly cluster: number;
  /** EDIT_LISTS index, 0 for none. */
  readonly edits: number;
  /** The route policy, 0 for none. */
  readonly policy: number;
  /** The Location of a redirect, or the new target of a forwarded request. */
  readonly text?: string;
  /** The new host name of a forwarded request. */
  readonly host?: string;
}

export interface Core {
  decide(request: RequestParts): Verdict;
}

export function instantiate(module: WebAssembly.Module): CoreExports {
  return new WebAssembly.Instance(module, {}).exports as unknown as CoreExports;
}

/** Gives the core its table, once in an instance's life. LOAD_OK, or why the core refuses it. */
export function loadTable(exports: CoreExports, table: Uint8Array): number {
  const ptr = exports.reserve(table.length) >>> 0;
  if (ptr === 0) return LOAD_BAD_STATE;
  new Uint8Array(exports.memory.buffer).set(table, ptr);
  return exports.load(table.length) >>> 0;
}

/** A request whose parts do not fit into the core's buffer (RFC 6585, section 5). */
const tooLarge: Verdict = {
  kind: VERDICT_RESPOND, status: 431, match: ABSENT, rule: ABSENT, backend: ABSENT,
  cluster: ABSENT, edits: 0, policy: 0,
};

/** No rule takes the request. */
const noMatch: Verdict = {
  kind: VERDICT_NO_MATCH, status: 404, match: ABSENT, rule: ABSENT, backend: ABSENT,
  cluster: ABSENT, edits: 0, policy: 0,
};

/** For a core that has its table. `names` are the table's header names, by slot. */
export function createCore(exports: CoreExports, names: readonly string[]): Core {
  const { open, put, run } = exports;
  const start = exports.inputPtr() >>> 0;
  const end = start + (exports.inputLength() >>> 0);
  const verdictPtr = exports.verdictPtr() >>> 0;
  // The core allocates nothing once its table is loaded, so that these views stay valid.
  const input: Input = {
    bytes: new Uint8Array(exports.memory.buffer),
    words: new Int32Array(exports.memory.buffer, 0, end >>> 2),
    end,
  };
  const verdict = new Uint32Array(exports.memory.buffer, verdictPtr, VERDICT_SIZE / 4);
  const runsMax = names.length + SLOT_HEADERS + 1;
  const read = verdictReader(verdict, input.bytes);

  /** Answers what the core still asks for, until it has decided. `at` is free in the buffer. */
  const goOn = (request: RequestParts, first: number, free: number): Verdict => {
    let at = free;
    let result = first;
    for (let runs = 0; result < 0; runs += 1) {
      if (runs > runsMax) throw new Error(`the core asked for more than its ${names.length} names`);
      const slot = -result - 1;
      const value = slot === SLOT_METHOD ? request.method
        : request.header(names[slot - SLOT_HEADERS] ?? "");
      if (value === null) {
        put(slot, 0, ABSENT);
      } else {
        const next = writeText(input, at, value);
        if (next < 0) return tooLarge;
        put(slot, at, next - at);
        at = aligned(next);
      }
      result = run();
    }
    return read(result);
  };
  const { known, putAuthority } = authorities(input, start);
  let lastPort = -1;
  let lead: Lead | undefined;
  const decide = (request: RequestParts): Verdict => {
    const { gatewayPort, authority, target } = request;
    const authorityEnd = putAuthority(authority);
    if (authorityEnd < 0) return tooLarge;
    if (!known.keeps || gatewayPort !== lastPort) {
      lead = undefined;
    } else {
      lead ??= readLead(exports.memory.buffer, exports.leadPtr());
      if (isForeign(lead, target)) return noMatch;
    }
    const targetStart = aligned(authorityEnd);
    const targetEnd = writeText(input, targetStart, target);
    if (targetEnd < 0) return tooLarge;
    const again = authorityEnd === known.end && gatewayPort === lastPort ? 1 : 0;
    const result = open(gatewayPort, authorityEnd - start, targetEnd - targetStart, again);
    known.end = authorityEnd;
    lastPort = gatewayPort;
    return result < 0 ? goOn(request, result, aligned(targetEnd)) : read(result);
  };
  return { decide };
}

/** How many verdicts are kept: those of the busiest matches. A power of two. */
const keptCount = 512;

/**
 * What is forwarded as it stands depends on the match and the backend alone, so that the verdict is
 * made once for as long as no other takes its place.
 */
function verdictReader(words: Uint32Array, bytes: Uint8Array): (kind: number) => Verdict {
  const kept: (Verdict | undefined)[] = Array.from({ length: keptCount });
  return (kind) => {
    if (kind === VERDICT_NO_MATCH) return noMatch;
    const isPlain = kind === VERDICT_FORWARD && words[VERDICT_TEXT_LEN >>> 2] === 0
      && words[VERDICT_HOST_LEN >>> 2] === 0;
    if (!isPlain) return readVerdict(words, bytes, kind);
    const match = words[VERDICT_MATCH >>> 2] ?? 0;
    const place = match & (keptCount - 1);
    const last = kept[place];
    if (last?.match === match && last.backend === words[VERDICT_BACKEND >>> 2]) return last;
    const made = readVerdict(words, bytes, kind);
    kept[place] = made;
    return made;
  };
}

function readVerdict(words: Uint32Array, bytes: Uint8Array, kind: number): Verdict {
  const forward = kind === VERDICT_FORWARD;
  const textLen = forward || kind === VERDICT_REDIRECT ? words[VERDICT_TEXT_LEN >>> 2] ?? 0 : 0;
  const hostLen = forward ? words[VERDICT_HOST_LEN >>> 2] ?? 0 : 0;
  return {
    kind,
    status: words[VERDICT_STATUS >>> 2] ?? 0,
    match: words[VERDICT_MATCH >>> 2] ?? 0,
    rule: words[VERDICT_RULE >>> 2] ?? 0,
    backend: words[VERDICT_BACKEND >>> 2] ?? 0,
    cluster: words[VERDICT_CLUSTER >>> 2] ?? 0,
    edits: words[VERDICT_EDITS >>> 2] ?? 0,
    policy: words[VERDICT_POLICY >>> 2] ?? 0,
    text: textLen === 0 ? undefined : textAt(bytes, words[VERDICT_TEXT_PTR >>> 2] ?? 0, textLen),
    host: hostLen === 0 ? undefined : textAt(bytes, words[VERDICT_HOST_PTR >>> 2] ?? 0, hostLen),
  };
}
