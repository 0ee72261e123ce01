// The binding to the core's wasm: one precompiled module, instantiated synchronously. A request is
// written once into the core's buffer, and the answer is read as integers.

import {
  ABSENT, LOAD_BAD_STATE, SLOT_AUTHORITY, SLOT_HEADERS, SLOT_METHOD, SLOT_PATH, VERDICT_BACKEND,
  VERDICT_CLUSTER, VERDICT_EDITS, VERDICT_FORWARD, VERDICT_HOST_LEN, VERDICT_HOST_PTR,
  VERDICT_KIND, VERDICT_MATCH, VERDICT_POLICY, VERDICT_REDIRECT, VERDICT_RESPOND, VERDICT_RULE,
  VERDICT_SIZE, VERDICT_STATUS, VERDICT_TEXT_LEN, VERDICT_TEXT_PTR,
} from "../../filters/core/format.ts";

/** What filters/edge exports. */
export interface CoreExports {
  readonly memory: WebAssembly.Memory;
  reserve(length: number): number;
  load(length: number): number;
  inputPtr(): number;
  inputLength(): number;
  verdictPtr(): number;
  start(gatewayPort: number): void;
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

/** For a core that has its table. `names` are the table's header names, by slot. */
export function createCore(exports: CoreExports, names: readonly string[]): Core {
  const start = exports.inputPtr() >>> 0;
  const end = start + (exports.inputLength() >>> 0);
  const verdictPtr = exports.verdictPtr() >>> 0;
  // The core allocates nothing once its table is loaded, so that these views stay valid.
  const bytes = new Uint8Array(exports.memory.buffer);
  const words = new Uint32Array(exports.memory.buffer, verdictPtr, VERDICT_SIZE / 4);
  const runsMax = names.length + SLOT_HEADERS + 1;

  const decide = (request: RequestParts): Verdict => {
    let at = start;
    const put = (slot: number, value: string | null): boolean => {
      if (value === null) {
        exports.put(slot, 0, ABSENT);
        return true;
      }
      const next = writeText(bytes, at, end, value);
      if (next < 0) return false;
      exports.put(slot, at, next - at);
      at = next;
      return true;
    };
    exports.start(request.gatewayPort);
    const fits = put(SLOT_AUTHORITY, request.authority) && put(SLOT_PATH, request.target)
      && put(SLOT_METHOD, request.method);
    if (!fits) return tooLarge;
    for (let run = 0; run < runsMax; run += 1) {
      const result = exports.run();
      if (result >= 0) return readVerdict(words, bytes);
      const slot = -result - 1;
      const name = names[slot - SLOT_HEADERS];
      if (!put(slot, name === undefined ? null : request.header(name))) return tooLarge;
    }
    throw new Error(`the core asked for more than its ${names.length} header names`);
  };
  return { decide };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Up to this length a loop over char codes beats `encodeInto`. */
const shortTextMax = 100;

/** Writes `text` at `at` and returns the end of it, or -1 where it does not fit. */
export function writeText(bytes: Uint8Array, at: number, end: number, text: string): number {
  const length = text.length;
  if (at + length > end) return -1;
  if (length <= shortTextMax) {
    let i = 0;
    for (; i < length; i += 1) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) break;
      bytes[at + i] = code;
    }
    if (i === length) return at + length;
  }
  const { read, written } = encoder.encodeInto(text, bytes.subarray(at, end));
  return read === length ? at + written : -1;
}

function readVerdict(words: Uint32Array, bytes: Uint8Array): Verdict {
  const word = (offset: number): number => words[offset >>> 2] ?? 0;
  const kind = word(VERDICT_KIND);
  const verdict: Verdict = {
    kind,
    status: word(VERDICT_STATUS),
    match: word(VERDICT_MATCH),
    rule: word(VERDICT_RULE),
    backend: word(VERDICT_BACKEND),
    cluster: word(VERDICT_CLUSTER),
    edits: word(VERDICT_EDITS),
    policy: word(VERDICT_POLICY),
  };
  if (kind !== VERDICT_FORWARD && kind !== VERDICT_REDIRECT) return verdict;
  const textLen = word(VERDICT_TEXT_LEN);
  const hostLen = kind === VERDICT_FORWARD ? word(VERDICT_HOST_LEN) : 0;
  if (textLen + hostLen === 0) return verdict;
  const textAt = (ptr: number, length: number): string | undefined =>
    length === 0 ? undefined : decoder.decode(bytes.subarray(ptr, ptr + length));
  return {
    ...verdict,
    text: textAt(word(VERDICT_TEXT_PTR), textLen),
    host: textAt(word(VERDICT_HOST_PTR), hostLen),
  };
}
