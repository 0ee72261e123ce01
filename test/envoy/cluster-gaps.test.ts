// What a cluster's policy asks for and an Envoy of its own does otherwise is said, never passed
// over.

import { expect, test } from "vitest";

import { clusterGaps } from "../../compiler/emit/envoy/cluster-gaps.ts";
import { emitEnvoy } from "../../compiler/emit/envoy.ts";
import { noPolicy, type Cluster, type ClusterPolicy, type ConsistentHash, type Ir, type Session,
  type StreamPort } from "../../compiler/ir.ts";
import type { Span } from "../../compiler/source.ts";
import { cluster, filterFor, gatewayPort, ir, withRoutes } from "./world.ts";

const span: Span = { file: { path: "rule.yaml", text: "" }, start: 3, end: 9 };
const local = [{ address: "127.0.0.1", port: 9 }];
const key = { kind: "header", name: "x" } as const;
const hash = (algorithm: ConsistentHash["algorithm"]): ClusterPolicy =>
  ({ consistentHash: { key, algorithm } });

function said(clusters: readonly Cluster[], more: Partial<Ir> = {}): readonly string[] {
  return clusterGaps({ ...ir([], clusters), ...more }, []).map((d) => `${d.code} ${d.title}`);
}

test("a policy that Envoy carries out has nothing said of it", () => {
  expect(said([cluster("a", local, hash({ kind: "maglev", tableSize: 65_537 })),
    cluster("b", local, hash({ kind: "ringHash", minimumRingSize: 8_388_608 }))])).toEqual([]);
});

test.each<readonly [ClusterPolicy, string, string]>([
  [hash({ kind: "maglev", tableSize: 1000 }), "{key: {kind: header, name: x}, algorithm: "
    + "{kind: maglev, tableSize: 1000}} for `consistentHash`", "tableSize: 65537"],
  [hash({ kind: "maglev", tableSize: 5_000_077 }), "{key: {kind: header, name: x}, algorithm: "
    + "{kind: maglev, tableSize: 5000077}} for `consistentHash`", "tableSize: 65537"],
  [hash({ kind: "ringHash", minimumRingSize: 9e6 }), "{key: {kind: header, name: x}, algorithm: "
    + "{kind: ringHash, minimumRingSize: 9000000}} for `consistentHash`", "minimumRingSize: 1024"],
  [{ maxConnections: -1 }, "-1 for `maxConnections`", "as if the field were absent"],
  [{ outlierDetection: { maxEjectionPercent: 150 } },
    "{maxEjectionPercent: 150} for `outlierDetection`", "{maxEjectionPercent: 100}"],
  [{ connectTimeoutMs: 0.2 }, "0.2 for `connectTimeoutMs`", "1 is taken instead"],
])("figures that Envoy would not start with are named: %o", (policy, title, effect) => {
  const found = clusterGaps(ir([], [cluster("a", local, policy)]), []);
  expect(found).toMatchObject([{ code: "FL0401", title: `Envoy does not take ${title}` }]);
  expect(found[0]!.effect).toContain(effect);
});

test("a key without a name hashes nothing", () => {
  const policy = { consistentHash: { key: { kind: "header", name: "" } as const,
    algorithm: { kind: "ringHash", minimumRingSize: 1024 } as const } };
  expect(said([cluster("a", local, policy)]))
    .toEqual(["FL0401 Envoy takes no key without a name of visible characters"]);
});

test("Istio's own certificates: nothing is sent, and the rule is named", () => {
  const origin = { resource: "DestinationRule demo/a", path: "spec.trafficPolicy.tls", span };
  const meshed: Cluster = {
    ...cluster("a", local), policyOrigins: { tls: origin },
    tls: { hostname: "a", subjectAltNames: [], mesh: true },
  };
  const routed = ir([withRoutes(gatewayPort("shop", 80), { "": [[0, 1]] })], [meshed]);
  const { artifacts, diagnostics } = emitEnvoy({ ir: routed, filterWasm: filterFor(routed) });
  expect(diagnostics).toMatchObject([
    { code: "FL0407", resource: origin.resource, path: origin.path, primary: { span } },
  ]);
  const text = new TextDecoder().decode(artifacts[0]!.bytes);
  expect(text).not.toContain("port_value: 9\n");
});

test("files that a DestinationRule names have to be where Envoy runs", () => {
  const files = { clientCertificate: "/c.pem", privateKey: "/k.pem" };
  const [found] = clusterGaps(ir([], [{
    ...cluster("a", local), tls: { hostname: "a", subjectAltNames: [], files },
  }]), []);
  expect(found).toMatchObject({ code: "FL0406",
    effect: "Envoy does not start without `/c.pem`, `/k.pem`" });
});

test("a TCP proxy has one idle timeout for all of its backends", () => {
  const clusters = [cluster("a", local, { tcpIdleTimeoutMs: 1000 }), cluster("b", local)];
  const port = (...indexes: readonly number[]): StreamPort => ({
    gateway: { namespace: "demo", name: "shop" }, port: 90, protocol: "TCP",
    listeners: [{ name: "tcp", routes: [{ hostnames: [], origin: span,
      backends: indexes.map((index) => ({ weight: 1, cluster: index })) }] }],
  });
  expect(said(clusters, { streamPorts: [port(0)] })).toEqual([]);
  expect(said(clusters, { streamPorts: [port(0, 1)] })).toEqual([
    "FL0401 the limit of a counts for all backends that connections of a route are shared out to",
  ]);
});

test("a session over several backends has one policy", () => {
  const session: Session = { kind: "cookie", name: "s", path: "/", permanent: false,
    split: [{ cluster: 0, weight: 1 }, { cluster: 1, weight: 1 }] };
  const of = (second: ClusterPolicy): readonly string[] =>
    clusterGaps(ir([], [cluster("a", local, { maxRetries: 1 }), cluster("b", local, second)]),
      [noPolicy, { ...noPolicy, session }]).map((d) => `${d.code} ${d.title}`);
  expect(of({ maxRetries: 1 })).toEqual([]);
  expect(of({})).toEqual([
    "FL0401 the traffic policy of `a` counts for `b` as well, where a session holds over both",
  ]);
});
