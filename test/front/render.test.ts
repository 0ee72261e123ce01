import { expect, test } from "vitest";
import { diagnostic, type DiagnosticFacts } from "../../compiler/diagnostic.ts";
import { render } from "../../compiler/render.ts";
import type { Label } from "../../compiler/diagnostic.ts";

function label(text: string, marked: string, note?: string): Label {
  const start = text.indexOf(marked);
  const span = { file: { path: "a.yaml", text }, start, end: start + marked.length };
  return note === undefined ? { span } : { span, text: note };
}

function show(facts: Partial<DiagnosticFacts>): string {
  const d = diagnostic({ code: "FL0204", title: "no Service `b`", ...facts });
  return `\n${render([d], { color: false, style: "text" })}`;
}

const nine = `${"#\n".repeat(9)}    - name: store-api\n`;

test("a diagnostic shows its place, its marks, its facts and its help", () => {
  expect(show({
    primary: label(nine, "store-api", "did you mean `store`?"),
    secondary: [label("kind: Service\nmetadata: {name: store}\n", "store", "defined here")],
    resource: "HTTPRoute shop/store", path: "spec.rules[0]", effect: "its requests get 500",
    help: "name one of the Services in `shop`",
  })).toMatchInlineSnapshot(`
    "
    error[FL0204]: no Service \`b\`
      ┌─ a.yaml:10:13
    10│     - name: store-api
      │             ^^^^^^^^^ did you mean \`store\`?
      ┌─ a.yaml:2:18
     2│ metadata: {name: store}
      │                  ----- defined here
      = HTTPRoute shop/store, spec.rules[0]; its requests get 500
    help: name one of the Services in \`shop\`

    1 error
    "
  `);
});

test("tabs and wide characters keep the marks below what they mark", () => {
  expect(show({ primary: label("\t\tname:\t\"b\" # x\n", "\"b\"") })).toMatchInlineSnapshot(`
    "
    error[FL0204]: no Service \`b\`
     ┌─ a.yaml:1:9
    1│         name:   "b" # x
     │                 ^^^

    1 error
    "
  `);
  expect(show({ primary: label("名前: \"値\" # é́x\n", "\"値\"") })).toMatchInlineSnapshot(`
    "
    error[FL0204]: no Service \`b\`
     ┌─ a.yaml:1:5
    1│ 名前: "値" # é́x
     │       ^^^^

    1 error
    "
  `);
});

test("a long line is cut around what is marked", () => {
  const json = `{"a": "${"x".repeat(300)}", "b": "wrong", "c": "${"y".repeat(300)}"}`;
  const [, , , source = "", marks = ""] = show({ primary: label(json, "\"wrong\"") }).split("\n");
  expect(source).toMatch(/^1│ …x+", "b": "wrong", "c": "y+…$/);
  expect(marks.indexOf("^^^^^^^")).toBe(source.indexOf("\"wrong\""));
  expect(source.length).toBeLessThan(110);
  expect(show({ primary: label(json, json) }).split("\n").every((l) => l.length < 120)).toBe(true);
});

test("a span over several lines is marked on its first, an empty one by one mark", () => {
  expect(show({ primary: label("a:\n  b: c\n  d: e\n", "b: c\n  d: e") })).toMatchInlineSnapshot(`
    "
    error[FL0204]: no Service \`b\`
     ┌─ a.yaml:2:3
    2│   b: c
     │   ^^^^

    1 error
    "
  `);
  expect(show({ primary: label("a:\n", "") })).toMatchInlineSnapshot(`
    "
    error[FL0204]: no Service \`b\`
     ┌─ a.yaml:1:1
    1│ a:
     │ ^

    1 error
    "
  `);
});

test("control characters of a file do not reach the terminal", () => {
  expect(show({ primary: label("a: \u001b[31mb\u0007\n", "b") })).not.toMatch(/[\u0007\u001b]/);
});

test("the summary counts by level", () => {
  const of = (code: "FL0101" | "FL0301" | "FL0110") => diagnostic({ code, title: "x" });
  const text = render([of("FL0101"), of("FL0101"), of("FL0301"), of("FL0110")],
    { color: false, style: "text" });
  expect(text.trimEnd().split("\n").at(-1)).toBe("2 errors, 1 warning, 1 note");
  expect(render([], { color: true, style: "text" })).toBe("");
});

test("colour changes nothing but colour", () => {
  const d = diagnostic({ code: "FL0204", title: "x", primary: label(nine, "store-api", "here") });
  const colored = render([d], { color: true, style: "text" });
  expect(colored.replace(/\u001b\[[\d;]*m/g, ""))
    .toBe(render([d], { color: false, style: "text" }));
  expect(colored).toContain("\u001b[1;31merror[FL0204]");
});

test("JSON has the same facts", () => {
  const d = diagnostic({
    code: "FL0204", title: "x", primary: label(nine, "store-api", "here"),
    resource: "HTTPRoute a/b", path: "spec", effect: "e", help: "h",
    secondary: [label("b: c\n", "c")],
  });
  expect(JSON.parse(render([d], { color: true, style: "json" }))).toEqual([{
    code: "FL0204", level: "error", title: "x", file: "a.yaml", line: 10, column: 13,
    endLine: 10, endColumn: 22, label: "here", resource: "HTTPRoute a/b", path: "spec", effect: "e",
    help: "h",
    secondary: [{ file: "a.yaml", line: 1, column: 4, endLine: 1, endColumn: 5 }],
  }]);
});
