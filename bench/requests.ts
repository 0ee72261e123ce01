// The load generator for machines without wrk: `node requests.ts '{"url": …}'` prints its result.

import { Agent, get } from "node:http";

import type { Load, LoadResult } from "./load.ts";

function once(load: Load, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    get(load.url, { agent, headers: { host: load.hostname, ...load.headers } }, (response) => {
      response.resume();
      response.once("error", reject);
      response.once("end", () => {
        if (response.statusCode === load.status) resolve();
        else reject(new Error(`${load.url} answers ${response.statusCode}`));
      });
    }).once("error", reject);
  });
}

async function generate(load: Load): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.connections });
  const startMs = performance.now();
  const endMs = startMs + load.seconds * 1000;
  let requests = 0;
  const connection = async (): Promise<void> => {
    while (performance.now() < endMs) {
      await once(load, agent);
      requests += 1;
    }
  };
  await Promise.all(Array.from({ length: load.connections }, connection));
  agent.destroy();
  return { requests, rps: requests / ((performance.now() - startMs) / 1000) };
}

const load: Load = JSON.parse(process.argv[2] ?? "");
process.stdout.write(JSON.stringify(await generate(load)));
