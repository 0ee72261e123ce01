// argv → command → exit status. The only file that touches `process` and the only one that prints.

import manifest from "../package.json" with { type: "json" };
import { readArguments } from "./commands/arguments.ts";
import type { Io, Options, Outcome } from "./commands/command.ts";
import type { Command } from "./commands/table.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { progressLine } from "./progress.ts";
import { render } from "./render.ts";

function useColor(): boolean {
  const { NO_COLOR, FORCE_COLOR } = process.env;
  if (NO_COLOR !== undefined && NO_COLOR !== "") return false;
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== "0") return true;
  return process.stderr.isTTY === true && process.env.TERM !== "dumb";
}

async function readStdin(): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(Buffer.from(part));
  return Buffer.concat(parts).toString("utf8");
}

/** Shown to eyes only: on a terminal, and not where the output is for a program. */
function isWatched({ options: specs }: Command, { values }: Options): boolean {
  const isForProgram = values["output"] === "json"
    && specs["output"]?.choices?.includes("json") === true;
  return process.stderr.isTTY === true && process.env.TERM !== "dumb" && !isForProgram;
}

const line = progressLine({
  write: (text) => void process.stderr.write(text),
  now: () => performance.now(),
  // A terminal that does not tell says 0.
  columns: process.stderr.columns || 80,
});

function report(diagnostics: readonly Diagnostic[]): void {
  line.clear();
  process.stderr.write(render(diagnostics, { color: useColor(), style: "text" }));
}

function makeIo(command: Command, options: Options): Io {
  let stop: AbortController | undefined;
  return {
    cwd: process.cwd(), env: process.env, readStdin, report,
    write: (text) => {
      line.clear();
      process.stdout.write(text);
    },
    warn: (text) => {
      line.clear();
      process.stderr.write(`fairlead: ${text.trimEnd()}\n`);
    },
    ...(isWatched(command, options) && { progress: line.show }),
    // Only a command that looks at it takes the signals over; the others end at once, as usual.
    get signal() {
      stop ??= stopOnSignals();
      return stop.signal;
    },
  };
}

function stopOnSignals(): AbortController {
  const stop = new AbortController();
  // Once: a second Ctrl-C ends the process whatever it is doing.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  return stop;
}

async function runCommand(command: Command, options: Options): Promise<Outcome> {
  const { run } = await command.run();
  return run(options, makeIo(command, options));
}

function defect(error: unknown): void {
  line.clear();
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(
    `fairlead: a defect of ours: ${message}\n`
    + "Please report it, with the command and the input if you can share it.\n",
  );
  if (process.env.FAIRLEAD_DEBUG === "1" && error instanceof Error) {
    process.stderr.write(`${error.stack ?? ""}\n`);
  }
  process.exitCode = 70;
}

async function main(): Promise<void> {
  const args = readArguments(process.argv.slice(2));
  switch (args.kind) {
    case "help":
      process.stdout.write(args.text);
      return;
    case "version":
      process.stdout.write(`fairlead ${manifest.version}\n`);
      return;
    case "wrong":
      process.stderr.write(`fairlead: ${args.message}\n`);
      process.exitCode = 2;
      return;
    case "run": {
      const outcome = await runCommand(args.command, args.options);
      report(outcome.diagnostics);
      if (outcome.message !== undefined) {
        process.stderr.write(`fairlead: ${args.command.name}: ${outcome.message}\n`);
      }
      process.stdout.write(outcome.stdout);
      process.exitCode = outcome.exitCode;
    }
  }
}

// `fairlead status … | head` closes our output early; that is not a defect.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
  else throw error;
});

try {
  await main();
} catch (error) {
  defect(error);
}
