// `fairlead push`, called as the command line calls it; what a registry makes of an image is shown
// in test/image.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Io, Options } from "../../compiler/commands/command.ts";
import { run as push } from "../../compiler/commands/push.ts";
import { bakeFilter, compile } from "../../compiler/compile.ts";
import { filterImage } from "../../compiler/image/filter-image.ts";

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fairlead-push-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const io = (): Io => ({
  cwd: folder, env: { DOCKER_CONFIG: folder }, readStdin: async () => "", write: () => undefined,
  warn: () => undefined, report: () => undefined, signal: new AbortController().signal,
});

const options = (more: Partial<Options>): Options =>
  ({ inputs: [], positionals: [], values: {}, ...more });

test("a filter that was built before becomes a layout, and its digest is printed", async () => {
  const filterWasm = bakeFilter(compile([]));
  await writeFile(join(folder, "filter.wasm"), filterWasm);
  const values = { filter: "filter.wasm", "oci-layout": "out", revision: "r1" };
  const { stdout, exitCode } = await push(options({ values }), io());
  expect(exitCode).toBe(0);
  const { digest } = filterImage({ filterWasm, revision: "r1" }).manifest;
  expect(stdout).toBe(`${digest}\n`);
  const index = JSON.parse(await readFile(join(folder, "out", "index.json"), "utf8"));
  expect(index.manifests[0].digest).toBe(digest);
});

test("manifests with an error are not pushed", async () => {
  await writeFile(join(folder, "in.yaml"), "kind: [");
  const values = { "oci-layout": "out" };
  const outcome = await push(options({ inputs: ["in.yaml"], values }), io());
  expect(outcome).toMatchObject({ exitCode: 1, stdout: "" });
  expect(outcome.diagnostics.length).toBeGreaterThan(0);
});

test.each([
  [options({}), "name the image"],
  [options({ positionals: ["filter:v1"], inputs: ["in.yaml"] }), "names no registry"],
  [options({ positionals: ["r.example/a"] }), "name the manifests"],
  [options({ positionals: ["r.example/a", "b"] }), "name one image"],
])("the command line is refused: %#", async (given, message) => {
  const outcome = await push(given, io());
  expect(outcome).toMatchObject({ exitCode: 2, message: expect.stringContaining(message) });
});

test("a registry that is not there is said to be unreachable", async () => {
  await writeFile(join(folder, "filter.wasm"), bakeFilter(compile([])));
  const values = { filter: "filter.wasm", ca: "none.pem" };
  const outcome = await push(options({ positionals: ["127.0.0.1:1/a"], values }), io());
  expect(outcome).toMatchObject({ exitCode: 1, message: "`none.pem` cannot be read" });
});
