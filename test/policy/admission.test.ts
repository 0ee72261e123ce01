// What Istio's admission refuses, as its validation has it (pkg/config/validation of Istio 1.31).

import { describe, expect, test } from "vitest";
import { policies } from "../../compiler/policy.ts";
import { destinationRule, gateway, http, service } from "../middle/build.ts";
import { load } from "../middle/load.ts";
import type { Json } from "../middle/json.ts";

const objects = [gateway("gw", [http("a")]), service("s")];
const host = "s.default.svc.cluster.local";

function said(spec: Json): readonly string[] {
  const inventory = load([...objects, destinationRule("d", { host, ...spec })]
    .map((o) => JSON.stringify(o)).join("\n---\n"));
  return policies(inventory).diagnostics.filter(({ code }) => code === "FL0612")
    .map(({ path, title }) => `${path ?? ""}: ${title}`);
}

const lb = (loadBalancer: Json): Json => ({ trafficPolicy: { loadBalancer } });
const hash = (consistentHash: Json): Json =>
  lb({ consistentHash: { httpHeaderName: "x", ...consistentHash } });
const near = (localityLbSetting: Json): Json => lb({ localityLbSetting });
const web = (value: Json): Json => ({ trafficPolicy: { connectionPool: { http: value } } });
const tls = (value: Json): Json => ({ trafficPolicy: { tls: value } });
const to = (shares: Json): Json => near({ distribute: [{ from: "a", to: shares }] });

describe("refused", () => {
  test.each<[string, Json]>([
    ["trafficPolicy.loadBalancer.consistentHash.maglev", hash({ maglev: { tableSize: 100 } })],
    ["trafficPolicy.loadBalancer.consistentHash.maglev", hash({ maglev: {} })],
    ["trafficPolicy.loadBalancer.consistentHash.maglev",
      hash({ maglev: { tableSize: 5_000_011 } })],
    ["trafficPolicy.loadBalancer.consistentHash.minimumRingSize",
      hash({ minimumRingSize: 5, ringHash: {} })],
    ["trafficPolicy.loadBalancer.consistentHash.httpCookie.attributes", lb({ consistentHash: {
      httpCookie: { name: "c", attributes: [{ name: "a" }, { name: "a" }] } } })],
    ["trafficPolicy.loadBalancer.localityLbSetting.failover", near({
      distribute: [{ from: "a", to: { a: 100 } }], failover: [{ from: "a", to: "b" }] })],
    ["trafficPolicy.loadBalancer.localityLbSetting.failoverPriority", near({
      failover: [{ from: "a", to: "b" }], failoverPriority: ["topology.kubernetes.io/zone"] })],
    ["trafficPolicy.loadBalancer.localityLbSetting.distribute[0].to", to({ a: 60, b: 30 })],
    ["trafficPolicy.loadBalancer.localityLbSetting.distribute[0].to", to({ a: 100, b: 0 })],
    ["trafficPolicy.loadBalancer.localityLbSetting.failover[0]", near({
      failover: [{ from: "a/b", to: "c" }] })],
    ["trafficPolicy.loadBalancer.zoneAwareLbSetting", lb({ zoneAwareLbSetting: {},
      localityLbSetting: {} })],
    ["trafficPolicy.loadBalancer.zoneAwareLbSetting.failoverPriority", lb({ zoneAwareLbSetting: {
      failoverPriority: ["topology.kubernetes.io/region"] } })],
    ["trafficPolicy.loadBalancer.warmup.aggression", lb({ warmup: { duration: "1s",
      aggression: 0 } })],
    ["trafficPolicy.connectionPool", { trafficPolicy: { connectionPool: {} } }],
    ["trafficPolicy.connectionPool.http.h2UpgradePolicy", web({ h2UpgradePolicy: "UPGRADE",
      useClientProtocol: true })],
    ["trafficPolicy.connectionPool.http.http2KeepAlive",
      web({ http2KeepAlive: { interval: "1s" } })],
    ["trafficPolicy.outlierDetection.consecutiveLocalOriginFailures", { trafficPolicy: {
      outlierDetection: { consecutiveLocalOriginFailures: 1 } } }],
    ["trafficPolicy.tls.credentialName", tls({ mode: "SIMPLE", credentialName: "c",
      caCrl: "/c" })],
    ["trafficPolicy.tls.insecureSkipVerify", tls({ mode: "MUTUAL", insecureSkipVerify: true,
      subjectAltNames: ["a"] })],
    ["trafficPolicy", { trafficPolicy: {} }],
    ["trafficPolicy.tunnel", { trafficPolicy: { tunnel: {}, proxyProtocol: {} } }],
    ["trafficPolicy.portLevelSettings[0]", { trafficPolicy: { portLevelSettings: [{ tls: {} }] } }],
    ["trafficPolicy.portLevelSettings[0].connectionPool", { trafficPolicy: { portLevelSettings: [
      { port: { number: 80 }, connectionPool: {} }] } }],
    ["subsets[1].name", { subsets: [{ name: "a" }, { name: "a" }] }],
    ["subsets[0].trafficPolicy", { subsets: [{ name: "a", trafficPolicy: {} }] }],
    ["exportTo", { exportTo: [".", "default"] }],
    ["exportTo", { exportTo: ["*", "a"] }],
    ["exportTo", { exportTo: ["a"], workloadSelector: {} }],
  ])("%s of %j", (path, spec) => {
    expect(said(spec).map((line) => line.split(": ")[0])).toEqual([`spec.${path}`]);
  });
});

test("what is fine is not said to be refused", () => {
  expect([
    hash({ maglev: { tableSize: 65_537 } }), hash({ ringHash: { minimumRingSize: 5 } }),
    to({ a: 60, b: 40 }), near({ failover: [{ from: "a", to: "b" }] }),
    web({ h2UpgradePolicy: "UPGRADE" }), { exportTo: ["."], workloadSelector: {} },
    tls({ mode: "MUTUAL", credentialName: "c", insecureSkipVerify: true }),
  ].flatMap(said)).toEqual([]);
});
