// The mark at the end of whole answers, however the bytes are cut.

import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";

import { untilMark } from "../../runtime/dev/end-mark.ts";

const mark = Buffer.from("abcabd");

const through = (parts: readonly string[]): Promise<string> =>
  text(Readable.from(parts.map((part) => Buffer.from(part))).pipe(untilMark(mark)));

test.each<readonly [readonly string[], string]>([
  [["body", "abcabd"], "body"], [["bodyabcabd"], "body"], [["abcabd"], ""],
  [["body", "abc", "abd"], "body"], [[..."bodyabcabd"], "body"],
  [["abcab", "c", "abcabd"], "abcabc"], [["abcabcabd"], "abc"], [["abcabdabcabd"], "abcabd"],
])("%j is whole", async (parts, whole) => {
  expect(await through(parts)).toBe(whole);
});

test.each([[["body"]], [["body", "abcab"]], [["abcabd", "more"]], [[]]])(
  "%j broke off", async (parts) => {
    await expect(through(parts)).rejects.toThrow("the answer broke off");
  });

test("what cannot be the mark's beginning is passed on at once", () => {
  const stream = untilMark(mark);
  stream.write("data: 1\n\n");
  expect(String(stream.read())).toBe("data: 1\n\n");
  stream.write("xabc");
  expect(String(stream.read())).toBe("x");
});
