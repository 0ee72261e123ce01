// Brings node_modules in line with package-lock.json. Plain Node 20 and no dependencies: on a bare
// clone there is nothing else yet.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { root, step } from "./progress.mjs";

const lockPath = join(root, "package-lock.json");
const stampPath = join(root, "node_modules", ".fairlead-lock");

/** Whether the stamp that the last set-up left stands for today's lock and this machine. */
export function isInstalled() {
  return readText(stampPath) === lockStamp();
}

/** Returns whether it had to install. */
export async function install() {
  if (isInstalled()) return false;
  const stale = !matchesLock();
  if (stale) await step("installing dependencies (npm ci)", npmCi, { always: true });
  linkNode();
  writeFileSync(stampPath, lockStamp());
  return stale;
}

/**
 * Node 24 for npm's scripts. npm 11 links it; npm 10, which comes with Node 20, removes the link
 * again together with the packages for other platforms, which have a `node` too.
 */
function linkNode() {
  const target = `node-${process.platform}-${process.arch}/bin/node`;
  const link = join(root, "node_modules", ".bin", "node");
  if (!existsSync(join(root, "node_modules", target)) || existsSync(link)) return;
  symlinkSync(join("..", target), link);
}

function lockStamp() {
  const lock = createHash("sha256").update(readFileSync(lockPath)).digest("hex");
  return `${lock} ${process.platform}-${process.arch}\n`;
}

/** Somebody may have run `npm ci` by hand; npm leaves what it installed beside the packages. */
function matchesLock() {
  const text = readText(join(root, "node_modules", ".package-lock.json"));
  if (text === undefined) return false;
  const installed = JSON.parse(text).packages ?? {};
  const wanted = JSON.parse(readFileSync(lockPath, "utf8")).packages;
  return Object.entries(wanted).every(([path, { version, optional, link }]) => {
    if (!path.startsWith("node_modules/") || link) return true;
    const present = installed[path];
    // Optional packages of other platforms are not there; npm has already chosen.
    if (present === undefined) return optional === true;
    return present.version === version && existsSync(join(root, path));
  });
}

async function npmCi() {
  // Whatever the caller's npm configuration leaves out, the build needs all of it.
  const args = ["ci", "--include=dev", "--include=optional", "--no-progress"];
  const npm = process.env.npm_execpath?.endsWith(".js") ? process.env.npm_execpath : undefined;
  const node = process.env.npm_node_execpath ?? process.execPath;
  const { code, output } = npm
    ? await run(node, [npm, ...args])
    : await run("npm", args, { shell: process.platform === "win32" });
  if (code === 0) return;
  const tail = output.trim().split("\n").slice(-15).join("\n");
  throw new Error(
    `npm ci failed (exit code ${code}), so the dependencies are not in place:\n\n${tail}\n\n` +
      "Run `npm ci` to see all of it. It needs the package registry that npm is configured for.",
  );
}

function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      ...options, cwd: root, stdio: ["ignore", "pipe", "pipe"],
    });
    const chunks = [];
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    child.on("error", (error) => resolve({ code: -1, output: String(error) }));
    child.on("close", (code, signal) =>
      resolve({ code: code ?? signal, output: Buffer.concat(chunks).toString("utf8") }));
  });
}

function readText(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}
