import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import { watchPaths, type Watch } from "../../runtime/dev/watch.ts";

let folder: string;
let watch: Watch | undefined;
let changes: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fairlead-watch-"));
  changes = 0;
});

afterEach(async () => {
  watch?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Resolves once `act` was noticed. Bounded by the test's own time limit. */
async function noticed(act: () => Promise<unknown>): Promise<void> {
  const before = changes;
  await act();
  while (changes === before) await new Promise((resolve) => setTimeout(resolve, 10));
}

function start(...paths: readonly string[]): void {
  watch = watchPaths(paths, () => { changes += 1; });
}

test("a file that is written to, replaced, removed and made again", async () => {
  const file = join(folder, "a.yaml");
  await writeFile(file, "1");
  start(file);
  await noticed(() => writeFile(file, "2"));
  await noticed(async () => {
    await writeFile(`${file}~`, "3");
    await rename(`${file}~`, file);
  });
  await noticed(() => rm(file));
  await noticed(() => writeFile(file, "4"));
});

test("a folder, its files and its folders", async () => {
  await mkdir(join(folder, "deep"));
  start(folder);
  await noticed(() => writeFile(join(folder, "a.yaml"), "1"));
  await noticed(() => writeFile(join(folder, "deep", "b.yaml"), "1"));
  await noticed(() => rm(join(folder, "a.yaml")));
});

test("a file of a folder that is replaced by renaming, time and again", async () => {
  const file = join(folder, "input.yaml");
  await writeFile(file, "0");
  start(folder);
  for (let i = 1; i <= 12; i += 1) {
    await noticed(async () => {
      await writeFile(join(folder, ".input.next"), `${i}`);
      await rename(join(folder, ".input.next"), file);
    });
    // A burst ends before the next begins, so that each replacement has to be noticed by itself.
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
});

test("a folder that appears later, and what is written into it", async () => {
  start(folder);
  await noticed(() => mkdir(join(folder, "later")));
  await noticed(() => writeFile(join(folder, "later", "a.yaml"), "1"));
});

test("a pattern is the folder that it is about", async () => {
  start(join(folder, "*.yaml"));
  await noticed(() => writeFile(join(folder, "a.yaml"), "1"));
});

test("a mounted ConfigMap changes by its link", async () => {
  for (const version of ["..1", "..2"]) {
    await mkdir(join(folder, version));
    await writeFile(join(folder, version, "a.yaml"), version);
  }
  await symlink("..1", join(folder, "..data"));
  await symlink("..data/a.yaml", join(folder, "a.yaml"));
  start(join(folder, "a.yaml"));
  await noticed(async () => {
    await symlink("..2", join(folder, "..new"));
    await rename(join(folder, "..new"), join(folder, "..data"));
  });
});

test("a file in a folder that does not exist yet", async () => {
  const file = join(folder, "later", "a.yaml");
  start(file);
  await noticed(async () => {
    await mkdir(join(folder, "later"));
    await writeFile(file, "1");
  });
});

test("a burst of changes is told once it is over; nothing is told after the end", async () => {
  const file = join(folder, "a.yaml");
  await writeFile(file, "0");
  start(file, folder, "-");
  await noticed(async () => {
    for (let i = 0; i < 20; i += 1) await writeFile(file, String(i));
  });
  watch?.close();
  const before = changes;
  await writeFile(file, "late");
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(changes).toBe(before);
});
