// `fairlead push`, called as the command line calls it; what a registry makes of an image is shown
// in test/image.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run as push } from "../../compiler/commands/push.ts";
import { bakeFilter, compile } from "../../compiler/compile.ts";
import { filterImage } from "../../compiler/image/filter-image.ts";
import { options as given, place } from "./world.ts";

const here = place();
/** Without manifests, unless the test names some. */
const options = (more: Parameters<typeof given>[0]): ReturnType<typeof given> =>
  given({ inputs: [], ...more });

test("a filter that was built before becomes a layout, and its digest is printed", async () => {
  const filterWasm = bakeFilter(compile([]));
  await writeFile(join(here.folder, "filter.wasm"), filterWasm);
  const values = { filter: "filter.wasm", "oci-layout": "out", revision: "r1" };
  const { stdout, exitCode } = await push(options({ values }), here.io());
  expect(exitCode).toBe(0);
  const { digest } = filterImage({ filterWasm, revision: "r1" }).manifest;
  expect(stdout).toBe(`${digest}\n`);
  const index = JSON.parse(await readFile(join(here.folder, "out", "index.json"), "utf8"));
  expect(index.manifests[0].digest).toBe(digest);
});

test("manifests with an error are not pushed", async () => {
  await writeFile(join(here.folder, "in.yaml"), "kind: [");
  const values = { "oci-layout": "out" };
  const outcome = await push(options({ inputs: ["in.yaml"], values }), here.io());
  expect(outcome).toMatchObject({ exitCode: 1, stdout: "" });
  expect(outcome.diagnostics.length).toBeGreaterThan(0);
});

test.each([
  [options({}), "name the image"],
  [options({ positionals: ["filter:v1"], inputs: ["in.yaml"] }), "names no registry"],
  [options({ positionals: ["r.example/a"] }), "name the manifests"],
  [options({ positionals: ["r.example/a", "b"] }), "name one image"],
])("the command line is refused: %#", async (line, message) => {
  const outcome = await push(line, here.io());
  expect(outcome).toMatchObject({ exitCode: 2, message: expect.stringContaining(message) });
});

test("a registry that is not there is said to be unreachable", async () => {
  await writeFile(join(here.folder, "filter.wasm"), bakeFilter(compile([])));
  const values = { filter: "filter.wasm", ca: "none.pem" };
  const outcome = await push(options({ positionals: ["127.0.0.1:1/a"], values }), here.io());
  expect(outcome).toMatchObject({ exitCode: 1, message: "`none.pem` cannot be read" });
});
