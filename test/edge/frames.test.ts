// WebSocket frames (RFC 6455, section 5).

import { expect, test } from "vitest";

import {
  closeFrame, frameOf, opcodes, startIncoming, takeMessages, type Message,
} from "../../runtime/edge/connection/frames.ts";

/** A server's frame: unmasked. */
function frame(first: number, payload: Uint8Array | string): number[] {
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const { length } = bytes;
  const head = length < 126 ? [length] : length < 65536
    ? [126, length >> 8, length & 255]
    : [127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255];
  return [first, ...head, ...bytes];
}

/** The messages of `bytes`, given whole or in pieces of `size`. */
function read(bytes: readonly number[], size = bytes.length): Message[] {
  const incoming = startIncoming(new Uint8Array(0));
  const messages: Message[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    messages.push(...takeMessages(incoming, Uint8Array.from(bytes.slice(at, at + size))));
  }
  return messages;
}

test.each([1, 2, 7, 1000])("messages are read whatever pieces they come in: %i", (size) => {
  const large = new Uint8Array(70_000).fill(7);
  const bytes = [
    ...frame(0x81, "hé"), ...frame(0x01, "one "), ...frame(0x89, "ping"), ...frame(0x00, "two "),
    ...frame(0x80, "three"), ...frame(0x82, large.subarray(0, 300)), ...frame(0x8a, ""),
    ...(size > 2 ? frame(0x82, large) : []),
    ...frame(0x88, Uint8Array.from([0x0f, 0xa0, 0x62, 0x79])),
  ];
  expect(read(bytes, size)).toEqual([
    { kind: "text", text: "hé" },
    { kind: "ping", bytes: Uint8Array.from(Buffer.from("ping")) },
    { kind: "text", text: "one two three" },
    { kind: "binary", bytes: large.slice(0, 300) },
    { kind: "pong" },
    ...(size > 2 ? [{ kind: "binary", bytes: large }] : []),
    { kind: "close", code: 4000, reason: "by" },
  ]);
});

test("a close without a code has none", () => {
  expect(read(frame(0x88, ""))).toEqual([{ kind: "close", reason: "" }]);
});

test.each([
  ["a mask", [0x81, 0x80, 1, 2, 3, 4], 1002], ["an extension's bit", [0xc1, 0], 1002],
  ["an unknown kind", [0x83, 0], 1002], ["a continuation of nothing", [0x80, 0], 1002],
  ["a message within another", [...frame(0x01, "a"), ...frame(0x81, "b")], 1002],
  ["a fragment of a ping", [0x09, 0], 1002], ["a long ping", [0x89, 126, 0, 126], 1002],
  ["text that is no UTF-8", frame(0x81, Uint8Array.from([0xff])), 1007],
  ["half a code", frame(0x88, Uint8Array.from([3])), 1002],
  ["a message beyond the limit", [0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0], 1009],
])("%s breaks the protocol", (_, bytes, code) => {
  expect(read(bytes).at(-1)).toEqual({ kind: "broken", code });
});

test.each([0, 1, 125, 126, 65_535, 65_536])("a frame of %i bytes is masked", (length) => {
  const payload = Uint8Array.from({ length }, (_, i) => i & 255);
  const bytes = frameOf(opcodes.binary, payload);
  const start = bytes.length - length;
  const mask = bytes.subarray(start - 4, start);
  expect(bytes[1]! & 0x80).toBe(0x80);
  expect(bytes.slice(start).every((byte, i) => (byte ^ mask[i % 4]!) === payload[i])).toBe(true);
  const unmasked = [...bytes.subarray(0, start - 4), ...payload];
  unmasked[1]! &= 0x7f;
  expect(read(unmasked)).toEqual([{ kind: "binary", bytes: payload }]);
});

test("a close frame has its code and reason", () => {
  expect(closeFrame(undefined, "")).toHaveLength(6);
  expect(closeFrame(1000, "bye")).toHaveLength(11);
});
