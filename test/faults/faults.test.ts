// Each fault through `fairlead dev`, on both runtimes.

import * as http from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { RuntimeName } from "../../runtime/dev/runtimes.ts";
import { ok, startFaulty, type FaultyBackend } from "../backends/faulty.ts";
import {
  routeManifests, serviceManifests, startDev, until, yaml, type DevSession,
} from "../dev/session.ts";
import { flags, outcomeOf, scenarios, type Endpoint, type Scenario } from "./scenarios.ts";

/** One failure ejects, and nobody returns while a test runs. */
const outlierDetection = {
  consecutive5xxErrors: 1, interval: "3600s", baseEjectionTime: "3600s", maxEjectionPercent: 100,
};

interface Seen {
  readonly status: number;
  readonly body: string;
  readonly breaksOff: boolean;
}

/** One request on a connection of its own. */
function send(address: string, path: string): Promise<Seen> {
  const [host, port] = address.split(":");
  return new Promise((resolve, reject) => {
    const request = http.get({
      host, port, path, agent: false, maxHeaderSize: 256 * 1024,
    }, (response) => {
      let body = "";
      let isOver = false;
      const finish = (breaksOff: boolean): void => {
        isOver = true;
        resolve({ status: response.statusCode ?? 0, body, breaksOff });
      };
      response.on("data", (part) => { body += String(part); });
      response.on("end", () => finish(false));
      response.on("error", () => finish(true));
      response.on("close", () => { if (!isOver) finish(true); });
    });
    request.on("error", reject);
  });
}

async function backendOf(name: string, endpoint: Endpoint): Promise<FaultyBackend | undefined> {
  if (endpoint === "unknown") return undefined;
  const isGood = endpoint === "good" || endpoint === "refuses";
  const backend = await startFaulty(name, [isGood ? ok : endpoint]);
  if (endpoint === "refuses") await backend.close();
  return backend;
}

describe.each<RuntimeName>(["envoy", "edge"])("%s", (runtime) => {
  let session: DevSession;
  let address: string;
  const backends = new Map<string, readonly FaultyBackend[]>();

  beforeAll(async () => {
    for (const { name, endpoints } of scenarios) {
      const started = await Promise.all(endpoints.map((endpoint) => backendOf(name, endpoint)));
      backends.set(name, started.filter((backend) => backend !== undefined));
    }
    session = await startDev(runtime, yaml([
      ...scenarios.flatMap(manifestsOf),
      ...routeManifests(scenarios.map(({ name }) => name), (wanted) =>
        scenarios.find(({ name }) => name === wanted)?.rule ?? {}),
    ]));
    address = session.listeners[0]!.address;
  });

  function manifestsOf({ name, endpoints, trafficPolicy }: Scenario): readonly object[] {
    const ports = (backends.get(name) ?? []).map((backend) => backend.address.port);
    const policy = { ...trafficPolicy, outlierDetection };
    // A slice without endpoints is what keeps a Service from being dialled by its name.
    const empty = endpoints.length > 0 ? [] : [{
      apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", addressType: "IPv4",
      metadata: { name, labels: { "kubernetes.io/service-name": name } },
      endpoints: [], ports: [{ name: "http", port: 1 }],
    }];
    return [...serviceManifests(name, ports, policy), ...empty];
  }

  afterAll(async () => {
    for (const all of backends.values()) for (const backend of all) backend.release();
    await session?.stop();
    await Promise.all([...backends.values()].flat().map((backend) => backend.close()));
  });

  const ejectedOf = async (wanted: string): Promise<boolean> => {
    const { clusters } = await session.health();
    return clusters.find(({ service }) => service === `default/${wanted}:80`)
      ?.endpoints.some(({ state }) => state === "ejected") === true;
  };

  test("all is served", () => {
    expect(session.warnings).toEqual([]);
  });

  test.each(scenarios)("the backend $fault", async (scenario) => {
    const { name, requests = 1, held = 0, isEjectedFirst = false } = scenario;
    const path = `/${name}`;
    const wanted = outcomeOf(scenario, runtime);
    const under: Promise<Seen>[] = [];
    for (let i = 0; i < held; i += 1) {
      under.push(send(address, path));
      await until(async () => {
        const cluster = (await session.health()).clusters.find(({ service }) =>
          service === `default/${name}:80`);
        return (cluster?.active ?? 0) + (cluster?.waiting ?? 0) === i + 1;
      });
    }
    if (isEjectedFirst) {
      await send(address, path);
      await until(() => ejectedOf(name));
    }
    let seen = await send(address, path);
    for (let i = 1; i < requests; i += 1) seen = await send(address, path);
    expect({ status: seen.status, breaksOff: seen.breaksOff }, seen.body).toEqual({
      status: wanted.status, breaksOff: wanted.breaksOff === true,
    });
    if (wanted.flag !== undefined) expect(seen.body).toMatch(flags[wanted.flag][runtime]);
    if (wanted.counts) await until(() => ejectedOf(name));
    else expect(await ejectedOf(name)).toBe(false);
    for (const backend of backends.get(name) ?? []) backend.release();
    await Promise.all(under);
  });
});
