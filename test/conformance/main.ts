// `npm run conformance`: the Gateway API's conformance tests, on the compiler and on both runtimes,
// and a ConformanceReport for each runtime. Exit status: 0 where nothing failed, 1 where something
// did, 2 for a wrong command line.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parse, stringify } from "yaml";

import { readData, type Data } from "./data.ts";
import { gatewayApiChannel, gatewayApiVersion, suiteTests } from "./features.ts";
import { featuresOf, judgeAll, unexplained, type Judging } from "./judge.ts";
import type { Judged } from "./merge.ts";
import { readOptions, usage, type Options } from "./options.ts";
import { claimable, failures, leftOut, table } from "./print.ts";
import { conformanceReport, type Implementation } from "./report.ts";
import type { RuntimeName } from "./runner.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const shared = join(root, "../shared");

interface Manifest {
  readonly version: string;
  readonly homepage?: string;
  readonly bugs?: { readonly url?: string };
}

function implementation(): Implementation {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
  const contact = manifest.bugs?.url;
  return {
    contact: contact === undefined ? [] : [contact],
    organization: "fairlead", project: "fairlead", url: manifest.homepage ?? "",
    version: `v${manifest.version}`,
  };
}

/** Reports have no clock of their own: a run says when it was, or the date stays. */
function dateOf(file: string, options: Options): string {
  if (options.date !== undefined) return options.date;
  if (!existsSync(file)) return "unknown";
  const before = parse(readFileSync(file, "utf8")) as { readonly date?: string } | null;
  return before?.date ?? "unknown";
}

function writeReport(
  options: Options, judging: Judging, runtime: RuntimeName, tests: readonly Judged[],
): string {
  const file = resolve(root, options.out, `${runtime}.yaml`);
  const report = conformanceReport(judging.data, tests, {
    implementation: implementation(), date: dateOf(file, options), version: gatewayApiVersion,
    channel: gatewayApiChannel, claimed: featuresOf(judging, runtime),
  });
  const count = judging.data.tests.length;
  const head = [
    `# The conformance tests of Gateway API ${gatewayApiVersion} on fairlead's ${runtime} runtime,`,
    "# written by `npm run conformance`. They were run from recorded data, without a cluster and",
    `# without the official suite: ${count} of its ${suiteTests} tests are in that data, and only`,
    "# they are counted here. See docs/conformance.md.",
  ].map((line) => `${line}\n`).join("");
  mkdirSync(resolve(root, options.out), { recursive: true });
  writeFileSync(file, head + stringify(report, { lineWidth: 100 }));
  return file;
}

function makeJudging(options: Options, data: Data, folder: string, runner: string): Judging {
  const print = (line: string): void => console.log(`  ${line}`);
  const quote = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
  return {
    ...options, data, folder, runner, root,
    command: `${quote(process.execPath)} ${quote(join(root, "dist", "fairlead.mjs"))}`,
    follow: (line) => {
      if (options.verbose || !/^(PASS|SKIP) /.test(line)) print(line);
    },
    note: (text) => console.log(`${text} …`),
  };
}

async function conformance(options: Options): Promise<number> {
  const folder = resolve(options.data ?? join(shared, "conformance"));
  const runner = resolve(options.runner ?? join(shared, "tools/conformance-runner/run.mjs"));
  for (const path of [folder, runner]) {
    if (existsSync(path)) continue;
    console.error(`there is no ${path}\n\n${usage}`);
    return 2;
  }
  const data = readData(folder, join(shared, "conformance"));
  const judging = makeJudging(options, data, folder, runner);
  const results = await judgeAll(judging);
  const claims = new Map(options.runtimes.map((r) => [r, featuresOf(judging, r)]));
  console.log(`\n${table(data.features, results, claims)}`);
  if (options.verbose) console.log(leftOut(results));
  if (options.everything) console.log(claimable(data.features, results));
  console.log(failures(results));
  const bare = unexplained(results);
  if (bare.length > 0) console.log(`no line in skips.ts explains:\n  ${bare.join("\n  ")}\n`);
  console.log(`${data.tests.length} of the suite's ${suiteTests} tests are in this data`);
  const isWhole = options.only.length === 0 && !options.everything && options.planes.length === 2;
  for (const [runtime, tests] of isWhole ? results : []) {
    console.log(`wrote ${writeReport(options, judging, runtime, tests)}`);
  }
  const verdicts = [...results.values()].flat().map(({ verdict }) => verdict);
  const isFine = !verdicts.includes("fail") && verdicts.includes("pass") && bare.length === 0;
  return isFine ? 0 : 1;
}

try {
  process.exitCode = await conformance(readOptions(process.argv.slice(2)));
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  process.exitCode = 2;
}
