// What native routing refuses and what it says, and the parts of it that need no Envoy to be shown.

import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";

import { run } from "../../compiler/commands/build.ts";
import type { Io } from "../../compiler/commands/command.ts";
import { compile } from "../../compiler/compile.ts";
import { nativeDiagnostics } from "../../compiler/emit/envoy/native.ts";
import { nativeEdits } from "../../compiler/emit/envoy/native/edits.ts";
import { limitsOf } from "../../compiler/emit/envoy/native/limits.ts";
import { treeOf } from "../../compiler/emit/envoy/native/tree.ts";
import type { Diagnostic } from "../../compiler/diagnostic.ts";
import type { HeaderEdits, RouteMatch, ValueMatch } from "../../compiler/ir.ts";
import { route } from "../contract/scenario.ts";
import { fileOf, noPorts } from "../contract/world.ts";
import { origin, respond500, rule } from "../core/world.ts";

function said(manifests: string): readonly Diagnostic[] {
  const file = fileOf({ name: "native limits", manifests, requests: [] }, noPorts);
  return nativeDiagnostics(compile([file]).ir);
}

const to = "backendRefs: [{name: v1, port: 80}]";

test.each([
  ["a header value with a comma", `
    rules: [{matches: [{headers: [{name: x-a, value: "1, 2"}]}], ${to}}]
  `, "header `x-a`"],
  ["an edit of Host", `
    rules:
      - ${to}
        filters:
          - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: Host, value: b.c}]}}
  `, "header `host`"],
])("%s is an error that names the rule", (_, spec, words) => {
  const [found, ...others] = said(route("one", spec));
  expect(others).toEqual([]);
  expect(found).toMatchObject({
    code: "FL0408", level: "error", resource: "HTTPRoute native-limits/one",
    path: "spec.rules[0].matches[0]",
  });
  expect(found?.title).toContain(words);
});

test("a pinned split is an error, a split that is not pinned a note", () => {
  const backendRefs = "backendRefs: [{name: v1, port: 80}, {name: v2, port: 80}]";
  const split = route("one", `rules: [{${backendRefs}}]`);
  expect(said(split).map(({ code }) => code)).toEqual(["FL0409"]);
  const pinned = split.replace("  name: one\n",
    "  name: one\n  annotations: {fairlead.dev/pin: \"header: x-user\"}\n");
  expect(said(pinned).map(({ code }) => code)).toEqual(["FL0408", "FL0409"]);
});

function asking(...headers: readonly ValueMatch[]): RouteMatch {
  return {
    path: { kind: "prefix", value: "" }, headers, queryParams: [], rule: rule("r", respond500),
    matchIndex: 0, routeHostname: "*", origin,
  };
}

test("an expression for a header is taken if a space behind a comma makes no difference", () => {
  const refused = (value: string): boolean =>
    limitsOf(asking({ kind: "regex", name: "x-a", value })).length > 0;
  expect(["v[0-9]+", ".*", "[^/]*", ".*Chrome.*", ".*, *b", "(a|b)(, ?)?"].map(refused))
    .toEqual([false, false, false, false, false, true]);
  expect(["1,2", "1, 2", "v[0-9](, v3)?", ".*,b"].map(refused)).toEqual([true, true, true, true]);
});

test("a table whose rules overlap everywhere is refused and not written out", () => {
  const matches = Array.from({ length: 2000 }, (_, i): RouteMatch => ({
    ...asking(), method: "GET",
    path: i % 2 === 0
      ? { kind: "regex", value: `/[^/]+/x${i}` } : { kind: "prefix", value: `/p${i}` },
    rule: rule(`r${i}`, respond500, i),
  }));
  const host = { hostname: "*", listener: "http", matches };
  expect(treeOf(host).routes).toBeLessThan(60_000);
  const gateway = { namespace: "default", name: "gateway" };
  const found = nativeDiagnostics({
    clusters: [], gatewayPorts: [{
      gateway, port: 80, protocol: "HTTP", listeners: [{ name: "http" }], virtualHosts: [host],
    }],
  });
  expect(found.map(({ code }) => code)).toEqual(["FL0408", "FL0409"]);
});

