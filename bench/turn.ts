// One turn of a process under load: what a request costs it.

import type { Generator, Load } from "./load.ts";
import { cpuNs } from "./measure.ts";

export interface Turn {
  /** CPU time a request, of all threads of the process. */
  readonly cpuUs: number;
  readonly rps: number;
}

export async function takeTurn(pid: number, load: Load, generator: Generator): Promise<Turn> {
  const beforeNs = cpuNs(pid);
  const { requests, rps } = await generator.generate(load);
  return { cpuUs: (cpuNs(pid) - beforeNs) / requests / 1000, rps };
}
