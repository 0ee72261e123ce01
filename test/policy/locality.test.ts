import { describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { place, steering, type Located, type Vantage } from "../../compiler/policy/locality.ts";
import {
  build, destinationRule, gateway, http, route, service, slice, to,
} from "../middle/build.ts";
import type { Json } from "../middle/json.ts";

const here: Vantage = { locality: "eu/a/1", labels: { app: "gw", tier: "x" } };
const at = (address: string, locality?: string, rest: Partial<Located> = {}): Located =>
  ({ address, port: 80, ...(locality ? { locality } : {}), ...rest });
const everywhere = [at("same", "eu/a/1"), at("zone", "eu/a/2"), at("region", "eu/b"),
  at("us", "us/a"), at("ap", "ap/a"), at("lost")];

/** `address=priority` of each. */
function ranked(setting: Json | undefined, { ejects = true, found = everywhere, service: own = {} }:
  { ejects?: boolean; found?: readonly Located[]; service?: Json } = {}): readonly string[] {
  const { addresses } = place(found, here, steering(setting, own), ejects);
  return addresses.map(({ address, priority = 0 }) => `${address}=${priority}`);
}

const flat = ["same=0", "zone=0", "region=0", "us=0", "ap=0", "lost=0"];

describe("who stands in for whom", () => {
  test.each<[string, Json | undefined, readonly string[]]>([
    ["nearby first, where endpoints are ejected at all", undefined,
      ["same=0", "zone=1", "region=2", "us=3", "ap=3", "lost=3"]],
    ["the same written out", { localityLbSetting: {} },
      ["same=0", "zone=1", "region=2", "us=3", "ap=3", "lost=3"]],
    ["a region's stand-in before all others", { localityLbSetting: {
      failover: [{ from: "eu", to: "us" }] } },
    ["same=0", "zone=1", "region=2", "us=3", "ap=4", "lost=4"]],
    ["switched off", { localityLbSetting: { enabled: false } }, flat],
    ["by labels, in their order", { localityLbSetting: { failoverPriority: [
      "topology.kubernetes.io/region", "topology.kubernetes.io/zone"] } },
    ["same=0", "zone=0", "region=1", "us=2", "ap=2", "lost=2"]],
    ["labels with a value of their own", { localityLbSetting: { failoverPriority: [
      "topology.kubernetes.io/region=us"] } },
    ["same=1", "zone=1", "region=1", "us=0", "ap=1", "lost=1"]],
    ["labels, then regions", { localityLbSetting: {
      failoverPriority: ["topology.kubernetes.io/region"], failover: [{ from: "eu", to: "ap" }] } },
    ["same=0", "zone=1", "region=2", "us=4", "ap=3", "lost=4"]],
    ["zone-aware: the region's endpoints are alike", { zoneAwareLbSetting: {
      failover: [{ from: "eu", to: "us" }] } },
    ["same=0", "zone=0", "region=0", "us=1", "ap=2", "lost=2"]],
    ["zone-aware and switched off", { zoneAwareLbSetting: { enabled: false } }, flat],
  ])("%s", (_, setting, expected) => {
    expect(ranked(setting)).toEqual(expected);
  });

  test("nobody does where failures are not found out", () => {
    expect(ranked(undefined, { ejects: false })).toEqual(flat);
    expect(ranked({ zoneAwareLbSetting: {} }, { ejects: false }))
      .toEqual(["same=0", "zone=0", "region=0", "us=1", "ap=1", "lost=1"]);
  });

  test("a Service's trafficDistribution keeps to the zone all the same", () => {
    const service = { trafficDistribution: "PreferSameZone" };
    expect(ranked(undefined, { ejects: false, service }))
      .toEqual(["same=0", "zone=0", "region=1", "us=2", "ap=2", "lost=2"]);
    expect(ranked({ localityLbSetting: { enabled: false } }, { service })).toEqual(flat);
  });

  test("labels of the workloads count as well", () => {
    const found = [at("a", "us", { labels: { tier: "x" } }), at("b", "eu", { labels: {} })];
    expect(ranked({ localityLbSetting: { failoverPriority: ["tier"] } }, { found }))
      .toEqual(["a=0", "b=1"]);
  });

  test("an endpoint of which only the zone is known is in the Gateway's region", () => {
    expect(ranked(undefined, { found: [at("a", "/a"), at("b", "/b")] })).toEqual(["a=0", "b=1"]);
  });
});

describe("distribute", () => {
  const share = (...distribute: Json[]): Json => ({ localityLbSetting: { distribute } });
  const placed = (setting: Json, found = everywhere): Json =>
    place(found, here, steering(setting, {}), true);

  test("shares by locality; who gets none is left out", () => {
    const { addresses, localityWeights } = placed(share(
      { from: "us/*", to: { "us/*": 100 } }, { from: "eu/a/*", to: { "eu/a/*": 80, us: 20 } }));
    expect(addresses.map((a: Json) => a.address)).toEqual(["same", "zone", "us"]);
    expect(localityWeights).toEqual([{ locality: "eu/a/1", weight: 40 },
      { locality: "eu/a/2", weight: 40 }, { locality: "us/a", weight: 20 }]);
  });

  test("a share is split by what the localities weigh, and rounded up", () => {
    const found = [at("a", "us/a"), at("b", "us/b", { weight: 2 })];
    expect(placed(share({ from: "*", to: { us: 100 } }), found).localityWeights).toEqual(
      [{ locality: "us/a", weight: 34 }, { locality: "us/b", weight: 67 }]);
  });

  test("without a line for the Gateway's own locality nothing changes", () => {
    const { addresses, localityWeights } = placed(share({ from: "ap", to: { ap: 100 } }));
    expect([addresses.length, localityWeights]).toEqual([6, undefined]);
  });
});

const host = "s.default.svc.cluster.local";
const node = (name: string, region: string, zone: string): Json => ({ apiVersion: "v1",
  kind: "Node", metadata: { name, labels: { "topology.kubernetes.io/region": region,
    "topology.kubernetes.io/zone": zone } } });
const pod = (name: string, nodeName: string): Json => ({ apiVersion: "v1", kind: "Pod",
  metadata: { name, namespace: "default" }, spec: { nodeName } });
const objects = [gateway("gw", [http("a")]), service("s"), route("r", { rules: [to("s")] }),
  node("n1", "eu", "a"), node("n2", "us", "b"), pod("p", "n1"), slice("s", "x", {
    ports: [{ port: 80 }], endpoints: [
      { addresses: ["10.0.0.1"], targetRef: { kind: "Pod", name: "p" } },
      { addresses: ["10.0.0.2"], nodeName: "n2" }, { addresses: ["10.0.0.3"], zone: "a" }] })];
const rule = (trafficPolicy: Json): Json => destinationRule("d", { host, trafficPolicy });
const ejecting = { maxEjectionPercent: 100 };
const setting = { loadBalancer: { localityLbSetting: { failover: [{ from: "eu", to: "us" }] } } };

describe("in a compilation", () => {
  const compiled = (policy: Json, locality?: string): Json => {
    const text = [...objects, rule(policy)].map((o) => JSON.stringify(o)).join("\n---\n");
    const { ir, diagnostics } = compile([{ path: "a.yaml", text }], undefined, undefined,
      locality === undefined ? {} : { locality });
    return { addresses: (ir.clusters[0]?.endpoints as Json).addresses,
      said: diagnostics.map((d) => `${d.code} ${d.title}`) };
  };

  test("Nodes, Pods and slices say where endpoints are", () => {
    expect(compiled({ ...setting, outlierDetection: ejecting }, "eu/a"))
      .toEqual({ said: [], addresses: [
      { address: "10.0.0.1", port: 80, locality: "eu/a" },
      { address: "10.0.0.2", port: 80, locality: "us/b", priority: 1 },
      { address: "10.0.0.3", port: 80, locality: "eu/a" }] });
  });

  test("without a word of where the Gateways are it is Istio's alone, and said", () => {
    const { addresses, said } = compiled({ ...setting, outlierDetection: ejecting });
    expect(addresses[1]).toEqual({ address: "10.0.0.2", port: 80 });
    expect(said).toEqual(["FL0611 nobody says where the Gateways are, so that "
      + "`localityLbSetting` of DestinationRule default/d counts in Istio only"]);
  });

  test("failover needs outlier detection, as in Istio", () => {
    expect(compiled(setting, "eu/a").said)
      .toEqual(["FL0604 failover has no effect without `outlierDetection`"]);
    expect(build([...objects, rule({ loadBalancer: { localityLbSetting: {} } })]).said.length)
      .toBe(1);
  });
});
