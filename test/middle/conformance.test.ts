// The compile plane of the Gateway API's conformance cases: every expectation about status, in the
// order of the test's steps and mutations, held against what the compiler prints.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { judge } from "./judge.ts";
import { isMesh, skips } from "./skips.ts";
import { makeSecrets, World } from "./world.ts";
import type { Json } from "./json.ts";

const folder = fileURLToPath(new URL("../../../shared/conformance", import.meta.url));
const present = existsSync(join(folder, "SETUP.json"));
const read = (file: string): Json => JSON.parse(readFileSync(join(folder, file), "utf8"));

if (!present) {
  test.skip("the conformance data is not beside this checkout", () => {});
} else {
  const base = read("BASE.json").documents;
  const secrets = makeSecrets(read("SETUP.json").generated);
  const cases = readdirSync(folder).filter((f) => f.endsWith(".json")).map(read)
    .filter((t) => t.steps && !isMesh(t.shortName));
  for (const { shortName, steps, manifests } of cases) {
    const documents = [...base, ...secrets.objects, ...manifests.flatMap((m: Json) => m.documents)];
    const asked = steps.filter((s: Json) => s.plane === "compile" || s.plane === "ready");
    test.skipIf(shortName in skips)(`conformance: ${shortName}`, () => {
      const world = new World(documents, secrets.values);
      const facts = steps.flatMap((step: Json) => {
        if (step.plane === "mutate") world.mutate(step);
        if (!asked.includes(step)) return [];
        const fact = judge(world.resolve(step), world);
        return fact ? [`step ${step.id} ${step.type}: ${fact}`] : [];
      });
      expect(facts).toEqual([]);
    });
  }
  test("every skip names a test that is there", () => {
    const names = cases.map((t) => t.shortName);
    expect(Object.keys(skips).filter((name) => !names.includes(name))).toEqual([]);
  });
}
