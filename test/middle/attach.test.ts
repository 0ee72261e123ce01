import { describe, expect, test } from "vitest";
import { accepted, build, conditions, from, gateway, http, namespace, route, service,
  to } from "./build.ts";
import type { Json } from "./json.ts";

const labels = { matchLabels: { team: "shop" } };
const key = (ns: string): string => `HTTPRoute/${ns}/r`;

/** Listeners of `default/gw`, the route's namespace, its parentRef and hostnames, the outcome. */
const table: readonly (readonly [string, object[], string, object, string[], string])[] = [
  ["Same admits its own namespace", [http("a")], "default", {}, [], "Accepted=True/Accepted"],
  ["Same refuses another namespace", [http("a")], "shop", {}, [],
    "Accepted=False/NotAllowedByListeners"],
  ["All admits any namespace", [http("a", "", from("All"))], "shop", {}, [],
    "Accepted=True/Accepted"],
  ["None refuses its own namespace", [http("a", "", from("None"))], "default", {}, [],
    "Accepted=False/NotAllowedByListeners"],
  ["a selector admits by label", [http("a", "", from("Selector", labels))], "shop", {}, [],
    "Accepted=True/Accepted"],
  ["a selector refuses without the label", [http("a", "", from("Selector", labels))], "other",
    {}, [],
    "Accepted=False/NotAllowedByListeners"],
  ["an absent selector selects nothing", [http("a", "", from("Selector"))], "shop", {}, [],
    "Accepted=False/NotAllowedByListeners"],
  ["an empty selector selects everything", [http("a", "", from("Selector", {}))], "other", {}, [],
    "Accepted=True/Accepted"],
  ["every namespace has its name as a label", [http("a", "", from("Selector", { matchExpressions: [
    { key: "kubernetes.io/metadata.name", operator: "In", values: ["unheard-of"] }] }))],
  "unheard-of", {}, [], "Accepted=True/Accepted"],
  ["NotIn takes a namespace without the label", [http("a", "", from("Selector",
    { matchExpressions: [
    { key: "team", operator: "NotIn", values: ["shop"] }] }))], "other", {}, [],
  "Accepted=True/Accepted"],
  ["Exists and DoesNotExist look at the key", [http("a", "", from("Selector", { matchExpressions: [
    { key: "team", operator: "Exists" }, { key: "zone", operator: "DoesNotExist" }] }))], "shop",
      {}, [],
  "Accepted=True/Accepted"],
  ["sectionName names one listener", [http("a"), http("b", "b.io")], "default",
    { sectionName: "b" }, ["b.io"], "Accepted=True/Accepted"],
  ["a sectionName that is not there", [http("a")], "default", { sectionName: "b" }, [],
    "Accepted=False/NoMatchingParent"],
  ["a port that no listener has", [http("a")], "default", { port: 81 }, [],
    "Accepted=False/NoMatchingParent"],
  ["sectionName and port must name one listener", [http("a"), http("b", "", { port: 81 })],
    "default", { sectionName: "a", port: 81 }, [], "Accepted=False/NoMatchingParent"],
  ["kinds that leave HTTPRoute out", [http("a", "",
    { allowedRoutes: { kinds: [{ kind: "GRPCRoute" }] } })],
    "default", {}, [], "Accepted=False/NotAllowedByListeners"],
  ["no hostname in common", [http("a", "a.io")], "default", {}, ["b.io"],
    "Accepted=False/NoMatchingListenerHostname"],
  ["one hostname of several in common", [http("a", "a.io")], "default", {}, ["b.io", "A.io"],
    "Accepted=True/Accepted"],
  ["one listener of several is enough", [http("a", "a.io"), http("b", "b.io")], "default", {},
    ["b.io"],
    "Accepted=True/Accepted"],
  ["a listener that refuses the namespace does not hide one that refuses the hostname",
    [http("a", "a.io", from("None")), http("b", "b.io")], "default", {}, ["a.io"],
    "Accepted=False/NoMatchingListenerHostname"],
];

