// The command line of `npm run conformance`.

import { parseArgs } from "node:util";

import type { Plane, RuntimeName } from "./runner.ts";

export const usage = `usage: npm run conformance -- [DATA_DIR] [options]

  DATA_DIR           folder of test cases (default: ../shared/conformance)
  --runner FILE      the conformance runner (default: ../shared/tools/conformance-runner/run.mjs)
  --runtime LIST     of envoy, edge (default: both)
  --plane LIST       of compile, data (default: both)
  --only LIST        names of tests; no report is written then
  --features all     run the tests of unclaimed features too; no report is written then
  --jobs N           tests side by side (default: 2)
  --date DATE        of the reports (default: the date of the report that is there already)
  --out DIR          where the reports go (default: docs/conformance)
  --verbose          every test as it ends, and what was left out and why
`;

export interface Options {
  readonly data?: string;
  readonly runner?: string;
  readonly runtimes: readonly RuntimeName[];
  readonly planes: readonly Plane[];
  readonly only: readonly string[];
  readonly everything: boolean;
  readonly jobs: number;
  readonly date?: string;
  readonly out: string;
  readonly verbose: boolean;
}

const list = (value: string | undefined): readonly string[] =>
  (value ?? "").split(",").map((s) => s.trim()).filter(Boolean);

function oneOf<T extends string>(
  name: string, value: string | undefined, allowed: readonly T[],
): readonly T[] {
  if (value === undefined) return allowed;
  const given = list(value);
  const strange = given.find((g) => !(allowed as readonly string[]).includes(g));
  if (strange !== undefined || given.length === 0) {
    throw new Error(`--${name} takes ${allowed.join(", ")}, not \`${strange ?? ""}\``);
  }
  return allowed.filter((a) => given.includes(a));
}

/** Throws with a text for people. */
export function readOptions(args: readonly string[]): Options {
  const text = { type: "string" } as const;
  const { values, positionals } = parseArgs({
    args: [...args], allowPositionals: true,
    options: {
      runner: text, runtime: text, plane: text, only: text, features: text, jobs: text, date: text,
      out: text, verbose: { type: "boolean" },
    },
  });
  const jobs = Number(values.jobs ?? "2");
  if (!Number.isInteger(jobs) || jobs < 1) throw new Error("--jobs takes a number above 0");
  if (positionals.length > 1) throw new Error("only one DATA_DIR can be read");
  if (values.features !== undefined && values.features !== "all") {
    throw new Error("--features takes `all`; test/conformance/features.ts has what is claimed");
  }
  if (values.date !== undefined && Number.isNaN(Date.parse(values.date))) {
    throw new Error("--date takes a date, as 2026-11-30");
  }
  return {
    ...(positionals[0] !== undefined && { data: positionals[0] }),
    ...(values.runner !== undefined && { runner: values.runner }),
    ...(values.date !== undefined && { date: values.date }),
    runtimes: oneOf("runtime", values.runtime, ["envoy", "edge"] as const),
    planes: oneOf("plane", values.plane, ["compile", "data"] as const),
    only: list(values.only),
    everything: values.features === "all",
    jobs, out: values.out ?? "docs/conformance", verbose: values.verbose ?? false,
  };
}
