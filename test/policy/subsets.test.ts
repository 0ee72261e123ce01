import { describe, expect, test } from "vitest";
import type { Endpoints } from "../../compiler/ir.ts";
import {
  build, destinationRule, from, gateway, host as virtualHost, http, route, service, slice, to,
  type Built,
} from "../middle/build.ts";
import type { Json } from "../middle/json.ts";

const host = "reviews.default.svc.cluster.local";
const gw = gateway("gw", [http("a", "", from("All"))]);
const reviews = service("reviews");
/** A Service that stands for a subset. */
const alias = (text: string, rest: Json = {}): Json => {
  const made = service("reviews-v1", rest);
  return { ...made, metadata: { ...made.metadata,
    annotations: { "fairlead.dev/subset": text } } };
};
const r = route("r", { rules: [to("reviews-v1")] });
const labels = { version: "v1" };
const rule = (subsets: Json[], rest: Json = {}): Json =>
  destinationRule("d", { host, subsets, ...rest });
const pod = (name: string, own: Json): Json => ({ apiVersion: "v1", kind: "Pod",
  metadata: { name, namespace: "default", labels: own } });
const behind = (...names: string[]): Json => slice("reviews", "reviews-x", { ports: [{ port: 80 }],
  endpoints: names.map((name, i) => ({ addresses: [`10.0.0.${i + 1}`],
    targetRef: { kind: "Pod", name } })) });

const all = [gw, r, reviews, alias("reviews/v1"), rule([{ name: "v1", labels }]),
  pod("a", labels), pod("b", { version: "v2" }), behind("a", "b")];
const without = (kind: string): Json[] => all.filter((o) => o.kind !== kind);
const endpoints = ({ ir }: Built): Endpoints | undefined => ir.clusters[0]?.endpoints;
const at = (...addresses: string[]): Endpoints =>
  ({ kind: "static", addresses: addresses.map((address) => ({ address, port: 80 })) });

describe("a Service that stands for a subset", () => {
  test("leads to the subset's cluster of the whole, and to its endpoints alone", () => {
    const built = build(all);
    expect(built.said).toEqual([]);
    expect(built.ir.clusters).toMatchObject([{ name: `outbound|80|v1|${host}`, subset: "v1",
      host, service: { name: "reviews" } }]);
    expect(endpoints(built)).toEqual(at("10.0.0.1"));
  });

  test("has the subset's policy on top of the rule's", () => {
    const policy = { loadBalancer: { simple: "RANDOM" } };
    const own = { connectionPool: { tcp: { maxConnections: 3 } } };
    const { ir } = build([...without("DestinationRule"),
      rule([{ name: "v1", labels, trafficPolicy: own }], { trafficPolicy: policy })]);
    expect(ir.clusters[0]?.policy).toMatchObject({ loadBalancer: "RANDOM", maxConnections: 3 });
    expect(ir.clusters[0]?.policyOrigins).toMatchObject({ maxConnections: {
      path: "spec.subsets[0].trafficPolicy.connectionPool.tcp.maxConnections" } });
  });

  test("beside the whole, as two clusters of one split", () => {
    const both = route("r", { rules: [to("reviews-v1", "reviews")] });
    const { ir } = build([...without("HTTPRoute"), both]);
    expect(ir.clusters.map((c) => c.name)).toEqual(
      [`outbound|80|v1|${host}`, `outbound|80||${host}`]);
  });

  test("a ServiceEntry's host may be the whole", () => {
    const entry = { apiVersion: "networking.istio.io/v1", kind: "ServiceEntry",
      metadata: { name: "e", namespace: "default" }, spec: { hosts: ["api.x.io"],
        resolution: "STATIC", ports: [{ number: 80, name: "http" }], endpoints: [
          { address: "10.1.0.1", labels }, { address: "10.1.0.2" }] } };
    const built = build([gw, r, alias("api.x.io/v1"), entry,
      destinationRule("d", { host: "api.x.io", subsets: [{ name: "v1", labels }] })]);
    expect(built.said).toEqual([]);
    expect(built.ir.clusters[0]?.name).toBe("outbound|80|v1|api.x.io");
    expect(endpoints(built)).toEqual(at("10.1.0.1"));
  });
});

