import {
  mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { globExpression, load, type Loaded } from "../../compiler/load.ts";
import { render } from "../../compiler/render.ts";

let cwd = "";

beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "fairlead-load-"));
  for (const path of [
    "a.yaml", "b.yml", "c.json", "d.txt", ".hidden.yaml", "sub/e.yaml", "sub/deep/f.yaml",
    "node_modules/g.yaml", ".git/h.yaml", "[x].yaml", "none/readme.md",
  ]) {
    mkdirSync(dirname(join(cwd, path)), { recursive: true });
    writeFileSync(join(cwd, path), `path: ${path}\n`);
  }
  symlinkSync(join(cwd, "sub"), join(cwd, "sub", "loop"));
});

afterAll(() => rmSync(cwd, { recursive: true, force: true }));

async function paths(...inputs: readonly string[]): Promise<readonly string[]> {
  const { files, diagnostics } = await load(inputs, cwd, async () => "from: stdin\n");
  expect(diagnostics).toEqual([]);
  return files.map((f) => f.path);
}

test("a folder gives its manifests at any depth, but no hidden ones", async () => {
  expect(await paths(".")).toEqual(
    ["[x].yaml", "a.yaml", "b.yml", "c.json", "sub/deep/f.yaml", "sub/e.yaml"]);
  expect(await paths("sub/")).toEqual(["sub/deep/f.yaml", "sub/e.yaml"]);
});

test("files are sorted, and each is there once, whatever the order of the inputs", async () => {
  expect(await paths("sub/e.yaml", "a.yaml", "./a.yaml", "sub")).toEqual(
    await paths("sub", "./a.yaml", "a.yaml", "sub/e.yaml"));
});

test("any file is read that is named, whatever its ending", async () => {
  expect(await paths("d.txt", ".hidden.yaml")).toEqual([".hidden.yaml", "d.txt"]);
});

test("globs match files, a file of that very name goes first", async () => {
  expect(await paths("*.y{a,}ml")).toEqual(["[x].yaml", "a.yaml", "b.yml"]);
  expect(await paths("sub/**/*.yaml")).toEqual(["sub/deep/f.yaml", "sub/e.yaml"]);
  expect(await paths("**/e.yaml")).toEqual(["sub/e.yaml"]);
  expect(await paths("[x].yaml")).toEqual(["[x].yaml"]);
  expect(await paths(join(cwd, "[ab].*"))).toEqual([join(cwd, "a.yaml"), join(cwd, "b.yml")]);
});

test("a dash is the standard input, read once", async () => {
  expect(await paths("-", "-", "a.yaml")).toEqual(["<stdin>", "a.yaml"]);
});

test("FL0001: what cannot be read is named, and the rest is read", async () => {
  const { files, diagnostics } = await load(["gone.yaml", "x*.yaml", "none", "a.yaml"], cwd, stdin);
  expect(files.map((f) => f.path)).toEqual(["a.yaml"]);
  expect(render(diagnostics, { color: false, style: "text" })).toMatchInlineSnapshot(`
    "error[FL0001]: cannot read \`gone.yaml\`: it does not exist

    error[FL0001]: no file matches \`x*.yaml\`

    error[FL0001]: the folder \`none\` has no .yaml, .yml or .json file

    3 errors
    "
  `);
});

function stdin(): Promise<string> {
  throw new Error("nobody asked for the standard input");
}

test("a glob's special characters are the usual ones", () => {
  const matches = (glob: string, path: string): boolean => globExpression(glob).test(path);
  expect([matches("*.yaml", "a.yaml"), matches("*.yaml", "a/b.yaml"), matches("a?c", "abc")])
    .toEqual([true, false, true]);
  expect([matches("**/*.yaml", "a.yaml"), matches("a/**", "a/b/c"), matches("[!a]", "a")])
    .toEqual([true, true, false]);
  expect([matches("a.yaml", "aXyaml"), matches("{a,b/*}.y", "b/c.y"), matches("a+(b)", "a+(b)")])
    .toEqual([false, true, true]);
});

test("a load that knows the last keeps files that say the same, as the same objects", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-load-again-"));
  const again = (last?: Loaded): Promise<Loaded> => load([folder, "-"], cwd, piped, last);
  const inputs = ["from: stdin\n"];
  const piped = async (): Promise<string> => inputs.shift() ?? "";
  const write = (name: string, text: string): void => {
    writeFileSync(join(folder, name), text);
    // Old enough for its times to tell something.
    utimesSync(join(folder, name), 1_000, 1_000);
  };
  const texts = ({ files }: Loaded): readonly string[] => files.map((f) => f.text);
  try {
    for (const name of ["a.yaml", "b.yaml", "c.yaml"]) write(name, "n: 1\n");
    const first = await again();
    expect((await again(first)).files).toEqual(first.files);
    // Of the same length and the same time.
    write("b.yaml", "n: 2\n");
    write("d.yaml", "n: 4\n");
    rmSync(join(folder, "c.yaml"));
    const second = await again(first);
    expect([...texts(second)].sort())
      .toEqual(["from: stdin\n", "n: 1\n", "n: 2\n", "n: 4\n"]);
    const kept = second.files.filter((file) => first.files.includes(file));
    expect(kept.map((f) => f.path.split("/").at(-1)).sort()).toEqual(["<stdin>", "a.yaml"]);
    expect(texts(await again(second))).toEqual(texts(second));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
