// The text of `--help`.

import { commands, type Command, type OptionSpec } from "./table.ts";

export function helpAll(): string {
  const width = Math.max(...commands.map((c) => c.name.length));
  return [
    "fairlead compiles Gateway API routes into one routing table for Envoy, Istio and the edge.",
    "",
    "usage: fairlead COMMAND [OPTION]…",
    "",
    ...commands.map((c) => `  ${c.name.padEnd(width)}  ${c.summary}`),
    "",
    "`fairlead COMMAND --help` shows a command's options, `fairlead --version` the version.",
    "Exit status: 0 fine, 1 the input is wrong, 2 the command line is wrong, 70 a defect.",
    "",
  ].join("\n");
}

export function helpOf(command: Command): string {
  const specs: readonly (readonly [string, OptionSpec])[] = [
    ...Object.entries(command.options),
    ["help", { type: "boolean", short: "h", about: "show this text" }],
  ];
  const rows = specs.map(([name, spec]) => {
    const short = spec.short === undefined ? "    " : `-${spec.short}, `;
    const value = spec.value === undefined ? "" : ` ${spec.value}`;
    return [`  ${short}--${name}${value}`, spec.about] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    `fairlead ${command.name}: ${command.summary}`,
    "",
    `usage: fairlead ${command.name} [OPTION]… ${command.arguments}`,
    "",
    ...rows.map(([left, right]) => `${left.padEnd(width)}  ${right}`),
    "",
  ].join("\n");
}
