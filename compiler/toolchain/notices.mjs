// The licences of the packages whose code ends up inside the bundles, as their terms ask.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { root } from "./progress.mjs";

const packagePath = /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)\//;

export function noticesOf({ outputs }) {
  const folders = new Map();
  for (const { inputs } of Object.values(outputs)) {
    for (const [input, { bytesInOutput }] of Object.entries(inputs)) {
      const found = packagePath.exec(input);
      if (found && bytesInOutput > 0) folders.set(found[1], found[0]);
    }
  }
  const texts = [...folders.keys()].sort().map((name) => notice(folders.get(name)));
  const head = "fairlead contains code of these packages, each under its own licence.";
  return `${head}\n\n${texts.join("")}`;
}

function notice(folder) {
  const path = join(root, folder);
  const { name, version, license } = JSON.parse(readFileSync(join(path, "package.json"), "utf8"));
  const legal = /^(licen[cs]e|notice|copying)/i;
  const files = readdirSync(path).filter((file) => legal.test(file)).sort();
  if (files.length === 0 && license === undefined) {
    throw new Error(`${name} has no licence text, so it cannot be bundled`);
  }
  const text = files.map((file) => readFileSync(join(path, file), "utf8").trim()).join("\n\n");
  return `${"-".repeat(80)}\n${name} ${version} (${license})\n\n${text}\n\n`;
}
