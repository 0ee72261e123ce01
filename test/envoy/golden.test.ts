// Our clusters mean what Istio's mean for the same DestinationRules. What Istio 1.31 makes of
// recorded/policies.yaml is in recorded/istio.json: its clusters without what names and discovers
// them, and of its routes what hashes and retries.

import { existsSync, readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { compile, type Compilation } from "../../compiler/compile.ts";
import { envoyClusters } from "../../compiler/emit/envoy/clusters.ts";
import { hashPolicy } from "../../compiler/emit/envoy/hash.ts";
import { policyRoutes } from "../../compiler/emit/envoy/policy.ts";
import { defaultSystemRoots, keyPairsBelow } from "../../compiler/emit/envoy/tls.ts";
import { defaultTlsDir } from "../../compiler/emit/envoy.ts";
import { noPolicy } from "../../compiler/ir.ts";
import { issue } from "./certificates.ts";
import { camel, clusterMeaning } from "./meaning.ts";

interface Recorded { readonly name: string }
interface RecordedRoute {
  readonly cluster: string;
  readonly hashPolicy: readonly { readonly header?: { readonly headerName: string } }[];
  readonly retryPolicy: { readonly retryHostPredicate?: unknown };
}

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");
const recorded = JSON.parse(read("recorded/istio.json")) as {
  readonly clusters: readonly Recorded[]; readonly routes: readonly RecordedRoute[];
};

/** The Secret that one of the rules names: Istio asks for it by its name, we look into it. */
function secret(): string {
  const { certificate, key } = issue({ common: "client" });
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  return JSON.stringify({
    apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls",
    metadata: { name: "pair", namespace: "demo" },
    data: { "tls.crt": base64(certificate), "tls.key": base64(key), "ca.crt": base64(certificate) },
  });
}

function clustersOf({ ir, plan }: Compilation): ReadonlyMap<string, unknown> {
  const made = envoyClusters(ir.clusters, plan.routePolicies, {
    waitForDns: true, keyPairs: keyPairsBelow(defaultTlsDir), systemRoots: defaultSystemRoots,
  });
  return new Map(made.map((cluster) => [String(cluster["name"]), camel(cluster)]));
}

/** Where we differ from Istio: fields by Service, each with its reason. */
const differences: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  // The name of the Service stands in for the request's host where there is no request: streams.
  // Istio sends no SNI there. A request's own host takes its place in both.
  "tls-simple": { sni: "for streams" },
  "tls-secret": { sni: "for streams" },
  "tls-unchecked": { sni: "for streams" },
};

// Not compared at all, because they mean the same or concern no request:
// - `trackRemaining`: statistics, which we have where there is a limit and Istio switches off;
// - the protocols offered by ALPN: we offer the one that is spoken, Istio none for HTTP/1.1;
// - kinds of names: we ask for DNS names and URIs by their kind, Istio for either in any kind;
// - names of run-time keys.

const compilation = compile([
  { path: "policies.yaml", text: read("recorded/policies.yaml") },
  { path: "secret.yaml", text: secret() },
]);

test("the manifests are in order", () => {
  expect(compilation.diagnostics.filter((d) => d.level === "error")).toEqual([]);
});

describe("a cluster means what Istio's means", () => {
  const ours = clustersOf(compilation);

  test("and there are as many", () => {
    expect([...ours.keys()]).toEqual(recorded.clusters.map(({ name }) => name));
  });

  test.each(recorded.clusters.map((c) => [/\|\|([^.]+)/.exec(c.name)![1]!, c] as const))(
    "%s", (service, theirs) => {
      const excused = Object.keys(differences[service] ?? {});
      const left = (cluster: unknown): unknown => Object.fromEntries(
        Object.entries(clusterMeaning(cluster)).filter(([field]) => !excused.includes(field)));
      expect(left(ours.get(theirs.name))).toEqual(left(theirs));
      // An excuse that is not needed any more is a lie.
      for (const field of excused) {
        expect(clusterMeaning(ours.get(theirs.name))[field])
          .not.toEqual(clusterMeaning(theirs)[field]);
      }
    });
});

describe("a route hashes what Istio's hashes, and retries where Istio does", () => {
  const keys = new Map(compilation.ir.clusters.map(({ name, policy }) =>
    [name, policy.consistentHash?.key]));
  // Whether and what is retried is the HTTPRoute's to say here; Istio retries of its own accord.
  const retry = { codes: [503], attempts: 2 };

  test.each(recorded.routes)("$cluster", ({ cluster, hashPolicy: theirs, retryPolicy }) => {
    const key = keys.get(cluster);
    const lowered = theirs.map((policy) => (policy.header === undefined ? policy
      // Names of headers have no case.
      : { header: { headerName: policy.header.headerName.toLowerCase() } }));
    expect(key ? [camel(hashPolicy(key))] : []).toEqual(lowered);
    const [route] = policyRoutes({ ...noPolicy, retry, ...(key && { hashKey: key }) },
      { clusters: [] });
    const action = camel(route!["route"]) as RecordedRoute;
    expect(action.retryPolicy.retryHostPredicate === undefined)
      .toBe(retryPolicy.retryHostPredicate === undefined);
  });

  test("the plan has each key in a policy of its own", () => {
    const planned = compilation.plan.routePolicies.flatMap(({ hashKey }) => hashKey ?? []);
    const wanted = [...keys.values()].filter((key) => key !== undefined);
    expect(new Set(planned.map((k) => JSON.stringify(k))))
      .toEqual(new Set(wanted.map((k) => JSON.stringify(k))));
  });
});

// The seed's own manifests, as a real Istio translated them.
const shared = new URL("../../../shared/", import.meta.url);
const canary = { manifests: new URL("examples/canary.yaml", shared),
  clusters: new URL("istio/canary/clusters.json", shared) };
const here = existsSync(canary.manifests) && existsSync(canary.clusters)
  ? "" : " (skipped: no ../shared)";

test.skipIf(here)(`the seed's clusters mean what Istio's mean${here}`, () => {
  const ours = clustersOf(compile([
    { path: "canary.yaml", text: readFileSync(canary.manifests, "utf8") }]));
  const theirs = JSON.parse(readFileSync(canary.clusters, "utf8")) as readonly Recorded[];
  expect(ours.size).toBe(2);
  for (const [name, cluster] of ours) {
    expect(clusterMeaning(cluster)).toEqual(clusterMeaning(theirs.find((c) => c.name === name)));
  }
});