describe("where labels come from", () => {
  test("a slice without Pods may have them itself", () => {
    const own = (name: string, address: string, version: string): Json =>
      slice("reviews", name, { ports: [{ port: 80 }], endpoints: [{ addresses: [address] }],
        labels: { "kubernetes.io/service-name": "reviews", version } });
    const base = all.filter((o) => !["Pod", "EndpointSlice"].includes(o.kind));
    expect(endpoints(build([...base, own("a", "10.0.0.1", "v1"), own("b", "10.0.0.2", "v2")])))
      .toEqual(at("10.0.0.1"));
  });

  test("a WorkloadEntry that the Service selects has its own", () => {
    const entry = (name: string, address: string, version: string): Json => ({
      apiVersion: "networking.istio.io/v1", kind: "WorkloadEntry",
      metadata: { name, namespace: "default" },
      spec: { address, labels: { app: "reviews", version } } });
    const built = build([gw, r, service("reviews", { selector: { app: "reviews" } }),
      alias("reviews/v1"), rule([{ name: "v1", labels }]), entry("a", "10.2.0.1", "v1"),
      entry("b", "10.2.0.2", "v2"), entry("c", "c.x.io", "v1")]);
    expect(endpoints(built)).toEqual(at("10.2.0.1"));
  });

  test("where none is known, what Kubernetes selects for the Service itself is taken", () => {
    const base = all.filter((o) => !["Pod", "EndpointSlice", "Service"].includes(o.kind));
    const selecting = alias("reviews/v1", { selector: { version: "v1" } });
    expect(endpoints(build([...base, reviews, selecting]))).toEqual({ kind: "dns",
      hostname: "reviews-v1.default.svc.cluster.local", port: 80 });
    const own = slice("reviews-v1", "own", { ports: [{ port: 80 }],
      endpoints: [{ addresses: ["10.0.0.9"], targetRef: { kind: "Pod", name: "z" } }] });
    expect(endpoints(build([...base, reviews, selecting, own]))).toEqual(at("10.0.0.9"));
  });

  test("a subset without labels is the whole", () => {
    expect(endpoints(build([...without("DestinationRule"), rule([{ name: "v1" }])])))
      .toEqual(at("10.0.0.1", "10.0.0.2"));
  });
});

describe("what is wrong with it is said at both lines", () => {
  const answer = ({ ir }: Built): Json => virtualHost(ir, "*")?.matches[0]?.rule.action;

  test("a subset that no rule has", () => {
    const built = build([...without("DestinationRule"), rule([{ name: "v2", labels }])]);
    expect(built.diagnostics).toMatchObject([{ code: "FL0608", resource:
      "Service default/reviews-v1", path: "metadata.annotations.fairlead.dev/subset",
    title: `no DestinationRule has a subset \`v1\` of \`${host}\``,
    primary: { text: "did you mean `v2`?" },
    secondary: [{ text: "the rule of this host: DestinationRule default/d" }],
    effect: "requests for it get 500" }]);
    expect(answer(built)).toMatchObject({ backends: [{ weight: 1 }] });
    expect(built.ir.clusters).toEqual([]);
    expect(build(without("DestinationRule")).diagnostics)
      .toMatchObject([{ code: "FL0608", secondary: [] }]);
  });

  test("a Service that is not there, or lacks the port", () => {
    const base = all.filter((o) => o !== reviews);
    const built = build(base);
    expect(built.said).toEqual(["FL0601 no Service or ServiceEntry has the host `"
      + `${host}\``, "FL0608 no ServiceEntry or Service of namespace `default` has the host `"
      + `${host}\``]);
    expect(built.status("HTTPRoute/default/r").parents[0].conditions)
      .toContainEqual(expect.objectContaining({ type: "ResolvedRefs", reason: "BackendNotFound" }));
    expect(build([...base, service("reviews", { ports: [{ port: 81 }] })]).said)
      .toEqual([`FL0608 host \`${host}\` has no port \`80\``]);
  });

  test("an annotation that cannot be read", () => {
    const base = all.filter((o) => o.metadata.name !== "reviews-v1");
    expect(build([...base, alias("v1")]).said).toEqual(["FL0405 `v1` names no subset"]);
  });

  test("labels that no endpoint has", () => {
    const built = build([...without("Pod"), pod("a", {}), pod("b", {})]);
    expect(built.diagnostics).toMatchObject([{ code: "FL0609", resource: "DestinationRule "
      + "default/d", path: "spec.subsets[0].labels", title: "subset `v1` selects no endpoint: "
      + "none has these labels", primary: { text: "`version=v1`" },
    secondary: [{ text: "asked for here" }] }]);
    expect(endpoints(built)).toEqual(at());
  });

  test("labels of which nothing is known", () => {
    const built = build(without("Pod"));
    expect(built.said).toEqual(["FL0609 subset `v1` selects no endpoint: the labels of its "
      + "endpoints are not in the input"]);
    expect(endpoints(built)).toEqual(at());
  });
});
