// Sentences for logs and reports, put together in a fixed buffer. Their literals are AssemblyScript
// strings, which are UTF-16: that is no matter where nothing is said for a request.

import { log } from "./abi";

const LENGTH_MAX: u32 = 512;
export const sentence: usize = memory.data(512, 8);
export let sentenceLen: u32 = 0;

export function begin(): void {
  sentenceLen = 0;
}

export function appendByte(byte: u32): void {
  if (sentenceLen >= LENGTH_MAX) return;
  store<u8>(sentence + sentenceLen, <u8>byte);
  sentenceLen += 1;
}

/** Of ASCII. */
export function append(text: string): void {
  for (let i = 0; i < text.length; i++) appendByte(load<u16>(changetype<usize>(text) + (i << 1)));
}

export function appendText(ptr: usize, len: u32): void {
  for (let i: u32 = 0; i < len; i++) appendByte(load<u8>(ptr + i));
}

/** Eight hexadecimal digits. */
export function appendHex(value: u32): void {
  for (let shift: i32 = 28; shift >= 0; shift -= 4) {
    const digit = (value >> shift) & 15;
    appendByte(digit < 10 ? 0x30 + digit : 0x57 + digit);
  }
}

/** Two digits. */
export function appendCode(code: u32): void {
  appendByte(0x30 + code / 10 % 10);
  appendByte(0x30 + code % 10);
}

export function say(level: u32): void {
  log(level, sentence, sentenceLen);
}
