// Which pods of Istio's a Gateway runs on, and on which of their ports: told, never guessed.

import { expect, test } from "vitest";

import { build, gateway, http80, route, service, type Loose } from "./world.ts";

const rest = service("a") + route("r", "a.example");
const managed = (svc: string, more = ""): string => gateway("gw", http80, more) + rest + svc;
const onService = (address: string): string =>
  gateway("gw", http80, `, addresses: [{ type: Hostname, value: ${address} }]`) + rest;
const ingress = (spec: string, namespace = "demo"): string => `
apiVersion: v1
kind: Service
metadata: { name: ingress, namespace: ${namespace} }
spec: { ${spec} }
---`;

const matched = (text: string): Loose =>
  build(text).of("WasmPlugin").map(({ spec }) => spec.match[0].ports[0].number);

test("a plugin's match has the pods' port: the targetPort of the Gateway's Service", () => {
  const own = (ports: string): string => service("gw-istio", `ports: [${ports}]`);
  expect(matched(managed(own("{ port: 80, targetPort: 8080 }")))).toEqual([8080]);
  expect(matched(managed(own("{ port: 80 }")))).toEqual([80]);
  // Istio's own template gives a Gateway's Service no targetPort.
  expect(matched(managed(""))).toEqual([80]);
});

test("Envoy's routes are matched by the listener's port, which Istio traces to the pods'", () => {
  const text = managed(service("gw-istio", "ports: [{ port: 80, targetPort: 8080 }]"));
  const patches = build(text).of("EnvoyFilter")[0]!.spec.configPatches;
  expect(patches.at(-1).match.routeConfiguration).toEqual({ portNumber: 80 });
});

test("the Service that Istio makes may have another name", () => {
  const named = gateway("gw", http80).replace("namespace: demo }",
    "namespace: demo, annotations: { gateway.istio.io/name-override: front } }");
  expect(matched(named + rest + service("front", "ports: [{ port: 80, targetPort: 8081 }]")))
    .toEqual([8081]);
});

test("a targetPort with a name is looked up in the Service's EndpointSlices", () => {
  const named = service("gw-istio", "ports: [{ name: http, port: 80, targetPort: web }]");
  const slice = `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: gw-istio-1, namespace: demo, labels: { kubernetes.io/service-name: gw-istio } }
addressType: IPv4
ports: [{ name: http, port: 8082 }]
endpoints: [{ addresses: [10.0.0.1] }]
---`;
  expect(matched(managed(named + slice))).toEqual([8082]);
  expect(build(managed(named)).diagnostics).toContainEqual(expect.objectContaining({
    code: "FL0413", title: "port 80 of Service `gw-istio` leads to a port named `web`, whose number"
      + " is not known" }));
});

test("a listener that the Service has no port for is an error: Istio has none there", () => {
  const { diagnostics, of } = build(managed(service("gw-istio", "ports: [{ port: 8080 }]")));
  expect(diagnostics).toContainEqual(expect.objectContaining({ code: "FL0413", level: "error",
    title: "Service `gw-istio` has no port 80, so that Istio does not listen there",
    path: "spec.listeners[0].port" }));
  expect(of("WasmPlugin")).toEqual([]);
});

test("parameters may change the Service, which must then be in the input", () => {
  const infrastructure =
    ", infrastructure: { parametersRef: { group: '', kind: ConfigMap, name: p } }";
  const map = "\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: p, namespace: demo }\n---";
  expect(build(managed(map, infrastructure)).codes).toContain("FL0413");
  expect(matched(managed(map + service("gw-istio", "ports: [{ port: 80, targetPort: 8080 }]"),
    infrastructure))).toEqual([8080]);
});

test.each(["ingress", "ingress.demo", "ingress.demo.svc.cluster.local"])(
  "a Gateway on pods of its own (%s) is attached by their labels", (address) => {
    const text = onService(address)
      + ingress("selector: { istio: ingress }, ports: [{ port: 80, targetPort: 8080 }]");
    const { manifests } = build(text, { istioVersion: "1.31" });
    const found = manifests.filter(({ kind }) => kind !== "HTTPRoute");
    expect(found.map(({ spec }) => spec.workloadSelector ?? spec.selector)).toEqual(
      [{ labels: { istio: "ingress" } }, { matchLabels: { istio: "ingress" } }]);
    expect(found[1]!.spec.match).toEqual([{ ports: [{ number: 8080 }] }]);
  });

test.each([
  ["a Service that is not in the input", onService("ingress.istio-ingress")],
  ["a name of no Service", onService("gw.example.com")],
  ["a Service without a selector", onService("ingress") + ingress("ports: [{ port: 80 }]")],
  // Istio's own rule: a Service's pods serve Gateways of its namespace.
  ["a Service of another namespace", onService("ingress.istio-ingress")
    + ingress("selector: { a: b }, ports: [{ port: 80 }]", "istio-ingress")],
])("%s is an error where Istio runs the Gateway", (_, text) => {
  const { diagnostics, of } = build(text);
  expect(diagnostics).toContainEqual(
    expect.objectContaining({ code: "FL0413", level: "error", help: expect.any(String) }));
  expect(of("WasmPlugin")).toEqual([]);
});

test("another controller's Gateway is no error: only a note says whose it is", () => {
  const text = onService("ingress.istio-ingress").replace("gatewayClassName: istio",
    "gatewayClassName: other");
  expect(build(text).codes).toEqual([]);
  const foreign = managed("").replace("gatewayClassName: istio", "gatewayClassName: other");
  expect(build(foreign).diagnostics.map(({ code, level }) => [code, level])).toContainEqual(
    ["FL0415", "note"]);
  const classOf = (controller: string): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: other }
spec: { controllerName: ${controller} }
---`;
  expect(build(foreign + classOf("istio.io/gateway-controller")).codes).not.toContain("FL0415");
  expect(build(managed("") + classOf("a.example/c").replace("other", "istio")).codes)
    .toContain("FL0415");
});
