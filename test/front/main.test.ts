import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readArguments } from "../../compiler/commands/arguments.ts";
import { helpAll, helpOf } from "../../compiler/commands/help.ts";
import { commands } from "../../compiler/commands/table.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

function message(...argv: readonly string[]): string {
  const args = readArguments(argv);
  return args.kind === "wrong" ? args.message : args.kind;
}

test("a wrong command line is one line that names what is wrong and what was meant", () => {
  expect(message()).toBe("no command given; `fairlead --help` lists them");
  expect(message("chek")).toBe("unknown command `chek`; did you mean `check`?");
  expect(message("xyzzy")).toBe("unknown command `xyzzy`; `fairlead --help` lists them");
  expect(message("--verzion")).toBe("unknown option `--verzion`; `fairlead --help` lists them");
  expect(message("check", "--ouput", "json")).toBe(
    "check: unknown option `--ouput`; did you mean `--output`?");
  expect(message("check", "-x")).toBe(
    "check: unknown option `-x`; `fairlead check --help` lists them");
  expect(message("check", "-o", "xml")).toBe("check: --output takes text or json, not `xml`");
  expect(message("check", "-f")).toBe("check: `--file` needs a value");
  expect(message("help", "biuld")).toBe("unknown command `biuld`; did you mean `build`?");
});

test("files come from -f, repeated, and from arguments", () => {
  const args = readArguments(["check", "-f", "a.yaml", "b.yaml", "--file=c.yaml", "-f-"]);
  expect(args).toMatchObject({
    kind: "run", options: { inputs: ["a.yaml", "c.yaml", "-", "b.yaml"] },
  });
  const explain = readArguments(["explain", "-f", "a.yaml", "GET", "http://x/", "-H", "a: b"]);
  expect(explain).toMatchObject({
    options: {
      inputs: ["a.yaml"], positionals: ["GET", "http://x/"], values: { header: ["a: b"] },
    },
  });
});

test("each command has help that names all of its options", () => {
  for (const command of commands) {
    expect(helpAll()).toContain(`  ${command.name} `);
    const args = readArguments([command.name, "--nonsense", "--help"]);
    expect(args).toEqual({ kind: "help", text: helpOf(command) });
    for (const option of Object.keys(command.options)) {
      expect(helpOf(command)).toContain(`--${option}`);
    }
  }
});

function fairlead(input: string, ...args: readonly string[]) {
  const done = spawnSync(process.execPath, ["compiler/main.ts", ...args], {
    cwd: root, input, encoding: "utf8", timeout: 20_000,
    env: { ...process.env, FORCE_COLOR: "0" },
  });
  return { status: done.status, stdout: done.stdout, stderr: done.stderr };
}

const broken = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{prot: 80}]}\n";

test("results go to the standard output, diagnostics to the standard error", () => {
  const fine = fairlead("", "check", "-f", "examples/canary");
  expect(fine).toEqual({ status: 0, stdout: "checked 1 file: no errors\n", stderr: "" });
  const wrong = fairlead(broken, "check", "-f", "-");
  expect(wrong).toMatchObject({ status: 1, stdout: "" });
  expect(wrong.stderr).toContain("<stdin>:4:17\n4│ spec: {ports: [{prot: 80}]}\n");
  expect(wrong.stderr).not.toContain("\u001b");
});

test("check -o json prints the diagnostics as the result", () => {
  const { status, stdout, stderr } = fairlead(broken, "check", "-f", "-", "-o", "json");
  expect([status, stderr]).toEqual([1, ""]);
  expect(JSON.parse(stdout)).toMatchObject([{ code: "FL0105" }, { code: "FL0103", line: 4 }]);
});

test("exit statuses and version", () => {
  expect(fairlead("", "chek")).toEqual(
    { status: 2, stdout: "", stderr: "fairlead: unknown command `chek`; did you mean `check`?\n" });
  expect(fairlead("", "check")).toMatchObject({ status: 2, stdout: "" });
  expect(fairlead("", "--version").stdout).toMatch(/^fairlead \d+\.\d+\.\d+\n$/);
  expect(fairlead("", "explain-code", "FL0204").stdout)
    .toMatch(/^FL0204 {2}error {4}A backendRef /);
  expect(fairlead("", "explain-code", "FL9999").status).toBe(2);
});
