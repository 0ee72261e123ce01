// Envoy routing by itself takes the same rule as the reference matcher, for all tables and requests
// that fast-check thinks of: every table is a listener of one Envoy, and every rule is a redirect
// whose Location names it.

import { connect } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";

import { bootstrap } from "../../compiler/emit/envoy.ts";
import { limitsOf } from "../../compiler/emit/envoy/native/limits.ts";
import type { GatewayPort, Ir, RouteMatch } from "../../compiler/ir.ts";
import { rank } from "../../compiler/rank.ts";
import { findMatch, findVirtualHost, type ReferenceRequest } from "../../compiler/reference.ts";
import { startEnvoy, type RunningEnvoy } from "../../runtime/envoy/process.ts";
import { irs, requests } from "../core/world.ts";

const tables = Number(process.env["FAIRLEAD_FUZZ_TABLES"] ?? 60);
const requestsPerTable = 60;
const seed = Number(process.env["FAIRLEAD_FUZZ_SEED"] ?? 20261121);

/** The same matches, but each redirects to a host that is named after it. */
function telling(ir: Ir, index: number): readonly GatewayPort[] {
  const tell = (match: RouteMatch): RouteMatch => ({
    ...match,
    rule: {
      ...match.rule,
      action: { kind: "redirect", statusCode: 302, hostname: `${match.rule.route.name}.test` },
    },
  });
  return ir.gatewayPorts.map((port) => ({
    ...port,
    gateway: { ...port.gateway, namespace: `table-${index}` },
    virtualHosts: port.virtualHosts.map((host) =>
      ({ ...host, matches: host.matches.map(tell).filter((m) => limitsOf(m).length === 0) })),
  }));
}

/** A listener's address by its name, for an Envoy with all of these ports. */
async function serve(
  gatewayPorts: readonly GatewayPort[],
): Promise<{ readonly envoy: RunningEnvoy; readonly bound: ReadonlyMap<string, string> }> {
  const ir: Ir = { gatewayPorts, clusters: [] };
  const config = JSON.stringify(bootstrap({ ir, filterWasm: new Uint8Array(), routing: "native" }))
    .replaceAll(/"address":"0\.0\.0\.0","port_value":\d+/g, '"address":"127.0.0.1","port_value":0')
    .replace('"port_value":9901', '"port_value":0');
  const envoy = await startEnvoy({ config });
  return { envoy, bound: await envoy.admin.listeners() };
}

/** `404`, or the name of the rule; undefined where Envoy takes it for no request. */
function ask(address: string, request: ReferenceRequest): Promise<string | undefined> {
  const { authority, target, method, headers } = request;
  const lines = [
    `${method} ${target} HTTP/1.1`, `Host: ${authority ?? ""}`, "Connection: close",
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  const [host, port] = address.split(":");
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host ?? "");
    let answer = "";
    socket.setTimeout(10_000, () => socket.destroy(new Error("no answer in time")));
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
      // None of the answers has a body that says more.
      if (answer.includes("\r\n\r\n")) socket.destroy();
    });
    socket.on("error", reject);
    socket.on("close", () => {
      const status = /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1];
      const name = /^location: http:\/\/([^./]+)\.test/m.exec(answer)?.[1];
      if (status === "302" && name !== undefined) resolve(name);
      else if (status === "404") resolve("404");
      else if (status === "400" || status === "501") resolve(undefined);
      else reject(new Error(`${lines.join("\n")}\n--\n${answer}`));
    });
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  });
}

/** What Envoy takes for a request, and keeps as it is; others get 400 before a route is chosen. */
const sendable = requests.filter(({ authority, method, target, headers }) =>
  authority !== "" && /^\/[!-~]*$/.test(target) && !target.includes("#")
    && /^(GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH)$/.test(method)
    // Of `accept` Envoy keeps one line, in which an empty one leaves no trace.
    && (!headers.some(([name, value]) => name === "accept" && value === "")
      || headers.filter(([name]) => name === "accept").length < 2));

function expected(port: GatewayPort, request: ReferenceRequest): string {
  const host = findVirtualHost(port, request.authority);
  return (host && findMatch(host, request))?.rule.route.name ?? "404";
}

// Sampled at once, so that one Envoy serves all of them.
const samples = fc.sample(irs, { numRuns: tables, seed });
const ports = samples.flatMap((ir, index) => telling(rank(ir), index));
let served: Awaited<ReturnType<typeof serve>> | undefined;

beforeAll(async () => { served = await serve(ports); });
afterAll(async () => { await served?.envoy.stop(); });

test("Envoy's own routes take the same rule as the reference matcher", async () => {
  const answers = { matched: 0, unmatched: 0, refused: 0 };
  for (const [index, port] of ports.entries()) {
    const { gateway } = port;
    const address = served?.bound.get(`${gateway.namespace}/${gateway.name}:80`) ?? "";
    for (const request of fc.sample(sendable, { numRuns: requestsPerTable, seed: seed + index })) {
      const got = await ask(address, request);
      if (got === undefined) {
        answers.refused += 1;
        continue;
      }
      const wanted = expected(port, request);
      expect(got, `${gateway.namespace}/${gateway.name}: ${JSON.stringify(request)}`).toBe(wanted);
      if (wanted === "404") answers.unmatched += 1;
      else answers.matched += 1;
    }
  }
  expect(answers.matched).toBeGreaterThan(ports.length * 5);
  expect(answers.unmatched).toBeGreaterThan(ports.length * 5);
  expect(answers.refused).toBeLessThan(ports.length * requestsPerTable / 20);
}, 120_000);
