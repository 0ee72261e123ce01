// Held to Istio itself: recorded/istio.json is what its translation makes of recorded/cases.ts. For
// every case the clusters that we emit for Envoy mean the same, endpoints included.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { compile } from "../../compiler/compile.ts";
import { emitEnvoy } from "../../compiler/emit/envoy.ts";
import { camel, clusterMeaning } from "../envoy/meaning.ts";
import { cases, type Case, type Json } from "./recorded/cases.ts";

interface Recorded { readonly name: string; readonly clusters: readonly Json[] }

const recorded = new Map((JSON.parse(readFileSync(new URL("recorded/istio.json", import.meta.url),
  "utf8")) as readonly Recorded[]).map((r) => [r.name, r.clusters]));

const api = "gateway.networking.k8s.io/v1";
const namesOf = (namespace: string, name: string): Json => ({ namespace, name });

/** A Gateway, and a route to each port of the host and to each of its subsets. */
function around(c: Case): readonly Json[] {
  const { host, namespace } = c.to ?? { host: "s.shop.svc.cluster.local", namespace: "shop" };
  const client = c.client ?? "infra";
  const ports = c.to ? [443, 80] : [80, 81];
  const aliases = (c.subsets ?? []).map((subset): Json => ({ apiVersion: "v1", kind: "Service",
    metadata: { ...namesOf(namespace, `to-${subset}`),
      annotations: { "fairlead.dev/subset": `${host}/${subset}` } },
    spec: { ports: ports.map((port) => ({ port, name: `p${port}` })) } }));
  const backendRefs = ports.flatMap((port) => [
    { group: "networking.istio.io", kind: "Hostname", name: host, port },
    ...aliases.map((_, i) => ({ name: `to-${c.subsets?.[i] ?? ""}`, port })),
  ]);
  return [
    { apiVersion: api, kind: "Gateway", metadata: namesOf(client, "gw"),
      spec: { gatewayClassName: "any", infrastructure: { labels: c.labels ?? {} },
        listeners: [{ name: "a", port: 80, protocol: "HTTP",
          allowedRoutes: { namespaces: { from: "All" } } }] } },
    { apiVersion: api, kind: "HTTPRoute", metadata: namesOf(namespace, "r"),
      spec: { parentRefs: [{ name: "gw", namespace: client }],
        rules: backendRefs.map((ref, i) => ({ backendRefs: [ref],
          matches: [{ path: { value: `/${i}` } }] })) } },
    ...aliases,
  ];
}

function ours(c: Case): readonly Json[] {
  const text = [...c.objects, ...around(c)].map((o) => JSON.stringify(o)).join("\n---\n");
  const { ir, plan: { routePolicies } } = compile([{ path: "a.yaml", text }], undefined, undefined,
    c.locality === undefined ? {} : { locality: c.locality });
  const { artifacts } = emitEnvoy({ ir, routePolicies, filterWasm: new Uint8Array() });
  const bootstrap = artifacts.find((a) => a.path === "envoy/envoy.yaml");
  const { static_resources: { clusters } } = parseYaml(new TextDecoder().decode(bootstrap?.bytes),
    { maxAliasCount: -1, merge: true }) as { static_resources: { clusters: readonly Json[] } };
  return (camel(clusters) as readonly Json[])
    .filter(({ name }) => String(name).startsWith("outbound|"))
    .map((cluster) => ({ ...cluster,
      endpoints: (cluster.loadAssignment as { endpoints?: unknown }).endpoints ?? [] }));
}

interface Group {
  readonly priority?: number;
  readonly loadBalancingWeight?: number;
  readonly lbEndpoints?: readonly {
    readonly loadBalancingWeight?: number;
    readonly endpoint: { readonly address: { readonly socketAddress: {
      readonly address: string; readonly portValue: number } } };
  }[];
}

/** `address:port priority weight`, and its locality's weight where weights count. */
function endpointsOf(cluster: Json, isWeighted: boolean): readonly string[] {
  return (cluster.endpoints as readonly Group[])
    .flatMap(({ priority = 0, lbEndpoints = [], loadBalancingWeight: share }) =>
      lbEndpoints.map(({ endpoint: { address: { socketAddress: at } }, loadBalancingWeight = 1 }) =>
        `${at.address}:${at.portValue} ${priority} ${loadBalancingWeight}`
          + (isWeighted ? ` of ${String(share)}` : "")))
    .sort();
}

/** How names are looked up, where it is not EDS, which needs Istio. */
function lookupOf({ type }: Json): string {
  return type === "STRICT_DNS" || type === "LOGICAL_DNS" ? type : "addresses";
}

function meaning(cluster: Json, shares: boolean): Json {
  const { localityWeighted, ...rest } = clusterMeaning(cluster);
  return { ...rest, lookup: lookupOf(cluster), endpoints: endpointsOf(cluster, shares),
    ...(shares ? { localityWeighted } : {}) };
}

/** Cases in which we do otherwise, and why. */
const aNameIsChecked = "the policy's hostname is checked, as the Gateway API says; Istio asks for"
  + " SNI alone";
const policyIsKept = "Istio loses the BackendTLSPolicy to a rule that says nothing of TLS";
const otherwise: Readonly<Record<string, string>> = {
  "TLS: a BackendTLSPolicy alone": aNameIsChecked,
  "TLS: beside a rule that says nothing of TLS": aNameIsChecked,
  "TLS: beside such a rule of the Gateway's namespace": policyIsKept,
  "TLS: beside a port's settings that say nothing of TLS": policyIsKept,
};

describe("clusters mean what Istio's do", () => {
  test.each(cases.map((c) => [c.name, c] as const))("%s", (name, c) => {
    const found = new Map(ours(c).map((cluster) => [String(cluster.name), cluster]));
    const theirs = (recorded.get(name) ?? []).filter((cluster) => found.has(String(cluster.name)));
    expect(recorded.get(name)?.map((cluster) => cluster.name)).toEqual([...found.keys()]);
    const shares = name === "locality: distribute";
    const why = otherwise[name];
    const mean = (clusters: Iterable<Json>): Json => Object.fromEntries([...clusters]
      .map((cluster) => [cluster.name, meaning(cluster, shares)]));
    if (why === undefined) expect(mean(found.values())).toEqual(mean(theirs));
    else expect(mean(found.values()), why).not.toEqual(mean(theirs));
  });
});
