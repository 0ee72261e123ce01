// `fairlead dev --runtime envoy --routing native`: what is swapped, and which host belongs to which
// of a port's HTTPS listeners.

import { get } from "node:http";
import { expect, onTestFinished, test } from "vitest";

import { nativeRouteConfiguration } from "../../compiler/emit/envoy/native.ts";
import { entrances } from "../../compiler/emit/envoy/routes.ts";
import type { GatewayPort, Ir, RouteMatch } from "../../compiler/ir.ts";
import { envoyRuntime } from "../../runtime/envoy/dev.ts";
import type { RuntimeInput } from "../../runtime/dev/contract.ts";
import { origin, respond500, rule } from "../core/world.ts";

function match(hostname: string): RouteMatch {
  return {
    path: { kind: "prefix", value: "" }, headers: [], queryParams: [], matchIndex: 0,
    routeHostname: "*", origin, rule: rule("r", { kind: "redirect", statusCode: 302, hostname }),
  };
}

function input(hostname: string, ...further: readonly string[]): RuntimeInput {
  const ir: Ir = {
    clusters: [],
    gatewayPorts: ["gateway", ...further].map((name): GatewayPort => ({
      gateway: { namespace: "default", name }, port: 80, protocol: "HTTP",
      listeners: [{ name: "http" }],
      virtualHosts: [{ hostname: "*", listener: "http", matches: [match(hostname)] }],
    })),
  };
  const none = new Uint8Array();
  return { ir, table: none, filterWasm: none, routing: "native", ports: () => 0 };
}

function locationFrom(address: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const [hostname, port] = address.split(":");
    get({ hostname, port, agent: false }, (response) => {
      response.resume();
      resolve(response.headers.location);
    }).on("error", reject);
  });
}

test("routes are swapped and gateways added without a filter", async () => {
  const runtime = envoyRuntime();
  onTestFinished(() => runtime.stop());
  const [first] = (await runtime.start(input("one.test"))).listeners;
  expect(await locationFrom(first?.address ?? "")).toBe("http://one.test/");
  const { listeners } = await runtime.update(input("two.test", "other"));
  expect(listeners[0]?.address).toBe(first?.address);
  for (const { address } of listeners) {
    expect(await locationFrom(address)).toBe("http://two.test/");
  }
});

test("a host of another HTTPS listener is misdirected, one of no listener is not found", () => {
  const tls = { certificates: [] };
  const listeners = ["*.example.com", "a.example.com", "b.org"].map((hostname) =>
    ({ name: hostname, hostname, tls }));
  const port: GatewayPort = {
    gateway: { namespace: "default", name: "gateway" }, port: 443, protocol: "HTTPS", listeners,
    virtualHosts: ["c.example.com", "a.example.com", "b.org"].map((hostname) => ({
      hostname, listener: hostname, matches: [{ ...match("x"), rule: rule("r", respond500) }],
    })),
  };
  const shown = entrances(port).map((entrance) => {
    const { virtual_hosts } = nativeRouteConfiguration(
      entrance, port, { policies: [], clusters: [], filterName: "" });
    return (virtual_hosts as unknown as readonly {
      readonly name: string; readonly domains: readonly string[];
    }[]).map(({ name, domains }) => `${name}: ${domains.filter((d) => !/^\.|\.$/.test(d)).join()}`);
  });
  expect(shown).toEqual([
    ["c.example.com: c.example.com", "*.example.com: *.example.com",
      "misdirected: a.example.com,b.org"],
    ["a.example.com: a.example.com", "misdirected: *.example.com,b.org"],
    ["b.org: b.org", "misdirected: *.example.com,a.example.com"],
  ]);
});
