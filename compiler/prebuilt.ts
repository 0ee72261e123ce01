// What was compiled when fairlead itself was built. dist/prebuilt.mjs is made by the toolchain;
// the bundler inlines it, so that a user's process reads no file to get at it.

import * as built from "../dist/prebuilt.mjs";

/** The routing core as the edge worker loads it, without a table. */
export function coreWasm(): Uint8Array<ArrayBuffer> {
  return decodeBase64("core.wasm", built.coreWasm);
}

/** The proxy-wasm filter, without a table. */
export function filterWasm(): Uint8Array<ArrayBuffer> {
  return decodeBase64("filter.wasm", built.filterWasm);
}

/** The edge worker as one module; it imports ./core.wasm, ./routes.bin and ./config.js. */
export function workerJs(): string {
  return present("worker.js", built.workerJs);
}

/** The worker that `fairlead dev` runs in its place, where there is one. */
export function devWorkerJs(): string {
  return present("dev-worker.js", built.devWorkerJs);
}

function decodeBase64(name: string, text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(present(name, text)), (character) => character.charCodeAt(0));
}

function present(name: string, content: string): string {
  if (content === "") throw new Error(`this build of fairlead has no ${name}`);
  return content;
}
