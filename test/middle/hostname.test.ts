import { expect, test } from "vitest";
import { canonicalHost, compareSpecificity, covers,
  intersect } from "../../compiler/resolve/hostname.ts";

test.each([
  ["*", "*", "*"],
  ["*", "a.example.com", "a.example.com"],
  ["a.example.com", "*", "a.example.com"],
  ["a.example.com", "a.example.com", "a.example.com"],
  ["a.example.com", "b.example.com", undefined],
  ["*.example.com", "a.example.com", "a.example.com"],
  ["*.example.com", "a.b.example.com", "a.b.example.com"],
  ["*.example.com", "example.com", undefined],
  ["*.example.com", "badexample.com", undefined],
  ["a.example.com", "*.example.com", "a.example.com"],
  ["*.example.com", "*.b.example.com", "*.b.example.com"],
  ["*.b.example.com", "*.example.com", "*.b.example.com"],
  ["*.example.com", "*.example.org", undefined],
  ["*.example.com", "*.com", "*.example.com"],
  ["*.example.com", "*.badexample.com", undefined],
])("%s and %s share %s", (listener, route, shared) => {
  expect(intersect(listener, route)).toBe(shared);
  expect(intersect(route, listener)).toBe(shared);
});

test("a hostname is compared in lower case, and none means any", () => {
  expect([canonicalHost("A.Example.COM"), canonicalHost(undefined), canonicalHost("")])
    .toEqual(["a.example.com", "*", "*"]);
});

test("covering is not symmetric", () => {
  expect(covers("*.example.com", "*.a.example.com")).toBe(true);
  expect(covers("*.a.example.com", "*.example.com")).toBe(false);
  expect(covers("*.example.com", "*")).toBe(false);
});

test("exact before wildcard, long before short, none last", () => {
  const hosts = ["*", "*.com", "a.io", "*.very-long.example.com", "a.example.com"];
  expect([...hosts].sort(compareSpecificity))
    .toEqual(["a.example.com", "a.io", "*.very-long.example.com", "*.com", "*"]);
});
