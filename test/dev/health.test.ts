// What `fairlead dev` tells of its backends, on both runtimes.

import * as http from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { RuntimeName } from "../../runtime/dev/runtimes.ts";
import type { ClusterView } from "../../runtime/health/view.ts";
import { startFaulty, status, type FaultyBackend } from "../backends/faulty.ts";
import { ask } from "../edge/world.ts";
import {
  routeManifests, serviceManifests, startDev, until, yaml, type DevSession,
} from "./session.ts";

const outlierDetection = {
  consecutive5xxErrors: 5, interval: "1s", baseEjectionTime: "1s", maxEjectionPercent: 50,
};
const limited = {
  tcp: { maxConnections: 1 },
  http: { http1MaxPendingRequests: 1 },
};

describe.each<RuntimeName>(["edge", "envoy"])("%s", (runtime) => {
  let session: DevSession;
  let address: string;
  const backends: FaultyBackend[] = [];

  beforeAll(async () => {
    backends.push(...await Promise.all(["bad", "good", "slow", "alone", "left", "right"].map(
      (name) => startFaulty(name))));
    const [bad, good, slow, alone, left, right] = backends.map((b) => b.address.port);
    const all = { outlierDetection: { ...outlierDetection, maxEjectionPercent: 100 } };
    session = await startDev(runtime, yaml([
      ...serviceManifests("pair", [bad!, good!],
        { loadBalancer: { simple: "ROUND_ROBIN" }, outlierDetection }),
      ...serviceManifests("slow", [slow!], { connectionPool: limited }),
      ...serviceManifests("alone", [alone!], { outlierDetection }),
      ...serviceManifests("left", [left!], all),
      ...serviceManifests("right", [right!], all),
      ...routeManifests(["pair", "slow", "alone", "left"], (name) => (name !== "left" ? {} : {
        backendRefs: ["left", "right"].map((to) => ({ name: to, port: 80 })),
        sessionPersistence: { type: "Header", header: { name: "x-sticky" } },
      })),
    ]));
    address = session.listeners[0]!.address;
  });

  afterAll(async () => {
    await session?.stop();
    await Promise.all(backends.map((b) => b.close()));
  });

  const told = (pattern: RegExp): string | undefined =>
    session.lines().find((line) => pattern.test(line));
  const clusterOf = async (name: string): Promise<ClusterView> =>
    (await session.health()).clusters.find((c) => c.service === `default/${name}:80`)!;

  test("nothing is wrong at first", async () => {
    expect(session.warnings).toEqual([]);
    expect(session.lines().join("\n")).toContain(`health: ${session.healthUrl}`);
    const pair = await clusterOf("pair");
    expect(pair).toMatchObject({ active: 0, waiting: 0, overflows: {} });
    const addresses = backends.slice(0, 2).map((b) => `127.0.0.1:${b.address.port}`).sort();
    expect(pair.endpoints.map(({ active: _, ...rest }) => rest)).toEqual(
      addresses.map((at) => ({ address: at, state: "healthy", ejections: 0 })));
  });

  test("an ejection is told with endpoint, reason and end, and so is its end", async () => {
    const bad = backends[0]!;
    const endpoint = `127.0.0.1:${bad.address.port}`;
    bad.play([status(503)]);
    while (bad.requests.length < 5) await ask(address, "/pair");
    const clock = "\\d\\d:\\d\\d:\\d\\d";
    const line = new RegExp(`^${clock}  Service default/pair:80: ${endpoint} is ejected: `
      + `5 consecutive 5xx, until ${clock}$`);
    await until(() => told(line) !== undefined);
    const view = (await clusterOf("pair")).endpoints.find((e) => e.address === endpoint);
    expect(view?.ejections).toBe(1);
    const title = `${clock}  Service default/pair:80: ${endpoint}`;
    const back = new RegExp(`^${title} takes requests again$`);
    await until(() => told(back) !== undefined);
    const after = (await clusterOf("pair")).endpoints.find((e) => e.address === endpoint);
    expect(after).toMatchObject({ state: "healthy", ejections: 1 });
  });

  test("the view tells of an ejection while it lasts", async () => {
    const bad = backends[0]!;
    const endpoint = `127.0.0.1:${bad.address.port}`;
    bad.play([status(500)]);
    bad.forget();
    let seen: object | undefined;
    await until(async () => {
      await ask(address, "/pair");
      seen = (await clusterOf("pair")).endpoints.find((e) =>
        e.address === endpoint && e.cause !== undefined);
      return seen !== undefined;
    });
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(seen).toMatchObject({
      state: "ejected", cause: "5 consecutive 5xx", since: time, until: time,
    });
  });

  test("a limit that refuses requests is summed up in few lines", async () => {
    const slow = backends[2]!;
    slow.play([{ kind: "hold" }]);
    const first = ask(address, "/slow");
    await until(() => slow.held === 1);
    const second = ask(address, "/slow");
    await until(async () => (await clusterOf("slow")).waiting === 1);
    const refused = await Promise.all(Array.from({ length: 40 }, () => ask(address, "/slow")));
    expect(refused.map((answer) => answer.status)).toEqual(refused.map(() => 503));
    const line = /Service default\/slow:80: (\d+) requests? refused, too many wait \(http1MaxP/;
    const sum = (): number => session.lines().reduce((all, text) =>
      all + Number(line.exec(text)?.[1] ?? 0), 0);
    await until(() => sum() === 40);
    expect(session.lines().filter((text) => line.test(text)).length).toBeLessThan(10);
    expect(told(/slow:80: \d+ times? no connection was free \(maxConnections: 1\)$/)).toBeDefined();
    expect((await clusterOf("slow")).overflows).toMatchObject({ pending: 40 });
    slow.release();
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
  });

  test("an endpoint that stays because of the percentage is told", async () => {
    backends[3]!.play([status(500)]);
    for (let i = 0; i < 6; i += 1) await ask(address, "/alone");
    const line = /alone:80: \d+ ejections? left out, .* \(maxEjectionPercent: 50\)$/;
    await until(() => told(line) !== undefined);
  });

  test("an endpoint that a session leads to is told under its own Service", async () => {
    const left = backends[4]!;
    left.play([status(500)]);
    while (left.requests.length < 5) await ask(address, "/left");
    const endpoint = `127.0.0.1:${left.address.port}`;
    await until(() => told(new RegExp(`default/left:80: ${endpoint} is ejected`)) !== undefined);
    expect((await clusterOf("left")).endpoints)
      .toMatchObject([{ address: endpoint, ejections: 1 }]);
  });

  test("only this machine's own names may ask, and only for what there is", async () => {
    const { host, port } = new URL(session.healthUrl);
    const statusOf = (path: string, asked: string, method = "GET"): Promise<number> =>
      new Promise((resolve, reject) => {
        const request = http.request({
          host: "127.0.0.1", port, path, method, agent: false, headers: { host: asked },
        }, (response) => resolve(response.resume().statusCode ?? 0));
        request.on("error", reject).end();
      });
    expect(await statusOf("/health", host)).toBe(200);
    expect(await statusOf("/health", `localhost:${port}`)).toBe(200);
    expect(await statusOf("/health", "rebound.example")).toBe(403);
    expect(await statusOf("/other", host)).toBe(404);
    expect(await statusOf("/health", host, "POST")).toBe(405);
  });
});
