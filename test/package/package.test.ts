// The published package as its users get it: packed, installed alone in an empty folder, run with
// nothing of the checkout within reach.

import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync,
  writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const packedBytesMax = 1024 * 1024;
const unpackedBytesMax = 6 * 1024 * 1024;

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let folder = "";
let tarball = "";
let files: readonly string[] = [];

/** Without the checkout's node_modules/.bin, which vitest was started with. */
function outsideEnv(): NodeJS.ProcessEnv {
  const path = (process.env["PATH"] ?? "").split(delimiter);
  const npm = Object.keys(process.env).filter((name) => /^npm_/i.test(name));
  const env: NodeJS.ProcessEnv = { ...process.env, NODE_OPTIONS: "" };
  for (const name of npm) delete env[name];
  return { ...env, PATH: path.filter((part) => !part.startsWith(root)).join(delimiter) };
}

function run(command: string, args: readonly string[], cwd: string): Promise<Run> {
  return new Promise((resolve) => {
    const options = { cwd, env: outsideEnv(), maxBuffer: 2 ** 26 };
    execFile(command, args, options, (error, stdout, stderr) => {
      const code = typeof error?.code === "number" ? error.code : error ? -1 : 0;
      resolve({ code, stdout, stderr: code === -1 ? `${stderr}${error?.message}` : stderr });
    });
  });
}

function fairlead(...args: readonly string[]): Promise<Run> {
  return run(join(folder, "node_modules", ".bin", "fairlead"), args, folder);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fairlead-package-"));
  const packed = await run("npm", [
    "pack", "--json", "--ignore-scripts", "--pack-destination", folder,
  ], root);
  expect(packed.stderr + packed.stdout).toContain(".tgz");
  const [{ filename, files: list }] = JSON.parse(packed.stdout) as
    [{ filename: string; files: readonly { path: string }[] }];
  tarball = join(folder, filename);
  files = list.map(({ path }) => path);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", type: "module" }));
  const installed = await run("npm", [
    "install", tarball, "--ignore-scripts", "--omit=dev", "--omit=optional", "--omit=peer",
    "--offline", "--no-audit", "--no-fund",
  ], folder);
  expect(installed.code, installed.stderr).toBe(0);
  cpSync(join(root, "examples", "canary"), join(folder, "canary"), { recursive: true });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the package", () => {
  test("holds the bundles, their types and the licences, and neither sources nor tests", () => {
    for (const path of ["dist/fairlead.mjs", "dist/index.mjs", "dist/types/compiler/index.d.ts",
      "compiler/bin.mjs", "LICENSE", "NOTICE", "README.md", "dist/THIRD-PARTY-NOTICES.txt"]) {
      expect(files).toContain(path);
    }
    const others = files.filter((path) =>
      !/^(package\.json|compiler\/bin\.mjs|LICENSE|NOTICE|README\.md)$|^dist\//.test(path)
      || (/\.ts$/.test(path) && !path.endsWith(".d.ts"))
      || /test|demo/.test(path));
    expect(others).toEqual([]);
  });

  test("is small", () => {
    expect(statSync(tarball).size).toBeLessThanOrEqual(packedBytesMax);
    const installed = join(folder, "node_modules", "fairlead");
    const bytes = readdirSync(installed, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
    expect(bytes).toBeLessThanOrEqual(unpackedBytesMax);
  });

  test("brings no other package along", () => {
    const names = readdirSync(join(folder, "node_modules")).filter((name) => !name.startsWith("."));
    expect(names).toEqual(["fairlead"]);
  });

  test("names the licence of every package inside its bundles", () => {
    const path = join(folder, "node_modules", "fairlead", "dist", "THIRD-PARTY-NOTICES.txt");
    const notices = readFileSync(path, "utf8");
    expect(notices).toMatch(/^yaml \S+ \(ISC\)$/m);
  });
});

describe("the command, installed alone", () => {
  test("check accepts the example", async () => {
    const { code, stderr } = await fairlead("check", "-f", "canary");
    expect(stderr).not.toMatch(/error/);
    expect(code).toBe(0);
  });

  test("build writes every target without the AssemblyScript toolchain", async () => {
    const { code, stderr } = await fairlead("build", "-f", "canary", "-o", "out");
    expect(code, stderr).toBe(0);
    for (const path of ["routes.flt", "filter.wasm", "envoy/envoy.yaml", "edge/core.wasm",
      "edge/wrangler.jsonc"]) {
      expect(existsSync(join(folder, "out", path)), path).toBe(true);
    }
    const wasm = readFileSync(join(folder, "out", "filter.wasm"));
    expect(() => new WebAssembly.Module(wasm)).not.toThrow();
  });

  test("explain names the route and its backends", async () => {
    const { code, stdout, stderr } =
      await fairlead("explain", "-f", "canary", "http://test.devopscube.com/");
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("backend-route");
    expect(stdout).toContain("backend-v1");
  });

  test("status gives the route an accepted parent", async () => {
    const { code, stdout, stderr } = await fairlead("status", "-f", "canary", "-o", "json");
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/"type":\s*"Accepted"/);
  });

  test("dev on the edge says which package it wants", async () => {
    const args = ["dev", "-f", "canary", "--runtime", "edge", "--port", "0"];
    const { code, stderr } = await fairlead(...args);
    expect(stderr).toContain("npm install miniflare");
    expect(code).not.toBe(0);
  });
});

describe("the library, installed alone", () => {
  const program = `import { compile } from "fairlead";
const result = compile([{ path: "a.yaml", text: "kind: [" }]);
const found: readonly { readonly code: string }[] = result.diagnostics;
process.stdout.write(found.map(({ code }) => code).join(","));
`;

  test("its types resolve without any of ours or Node's", async () => {
    const source = program.replace(/^process.*$/m, "export { found };");
    writeFileSync(join(folder, "types.mts"), source);
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    const strict = ["--noEmit", "--strict", "--skipLibCheck", "false", "--types", "",
      "--target", "es2023", "--lib", "es2023"];
    for (const how of ["--module nodenext", "--module esnext --moduleResolution bundler"]) {
      const args = [tsc, ...strict, ...how.split(" "), "types.mts"];
      const checked = await run(process.execPath, args, folder);
      expect(checked.stdout + checked.stderr).toBe("");
    }
  });

  test("compiles, and reads no file to do so", async () => {
    mkdirSync(join(folder, "program"), { recursive: true });
    const path = join(folder, "program", "program.mjs");
    writeFileSync(path, program.replace(/: readonly \{.*\}\[\]/, ""));
    const args = ["--permission", `--allow-fs-read=${folder}/*`, path];
    const { code, stdout, stderr } = await run(process.execPath, args, dirname(path));
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("FL0101");
  });
});
