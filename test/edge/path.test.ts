// The normal form of paths: what Envoy 1.40 was seen to make of them (test/envoy/bootstrap.test.ts
// has the main ones against a real one).

import { expect, test } from "vitest";

import { normalTarget } from "../../runtime/edge/path.ts";

test.each([
  ["/", "/"], ["//", "//"], ["/a/b?c=d", "/a/b?c=d"], ["/a/../b", "/b"], ["/a/./b", "/a/b"],
  ["/a/..", "/"], ["/a/.", "/a/"], ["/.", "/"], ["/..", "/"], ["/a/...", "/a/..."],
  ["/../../x?y=/../z", "/x?y=/../z"], ["//..", "/"], ["/..//a", "//a"], ["//../a", "/a"],
  ["/a//..", "/a/"], ["//a//b", "//a//b"], ["/a/../", "/"], ["/a/..b", "/a/..b"],
])("dot segments: %s becomes %s", (target, normal) => {
  expect(normalTarget(target)).toBe(normal);
});

test.each([
  ["/a/%2e%2E/b", "/b"], ["/a/%2e/b", "/a/b"], ["/a/%2e", "/a/"], ["/%41%7e%2D%5f", "/A~-_"],
  ["/%2E%2e/%2e./a", "/a"], ["/a%2Fb", "/a%2Fb"], ["/a%5cb", "/a%5cb"], ["/%zz", "/%zz"],
  ["/a%", "/a%"], ["/a/.%2", "/a/.%2"], ["/a/%2e%", "/a/.%"], ["/%2541", "/%2541"],
  ["/a%25%32%65", "/a%252e"], ["/a%41?%41%2e/../", "/aA?%41%2e/../"], ["/a/..%2fb", "/a/..%2fb"],
  ["/caf%C3%A9", "/caf%C3%A9"],
])("escapes: %s becomes %s", (target, normal) => {
  expect(normalTarget(target)).toBe(normal);
});

test.each([
  ["/a\\b", "/a/b"], ["/a/..\\b", "/b"], ["/a|b", "/a%7Cb"], ['/"<>^`{}', "/%22%3C%3E%5E%60%7B%7D"],
  ["/a?\\|\"<>^`{}", "/a?\\|\"<>^`{}"], ["/!$&'()*+,-.:;=@[]_~", "/!$&'()*+,-.:;=@[]_~"],
])("characters: %s becomes %s", (target, normal) => {
  expect(normalTarget(target)).toBe(normal);
});

test.each([
  ["/a/..;/b", "/b"], ["/a/.;/b", "/a/b"], ["/a/..;x/b", "/b"], ["/a/..;", "/"],
  ["/a/%2e%2e;/b", "/a/..;/b"], ["/a/...;/b", "/a/...;/b"], ["/a;/b", "/a;/b"],
  ["/a/..;?x", "/?x"], ["/a?x;..;", "/a?x;..;"], ["/a/..;..;/b", "/b"], ["/a\\..;\\b", "/a/..;/b"],
  ["/a/..%3b/b", "/a/..%3b/b"],
])("parameters of dot segments: %s becomes %s", (target, normal) => {
  expect(normalTarget(target)).toBe(normal);
});

test.each(["/a#b", "/a?b#c", "/a%00", "/a\u0001", "/a b", "/a\u007f", "/caf\u00e9", "/a?\u00e9"])(
  "%s is no target", (target) => {
    expect(normalTarget(target)).toBeUndefined();
  });
