import { expect, test } from "vitest";

import { proxyHeader } from "../../runtime/edge/connection/proxy-protocol.ts";

const text = (client?: string): string => new TextDecoder().decode(proxyHeader("V1", client));
const hex = (client?: string): string => Buffer.from(proxyHeader("V2", client)).toString("hex");
const signature = "0d0a0d0a000d0a515549540a";

test("version 1 is a line of text", () => {
  expect(text("192.0.2.7")).toBe("PROXY TCP4 192.0.2.7 0.0.0.0 0 0\r\n");
  expect(text("2001:db8::7")).toBe("PROXY TCP6 2001:db8::7 :: 0 0\r\n");
  expect(text()).toBe("PROXY UNKNOWN\r\n");
  expect(text("not an address")).toBe("PROXY UNKNOWN\r\n");
});

test("version 2 is binary: signature, command, family, length, addresses, ports", () => {
  expect(hex("192.0.2.7")).toBe(`${signature}2111000cc000020700000000${"00".repeat(4)}`);
  expect(hex("2001:db8::7"))
    .toBe(`${signature}2121002420010db8${"00".repeat(11)}07${"00".repeat(20)}`);
  expect(hex("::ffff:192.0.2.7"))
    .toBe(`${signature}21210024${"00".repeat(10)}ffffc0000207${"00".repeat(20)}`);
  expect(hex()).toBe(`${signature}20000000`);
});
