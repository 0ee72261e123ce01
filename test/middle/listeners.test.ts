import { describe, expect, test } from "vitest";
import { accepted, build, conditions, gateway, http, namespace, route, service,
  to } from "./build.ts";
import { makeCertificate } from "./certificate.ts";
import type { Json } from "./json.ts";

const key = "Gateway/default/gw";
const pair = makeCertificate("a.io");
const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "c", namespace: "default" },
  type: "kubernetes.io/tls", stringData: { "tls.crt": pair.certificate, "tls.key": pair.key } };
const tls = (name: string, protocol: string, hostname?: string, mode = "Terminate"): object => ({
  name, port: 443, protocol, ...(hostname ? { hostname } : {}),
  tls: { mode, ...(mode === "Terminate" ? { certificateRefs: [{ name: "c" }] } : {}) },
});
const l4 = (name: string, protocol: string, port = 80): object => ({ name, port, protocol });

/** Which listeners conflict, and how. */
function conflicts(listeners: object[]): string[] {
  const built = build([gateway("gw", listeners), secret]);
  return built.status(key).listeners.flatMap((l: Json) => {
    const c = l.conditions.find((x: Json) => x.type === "Conflicted");
    return c.status === "True" ? [`${l.name}:${c.reason}`] : [];
  });
}

describe("listeners that cannot be told apart", () => {
  test.each<readonly [string, object[], string[]]>([
    ["different hostnames", [http("a", "a.io"), http("b", "b.io"), http("c")], []],
    ["one hostname twice: neither wins", [http("a", "a.io"), http("b", "A.io"), http("c", "c.io")],
      ["a:HostnameConflict", "b:HostnameConflict"]],
    ["one hostname on two ports", [http("a"), http("b", "", { port: 81 })], []],
    ["HTTP and TCP on one port", [http("a"), l4("b", "TCP")],
      ["a:ProtocolConflict", "b:ProtocolConflict"]],
    ["HTTP and UDP on one port", [http("a"), l4("b", "UDP")], []],
    ["HTTP and HTTPS on one port", [http("a", "", { port: 443 }), tls("b", "HTTPS")],
      ["a:ProtocolConflict", "b:ProtocolConflict"]],
    ["HTTPS and TLS share a port by hostname", [tls("a", "HTTPS", "a.io"), tls("b", "TLS",
      "b.io", "Passthrough")], []],
    ["HTTPS and TLS with one hostname", [tls("a", "HTTPS", "a.io"), tls("b", "TLS", "a.io",
      "Passthrough")],
      ["a:HostnameConflict", "b:HostnameConflict"]],
    ["TLS terminated and passed through by hostname",
      [tls("a", "TLS", "a.io"), tls("b", "TLS", "b.io", "Passthrough")], []],
    ["two TCP listeners on one port", [l4("a", "TCP"), l4("b", "TCP")],
      ["a:ProtocolConflict", "b:ProtocolConflict"]],
    ["an unsupported protocol stands in nobody's way", [http("a"), l4("b", "example.com/x")], []],
  ])("%s", (_, listeners, expected) => {
    expect(conflicts(listeners)).toEqual(expected);
  });

  test("two conflicting listeners are one message, at the second, naming the first", () => {
    const built = build([gateway("gw", [http("a", "x.io"), http("b", "x.io")])]);
    expect(built.diagnostics).toMatchObject([{ code: "FL0501", path: "spec.listeners[1].name",
      secondary: [{ text: "refused as well" }] }]);
    expect(conditions(built.status(key).conditions).slice(0, 2))
      .toEqual(["Accepted=False/ListenersNotValid", "Programmed=False/Invalid"]);
    expect(built.ir.gatewayPorts).toEqual([]);
  });

  test("a Gateway with one good listener is accepted and says which are not", () => {
    const { conditions: list } = build([
      gateway("gw", [http("a", "x.io"), http("b", "x.io"), http("c", "c.io")])]).status(key);
    expect(conditions(list)[0]).toBe("Accepted=True/ListenersNotValid");
    expect(list[0].message).toBe("not accepted: `a` and `b`; accepted: `c`");
  });
});

