// Makes dist/ from the sources. Every step has a stamp, a hash of all it reads; a step whose stamp
// stands is left out. Outputs appear whole (written beside, then renamed), so that two builds at
// once, or a reader during one, never see half a file.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

import { bundleNode, bundleWorkers } from "./bundle.mjs";
import { sourceFiles } from "./fresh.mjs";
import { writePrebuilt } from "./prebuilt.mjs";
import { root, say, step } from "./progress.mjs";

const dist = join(root, "dist");
const stampsPath = join(dist, ".stamps.json");

export async function build() {
  mkdirSync(dist, { recursive: true });
  const stamps = existsSync(stampsPath) ? JSON.parse(readFileSync(stampsPath, "utf8")) : {};
  const once = async (name, outputs, folders, label, work) => {
    const stamp = inputStamp(folders);
    if (stamps[name] === stamp && outputs.every((file) => existsSync(join(dist, file)))) return;
    await step(label, work);
    stamps[name] = inputStamp(folders);
    writeWhole(stampsPath, JSON.stringify(stamps, null, 2) + "\n");
  };
  const schema = once("schema", [], ["compiler/schema"], "generating validators", generate);
  await Promise.all([
    once("edge", ["core.wasm"], ["filters"], "compiling core.wasm", () =>
      compileWasm("edge", "core.wasm")),
    once("envoy", ["filter.wasm"], ["filters"], "compiling filter.wasm", () =>
      compileWasm("envoy", "filter.wasm")),
    schema.then(() =>
      once("workers", [], ["compiler", "filters", "runtime"], "bundling the worker", async () => {
        for (const file of await bundleWorkers()) writeWhole(join(dist, file.name), file.text);
      })),
  ]);
  for (const { name, text } of writePrebuilt(dist)) writeIfChanged(join(dist, name), text);
  await Promise.all([
    once("node", ["prebuilt.mjs"], ["compiler", "filters", "runtime"], "bundling fairlead", () =>
      bundleNode(writeWhole)),
    once("types", [], ["compiler", "filters"], "writing type declarations", writeTypes),
  ]);
}

/** A hash of every file under the folders, the lock file and the toolchain itself. */
function inputStamp(folders) {
  const roots = [...folders, "compiler/toolchain", "package-lock.json", "asconfig.json"];
  const hash = createHash("sha256");
  for (const path of sourceFiles()) {
    if (!roots.some((folder) => path === folder || path.startsWith(`${folder}/`))) continue;
    hash.update(`${path}\0`).update(readFileSync(join(root, path))).update("\0");
  }
  return hash.digest("hex");
}

async function generate() {
  const script = join(root, "compiler", "schema", "generate.mjs");
  if (existsSync(script)) await run("compiler/schema/generate.mjs", [script]);
}

async function compileWasm(target, name) {
  const source = `filters/${target}/index.ts`;
  if (!existsSync(join(root, source))) return say(`no ${source} yet: dist/${name} is left out`);
  const asc = join(root, "node_modules", "assemblyscript", "bin", "asc.js");
  const made = `dist/.${name}.${process.pid}`;
  const args = [asc, source, "--config", "asconfig.json", "--target", target, "--outFile", made];
  await run(`asc (${source})`, args);
  renameSync(join(root, made), join(dist, name));
}

/** Declarations of the library, for those who import the package. */
async function writeTypes() {
  if (!existsSync(join(root, "compiler", "index.ts"))) return;
  const made = join(dist, `.types.${process.pid}`);
  try {
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    const config = join(root, "compiler", "toolchain", "types.json");
    await run("tsc (declarations)", [tsc, "-p", config, "--outDir", made]);
    for (const name of readdirSync(made, { recursive: true })) {
      if (!name.endsWith(".d.ts")) continue;
      const path = join(made, name);
      // The compiler leaves `.ts` in declarations; not every reader of them goes on to `.d.ts`.
      const text = readFileSync(path, "utf8").replace(/"(\.{1,2}\/[^"\n]+)\.ts"/g, '"$1.js"');
      writeFileSync(path, text);
    }
    rmSync(join(dist, "types"), { recursive: true, force: true });
    renameSync(made, join(dist, "types"));
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

function run(label, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${label} failed:\n\n${output.trim()}\n`));
    });
  });
}

function writeIfChanged(path, text) {
  if (existsSync(path) && readFileSync(path, "utf8") === text) return;
  writeWhole(path, text);
}

function writeWhole(path, content) {
  mkdirSync(dirname(path), { recursive: true });
  const made = `${path}.${process.pid}`;
  writeFileSync(made, content);
  renameSync(made, path);
}
