// The binding to the core: a core of our own stands in, so that every answer can be had.

import { expect, test } from "vitest";

import {
  ABSENT, SLOT_AUTHORITY, SLOT_HEADERS, SLOT_METHOD, SLOT_PATH, VERDICT_CLUSTER, VERDICT_FORWARD,
  VERDICT_HOST_LEN, VERDICT_HOST_PTR, VERDICT_KIND, VERDICT_REDIRECT, VERDICT_RESPOND,
  VERDICT_STATUS, VERDICT_TEXT_LEN, VERDICT_TEXT_PTR,
} from "../../filters/core/format.ts";
import {
  createCore, loadTable, type CoreExports, type RequestParts,
} from "../../runtime/edge/core.ts";
import { writeText, type Input } from "../../runtime/edge/input.ts";

const inputPtr = 1024;
const inputLength = 300;
const verdictPtr = 512;
const leadPtr = 256;

interface Fake {
  readonly exports: CoreExports;
  /** What was put into each slot; null where it was said to be absent. */
  readonly slots: Map<number, string | null>;
}

/** Asks for `wanted`, one run after the other, then gives `words` (by byte offset). */
function fakeCore(wanted: readonly number[], words: Readonly<Record<number, number>>): Fake {
  const memory = { buffer: new ArrayBuffer(4096) };
  new Uint32Array(memory.buffer, leadPtr, 1)[0] = ABSENT;
  const slots = new Map<number, string | null>();
  let asked = 0;
  const exports: CoreExports = {
    memory,
    reserve: () => 2048,
    load: () => 7,
    inputPtr: () => inputPtr,
    inputLength: () => inputLength,
    verdictPtr: () => verdictPtr,
    leadPtr: () => leadPtr,
    start: () => undefined,
    open: (_gatewayPort, authorityLength, targetLength) => {
      slots.clear();
      asked = 0;
      exports.put(SLOT_AUTHORITY, inputPtr, authorityLength);
      exports.put(SLOT_PATH, (inputPtr + authorityLength + 7) & ~7, targetLength);
      return exports.run();
    },
    put: (slot, ptr, length) => {
      const text = new Uint8Array(memory.buffer, ptr, length === ABSENT ? 0 : length);
      slots.set(slot, length === ABSENT ? null : new TextDecoder().decode(text));
    },
    run: () => {
      const slot = wanted[asked];
      asked += 1;
      if (slot !== undefined) return -(slot + 1);
      const view = new DataView(memory.buffer, verdictPtr);
      for (const [at, word] of Object.entries(words)) view.setUint32(Number(at), word, true);
      return words[VERDICT_KIND] ?? 0;
    },
  };
  return { exports, slots };
}

function request(parts: Partial<RequestParts> = {}): RequestParts {
  const header = (): null => null;
  return { gatewayPort: 0, authority: "a.b", target: "/x?y", method: "GET", header, ...parts };
}

test("authority and target are there before the first run, the method when it is asked for", () => {
  const words = { [VERDICT_KIND]: VERDICT_FORWARD, [VERDICT_CLUSTER]: 3 };
  const { exports, slots } = fakeCore([], words);
  const verdict = createCore(exports, []).decide(request());
  expect(slots.has(SLOT_METHOD)).toBe(false);
  expect([slots.get(SLOT_AUTHORITY), slots.get(SLOT_PATH)])
    .toEqual(["a.b", "/x?y"]);
  expect(verdict).toMatchObject({ kind: VERDICT_FORWARD, cluster: 3 });
  expect([verdict.text, verdict.host]).toEqual([undefined, undefined]);
});

test("a header is read when the core asks for it, and only then", () => {
  const { exports, slots } = fakeCore([SLOT_HEADERS + 1, SLOT_HEADERS], { [VERDICT_KIND]: 0 });
  const read: string[] = [];
  const header = (name: string): string | null => {
    read.push(name);
    return name === "x-b" ? "grüße" : null;
  };
  createCore(exports, ["x-a", "x-b", "x-c"]).decide(request({ header }));
  expect(read).toEqual(["x-b", "x-a"]);
  expect(slots.get(SLOT_HEADERS + 1)).toBe("grüße");
  expect(slots.get(SLOT_HEADERS)).toBeNull();
});

test("a request that does not fit into the buffer is a 431", () => {
  const { exports } = fakeCore([SLOT_HEADERS], { [VERDICT_KIND]: VERDICT_FORWARD });
  const core = createCore(exports, ["x-a"]);
  const tooLarge = { kind: VERDICT_RESPOND, status: 431 };
  expect(core.decide(request({ target: `/${"a".repeat(inputLength)}` }))).toMatchObject(tooLarge);
  const header = (): string => "ü".repeat(inputLength / 2);
  expect(core.decide(request({ header }))).toMatchObject(tooLarge);
  expect(core.decide(request()).status).not.toBe(431);
});

test("a core that never comes to an end is a defect, not a hang", () => {
  const { exports } = fakeCore(Array(100).fill(SLOT_HEADERS), {});
  expect(() => createCore(exports, ["x-a"]).decide(request())).toThrow("asked for more");
});