describe("what a listener takes", () => {
  test.each<readonly [string, object[] | undefined, string[], string]>([
    ["HTTP", undefined, ["HTTPRoute", "GRPCRoute"], "True/ResolvedRefs"],
    ["HTTP", [{ kind: "HTTPRoute" }], ["HTTPRoute"], "True/ResolvedRefs"],
    ["HTTP", [{ kind: "TCPRoute" }, { kind: "GRPCRoute" }], ["GRPCRoute"],
      "False/InvalidRouteKinds"],
    ["HTTP", [{ kind: "HTTPRoute", group: "x.io" }], [], "False/InvalidRouteKinds"],
    ["TCP", undefined, ["TCPRoute"], "True/ResolvedRefs"],
    ["example.com/x", undefined, [], "True/ResolvedRefs"],
  ])("%s with kinds %o", (protocol, kinds, supported, refs) => {
    const built = build([gateway("gw", [{ name: "a", port: 80, protocol,
      allowedRoutes: kinds ? { kinds } : {} }])]);
    const [listener] = built.status(key).listeners;
    expect(listener.supportedKinds.map((k: Json) => k.kind)).toEqual(supported);
    expect(conditions(listener.conditions)).toContain(`ResolvedRefs=${refs}`);
    const wrong = protocol.includes("/") || refs.startsWith("False");
    expect(built.diagnostics.map((d) => d.code)).toEqual(wrong ? ["FL0502"] : []);
  });

  test("overlapping hostnames are marked where TLS is terminated, and only there", () => {
    const built = build([secret, gateway("gw", [tls("a", "HTTPS", "foo.example.com"),
      tls("b", "HTTPS", "foo.example.org"), tls("c", "HTTPS", "*.example.com"),
      http("d", "foo.example.com"), http("e", "*.example.com")])]);
    const marked = built.status(key).listeners.filter((l: Json) =>
      l.conditions.some((c: Json) => c.type === "OverlappingTLSConfig"));
    expect(marked.map((l: Json) => l.name)).toEqual(["a", "c"]);
  });

  test("a client certificate's authority that is missing closes the port it is asked on", () => {
    const frontend = { default: {}, perPort: [{ port: 443, tls: { validation: {
      caCertificateRefs: [{ group: "", kind: "ConfigMap", name: "ca" }] } } }] };
    const built = build([secret, gateway("gw", [tls("a", "HTTPS"), http("b")],
      { tls: { frontend } })]);
    const [a, b] = built.status(key).listeners.map((l: Json) => conditions(l.conditions).slice(0,
      3));
    expect(a).toEqual(["Accepted=False/NoValidCACertificate", "Programmed=False/Invalid",
      "ResolvedRefs=False/InvalidCACertificateRef"]);
    expect(b[0]).toBe("Accepted=True/Accepted");
    expect(built.ir.gatewayPorts.map((p) => p.port)).toEqual([80]);
  });
});

