// Envoy's own redirects have the Location that the wasm core gives, whatever the redirect asks for
// and however the client wrote its host.

import { get } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";

import { bootstrap } from "../../compiler/emit/envoy.ts";
import type { GatewayPort, PathRewrite, Redirect } from "../../compiler/ir.ts";
import { startEnvoy, type RunningEnvoy } from "../../runtime/envoy/process.ts";
import { decide, origin, rule, world, type World } from "../core/world.ts";

const schemes = [undefined, "http", "https"] as const;
const hostnames = [undefined, "other.example.org"] as const;
const redirectPorts = [undefined, 80, 443, 8080] as const;
const paths: readonly (PathRewrite | undefined)[] = [
  undefined, { kind: "full", value: "/full.a+b\\1" }, { kind: "full", value: "" },
  { kind: "prefix", value: "/new/" }, { kind: "prefix", value: "/" },
  { kind: "prefix", value: "/a\\2/b" },
];

const redirects: readonly Redirect[] = schemes.flatMap((scheme) => hostnames.flatMap((hostname) =>
  redirectPorts.flatMap((port) => paths.map((path): Redirect => ({
    kind: "redirect", statusCode: 301, ...(scheme && { scheme }), ...(hostname && { hostname }),
    ...(port !== undefined && { port }), ...(path && { path }),
  })))));

const matched = (index: number): string => `/r.${index}+(x)`;

function gatewayPort(port: number): GatewayPort {
  return {
    gateway: { namespace: "default", name: "gateway" }, port, protocol: "HTTP",
    listeners: [{ name: "http" }],
    virtualHosts: [{
      hostname: "*", listener: "http",
      matches: redirects.map((action, index) => ({
        path: { kind: "prefix", value: matched(index) }, headers: [], queryParams: [],
        rule: rule(`r${index}`, action, index), matchIndex: 0, routeHostname: "*", origin,
      })),
    }],
  };
}

const hosts = ["Ab.example.com", "Ab.example.com:80", "Ab.example.com:8080", "a.b.:443", "[::1]:80",
  "[::1]", "Ab.example.com:"];
const tails = ["", "/", "/x/y?z=/a:1", "//x", "/?", "?q=%25"];

let made: World;
let envoy: RunningEnvoy;
let bound: ReadonlyMap<string, string>;

beforeAll(async () => {
  made = world({ gatewayPorts: [gatewayPort(80), gatewayPort(8080)], clusters: [] });
  const { ir } = made;
  const config = JSON.stringify(bootstrap({ ir, filterWasm: new Uint8Array(), routing: "native" }))
    .replaceAll(/"address":"0\.0\.0\.0","port_value":\d+/g, '"address":"127.0.0.1","port_value":0')
    .replace('"port_value":9901', '"port_value":0');
  envoy = await startEnvoy({ config });
  bound = await envoy.admin.listeners();
});
afterAll(async () => { await envoy?.stop(); });

function locationOf(address: string, host: string, path: string): Promise<string | undefined> {
  const [hostname, port] = address.split(":");
  return new Promise((resolve, reject) => {
    const options = { hostname, port, path, headers: { host }, agent: false };
    get(options, (response) => {
      response.resume();
      expect(response.statusCode).toBe(301);
      resolve(response.headers.location);
    }).on("error", reject);
  });
}

test.each([0, 1])("every redirect has the core's Location on gateway port %i", async (index) => {
  const address = bound.get(`default/gateway:${index === 0 ? 80 : 8080}`) ?? "";
  for (const [number, redirect] of redirects.entries()) {
    for (const [turn, host] of hosts.entries()) {
      const target = `${matched(number)}${tails[(number + turn) % tails.length]}`;
      const verdict = decide(made.core, index, {
        authority: host, target, method: "GET", headers: [],
      });
      expect(await locationOf(address, host, target), `${host} ${JSON.stringify(redirect)}`)
        .toBe(verdict.text);
    }
  }
});
