// What a command is: a function of its options and of the little it may use of the world. It
// prints nothing itself, but for the commands that run until they are stopped.

import type { Diagnostic } from "../diagnostic.ts";
import type { OnProgress } from "../progress.ts";

export interface Io {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readStdin: () => Promise<string>;
  /** To the standard output, at once. For commands that go on for long. */
  readonly write: (text: string) => void;
  /** A line to the standard error, at once. */
  readonly warn: (text: string) => void;
  /** To the standard error, at once, in the form the user asked for. */
  readonly report: (diagnostics: readonly Diagnostic[]) => void;
  /** How far the command is. Absent where nobody looks. */
  readonly progress?: OnProgress;
  /** Aborted when the user stops the command. */
  readonly signal: AbortSignal;
}

export interface Options {
  /** The values of `-f`, and the positional arguments where the command takes files there. */
  readonly inputs: readonly string[];
  readonly positionals: readonly string[];
  /** By long name, as `node:util` parses them. */
  readonly values: Readonly<Record<string, OptionValue | undefined>>;
}

export type OptionValue = string | boolean | readonly (string | boolean)[];

export interface Outcome {
  readonly stdout: string;
  readonly diagnostics: readonly Diagnostic[];
  /** 0 fine, 1 the input is wrong, 2 the command line is wrong, 70 a defect of ours. */
  readonly exitCode: number;
  /** One line on what is wrong with the command line, or with us. */
  readonly message?: string;
}

export type Run = (options: Options, io: Io) => Promise<Outcome>;

/** A string option, or `fallback` where it was not given. */
export function stringOption(options: Options, name: string, fallback: string): string {
  const value = options.values[name];
  return typeof value === "string" ? value : fallback;
}

/** The values of an option that may be repeated. */
export function stringsOption(options: Options, name: string): readonly string[] {
  const value = options.values[name];
  return Array.isArray(value) ? value.filter((v) => typeof v === "string") : [];
}

export function wrongUsage(message: string): Outcome {
  return { stdout: "", diagnostics: [], exitCode: 2, message };
}