describe("Gateways", () => {
  test.each<readonly [string, object[], string[], object[]]>([
    ["no value asks for any", [{ type: "IPAddress" }], ["True/Accepted", "True/Programmed"],
      [{ type: "IPAddress", value: "127.0.0.1" }]],
    ["a given address", [{ value: "10.1.2.3" }], ["True/Accepted", "True/Programmed"],
      [{ type: "IPAddress", value: "10.1.2.3" }]],
    ["an unknown type", [{ type: "x.io/y", value: "z" }, { value: "10.1.2.3" }],
      ["False/UnsupportedAddress", "False/Invalid"], [{ type: "IPAddress", value: "10.1.2.3" }]],
    ["an address that no host has", [{ value: "192.0.2.7" }, { value: "10.1.2.3" }],
      ["True/Accepted", "False/AddressNotUsable"], [{ type: "IPAddress", value: "10.1.2.3" }]],
  ])("addresses: %s", (_, addresses, [accept, program], bound) => {
    const built = build([gateway("gw", [http("a")], { addresses })]);
    const { conditions: list, addresses: got } = built.status(key);
    const fine = accept?.startsWith("True") && program?.startsWith("True");
    expect(built.diagnostics.map((d) => d.code)).toEqual(fine ? [] : ["FL0504"]);
    expect(conditions(list).slice(0, 2)).toEqual([`Accepted=${accept}`, `Programmed=${program}`]);
    expect(got).toEqual(bound);
  });

  test("parameters must be a ConfigMap that is there; else nothing is served", () => {
    const parametersRef = { group: "", kind: "ConfigMap", name: "p" };
    const objects = [gateway("gw", [http("a")], { infrastructure: { parametersRef } }),
      service("s"),
      route("r", { rules: [to("s")] })];
    const without = build(objects);
    expect(conditions(without.status(key).conditions)[0]).toBe("Accepted=False/InvalidParameters");
    expect(without.said).toEqual(["FL0208 no ConfigMap `p` in namespace `default`"]);
    expect(without.ir.gatewayPorts).toEqual([]);
    const config = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "p",
      namespace: "default" } };
    expect(build([...objects, config]).said).toEqual([]);
  });

  test("an EnvoyProxy need not be in the input: it configures Envoy Gateway's deployment", () => {
    const parametersRef = { group: "gateway.envoyproxy.io", kind: "EnvoyProxy", name: "p" };
    const { status, said, ir } = build([
      gateway("gw", [http("a")], { infrastructure: { parametersRef } }), service("s"),
      route("r", { rules: [to("s")] })]);
    expect(conditions(status(key).conditions)[0]).toBe("Accepted=True/Accepted");
    expect([said, ir.gatewayPorts.length]).toEqual([[], 1]);
  });

  test("the controller is the class's where the class is in the input", () => {
    const gatewayClass = { apiVersion: "gateway.networking.k8s.io/v1", kind: "GatewayClass",
      metadata: { name: "any" }, spec: { controllerName: "istio.io/gateway-controller" } };
    const objects = [gateway("gw", [http("a")]), service("s"), route("r", { rules: [to("s")] })];
    const name = (more: object[]): string =>
      build([...objects, ...more]).status("HTTPRoute/default/r").parents[0].controllerName;
    expect([name([]), name([gatewayClass])])
      .toEqual(["fairlead.dev/gateway-controller", "istio.io/gateway-controller"]);
  });
});

