import { existsSync, readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decode } from "../../compiler/decode.ts";
import { parse } from "../../compiler/parse.ts";
import type { Inventory } from "../../compiler/resources.ts";
import { decodeTexts } from "./golden.ts";

const canary = readFileSync(new URL("../../examples/canary/canary.yaml", import.meta.url), "utf8");

function inventoryOf(text: string): Inventory {
  const { inventory, diagnostics } = decodeTexts({ "x.yaml": text });
  expect(diagnostics).toEqual([]);
  return inventory;
}

const head = "apiVersion: gateway.networking.k8s.io/v1\nmetadata: {name: a}\n";

test("an HTTPRoute's defaults are filled in", () => {
  const { httpRoutes } = inventoryOf(`${head}kind: HTTPRoute
spec:
  parentRefs: [{name: gw}]
  rules:
  - backendRefs: [{name: b, port: 80}]
    matches: [{headers: [{name: x, value: v}]}]
  - filters:
    - {type: RequestRedirect, requestRedirect: {scheme: https}}
    - {type: CORS, cors: {}}
    - type: RequestMirror
      requestMirror: {backendRef: {name: m, port: 1}, fraction: {numerator: 1}}
`);
  const [route] = httpRoutes;
  expect(route?.metadata).toEqual({ name: "a", namespace: "default" });
  expect(route?.spec.parentRefs).toEqual(
    [{ name: "gw", group: "gateway.networking.k8s.io", kind: "Gateway" }]);
  expect(route?.spec.rules[0]).toEqual({
    backendRefs: [{ name: "b", port: 80, group: "", kind: "Service", weight: 1 }],
    matches: [{
      path: { type: "PathPrefix", value: "/" },
      headers: [{ name: "x", value: "v", type: "Exact" }],
    }],
  });
  const [redirect, cors, mirror] = route?.spec.rules[1]?.filters ?? [];
  expect(redirect?.requestRedirect).toEqual({ scheme: "https", statusCode: 302 });
  expect(cors?.cors).toEqual({ maxAge: 5 });
  expect(mirror?.requestMirror?.fraction).toEqual({ numerator: 1, denominator: 100 });
  expect(route?.spec.rules[1]?.matches).toEqual([{ path: { type: "PathPrefix", value: "/" } }]);
});

test("a route without rules takes every request, as its schema's default says", () => {
  const { httpRoutes } = inventoryOf(`${head}kind: HTTPRoute\nspec: {}\n`);
  expect(httpRoutes[0]?.spec.rules).toEqual(
    [{ matches: [{ path: { type: "PathPrefix", value: "/" } }] }]);
});

test("a Gateway's defaults are filled in", () => {
  const { gateways } = inventoryOf(`${head}kind: Gateway
spec:
  gatewayClassName: fairlead
  addresses: [{value: 10.0.0.1}]
  listeners:
  - {name: http, port: 80, protocol: HTTP}
  - {name: tls, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: c}]}}
`);
  const allowedRoutes = { namespaces: { from: "Same" } };
  expect(gateways[0]?.spec.listeners).toEqual([
    { name: "http", port: 80, protocol: "HTTP", allowedRoutes },
    {
      name: "tls", port: 443, protocol: "HTTPS", allowedRoutes,
      tls: { mode: "Terminate", certificateRefs: [{ name: "c", group: "", kind: "Secret" }] },
    },
  ]);
  expect(gateways[0]?.spec.addresses).toEqual([{ type: "IPAddress", value: "10.0.0.1" }]);
});

test("nulls count as absent, and the manifest's own value keeps what was written", () => {
  const { httpRoutes, endpointSlices } = inventoryOf(`${head}kind: HTTPRoute
spec: {hostnames: null, rules: [{matches: null, backendRefs: [{name: b, port: 80, weight: null}]}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: b, creationTimestamp: null}
addressType: IPv4
endpoints: [{addresses: [10.0.0.1], conditions: {ready: null}}]
ports: [{port: 80}]
`);
  expect(httpRoutes[0]?.spec.rules[0]?.backendRefs?.[0]?.weight).toBe(1);
  expect(httpRoutes[0]?.manifest.value).toHaveProperty("spec.rules[0].matches", null);
  expect(endpointSlices[0]?.spec).toEqual({
    addressType: "IPv4", endpoints: [{ addresses: ["10.0.0.1"], conditions: {} }],
    ports: [{ port: 80, protocol: "TCP" }],
  });
  expect(endpointSlices[0]?.metadata.creationTimestamp).toBeUndefined();
});

test("integers or strings, and status, are kept as they stand", () => {
  const { services, gateways } = inventoryOf(`apiVersion: v1
kind: Service
metadata: {name: a}
spec: {ports: [{name: a, port: 1, targetPort: web}, {name: b, port: 2, targetPort: 8080}]}
---
${head}kind: Gateway
spec: {gatewayClassName: x, listeners: [{name: a, port: 1, protocol: example.com/x}]}
status: {anything: [goes]}
`);
  expect(services[0]?.spec.ports?.map((p) => p.targetPort)).toEqual(["web", 8080]);
  expect(gateways[0]?.status).toEqual({ anything: ["goes"] });
});

test("the order of files and of documents does not show in the inventory", () => {
  const documents = canary.split(/^---$/m);
  const show = (inventory: Inventory): string => JSON.stringify(
    inventory, (key, value: unknown) => (key === "manifest" ? undefined : value));
  const expected = show(inventoryOf(canary));
  fc.assert(fc.property(
    fc.shuffledSubarray(documents, { minLength: documents.length }), fc.boolean(),
    (shuffled, inFiles) => {
      const texts = inFiles ? shuffled : [shuffled.join("---\n")];
      const files = texts.map((text, i) => ({ path: `${i}.yaml`, text }));
      const { inventory } = decode(files.flatMap((f) => parse(f).manifests));
      expect(show(inventory)).toBe(expected);
    },
  ), { numRuns: 30 });
});

const conformance = new URL("../../../shared/conformance/", import.meta.url);
const placeholders: readonly (readonly [RegExp, string])[] = [
  [/\{GATEWAY_CLASS_NAME\}/g, "fairlead"], [/\{GATEWAY_CONTROLLER_NAME\}/g, "fairlead.dev/x"],
  [/PLACEHOLDER_UNUSABLE_ADDRS/g, "192.0.2.1"], [/PLACEHOLDER_USABLE_ADDRS/g, "127.0.0.1"],
];

test.skipIf(!existsSync(conformance))(
  "the conformance manifests are accepted (skipped where they are not at hand)",
  () => {
    let count = 0;
    for (const name of readdirSync(conformance).filter((n) => n.endsWith(".json"))) {
      const { manifests = [], yaml } = JSON.parse(readFileSync(new URL(name, conformance), "utf8"));
      const texts: readonly unknown[] = [...manifests.map((m: { yaml: string }) => m.yaml), yaml];
      for (const text of texts.filter((t) => typeof t === "string")) {
        const filled = placeholders.reduce((t, [from, to]) => t.replace(from, to), text);
        const { diagnostics } = decodeTexts({ [name]: filled });
        expect(diagnostics.filter((d) => d.code !== "FL0110"), name).toEqual([]);
        count++;
      }
    }
    expect(count).toBeGreaterThan(100);
  },
);
