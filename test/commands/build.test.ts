// `fairlead build` and its kin, called as the command line calls them.

import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run as build } from "../../compiler/commands/build.ts";
import type { Options, Outcome } from "../../compiler/commands/command.ts";
import { run as explain } from "../../compiler/commands/explain.ts";
import { run as inspect } from "../../compiler/commands/inspect.ts";
import { gatewayOf, options, place } from "./world.ts";

const here = place();

const codesOf = ({ diagnostics }: Outcome): readonly string[] => diagnostics.map((d) => d.code);

const gateway = gatewayOf("fairlead");

const route = (match: string, backend = "s"): string => `
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: r }
spec:
  parentRefs: [{ name: g }]
  rules:
    - matches: [${match}]
      backendRefs: [{ name: ${backend}, port: 80 }]
`;

const prefix = "{ path: { value: /a } }";

async function filesOf(out: string): Promise<readonly string[]> {
  const entries = await readdir(join(here.folder, out), { recursive: true, withFileTypes: true });
  return entries.filter((e) => e.isFile())
    .map((e) => join(e.parentPath, e.name).slice(join(here.folder, out).length + 1)).sort();
}

test("all targets are written, the same bytes whatever the order of documents", async () => {
  const documents = `${gateway}${route(prefix)}`.split("---");
  const tables: string[] = [];
  for (const [i, order] of [documents, [...documents].reverse()].entries()) {
    await writeFile(join(here.folder, "in.yaml"), order.join("---"));
    const { exitCode } = await build(options({ values: { output: `out${i}` } }), here.io());
    expect(exitCode).toBe(0);
    const contents = await Promise.all((await filesOf(`out${i}`)).map(async (path) =>
      `${path} ${(await readFile(join(here.folder, `out${i}`, path))).toString("base64")}`));
    tables.push(contents.join("\n"));
  }
  expect(tables[1]).toBe(tables[0]);
  expect(await filesOf("out0")).toEqual([
    ".fairlead-build", "edge/config.js", "edge/core.wasm", "edge/routes.bin", "edge/worker.js",
    "edge/wrangler.jsonc", "envoy/envoy.yaml", "filter.wasm", "istio/envoyfilter.yaml",
    "istio/filter.wasm", "istio/httproute.yaml", "istio/kustomization.yaml", "istio/routes.flt",
    "istio/wasmplugin.yaml", "routes.flt",
  ]);
});

test("a build with an error writes nothing and leaves the last good output as it was", async () => {
  await writeFile(join(here.folder, "in.yaml"), gateway + route(prefix));
  expect((await build(options({ values: { output: "out" } }), here.io())).exitCode).toBe(0);
  const before = await readFile(join(here.folder, "out/routes.flt"));
  await writeFile(join(here.folder, "in.yaml"), gateway + route(prefix, "missing"));
  const failed = await build(options({ values: { output: "out" } }), here.io());
  expect([failed.exitCode, codesOf(failed)]).toEqual([1, ["FL0204"]]);
  expect(await readFile(join(here.folder, "out/routes.flt"))).toEqual(before);
});

test("fewer targets remove what only the last build had, and no file of the user's", async () => {
  await writeFile(join(here.folder, "in.yaml"), gateway + route(prefix));
  await build(options({ values: { output: "out" } }), here.io());
  await writeFile(join(here.folder, "out/envoy/notes.txt"), "mine");
  await build(options({ values: { output: "out", target: "edge" } }), here.io());
  expect(await filesOf("out")).toEqual([
    ".fairlead-build", "edge/config.js", "edge/core.wasm", "edge/routes.bin", "edge/worker.js",
    "edge/wrangler.jsonc", "envoy/notes.txt", "routes.flt",
  ]);
});

test("an input without a Gateway is an error of its own", async () => {
  await writeFile(join(here.folder, "in.yaml"), gateway.split("---").at(-1) ?? "");
  const outcome = await build(options({ values: { output: "out" } }), here.io());
  expect([outcome.exitCode, codesOf(outcome)]).toEqual([1, ["FL0002"]]);
});