describe("attachment", () => {
  test.each(table)("%s", (_, listeners, ns, ref, hostnames, outcome) => {
    const built = build([
      gateway("gw", listeners), namespace("shop", { team: "shop" }),
      service("s", { namespace: ns }),
      route("r", { parentRefs: [{ name: "gw", namespace: "default", ...ref }], hostnames,
        rules: [to("s")] }, { namespace: ns }),
    ]);
    expect(accepted(built, key(ns))).toBe(outcome);
    const code = outcome.includes("NoMatchingParent") ? "FL0202" : "FL0203";
    expect(built.diagnostics.map((d) => d.code)).toEqual(outcome.includes("True") ? [] : [code]);
    const attached = built.status("Gateway/default/gw").listeners
      .reduce((sum: number, l: { attachedRoutes: number }) => sum + l.attachedRoutes, 0);
    expect(attached).toBe(outcome.includes("True") ? 1 : 0);
  });

  test("a parent that is not in the input has no status entry and is said, with a hint", () => {
    const built = build([gateway("gateway", [http("a")]), service("s"),
      route("r", { parentRefs: [{ name: "gatewya" }], rules: [to("s")] })]);
    expect(built.status(key("default")).parents).toEqual([]);
    expect(built.diagnostics).toMatchObject([{ code: "FL0201", path: "spec.parentRefs[0].name",
      title: "no Gateway `gatewya` in namespace `default`",
      primary: { text: "did you mean `gateway`?" } }]);
  });

  test("a parent of another kind is another controller's", () => {
    const built = build([service("s"), route("r", { rules: [to("s")],
      parentRefs: [{ group: "mesh.io", kind: "Mesh", name: "m" }] })]);
    expect(built.said).toEqual(["FL0209 a parent of kind `Mesh` is not served"]);
    expect(built.status(key("default")).parents).toEqual([]);
  });

  test("a Service as parent that is missing is said", () => {
    const parentRefs = [{ group: "", kind: "Service", name: "s" }];
    const objects = [route("r", { parentRefs })];
    expect(build([service("s"), ...objects]).said).toEqual([]);
    expect(build(objects).said).toEqual(["FL0201 no Service `s` in namespace `default`"]);
  });

  test("a parent in another namespace is named in the help", () => {
    const built = build([gateway("gw", [http("a")], { namespace: "infra" }), service("s"),
      route("r", { rules: [to("s")] })]);
    expect(built.diagnostics[0]).toMatchObject({ code: "FL0201",
      help: "there is one in namespace `infra`; add `namespace`" });
  });

  test("a parent whose document is broken is not reported again", () => {
    const built = build([service("s"), route("r", { rules: [to("s")] })], ["Gateway/default/gw"]);
    expect(built.said).toEqual([]);
  });

  test("each parentRef has an entry of its own", () => {
    const built = build([gateway("gw", [http("a"), http("b", "b.io", from("None"))]), service("s"),
      route("r", { rules: [to("s")],
        parentRefs: [{ name: "gw", sectionName: "a" }, { name: "gw", sectionName: "b" }] })]);
    const parents = built.status(key("default")).parents;
    expect(parents.map((p: Json) => [p.parentRef.sectionName, conditions(p.conditions)[0]]))
      .toEqual([["a", "Accepted=True/Accepted"], ["b", "Accepted=False/NotAllowedByListeners"]]);
  });

  test("a Gateway with a default scope takes routes that ask for one", () => {
    const built = build([gateway("gw", [http("a")], { defaultScope: "All" }), service("s"),
      route("r", { parentRefs: undefined, useDefaultGateways: "All", rules: [to("s")] })]);
    expect(accepted(built, key("default"))).toBe("Accepted=True/Accepted");
    expect(built.ir.gatewayPorts[0]?.virtualHosts[0]?.matches.length).toBe(1);
  });

  test.each([
    ["TLSRoute", { name: "l", port: 443, protocol: "TLS", tls: { mode: "Passthrough" } }, true],
    ["TLSRoute", http("l"), false],
    ["TCPRoute", { name: "l", port: 9000, protocol: "TCP" }, true],
    ["TCPRoute", { name: "l", port: 9000, protocol: "UDP" }, false],
    ["UDPRoute", { name: "l", port: 9000, protocol: "UDP" }, true],
    ["GRPCRoute", http("l"), true],
  ])("a %s on a %o: %s", (kind, listener, taken) => {
    const ports = [{ port: 80, protocol: kind === "UDPRoute" ? "UDP" : "TCP" }];
    const built = build([gateway("gw", [listener]), service("s", { ports }),
      route("r", { rules: [to("s")] }, { kind })]);
    expect(accepted(built, `${kind}/default/r`).startsWith("Accepted=True")).toBe(taken);
    expect(built.said.length).toBe(taken ? 0 : 1);
  });
});