test("a thousand values of one header are found by one lookup", () => {
  const matches = Array.from({ length: 1000 }, (_, i): RouteMatch => ({
    ...asking({ kind: "exact", name: "x-a", value: String(i) }), rule: rule(`r${i}`, respond500, i),
  }));
  const { rest, routes } = treeOf({ hostname: "*", listener: "http", matches });
  expect(rest.kind).toBe("values");
  expect(routes).toBe(1000);
});

// --- Header edits --------------------------------------------------------------------------------

const name = fc.constantFrom("a", "b", "c");
const named = fc.uniqueArray(
  fc.record({ name, value: fc.constantFrom("", "1", "2", "%") }), { selector: (e) => e.name });
const edits: fc.Arbitrary<HeaderEdits> = fc.record({
  set: named, add: named, remove: fc.uniqueArray(name),
});

type Lines = readonly (readonly [string, string])[];

function asTheApi(lines: Lines, { set, add, remove }: HeaderEdits): Lines {
  const after = set.reduce<Lines>((all, edit) =>
    [...all.filter(([n]) => n !== edit.name), [edit.name, edit.value]], lines);
  return [...after, ...add.map((edit) => [edit.name, edit.value] as const)]
    .filter(([n]) => !remove.includes(n));
}

function asEnvoy(lines: Lines, all: readonly HeaderEdits[]): Lines {
  const { add, remove } = nativeEdits(all);
  return add.reduce<Lines>((sofar, edit) => {
    const { key, value } = edit["header"] as { key: string; value: string };
    const kept = edit["append_action"] === "OVERWRITE_IF_EXISTS_OR_ADD"
      ? sofar.filter(([n]) => n !== key) : sofar;
    return [...kept, [key, value.replaceAll("%%", "%")]];
  }, lines.filter(([n]) => !remove.includes(n)));
}

test("edits in Envoy's order come to what they come to in the API's", () => {
  const perName = (lines: Lines): unknown => ["a", "b", "c"].map((n) =>
    lines.filter(([own]) => own === n).map(([, value]) => value));
  fc.assert(fc.property(
    fc.array(fc.tuple(name, fc.constantFrom("x", "y"))), fc.array(edits, { maxLength: 3 }),
    (lines, all) => {
      expect(perName(asEnvoy(lines, all))).toEqual(perName(all.reduce(asTheApi, lines)));
    }));
});

// --- The command ---------------------------------------------------------------------------------

interface Built {
  readonly exitCode: number;
  readonly codes: readonly string[];
  readonly files: readonly string[];
}

async function build(spec: string): Promise<Built> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-native-"));
  try {
    const { path, text } = fileOf(
      { name: "native build", manifests: route("one", spec), requests: [] }, noPorts);
    await writeFile(join(folder, path), text);
    const io: Io = {
      cwd: folder, env: {}, readStdin: async () => "", write: () => undefined,
      warn: () => undefined, report: () => undefined, signal: new AbortController().signal,
    };
    const { exitCode, diagnostics } = await run({
      inputs: [path], positionals: [],
      values: { output: "out", target: "envoy", routing: "native" },
    }, io);
    const all: readonly string[] = await readdir(join(folder, "out"), { recursive: true })
      .catch(() => []);
    const files = all.filter((file) => !file.startsWith("."));
    const bootstrap = files.includes("envoy/envoy.yaml")
      ? await readFile(join(folder, "out/envoy/envoy.yaml"), "utf8") : "";
    expect(bootstrap).not.toContain("wasm");
    return { exitCode, codes: diagnostics.map(({ code }) => code), files: files.sort() };
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("a build with native routing has a bootstrap and no filter", async () => {
  expect(await build(`rules: [{${to}}]`)).toEqual(
    { exitCode: 0, codes: [], files: ["envoy", "envoy/envoy.yaml", "routes.flt"] });
});

test("a build with a rule that Envoy cannot express writes nothing", async () => {
  const spec = `rules: [{matches: [{headers: [{name: x-a, value: "1,2"}]}], ${to}}]`;
  expect(await build(spec)).toEqual({ exitCode: 1, codes: ["FL0408"], files: [] });
});
