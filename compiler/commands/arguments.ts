// argv → a command and its options, or one line on what is wrong with it.

import { parseArgs } from "node:util";
import { nearest } from "../schema/nearest.ts";
import type { Options } from "./command.ts";
import { helpAll, helpOf } from "./help.ts";
import { commands, type Command } from "./table.ts";

export type Arguments =
  | { readonly kind: "run"; readonly command: Command; readonly options: Options }
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "version" }
  | { readonly kind: "wrong"; readonly message: string };

export function readArguments(argv: readonly string[]): Arguments {
  const [first, ...rest] = argv;
  if (first === undefined) {
    return { kind: "wrong", message: "no command given; `fairlead --help` lists them" };
  }
  if (first === "--help" || first === "-h") return { kind: "help", text: helpAll() };
  if (first === "--version" || first === "-V") return { kind: "version" };
  if (first === "help") return helpFor(rest[0]);
  const command = commands.find((c) => c.name === first);
  return command ? readOptions(command, rest) : unknownCommand(first);
}

function helpFor(name: string | undefined): Arguments {
  if (name === undefined) return { kind: "help", text: helpAll() };
  const command = commands.find((c) => c.name === name);
  return command ? { kind: "help", text: helpOf(command) } : unknownCommand(name);
}

function unknownCommand(name: string): Arguments {
  const what = name.startsWith("-") ? "option" : "command";
  const guess = nearest(name, commands.map((c) => c.name));
  const hint = guess === undefined ? "`fairlead --help` lists them" : `did you mean \`${guess}\`?`;
  return { kind: "wrong", message: `unknown ${what} \`${name}\`; ${hint}` };
}

function readOptions(command: Command, args: readonly string[]): Arguments {
  if (args.includes("--help") || args.includes("-h")) {
    return { kind: "help", text: helpOf(command) };
  }
  const options = Object.fromEntries(Object.entries(command.options).map(([name, spec]) => [
    name,
    {
      type: spec.type, multiple: spec.multiple === true,
      ...(spec.short !== undefined && { short: spec.short }),
    },
  ]));
  try {
    const { values, positionals } = parseArgs({
      args: [...args], options, strict: true, allowPositionals: true,
    });
    for (const [name, spec] of Object.entries(command.options)) {
      const value = values[name];
      if (typeof value === "string" && spec.choices && !spec.choices.includes(value)) {
        return wrong(command, `--${name} takes ${spec.choices.join(" or ")}, not \`${value}\``);
      }
    }
    const files = Array.isArray(values.file) ? values.file.map(String) : [];
    const inputs = command.filesAsArguments ? [...files, ...positionals] : files;
    return { kind: "run", command, options: { inputs, positionals, values } };
  } catch (error) {
    return wrong(command, optionProblem(command, error));
  }
}

function wrong(command: Command, message: string): Arguments {
  return { kind: "wrong", message: `${command.name}: ${message}` };
}

function optionProblem(command: Command, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const unknown = /^Unknown option '(-[^']*)'/.exec(message)?.[1];
  if (unknown !== undefined) {
    const guess = nearest(unknown.replace(/^-+/, ""), Object.keys(command.options));
    const hint = guess === undefined
      ? `\`fairlead ${command.name} --help\` lists them` : `did you mean \`--${guess}\`?`;
    return `unknown option \`${unknown}\`; ${hint}`;
  }
  const valueless = /^Option '(?:-\w, )?(--[\w-]+) <value>' argument missing/.exec(message)?.[1];
  if (valueless !== undefined) return `\`${valueless}\` needs a value`;
  // Node explains at length how to pass a value that starts with a dash.
  return (message.split("\n")[0] ?? message).replace(/'/g, "`");
}
