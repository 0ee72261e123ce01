import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { ClusterPolicy } from "../../compiler/ir.ts";
import { policies } from "../../compiler/policy.ts";
import { build, destinationRule, gateway, http, service } from "../middle/build.ts";
import { load } from "../middle/load.ts";
import type { Json } from "../middle/json.ts";

const gw = gateway("gw", [http("a")], { namespace: "infra" });
const s = service("s", { namespace: "shop" });
const host = "s.shop.svc.cluster.local";
const infra = { namespace: "infra", labels: {} };

function find(rules: readonly object[], port = 80, subset?: string): ClusterPolicy {
  const inventory = load([gw, s, ...rules].map((o) => JSON.stringify(o)).join("\n---\n"));
  return policies(inventory).find({ host, namespace: "shop" }, port, infra, subset).policy;
}

const simple = (value: string): object => ({ loadBalancer: { simple: value } });
const rule = (name: string, spec: object, rest: Json = {}): object =>
  destinationRule(name, { host, ...spec }, { namespace: "shop", ...rest });
const balancer = (rules: object[], port?: number): string | undefined => find(rules,
  port).loadBalancer;

describe("which rule counts", () => {
  test.each([
    ["no rule", [], undefined],
    ["the full name", [rule("r", { trafficPolicy: simple("RANDOM") })], "RANDOM"],
    ["a short name, in its own namespace", [rule("r", { host: "s",
      trafficPolicy: simple("RANDOM") })],
      "RANDOM"],
    ["a short name in another namespace is another host",
      [rule("r", { host: "s", trafficPolicy: simple("RANDOM") }, { namespace: "infra" })],
        undefined],
    ["a name with a dot is taken as it stands",
      [rule("r", { host: "s.shop", trafficPolicy: simple("RANDOM") })], undefined],
    ["a wildcard", [rule("r", { host: "*.shop.svc.cluster.local",
      trafficPolicy: simple("RANDOM") })],
      "RANDOM"],
    ["an exact host beats an older wildcard", [
      rule("a", { host: "*", trafficPolicy: simple("RANDOM") },
        { created: "2020-01-01T00:00:00Z" }),
      rule("b", { trafficPolicy: simple("ROUND_ROBIN") })], "ROUND_ROBIN"],
    ["the longer wildcard wins", [rule("a", { host: "*.local", trafficPolicy: simple("RANDOM") }),
      rule("b", { host: "*.shop.svc.cluster.local", trafficPolicy: simple("ROUND_ROBIN") })],
    "ROUND_ROBIN"],
    ["the older of two", [rule("a", { trafficPolicy: simple("RANDOM") }),
      rule("b", { trafficPolicy: simple("ROUND_ROBIN") }, { created: "2020-01-01T00:00:00Z" })],
    "ROUND_ROBIN"],
    ["without an age the first by name", [rule("b", { trafficPolicy: simple("RANDOM") }),
      rule("a", { trafficPolicy: simple("ROUND_ROBIN") })], "ROUND_ROBIN"],
    ["the Gateway's namespace before the Service's", [rule("a",
      { trafficPolicy: simple("RANDOM") }),
      rule("b", { trafficPolicy: simple("ROUND_ROBIN") }, { namespace: "infra" })], "ROUND_ROBIN"],
    ["the root namespace last", [
      rule("a", { trafficPolicy: simple("RANDOM") }, { namespace: "istio-system" })], "RANDOM"],
    ["a stranger's namespace never",
      [rule("a", { trafficPolicy: simple("RANDOM") }, { namespace: "x" })], undefined],
    ["a rule without a policy leaves it to the next", [rule("a", { subsets: [] }),
      rule("b", { trafficPolicy: simple("RANDOM") })], "RANDOM"],
  ])("%s", (_, rules, expected) => {
    expect(balancer(rules)).toBe(expected);
  });
});

