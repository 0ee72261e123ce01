// What the tests of regular expressions share: patterns built, the core's runner as wasm.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";
import { buildAutomaton, type Automaton, type Limits } from "../../compiler/regex/automaton.ts";
import { encodeAutomaton } from "../../compiler/regex/encode.ts";
import type { Expression } from "../../compiler/regex/nfa.ts";
import type { Node } from "../../compiler/regex/node.ts";
import { parse } from "../../compiler/regex/parse.ts";

export function tree(pattern: string): Node {
  const parsed = parse(pattern);
  if (parsed.kind !== "parsed") throw new Error(`${pattern}: ${parsed.message}`);
  return parsed.node;
}

export function expressions(patterns: readonly string[]): readonly Expression[] {
  return patterns.map((pattern, id) => ({ id, node: tree(pattern) }));
}

export function automaton(patterns: readonly string[], limits?: Limits): Automaton {
  const made = buildAutomaton(expressions(patterns), limits);
  if (made.kind !== "automaton") throw new Error(`${patterns.join()}: ${made.message}`);
  return made;
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer; readonly grow: (pages: number) => number };
  readonly runAutomaton: (ptr: number, textPtr: number, textLen: number) => number;
  readonly verifyAutomaton: (ptr: number, len: number, ids: number) => number;
  readonly listStart: (ptr: number, list: number) => number;
  readonly listEnd: (ptr: number, list: number) => number;
}

/** The core's runner with an automaton in its memory. */
export interface Runner {
  /** Whether `verifyAutomaton` takes the bytes. */
  readonly verify: (bytes: Uint8Array, ids: number) => boolean;
  /** The ids for a text; the bytes are those that `verify` took last. */
  readonly run: (text: Uint8Array) => readonly number[];
}

const PLACE = 65_536;
const TEXT_ROOM = 65_536;

export async function createRunner(): Promise<Runner> {
  const module = new WebAssembly.Module(await compileRunner() as Uint8Array<ArrayBuffer>);
  // Nothing may be imported: the core serves hosts that offer nothing.
  const exports = new WebAssembly.Instance(module, {}).exports as unknown as Exports;
  let length = 0;
  return {
    verify: (bytes, ids) => {
      length = bytes.length;
      const missing = PLACE + length + TEXT_ROOM - exports.memory.buffer.byteLength;
      if (missing > 0) exports.memory.grow(Math.ceil(missing / 65_536));
      new Uint8Array(exports.memory.buffer).set(bytes, PLACE);
      return exports.verifyAutomaton(PLACE, length, ids) === 1;
    },
    run: (text) => {
      const textPtr = PLACE + length + 3;
      const memory = new Uint8Array(exports.memory.buffer);
      memory.set(text, textPtr);
      // What stands behind a text must not matter.
      memory.fill(0x61, textPtr + text.length, textPtr + text.length + 16);
      const list = exports.runAutomaton(PLACE, textPtr, text.length);
      const start = exports.listStart(PLACE, list);
      const count = (exports.listEnd(PLACE, list) - start) / 4;
      return [...new Uint32Array(exports.memory.buffer, start, count)];
    },
  };
}

async function compileRunner(): Promise<Uint8Array> {
  const source = (name: string): string =>
    readFileSync(fileURLToPath(new URL(`../../filters/core/${name}`, import.meta.url)), "utf8");
  const files = new Map([
    ["automaton.ts", source("automaton.ts")],
    ["automaton-format.ts", source("automaton-format.ts")],
  ]);
  let made: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    ["automaton.ts", "-O3", "--runtime", "stub", "--use", "abort=", "--outFile", "made.wasm"],
    {
      readFile: (name) => files.get(name) ?? null,
      writeFile: (_, contents) => { made = contents as Uint8Array; },
      listFiles: () => [],
    });
  if (error !== null || made === undefined) throw new Error(stderr.toString());
  return made;
}

/** The automaton's answer by the core, after the core has taken it. */
export function encodeFor(runner: Runner, made: Automaton): void {
  const ids = Math.max(0, ...made.lists.flat()) + 1;
  if (!runner.verify(encodeAutomaton(made), ids)) throw new Error("the core refuses it");
}
