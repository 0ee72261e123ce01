// What must hold of a scenario wherever its gateway's configuration comes from: recorded, or from a
// running istiod. Each law asks a gateway and says what it heard.

import type { ClientRequestArgs } from "node:http";
import { request as httpsRequest } from "node:https";

import { expect } from "vitest";

import { ask, type Answer, type Backend } from "../envoy/world.ts";

export interface Running {
  readonly address: string;
  readonly backend: (name: string) => Backend;
}

export interface Law {
  readonly name: string;
  readonly holds: (running: Running) => Promise<void>;
}

const get = ({ address }: Running, host: string, path = "/", headers = {}): Promise<Answer> =>
  ask(address, { path, headers: { host, ...headers } });

const answered = ({ status, body }: Answer): string => `${status} ${body}`;

const clusterOf = (name: string, namespace: string): string =>
  `outbound|80||${name}.${namespace}.svc.cluster.local`;

const canary: readonly Law[] = [{
  name: "both versions answer, turn by turn, though no HTTPRoute is applied",
  async holds(running) {
    const bodies: string[] = [];
    for (let i = 0; i < 10; i += 1) bodies.push((await get(running, "test.devopscube.com")).body);
    expect(bodies.filter((body) => body === "backend-v1")).toHaveLength(5);
    expect(bodies.filter((body) => body === "backend-v2")).toHaveLength(5);
  },
}, {
  name: "a client's own header never steers",
  async holds(running) {
    const headers = { "x-fairlead-cluster": clusterOf("backend-v2", "istio-test") };
    const bodies: string[] = [];
    for (let i = 0; i < 4; i += 1) {
      bodies.push((await get(running, "test.devopscube.com", "/", headers)).body);
    }
    expect(bodies.toSorted()).toEqual(["backend-v1", "backend-v1", "backend-v2", "backend-v2"]);
    expect((await get(running, "other.test", "/", headers)).status).toBe(404);
  },
}, {
  name: "no header of ours reaches a backend",
  async holds(running) {
    await get(running, "test.devopscube.com");
    const seen = ["backend-v1", "backend-v2"].flatMap((name) => running.backend(name).seen);
    expect(seen.length).toBeGreaterThan(0);
    const names = seen.flatMap(({ headers }) => Object.keys(headers));
    expect(names.filter((name) => name.startsWith("x-fairlead"))).toEqual([]);
  },
}];

const migration: readonly Law[] = [{
  name: "the filter's answer counts for a hostname that Istio has a route for as well",
  async holds(running) {
    expect(answered(await get(running, "moved.example"))).toBe("200 fresh");
  },
}, {
  name: "a hostname that was not moved is answered by Istio's own route",
  async holds(running) {
    expect(answered(await get(running, "stays.example"))).toBe("200 old");
  },
}, {
  name: "a hostname that no applied route names is the filter's, with all that its route asks for",
  async holds(running) {
    const answer = await get(running, "new.example", "/x");
    expect(answered(answer)).toBe("200 fresh");
    expect(answer.headers).toMatchObject(
      { "x-answered-by": "the-filter", "x-seen": "GET /inner/x" });
    await expect.poll(() => running.backend("copy").seen.map(({ url }) => url))
      .toContain("/inner/x");
  },
}, {
  name: "a hostname that nobody has is a 404",
  async holds(running) {
    expect((await get(running, "other.example")).status).toBe(404);
  },
}, {
  name: "a client's own header does not steer where Istio's routes answer either",
  async holds(running) {
    const headers = { "x-fairlead-cluster": clusterOf("fresh", "demo") };
    expect(answered(await get(running, "stays.example", "/", headers))).toBe("200 old");
    expect((await get(running, "other.example", "/", headers)).status).toBe(404);
  },
}, {
  name: "an AuthorizationPolicy is checked whoever chose the route",
  async holds(running) {
    for (const host of ["moved.example", "stays.example", "new.example"]) {
      expect((await get(running, host, "/admin/x")).status, host).toBe(403);
    }
  },
}];

const manual: readonly Law[] = [{
  name: "pods that Istio did not make carry the filter as its own do",
  async holds(running) {
    expect(answered(await get(running, "new.example"))).toBe("200 fresh");
    expect(answered(await get(running, "stays.example"))).toBe("200 old");
    expect((await get(running, "other.example")).status).toBe(404);
  },
}];

/** Over TLS, with a server name that need not be the host. */
function secure({ address }: Running, servername: string, host: string): Promise<string> {
  const [ip, port] = address.split(":");
  const options: ClientRequestArgs & { servername: string; rejectUnauthorized: boolean } = {
    host: ip, port: Number(port), path: "/", headers: { host }, servername,
    rejectUnauthorized: false, timeout: 10_000, agent: false as unknown as undefined,
  };
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(options, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => { body += text; })
        .on("end", () => resolve(`${response.statusCode} ${body}`)).on("error", reject);
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error("no answer in time")));
    outgoing.on("error", reject).end();
  });
}

const https: readonly Law[] = [{
  name: "each listener serves its own hostnames",
  async holds(running) {
    expect(await secure(running, "any.example", "any.example")).toBe("200 old");
    expect(await secure(running, "own.example", "own.example")).toBe("200 fresh");
  },
}, {
  name: "a listener for any name does not serve another listener's: 421",
  async holds(running) {
    expect(await secure(running, "any.example", "own.example")).toBe("421 ");
    expect(await secure(running, "any.example", "OWN.example:443")).toBe("421 ");
  },
}, {
  name: "a listener for one name does not serve others: 404, as without the filter",
  async holds(running) {
    expect(await secure(running, "own.example", "any.example")).toBe("404 ");
  },
}];

export const laws: Readonly<Record<string, readonly Law[]>> =
  { canary, migration, https, manual };
