// A shape says exactly what its expression says.

import fc from "fast-check";
import { expect, test } from "vitest";
import { buildAutomaton } from "../../compiler/regex/automaton.ts";
import { run } from "../../compiler/regex/run.ts";
import { shapesOf, type Shape } from "../../compiler/regex/segments.ts";
import { isText } from "../../compiler/regex/utf8.ts";
import { automaton, bytesOf, tree } from "./world.ts";

/** As the format's reader would have it: cut at slashes, compare, then look at the tail. */
function matches(shape: Shape, path: Uint8Array): boolean {
  if (!isText(path) || path[0] !== 0x2f) return false;
  const text = Buffer.from(path).toString("latin1");
  const parts = text.slice(1).split("/");
  const count = shape.segments.length;
  const rest = parts.length > count ? parts.slice(count).join("/") : undefined;
  const fits = shape.tail === "none" ? rest === undefined : shape.tail === "any" ? true
    : shape.tail === "slash" ? rest !== undefined : rest !== undefined && rest !== "";
  if (parts.length < count || !fits || (!shape.lines && (rest ?? "").includes("\n"))) return false;
  return shape.segments.every((segment, i) => {
    const part = Buffer.from(parts[i]!, "latin1");
    if (segment.kind === "literal") return part.equals(bytesOf(segment.value));
    if (segment.pattern === undefined) return part.length > 0;
    const made = buildAutomaton([{ id: 0, node: segment.pattern }]);
    return made.kind === "automaton" && run(made, part).length > 0;
  });
}

function drawn(shapes: readonly Shape[] | undefined): string | undefined {
  return shapes?.map(({ segments, tail, lines }) =>
    segments.map((segment) => segment.kind === "literal" ? `/${segment.value}`
      : segment.pattern === undefined ? "/*" : "/<…>").join("")
    + (tail === "none" ? "" : ` ${tail}`) + (lines ? " lines" : "")).join(" or ");
}

test.each([
  ["/users/[^/]+/posts", "/users/*/posts"],
  ["/", "/"],
  ["/a/", "/a/"],
  ["^/a$", "/a"],
  ["\\A/a\\z", "/a"],
  ["/a\\.b/\\Q[x]\\E", "/a.b/[x]"],
  ["/é/[^/]+", "/é/*"],
  ["/a/.*", "/a slash"],
  ["/a/.+", "/a more"],
  ["/a(/.*)?", "/a any"],
  ["/a(?:|/.*)", "/a any"],
  ["(?s)/a/.*", "/a slash lines"],
  ["/.*", " slash"],
  ["/a/?", "/a or /a/"],
  ["/users?/x", "/user/x or /users/x"],
  ["/v1/(users|teams)/[0-9]+", "/v1/users/<…> or /v1/teams/<…>"],
  ["(/[^/]+){2}", "/*/*"],
  ["/a/[^/]*", "/a/<…>"],
  ["/a/v[0-9]+", "/a/<…>"],
  ["(?i)/a", "/<…>"],
  ["^/a|/b$", "/a or /b"],
  ["/a.*", undefined],
  [".*", undefined],
  ["a", undefined],
  ["", undefined],
  ["/[^a]+", undefined],
  ["/a\\b", undefined],
  ["/a\\C", undefined],
  ["/a^", undefined],
  ["/.*/b", undefined],
  ["(/[^/]+)*", undefined],
  ["/x\\x{d800}", undefined],
])("%s is drawn as %s", (pattern, wanted) => {
  expect(drawn(shapesOf(tree(pattern)))).toBe(wanted);
});

const part = fc.constantFrom(
  "/a", "/b", "/", "/[^/]+", "/[^/]*", "/\\d+", "/v[0-9]", "/(a|bb)", "(/a|/b/c)", "/a?", "(/.*)?",
  "/.*", "/.+", "(?s:/.*)", "/?", "^", "$", "/é", "/[^/]{2}", "(?i:/a)", "b", "[^/]+", ".*",
  "/[^é/]+");
const byte = fc.constantFrom(
  ..."aab7v/////\n".split("").map((c) => [c.charCodeAt(0)]), [0xc3, 0xa9], [0xff],
  [0xe0, 0x80, 0x80]);
const path = fc.array(byte, { maxLength: 8 }).map((all) => Uint8Array.from([0x2f, ...all.flat()]));

test("a path has one of the shapes exactly where the expression matches", () => {
  let shaped = 0;
  fc.assert(fc.property(
    fc.array(part, { minLength: 1, maxLength: 4 }),
    fc.array(path, { minLength: 20, maxLength: 20 }),
    (parts, paths) => {
      const pattern = parts.join("");
      const shapes = shapesOf(tree(pattern));
      if (shapes === undefined) return;
      shaped += 1;
      const made = automaton([pattern]);
      for (const one of [new Uint8Array(0), ...paths]) {
        expect(shapes.some((shape) => matches(shape, one)), `${pattern} on ${String(one)}`)
          .toBe(run(made, one).length > 0);
      }
    }), { numRuns: 1000 });
  expect(shaped).toBeGreaterThan(100);
});
