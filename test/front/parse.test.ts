import { expect, test } from "vitest";
import { parse } from "../../compiler/parse.ts";
import { formatPath, type ValuePath } from "../../compiler/manifest.ts";

function parsed(text: string) {
  return parse({ path: "x.yaml", text });
}

function values(text: string): readonly unknown[] {
  const { manifests, diagnostics } = parsed(text);
  expect(diagnostics.map((d) => d.title)).toEqual([]);
  return manifests.map((m) => m.value);
}

function textAt(text: string, path: ValuePath, part?: "key" | "value", index = 0): string {
  const span = parsed(text).manifests[index]!.at(path, part);
  return text.slice(span.start, span.end);
}

test("documents end at a marker, even one inside a block scalar", () => {
  expect(values("a: 1\n---\nb: 2\n--- # c\nc: 3\n---\n---\n# nothing\n")).toEqual(
    [{ a: 1 }, { b: 2 }, { c: 3 }]);
  expect(values("a: |\n  x\n---\nb: 2\n")).toEqual([{ a: "x\n" }, { b: 2 }]);
  expect(values("%YAML 1.2\n# c\n---\na: 1\n...\n---\nb: 2\n")).toEqual([{ a: 1 }, { b: 2 }]);
  expect(values("--- {a: 1}\n--- |\n text\n")).toEqual([{ a: 1 }, "text\n"]);
  expect(values("\uFEFFa: 1\r\n---\r\nb: 2\r\n")).toEqual([{ a: 1 }, { b: 2 }]);
});

test("a document that does not parse leaves the others as they are", () => {
  const { manifests, diagnostics } = parsed("a: 1\n---\n{ b\n---\nc: [\n---\nd: 4\n");
  expect(manifests.filter((m) => !m.broken).map((m) => m.value)).toEqual([{ a: 1 }, { d: 4 }]);
  expect([...new Set(diagnostics.map((d) => d.code))]).toEqual(["FL0101"]);
});

test("scalars mean what they mean to kubectl", () => {
  expect(values("[yes, y, off, True, ~, '', 0644, 0o17, 0x1f, 0b11, 1_000, +5, -0, .5, 1e3, 1.]"))
    .toEqual([[true, true, false, true, null, "", 420, 15, 31, 3, 1000, 5, 0, 0.5, 1000, 1]]);
  expect(values("[1.2.3.4, 08x, 2001-01-01, 1:30, 0x, yesno, v1, 'yes', \"1\", !!str 1, 1e]"))
    .toEqual([[
      "1.2.3.4", "08x", "2001-01-01", "1:30", "0x", "yesno", "v1", "yes", "1", "1", "1e",
    ]]);
});

test("anchors, aliases and merges are resolved", () => {
  const text = "a: &x {b: 1, c: [2]}\nd: *x\ne: {<<: *x, b: 3}\n";
  expect(values(text)).toEqual([{ a: { b: 1, c: [2] }, d: { b: 1, c: [2] }, e: { b: 3, c: [2] } }]);
  expect(textAt(text, ["d", "c", 0])).toBe("*x");
  expect(textAt(text, ["e", "c", 0])).toBe("2");
});

test("a bomb of aliases and a tower of brackets are refused", () => {
  const bomb = ["a0: &a0 [x, x]"];
  for (let i = 1; i < 40; i++) bomb.push(`a${i}: &a${i} [*a${i - 1}, *a${i - 1}]`);
  expect(parsed(bomb.join("\n")).diagnostics).toHaveLength(1);
  expect(parsed("[".repeat(50_000)).diagnostics.length).toBeGreaterThan(0);
});

test("a key cannot reach the prototype", () => {
  const [value] = values("__proto__: {polluted: true}\na: 1\n");
  expect(Object.keys(value as object)).toEqual(["__proto__", "a"]);
  expect((value as { polluted?: boolean }).polluted).toBeUndefined();
});

const lists = [
  "kind: List\napiVersion: v1\nitems:\n- kind: A\n  n: 1\n- kind: B\n  n: 2\n",
  "{\"kind\": \"List\", \"items\": [{\"kind\": \"A\", \"n\": 1}, {\"kind\": \"B\", \"n\": 2}]}",
];

test.each(lists)("the items of a List are manifests with their own places: %s", (text) => {
  const { manifests } = parsed(text);
  expect(manifests.map((m) => m.value)).toEqual([{ kind: "A", n: 1 }, { kind: "B", n: 2 }]);
  expect(textAt(text, ["n"], "value", 1)).toBe("2");
  expect(textAt(text, ["kind"], "value", 0)).toMatch(/^"?A"?$/);
});

test("an item of a typed list takes its kind from the list", () => {
  const text = "kind: HTTPRouteList\napiVersion: g/v1\nitems: [{metadata: {name: a}}]\n";
  expect(values(text)).toEqual(
    [{ kind: "HTTPRoute", apiVersion: "g/v1", metadata: { name: "a" } }]);
});

const styles = {
  block: "spec:\n  rules:\n  - name: a\n    backendRefs:\n"
    + "      - name: b # c\n        port: 80\n  empty:\n",
  flow: "spec: {rules: [{name: a, backendRefs: [{name: b, port: 80}]}], empty: }\n",
  json: "{\"spec\": {\"rules\": [{\"name\": \"a\", \"backendRefs\": "
    + "[{\"name\": \"b\", \"port\": 80}]}], \"empty\": null}}",
  package: "spec: !!map\n  rules:\n  - name: a\n    backendRefs:\n"
    + "    - name: b\n      port: 80\n  empty:\n",
};

test.each(Object.entries(styles))("%s style: paths lead to what the user wrote", (_, text) => {
  const bare = (path: ValuePath, part?: "key" | "value"): string =>
    textAt(text, path, part).replaceAll("\"", "");
  expect(bare(["spec", "rules", 0, "backendRefs", 0, "port"])).toBe("80");
  expect(bare(["spec", "rules", 0, "backendRefs", 0, "port"], "key")).toBe("port");
  expect(bare(["spec", "rules", 0, "name"])).toBe("a");
  expect(bare(["spec", "rules", 0, "backendRefs", 0])).toMatch(/^\{?name: b[^]*80\}?$/);
  // Where there is nothing, the nearest parent that exists stands for it.
  expect(bare(["spec", "rules", 0, "backendRefs", 0, "weight"])).toBe(
    bare(["spec", "rules", 0, "backendRefs", 0]));
  expect(["empty", "null"]).toContain(bare(["spec", "empty"]));
});

test("paths are written as kubectl writes them", () => {
  expect(formatPath(["spec", "rules", 0, "backendRefs", 1, "name"])).toBe(
    "spec.rules[0].backendRefs[1].name");
});
