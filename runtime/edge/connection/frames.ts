// WebSocket frames as bytes (RFC 6455, section 5), from a client's side: what it sends is masked,
// what it gets is not. Pure; websocket.ts moves the bytes.

import { joined } from "./body.ts";

export const opcodes = {
  continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10,
} as const;

export type Message =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "binary"; readonly bytes: Uint8Array }
  | { readonly kind: "ping"; readonly bytes: Uint8Array }
  | { readonly kind: "pong" }
  /** Without a code: the other side gave none. */
  | { readonly kind: "close"; readonly code?: number; readonly reason: string }
  /** The other side breaks the protocol; the code says how. */
  | { readonly kind: "broken"; readonly code: 1002 | 1007 | 1009 };

/** What has arrived and is not a whole message yet. */
export interface Incoming {
  bytes: Uint8Array;
  readonly parts: Uint8Array[];
  partsLength: number;
  /** Of the message whose parts these are; 0: none has begun. */
  opcode: number;
}

/** The platform's own limit on a message. */
const messageLengthMax = 32 * 1024 * 1024;

export function startIncoming(bytes: Uint8Array): Incoming {
  return { bytes, parts: [], partsLength: 0, opcode: 0 };
}

/** The messages that `bytes` complete. Nothing comes after one that is `broken`. */
export function takeMessages(incoming: Incoming, bytes: Uint8Array): readonly Message[] {
  incoming.bytes = incoming.bytes.length === 0 ? bytes : joined([incoming.bytes, bytes]);
  const messages: Message[] = [];
  for (;;) {
    const frame = readFrame(incoming.bytes);
    if (frame === undefined) return messages;
    if (typeof frame === "number") return [...messages, { kind: "broken", code: frame }];
    incoming.bytes = incoming.bytes.subarray(frame.length);
    const message = takeFrame(incoming, frame);
    if (message === undefined) continue;
    messages.push(message);
    if (message.kind === "broken") return messages;
  }
}

interface Frame {
  readonly isLast: boolean;
  readonly opcode: number;
  readonly payload: Uint8Array;
  /** Of the whole frame. */
  readonly length: number;
}

function readFrame(bytes: Uint8Array): Frame | undefined | 1002 | 1009 {
  if (bytes.length < 2) return undefined;
  const first = bytes[0] ?? 0;
  const second = bytes[1] ?? 0;
  const opcode = first & 15;
  // No extension was agreed on, and a server masks nothing.
  if ((first & 0x70) !== 0 || (second & 0x80) !== 0) return 1002;
  const isControl = opcode >= 8;
  if (isControl && ((first & 0x80) === 0 || second > 125)) return 1002;
  const extra = second === 126 ? 2 : second === 127 ? 8 : 0;
  const start = 2 + extra;
  if (bytes.length < start) return undefined;
  let length = extra === 0 ? second : 0;
  for (const byte of bytes.subarray(2, start)) length = length * 256 + byte;
  if (length > messageLengthMax) return 1009;
  if (bytes.length < start + length) return undefined;
  const payload = bytes.slice(start, start + length);
  return { isLast: (first & 0x80) !== 0, opcode, payload, length: start + length };
}

function takeFrame(incoming: Incoming, { isLast, opcode, payload }: Frame): Message | undefined {
  if (opcode === opcodes.close) return closeOf(payload);
  if (opcode === opcodes.ping) return { kind: "ping", bytes: payload };
  if (opcode === opcodes.pong) return { kind: "pong" };
  const isFirst = opcode === opcodes.text || opcode === opcodes.binary;
  if (!isFirst && opcode !== opcodes.continuation) return { kind: "broken", code: 1002 };
  if (isFirst !== (incoming.opcode === 0)) return { kind: "broken", code: 1002 };
  if (isFirst) incoming.opcode = opcode;
  incoming.parts.push(payload);
  incoming.partsLength += payload.length;
  if (incoming.partsLength > messageLengthMax) return { kind: "broken", code: 1009 };
  if (!isLast) return undefined;
  const bytes = joined(incoming.parts.splice(0));
  const isText = incoming.opcode === opcodes.text;
  incoming.opcode = 0;
  incoming.partsLength = 0;
  if (!isText) return { kind: "binary", bytes };
  const text = decode(bytes);
  return text === undefined ? { kind: "broken", code: 1007 } : { kind: "text", text };
}

function closeOf(payload: Uint8Array): Message {
  if (payload.length === 0) return { kind: "close", reason: "" };
  const reason = decode(payload.subarray(2));
  if (payload.length === 1 || reason === undefined) return { kind: "broken", code: 1002 };
  return { kind: "close", code: (payload[0] ?? 0) * 256 + (payload[1] ?? 0), reason };
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

export function frameOf(opcode: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const extra = length > 65535 ? 8 : length > 125 ? 2 : 0;
  const frame = new Uint8Array(6 + extra + length);
  const view = new DataView(frame.buffer);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (extra === 0 ? length : extra === 2 ? 126 : 127);
  if (extra === 2) view.setUint16(2, length);
  if (extra === 8) view.setBigUint64(2, BigInt(length));
  const mask = crypto.getRandomValues(new Uint8Array(4));
  const start = 6 + extra;
  frame.set(mask, start - 4);
  for (let i = 0; i < length; i += 1) frame[start + i] = (payload[i] ?? 0) ^ (mask[i & 3] ?? 0);
  return frame;
}

export function closeFrame(code: number | undefined, reason: string): Uint8Array {
  if (code === undefined) return frameOf(opcodes.close, new Uint8Array(0));
  const text = new TextEncoder().encode(reason);
  return frameOf(opcodes.close, joined([new Uint8Array([code >> 8, code & 255]), text]));
}
