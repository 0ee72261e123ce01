// What `npm test` needs beside the dependencies: a real Envoy, fetched now so that no test waits
// for a download. Runs after set-up, on the Node that set-up put in place.

import { say, step } from "./progress.mjs";

try {
  const { findEnvoy } = await import("../../runtime/envoy/binary.ts");
  const { path, version } = await step("fetching Envoy", () => findEnvoy());
  say(`Envoy ${version}: ${path}`);
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