describe("levels", () => {
  const connectionPool = { tcp: { maxConnections: 7 } };
  test("a port's settings inherit nothing from the rule", () => {
    const rules = [rule("r", { trafficPolicy: { ...simple("RANDOM"), connectionPool,
      portLevelSettings: [{ port: { number: 81 }, loadBalancer: { simple: "ROUND_ROBIN" } }] } })];
    expect(find(rules, 80)).toMatchObject({ loadBalancer: "RANDOM", maxConnections: 7 });
    expect(find(rules, 81)).toMatchObject({ loadBalancer: "ROUND_ROBIN",
      maxConnections: 4294967295 });
  });

  test("a subset's section replaces the rule's section, the others stay", () => {
    const rules = [rule("r", { trafficPolicy: { ...simple("RANDOM"), connectionPool },
      subsets: [{ name: "v1", trafficPolicy: { connectionPool: { http: { maxRetries: 2 } } } }] })];
    expect(find(rules, 80, "v1"))
      .toMatchObject({ loadBalancer: "RANDOM", maxConnections: 4294967295, maxRetries: 2 });
  });
});

describe("what is said", () => {
  const said = (spec: object, rest: Json = {}): readonly string[] =>
    build([gw, s, rule("r", spec, rest)]).said;

  test("a host that no Service has, with a hint", () => {
    const { diagnostics } = build([gw, s, rule("r", { host: "t" })]);
    expect(diagnostics).toMatchObject([{ code: "FL0601", path: "spec.host",
      title: "no Service or ServiceEntry has the host `t` (`t.shop.svc.cluster.local`)",
      primary: { text: "did you mean `s.shop.svc.cluster.local`?" } }]);
  });

  test("a ServiceEntry's host and a broken Service are no false alarm", () => {
    const entry = { apiVersion: "networking.istio.io/v1", kind: "ServiceEntry",
      metadata: { name: "e", namespace: "shop" }, spec: { hosts: ["x.io"] } };
    expect(build([gw, s, entry, rule("r", { host: "x.io" })]).said).toEqual([]);
    expect(build([gw, rule("r", {})], ["Service/shop/s"]).said).toEqual([]);
  });

  test("a rule that another one leaves nothing to do for", () => {
    expect(said({}, { namespace: "x" })).toEqual(
      [`FL0601 DestinationRule x/r takes no part for host \`${host}\``]);
  });

  test("two policies for one host: the loser is named, and the winner", () => {
    const { diagnostics } = build([gw, s, rule("a", { trafficPolicy: simple("RANDOM") }),
      rule("b", { trafficPolicy: simple("RANDOM") })]);
    expect(diagnostics).toMatchObject([{ code: "FL0602", resource: "DestinationRule shop/b",
      title: "DestinationRule shop/a already sets the policy of this host" }]);
  });
});

const recorded = fileURLToPath(new URL("../../../shared/istio/canary/clusters.json",
  import.meta.url));
const example = fileURLToPath(new URL("../../examples/canary/canary.yaml", import.meta.url));

test.skipIf(!existsSync(recorded))("the example's rules mean what Istio makes of them", () => {
  const inventory = load(readFileSync(example, "utf8"));
  const found = policies(inventory);
  expect(found.diagnostics).toEqual([]);
  const clusters: Json[] = JSON.parse(readFileSync(recorded, "utf8"));
  for (const name of ["backend-v1", "backend-v2"]) {
    const istio = clusters.find((c) =>
      c.name === `outbound|80||${name}.istio-test.svc.cluster.local`);
    const [limits] = istio.circuitBreakers.thresholds;
    const seconds = (text: string): number => Number(text.replace("s", "")) * 1000;
    const protocol = Object.values<Json>(istio.typedExtensionProtocolOptions)[0];
    expect(found.find({ namespace: "istio-test",
      host: `${name}.istio-test.svc.cluster.local` }, 80, { namespace: "istio-test", labels: {} })
      .policy).toEqual({
      // Envoy's default, which its JSON leaves out.
      loadBalancer: istio.lbPolicy ?? "ROUND_ROBIN",
      connectTimeoutMs: seconds(istio.connectTimeout),
      maxConnections: limits.maxConnections,
      http1MaxPendingRequests: limits.maxPendingRequests,
      http2MaxRequests: limits.maxRequests,
      maxRetries: limits.maxRetries,
      maxRequestsPerConnection: protocol.commonHttpProtocolOptions.maxRequestsPerConnection,
      outlierDetection: {
        consecutive5xxErrors: istio.outlierDetection.consecutive5xx,
        intervalMs: seconds(istio.outlierDetection.interval),
        baseEjectionTimeMs: seconds(istio.outlierDetection.baseEjectionTime),
        maxEjectionPercent: istio.outlierDetection.maxEjectionPercent,
        minHealthPercent: istio.commonLbConfig.healthyPanicThreshold.value ?? 0,
      },
    });
  }
});