test("a regular expression that is not RE2 is reported at its match", async () => {
  const match = "{ path: { type: RegularExpression, value: '/a(?=b)' } }";
  await writeFile(join(here.folder, "in.yaml"), gateway + route(match));
  const outcome = await build(options({ values: { output: "out" } }), here.io());
  expect([outcome.exitCode, codesOf(outcome)]).toEqual([1, ["FL0404"]]);
});

test("an unknown target is a wrong command line that names the known ones", async () => {
  const outcome = await build(options({ values: { output: "out", target: "nginx" } }), here.io());
  expect(outcome.exitCode).toBe(2);
  expect(outcome.message).toContain("envoy, istio, envoy-gateway, edge");
});

test("explain names route, rule, match and share, and why others were passed over", async () => {
  await writeFile(join(here.folder, "in.yaml"), gateway + route(`${prefix}, { path: { value: /a }, `
    + "headers: [{ name: X, value: '1' }] }, { path: { value: / } }"));
  const asked = options({ positionals: ["GET", "http://h/a/b"], values: { header: [] } });
  const text = await explain(asked, here.io());
  expect(text.exitCode).toBe(0);
  expect(text.stdout).toContain("HTTPRoute default/r rules[0] matches[0]: PathPrefix /a");
  expect(text.stdout).toContain("header `x` is absent, `1` is asked for");
  expect(text.stdout).toContain("lower precedence, decided by path length");
  const json = await explain(options({
    positionals: ["http://h/a"], values: { output: "json", header: ["x: 1"] },
  }), here.io());
  expect(JSON.parse(json.stdout)).toMatchObject({
    gateways: [{
      match: { matchIndex: 1, at: { file: "in.yaml" } },
      outcome: { kind: "forward", backends: [{ service: "default/s", share: 1 }] },
    }],
  });
});

test("inspect reads a table and refuses what the core would refuse", async () => {
  await writeFile(join(here.folder, "in.yaml"), gateway + route(prefix));
  await build(options({ values: { output: "out" } }), here.io());
  const table = join(here.folder, "out/routes.flt");
  const shown = await inspect(options({ positionals: [table] }), here.io());
  expect(shown.stdout).toContain("default/g:80");
  const bytes = await readFile(table);
  bytes[200] = (bytes[200] ?? 0) ^ 1;
  await writeFile(table, bytes);
  const refused = await inspect(options({ positionals: [table] }), here.io());
  expect([refused.exitCode, refused.stdout]).toEqual([1, ""]);
  expect(refused.message).toContain("the core refuses it with code 5");
});

test("`--locality` is a region, a zone and a subzone; anything else is a slip", async () => {
  await writeFile(join(here.folder, "in.yaml"), gateway);
  const said = async (locality: string): Promise<string | undefined> =>
    (await build(options({ values: { output: "out", locality } }), here.io())).message;
  expect(await said("eu/a/1/b")).toMatch(/`--locality` takes a region/);
  expect(await said("eu/*")).toMatch(/`--locality` takes a region/);
  expect(await said("eu/a")).toBeUndefined();
});

test("`--shared-state` binds the edge worker to its Durable Objects, and nothing else changes",
  async () => {
    await writeFile(join(here.folder, "in.yaml"), gateway + route(prefix));
    const built = async (output: string, more: Options["values"]): Promise<string> => {
      const values = { output, target: "edge", ...more };
      const { exitCode } = await build(options({ values }), here.io());
      expect(exitCode).toBe(0);
      return readFile(join(here.folder, output, "edge", "wrangler.jsonc"), "utf8");
    };
    const alone = await built("alone", {});
    const shared = await built("shared", { "shared-state": true });
    expect(alone).not.toContain("durable_objects");
    expect(shared).toContain('"class_name": "SharedHealth"');
    expect(shared).toContain('"new_sqlite_classes"');
    const worker = (output: string): Promise<string> =>
      readFile(join(here.folder, output, "edge", "worker.js"), "utf8");
    expect(await worker("shared")).toBe(await worker("alone"));
  });