describe("ListenerSets", () => {
  const set = (name: string, listeners: object[], rest: Json = {}): object => ({
    apiVersion: "gateway.networking.k8s.io/v1", kind: "ListenerSet",
    metadata: { name, namespace: rest.namespace ?? "default", creationTimestamp: rest.created },
    spec: { parentRef: { name: rest.parent ?? "gw", namespace: "default" }, listeners },
  });
  const gw = (where?: string, selector?: object): object => gateway("gw", [http("a", "a.io")],
    where ? { allowedListeners: { namespaces: { from: where, selector } } } : {});
  const listenerSet = (built: Json, name: string, ns = "default"): string[] =>
    conditions(built.status(`ListenerSet/${ns}/${name}`).conditions);

  test.each([
    [undefined, "default", false], ["None", "default", false], ["Same", "default", true],
    ["Same", "shop", false], ["All", "shop", true], ["Selector", "shop", true],
    ["Selector", "default", false],
  ])("allowedListeners %s, from namespace %s: %s", (where, ns, allowed) => {
    const built = build([gw(where, { matchLabels: { team: "shop" } }), namespace("shop",
      { team: "shop" }),
      set("ls", [http("b", "b.io")], { namespace: ns })]);
    expect(listenerSet(built, "ls", ns)[0])
      .toBe(allowed ? "Accepted=True/Accepted" : "Accepted=False/NotAllowed");
    expect(built.status(key).attachedListenerSets).toBe(allowed ? 1 : 0);
    expect(built.diagnostics.map((d) => d.code)).toEqual(allowed ? [] : ["FL0503"]);
  });

  test("the Gateway stays, then the older set; the loser alone is refused", () => {
    const built = build([gw("All"),
      set("z-old", [http("x", "x.io")], { created: "2020-01-01T00:00:00Z" }),
      set("a-new", [http("x", "x.io"), http("y", "y.io")], { created: "2021-01-01T00:00:00Z" }),
      set("m-same", [http("only", "a.io")], { created: "2019-01-01T00:00:00Z" })]);
    expect(listenerSet(built, "z-old")[0]).toBe("Accepted=True/Accepted");
    expect(listenerSet(built, "a-new")[0]).toBe("Accepted=True/ListenersNotValid");
    expect(listenerSet(built, "m-same"))
      .toEqual(["Accepted=False/ListenersNotValid", "Programmed=False/ListenersNotValid"]);
    expect(conditions(built.status(key).conditions)[0]).toBe("Accepted=True/Accepted");
    expect(built.status(key).attachedListenerSets).toBe(2);
  });

  test("no set gets what two listeners of the Gateway quarrel about", () => {
    const both = gateway("gw", [http("a", "a.io"), http("b", "a.io"), http("c", "c.io")],
      { allowedListeners: { namespaces: { from: "All" } } });
    const built = build([both, set("ls", [http("x", "a.io")])]);
    expect(listenerSet(built, "ls")[0]).toBe("Accepted=False/ListenersNotValid");
  });

  test("a refused listener of a set stands in no later set's way", () => {
    const built = build([gw("All"),
      set("one", [l4("t", "TCP")], { created: "2020-01-01T00:00:00Z" }),
      set("two", [http("h", "h.io")], { created: "2021-01-01T00:00:00Z" })]);
    expect(listenerSet(built, "one")[0]).toBe("Accepted=False/ListenersNotValid");
    expect(listenerSet(built, "two")[0]).toBe("Accepted=True/Accepted");
  });

  test("a route attaches to the set it names and not to the Gateway, and the other way round",
    () => {
    const parent = { kind: "ListenerSet", name: "ls" };
    const built = build([gw("All"), set("ls", [http("b", "b.io")]), service("s"),
      route("to-set", { parentRefs: [parent], rules: [to("s")] }), route("to-gw",
        { rules: [to("s")] })]);
    expect(built.ir.gatewayPorts[0]?.virtualHosts.map((h) =>
      [h.hostname, h.listener, h.matches.map((m) => m.rule.route.name)])).toEqual([
      ["a.io", "a", ["to-gw"]], ["b.io", "default/ls/b", ["to-set"]]]);
  });

  test("Same means the set's own namespace", () => {
    const parentRefs = [{ kind: "ListenerSet", name: "ls", namespace: "shop" }];
    const objects = [gw("All"), set("ls", [http("b", "b.io")], { namespace: "shop" })];
    const at = (ns: string): string => accepted(build([...objects, service("s", { namespace: ns }),
      route("r", { parentRefs, rules: [to("s")] }, { namespace: ns })]), `HTTPRoute/${ns}/r`);
    expect([at("shop"), at("default")])
      .toEqual(["Accepted=True/Accepted", "Accepted=False/NotAllowedByListeners"]);
  });

  test("a set without its Gateway is said once, and its routes have no parent", () => {
    const built = build([set("ls", [http("b")], { parent: "gone" }), service("s"),
      route("r", { parentRefs: [{ kind: "ListenerSet", name: "ls" }], rules: [to("s")] })]);
    expect(built.said).toEqual(["FL0201 no Gateway `gone` in namespace `default`"]);
    expect(built.status("HTTPRoute/default/r").parents).toEqual([]);
  });
});
