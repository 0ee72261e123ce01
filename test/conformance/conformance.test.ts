// A few conformance tests through the same code as `npm run conformance`, which runs all of them,
// and what keeps its lists in order.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

import { readData } from "./data.ts";
import { claims } from "./features.ts";
import { judgeAll, unexplained } from "./judge.ts";
import { skips } from "./skips.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = join(root, "../shared/conformance");
const runner = join(root, "../shared/tools/conformance-runner/run.mjs");
const isHere = existsSync(join(folder, "SETUP.json")) && existsSync(runner);

/** Hostnames, paths, methods, headers, redirects, invalid references. */
const few = [
  "HTTPRouteSimpleSameNamespace", "HTTPRouteMatching", "HTTPRouteListenerHostnameMatching",
  "HTTPRouteRequestHeaderModifier", "HTTPRouteRedirectPath", "HTTPRouteInvalidReferenceGrant",
  "GatewayInfrastructureMetadata",
];

describe.skipIf(!isHere)("with the conformance data, which is not part of this repository", () => {
  const data = isHere ? readData(folder, folder) : { features: [], tests: [] };

  test("the basic conformance tests pass on both runtimes", async () => {
    const lines: string[] = [];
    const results = await judgeAll({
      data, folder, runner, root, command: `'${process.execPath}' dist/fairlead.mjs`,
      runtimes: ["envoy", "edge"], planes: ["compile", "data"], only: few, everything: false,
      jobs: 1, follow: (line) => lines.push(line), note: () => undefined,
    });
    for (const [runtime, tests] of results) {
      const verdicts = Object.fromEntries(tests.map((t) => [t.name, t.verdict]));
      expect(verdicts, `${runtime}\n${lines.join("\n")}`).toEqual(Object.fromEntries(
        few.map((name) => [name, name === "GatewayInfrastructureMetadata" ? "skip" : "pass"]),
      ));
    }
    expect(unexplained(results)).toEqual([]);
  }, 60_000);

  test("every feature of the data is claimed or has a reason, and no other is named", () => {
    const names = data.features.map(({ name }) => name).sort();
    for (const claim of Object.values(claims)) expect(Object.keys(claim).sort()).toEqual(names);
  });

  test("every skip names a test that is there", () => {
    const names = data.tests.map(({ name }) => name);
    expect(skips.filter((skip) => !names.includes(skip.test))).toEqual([]);
  });
});
