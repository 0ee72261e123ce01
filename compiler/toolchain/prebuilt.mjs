// dist/prebuilt.mjs: the compiled wasm and the worker as one module, so that the library and the
// bundled command need to read no file of their own.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export function writePrebuilt(dist) {
  const read = (name, encoding) =>
    existsSync(join(dist, name)) ? readFileSync(join(dist, name), encoding) : "";
  const text = (name) => JSON.stringify(read(name, "utf8"));
  const base64 = (name) => JSON.stringify(read(name, "base64"));
  return [
    { name: "prebuilt.mjs", text: `// Made by compiler/toolchain/prebuilt.mjs.
export const coreWasm = ${base64("core.wasm")};
export const filterWasm = ${base64("filter.wasm")};
export const workerJs = ${text("worker.js")};
export const devWorkerJs = ${text("dev-worker.js")};
` },
    { name: "prebuilt.d.mts", text: `export const coreWasm: string;
export const filterWasm: string;
export const workerJs: string;
export const devWorkerJs: string;
` },
  ];
}
