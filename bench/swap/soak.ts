// Swaps tables while requests are answered, and looks at memory on the way.

import { Agent, request } from "node:http";

import { hostname, requestPath } from "../envoy/workload.ts";
import { residentBytes } from "../measure.ts";
import type { Edition } from "./editions.ts";
import type { Swapped } from "./subjects.ts";

/** What the allocators of Envoy and workerd keep for themselves, more or less, from run to run. */
export const noiseBytes = 24 * 2 ** 20;

export interface Soaked {
  readonly requests: number;
  /** Each request that was not answered with 200, by what it got. */
  readonly failed: readonly string[];
  /** Resident bytes of the serving process, in the order of `marks`. */
  readonly resident: readonly number[];
  readonly msPerSwap: number;
}

export interface SoakOptions {
  readonly routes: number;
  readonly swaps: number;
  readonly connections: number;
  /** After how many swaps to look at memory; rising. */
  readonly marks: readonly number[];
  readonly editionOf: (number: number) => Edition;
  readonly progress: (text: string) => void;
}

export async function soak(subject: Swapped, options: SoakOptions): Promise<Soaked> {
  const { routes, swaps, connections, marks, editionOf, progress } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const failed: string[] = [];
  let requests = 0;
  let isOver = false;
  const client = async (): Promise<void> => {
    while (!isOver) {
      const outcome = await ask(subject.address, requestPath(routes, "last"), agent);
      requests += 1;
      if (outcome !== "200") failed.push(outcome);
    }
  };
  const clients = Array.from({ length: connections }, client);
  const resident: number[] = [];
  let ms = 0;
  try {
    for (let swap = 1; swap <= swaps; swap += 1) {
      const edition = editionOf(swap);
      const start = performance.now();
      await subject.swap(edition);
      ms += performance.now() - start;
      const outcome = await ask(subject.address, edition.path, agent);
      if (outcome !== "200") failed.push(`swap ${swap} has no effect: ${outcome}`);
      if (!marks.includes(swap)) continue;
      resident.push(residentBytes(subject.pid));
      progress(`  ${swap} swaps: ${((resident.at(-1) ?? 0) / 2 ** 20).toFixed(1)} MiB`);
    }
  } finally {
    isOver = true;
    await Promise.all(clients);
    agent.destroy();
  }
  return { requests, failed, resident, msPerSwap: ms / swaps };
}

/** The status, or what went wrong. */
function ask(address: string, path: string, agent: Agent): Promise<string> {
  const [host, port] = address.split(":");
  return new Promise((resolve) => {
    const outgoing = request({ host, port, path, agent, headers: { host: hostname } },
      (response) => {
        response.resume();
        response.on("end", () => resolve(String(response.statusCode)));
        response.on("error", ({ message }) => resolve(message));
      });
    outgoing.on("error", ({ message }) => resolve(message));
    outgoing.end();
  });
}
