// Where a pattern is refused, and with which words.

import { expect, test } from "vitest";
import { parse } from "../../compiler/regex/parse.ts";

test.each([
  ["/a(b", "missing closing `)`", 2],
  ["/a)b", "`)` without an opening `(`", 2],
  ["/[ab", "missing closing `]` of `[ab`", 1],
  ["/[z-a]", "invalid character class range `z-a`", 2],
  ["/[[:foo:]]", "no character class is called `[:foo:]`", 2],
  ["/\\p{Foo}", "no Unicode class is called `\\p{Foo}`", 1],
  ["/\\p{Foo", "missing closing `}` of `\\p{Foo`", 1],
  ["/é\\q", "invalid escape sequence `\\q`", 2],
  ["/a\\", "trailing backslash", 2],
  ["a|*", "nothing to repeat before `*`", 2],
  ["/a*?*", "nested repetition `*?*`; put the first into (?:…)", 2],
  ["/a{2,1}", "invalid repetition size `{2,1}`: at most 1000, the smaller first", 2],
  ["(?:a{100}){11}",
    "invalid repetition size `{11}`: nested counts multiply to 1100, at most 1000", 10],
  ["/(?=a)", "RE2 has no look-ahead and no look-behind", 1],
  ["/(?<!a)b", "RE2 has no look-ahead and no look-behind", 1],
  ["/(?#x)", "invalid or unsupported group `(?#`", 1],
  ["/(?P<a-b>c)", "invalid named group `(?P<a-b>`", 1],
  ["/\u{1f600}\\q", "invalid escape sequence `\\q`", 3],
  ["/\ud800", "not Unicode text: half of a surrogate pair", 1],
])("%j is refused where it is wrong", (pattern, message, offset) => {
  expect(parse(pattern)).toEqual({ kind: "invalid", message, offset });
});

test("a pattern deeper or longer than ours may be is too large, not wrong", () => {
  expect(parse("(".repeat(300) + ")".repeat(300)))
    .toEqual({ kind: "too-large", message: "groups nest deeper than 250", offset: 250 });
  expect(parse("a".repeat(20_000))).toMatchObject({ kind: "too-large" });
});