test("a redirect has its location", () => {
  const text = "https://a.b/ü";
  const bytes = new TextEncoder().encode(text);
  const { exports } = fakeCore([], {
    [VERDICT_KIND]: VERDICT_REDIRECT, [VERDICT_STATUS]: 302,
    [VERDICT_TEXT_PTR]: 3000, [VERDICT_TEXT_LEN]: bytes.length,
  });
  new Uint8Array(exports.memory.buffer).set(bytes, 3000);
  expect(createCore(exports, []).decide(request())).toMatchObject({ status: 302, text });
});

test("a rewrite has its target and its host, each by itself too", () => {
  const { exports } = fakeCore([], {
    [VERDICT_KIND]: VERDICT_FORWARD, [VERDICT_TEXT_PTR]: 3000, [VERDICT_TEXT_LEN]: 4,
    [VERDICT_HOST_PTR]: 3004, [VERDICT_HOST_LEN]: 3,
  });
  new Uint8Array(exports.memory.buffer).set(new TextEncoder().encode("/new" + "a.b"), 3000);
  expect(createCore(exports, []).decide(request())).toMatchObject({ text: "/new", host: "a.b" });
  const host = fakeCore([], {
    [VERDICT_KIND]: VERDICT_FORWARD, [VERDICT_HOST_PTR]: 3004, [VERDICT_HOST_LEN]: 3,
  });
  new Uint8Array(host.exports.memory.buffer).set(new TextEncoder().encode("a.b"), 3004);
  const verdict = createCore(host.exports, []).decide(request());
  expect([verdict.text, verdict.host]).toEqual([undefined, "a.b"]);
});

test("the table is copied to where the core wants it, and its answer is passed on", () => {
  const { exports } = fakeCore([], {});
  expect(loadTable(exports, Uint8Array.of(1, 2, 3))).toBe(7);
  expect([...new Uint8Array(exports.memory.buffer, 2048, 3)]).toEqual([1, 2, 3]);
  expect(loadTable({ ...exports, reserve: () => 0 }, Uint8Array.of(1))).not.toBe(0);
});

test.each([
  ["short", "abc"], ["empty", ""], ["long", "a".repeat(150)], ["not ASCII", "grüße"],
  ["beyond the first plane", "a😀b"], ["long and not ASCII", "ü".repeat(80)],
])("text is written as UTF-8: %s", (_, text) => {
  const input = inputOf(400);
  const end = writeText(input, 8, text);
  expect(new TextDecoder().decode(input.bytes.subarray(8, end))).toBe(text);
});

test.each([["abcd", 3, -1], ["abc", 3, 3], ["ü", 1, -1], ["ü", 2, 2]])(
  "text never passes the end: %s in %d bytes",
  (text, room, end) => {
    expect(writeText({ ...inputOf(16), end: room }, 0, text)).toBe(end);
  },
);

function inputOf(length: number): Input {
  const bytes = new Uint8Array(length);
  return { bytes, words: new Int32Array(bytes.buffer), end: length };
}

/** The last argument of each `open`: whether the core is told that it knows the host. */
function again(requests: readonly Partial<RequestParts>[]): readonly number[] {
  const { exports } = fakeCore([], {});
  const told: number[] = [];
  const open: CoreExports["open"] = (...args) => {
    told.push(args[3]);
    return exports.open(...args);
  };
  const core = createCore({ ...exports, open }, []);
  for (const parts of requests) core.decide(request(parts));
  return told;
}

test("a host is known again only where port and authority are the last request's", () => {
  const [a, b] = [{ authority: "a.example" }, { authority: "b.example" }];
  expect(again([a, a, b, b, a])).toEqual([0, 1, 0, 1, 0]);
  expect(again([a, { ...a, gatewayPort: 1 }, { ...a, gatewayPort: 1 }])).toEqual([0, 0, 1]);
  expect(again([a, { ...a, target: "/other" }, { ...a, target: "/" }])).toEqual([0, 1, 1]);
  expect(again([{ authority: "a.examples" }, a, { authority: "a.examples" }])).toEqual([0, 0, 0]);
  expect(again([{ authority: "grü.example" }, { authority: "grü.example" }])).toEqual([0, 0]);
  expect(again([{ authority: "a".repeat(80) }, { authority: "a".repeat(80) }])).toEqual([0, 0]);
});

test("a request that does not fit makes the core forget which host it knows", () => {
  const [a, b] = [{ authority: "a.example" }, { authority: "b.example" }];
  const long = { target: "/".repeat(inputLength) };
  expect(again([a, { ...b, ...long }, b, a, { ...b, ...long }, a])).toEqual([0, 0, 0, 0]);
});

test("a host that keeps coming stays known, whatever comes between", () => {
  const [a, b] = [{ authority: "a.example" }, { authority: "b.example" }];
  const long = { ...a, target: "/".repeat(inputLength) };
  const many = Array.from({ length: 20 }, () => a);
  const known = many.slice(1).map(() => 1);
  expect(again([...many, long, a, { ...a, gatewayPort: 1 }, b, ...many]))
    .toEqual([0, ...known, 1, 0, 0, 0, ...known]);
});
