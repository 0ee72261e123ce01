// The JavaScript that users run, bundled with everything it needs but miniflare: the worker for
// workerd, and the command and the library for Node.

import { existsSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import * as esbuild from "esbuild";

import { noticesOf } from "./notices.mjs";
import { root, say } from "./progress.mjs";

const dist = join(root, "dist");

const shared = {
  absWorkingDir: root,
  bundle: true,
  format: "esm",
  charset: "utf8",
  legalComments: "none",
  logLevel: "silent",
  write: false,
  metafile: true,
};

/** What a deployed worker finds beside itself. */
const besideTheWorker = {
  name: "beside-the-worker",
  setup(build) {
    const filter = /^\.\/(core\.wasm|routes\.bin|config\.js)$/;
    build.onResolve({ filter }, ({ path }) => ({ path, external: true }));
  },
};

/** Returns the files rather than writing them. */
export async function bundleWorkers() {
  const entries = present({
    "worker": "runtime/edge/worker.ts",
    "dev-worker": "runtime/edge/dev-worker.ts",
  });
  if (entries === undefined) return [];
  const { outputFiles, metafile } = await bundle({
    ...shared,
    entryPoints: entries,
    outdir: "dist",
    platform: "neutral",
    conditions: ["workerd", "worker", "browser"],
    mainFields: ["module", "main"],
    target: "es2022",
    external: ["cloudflare:*", "node:*"],
    plugins: [besideTheWorker],
  });
  const foreign = Object.keys(metafile.inputs).filter((path) => path.includes("node_modules/"));
  if (foreign.length > 0) {
    throw new Error(`the deployed worker has no room for notices: ${foreign.join(", ")}`);
  }
  return outputFiles.map(({ path, text }) => ({ name: basename(path), text }));
}

/** Writes with `write(path, content)`, and removes chunks that nothing imports any more. */
export async function bundleNode(write) {
  const entries = present({
    fairlead: "compiler/main.ts",
    index: "compiler/index.ts",
    demo: "runtime/demo/main.ts",
  });
  if (entries === undefined) return;
  const { outputFiles, metafile } = await bundle({
    ...shared,
    entryPoints: entries,
    outdir: "dist",
    outExtension: { ".js": ".mjs" },
    chunkNames: "chunks/[name]-[hash]",
    splitting: true,
    platform: "node",
    target: "node20.19",
    // undici is CommonJS and asks for Node's own modules by require, which an ES module has not.
    banner: {
      js: 'import { createRequire as requireFrom } from "node:module";'
        + "const require = requireFrom(import.meta.url);",
    },
    // The browser build of yaml is the same code as ES modules, without require("process").
    alias: { yaml: join(root, "node_modules", "yaml", "browser", "index.js") },
    external: ["miniflare", "wrangler", "fsevents"],
  });
  for (const { path, contents } of outputFiles) write(path, contents);
  write(join(dist, "THIRD-PARTY-NOTICES.txt"), noticesOf(metafile));
  removeOthers(join(dist, "chunks"), outputFiles.map(({ path }) => path));
}

function present(entries) {
  const found = Object.entries(entries).filter(([name, source]) => {
    if (existsSync(join(root, source))) return true;
    say(`no ${source} yet: dist/${name} is left out`);
    return false;
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

async function bundle(options) {
  try {
    return await esbuild.build(options);
  } catch (error) {
    if (!Array.isArray(error.errors)) throw error;
    const lines = await esbuild.formatMessages(error.errors, { kind: "error" });
    throw new Error(`the bundle cannot be made:\n\n${lines.join("\n")}`);
  }
}

function removeOthers(folder, keep) {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (!keep.includes(path)) rmSync(path, { force: true });
  }
}
