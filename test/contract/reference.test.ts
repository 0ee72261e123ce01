// The contract, put to the reference matcher.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

import { formsOfRequest, ownOfRequest, ownOfResponse } from "./agreement.ts";
import { eachScenario, problemsWith } from "./run.ts";
import { askReference } from "./reference.ts";
import { skips } from "./skips.ts";
import { scenarios as all } from "./table.ts";
import { compileAll, noPorts, slug } from "./world.ts";

const compilation = compileAll(all, noPorts);
const scenarios = all.filter(({ seenBy }) => seenBy === undefined);

eachScenario("reference", scenarios, (scenario) => problemsWith(
  scenario, (s, request) => askReference(compilation, s, request),
  { location: false, traffic: false },
));

test("an API server would take every scenario's manifests in", () => {
  const refused = compilation.diagnostics
    .filter(({ code }) => /^FL0[01]/.test(code))
    .map(({ code, title, primary }) => `${primary?.span.file.path}: ${code} ${title}`);
  expect(refused).toEqual([]);
});

test("every scenario has a name and a namespace of its own", () => {
  expect(new Set(all.map(({ name }) => slug(name))).size).toBe(all.length);
});

test("docs/conformance.md lists what may differ between the runtimes", () => {
  const page = readFileSync(new URL("../../docs/conformance.md", import.meta.url), "utf8");
  const suiteOwn = "x-echo-id";
  const fields = [ownOfResponse, ownOfRequest, formsOfRequest].flatMap((list) => Object.keys(list));
  expect(fields.filter((field) => field !== suiteOwn && !page.includes(field))).toEqual([]);
});

test("every skip names a scenario that is there", () => {
  const names = new Set(all.map(({ name }) => name));
  const strange = Object.values(skips).flatMap((list) => Object.keys(list))
    .filter((name) => !names.has(name));
  expect(strange).toEqual([]);
});
