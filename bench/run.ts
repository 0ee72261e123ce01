// One benchmark from its command line to its report.

import { say } from "./options.ts";
import { printReport, writeJson, type Report } from "./report.ts";

export interface Benchmark<Options extends { readonly json: string | undefined }> {
  readonly usage: string;
  /** Throws for a command line that is wrong. */
  readonly options: () => Options;
  readonly bench: (asked: Options) => Promise<Report>;
}

export async function run<Options extends { readonly json: string | undefined }>(
  { usage, options, bench }: Benchmark<Options>,
): Promise<void> {
  try {
    const asked = options();
    const report = await bench(asked);
    printReport(report);
    if (asked.json !== undefined) writeJson(asked.json, report);
  } catch (error) {
    say(`${error instanceof Error ? error.message : String(error)}\n\nusage: ${usage}`);
    process.exitCode = 1;
  }
}
