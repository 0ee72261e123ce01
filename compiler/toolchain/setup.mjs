// `node compiler/toolchain/setup.mjs`: from a bare clone, or any state after it, to a dist/ that
// stands for the sources. npm runs it before `npm start` and `npm test`.

import { realpathSync } from "node:fs";

import { isFresh, markFresh, stamp } from "./fresh.mjs";
import { install } from "./install.mjs";
import { say } from "./progress.mjs";

/** Throws with a text for people where it cannot be done. */
export async function setup({ dependencies = true } = {}) {
  if (isFresh()) return;
  const asOf = stamp();
  if (dependencies) await install();
  // Only now: the build needs packages that the line above put there.
  const { build } = await import("./build.mjs");
  await build();
  markFresh(asOf);
}

if (realpathSync(process.argv[1] ?? ".") === import.meta.filename) {
  try {
    await setup();
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
