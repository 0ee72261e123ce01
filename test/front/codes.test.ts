// What the user sees for each kind of mistake: golden/<name>.txt. `vitest -u` writes them anew.

import { expect, test } from "vitest";
import { decodeTexts, report } from "./golden.ts";

const route = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: store, namespace: shop}
spec:
`;
const namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
const labelled = namespace.replace("}", ", labels: {a: b}}");

const cases: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "FL0101 a broken document is reported at its place and hides no other": {
    "a.yaml": "a: b\n  c: d\n---\nkind: Thing\nkind: Other\n---\nx: *nothing\n---\n- !Ref y\n"
      + "---\na:\n\t- b\n---\nz: 'open\n---\nb: {\n---\nkind: Service\n",
  },
  "FL0102 a document that is no resource": {
    "a.yaml": "just text\n---\nkind: Service\n---\napiVersion: v1\nkind: Service\n---\n"
      + "apiVersion: v1\nkind: Service\nmetadata: {labels: {a: b}}\n",
  },
  "FL0103 an unknown field is named at its key with what was meant": {
    "r.yaml": `${route}  hostname: [a.example.com]
  rules:
  - backendRef: []
    filters:
    - {type: URLRewrite, urlRewrite: {xyzzy: 1}}
---
apiVersion: v1
kind: Secret
metadata: {name: a}
date: {}
`,
  },
  "FL0104 a value of another type": {
    "r.yaml": `${route}  hostnames: a.example.com
  rules:
  - matches:
    - headers: [{name: debug, value: yes}, {name: version, value: 2}]
    backendRefs:
    - {name: a, port: "80"}
    - [b]
`,
  },
  "FL0105 a missing field": {
    "r.yaml": `${route}  rules:\n  - backendRefs:\n    - port: 80\n`,
    "g.yaml": "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: a}\n",
  },
  "FL0106 limits, patterns, enumerations and repeated entries": {
    "r.yaml": `${route}  hostnames: [Shop.example.com, ""]
  rules:
  - name: ""
    matches:
    - path: {type: Prefix, value: /}
      method: get
      headers: [{name: a, value: b}, {name: a, value: c}]
    timeouts: {request: 10 seconds}
    backendRefs: [{name: a, port: 65536, weight: -1}, {name: b, port: 0}]
`,
    "d.yaml": `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a}
spec:
  host: a
  trafficPolicy:
    loadBalancer: {simple: ROUND_ROBIN, consistentHash: {httpHeaderName: x, useSourceIp: true}}
    connectionPool: {http: {maxRetries: 3000000000}}
`,
  },
  "FL0107 a validation rule in words": {
    "r.yaml": `${route}  rules:\n  - matches:\n    - path: {value: /a//b}\n`,
  },
  "FL0108 two definitions of one resource that differ": { "a.yaml": namespace, "b.yaml": labelled },
  "FL0109 a version, group or kind that is not served": {
    "a.yaml": [
      "apiVersion: gateway.networking.k8s.io/v1alpha2\nkind: HTTPRoute\nmetadata: {name: a}\n",
      "apiVersion: gateway.networking.k8.io/v1\nkind: HTTPRoute\nmetadata: {name: b}\n",
      "apiVersion: gateway.networking.k8s.io/v1\nkind: HttpRoutes\nmetadata: {name: c}\n",
    ].join("---\n"),
  },
  "FL0110 kinds that take no part are counted": {
    "a.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n---\n"
      + "apiVersion: v1\nkind: Event\nmetadata: {name: a}\n",
    "b.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: b}\n",
  },
  "names and labels of a resource are checked": {
    "a.yaml": "apiVersion: v1\nkind: Service\n"
      + "metadata: {name: 1st, nmespace: x, labels: {a: 1, b: \"-\", c d: e}}\n"
      + "spec: {clusterIP: None}\n",
  },
};

test.each(Object.entries(cases))("%s", async (name, texts) => {
  const code = name.split(" ")[0] ?? "";
  const found = decodeTexts(texts).diagnostics.map((d) => d.code);
  expect(found.length).toBeGreaterThan(0);
  if (code.startsWith("FL")) expect(found).toContain(code);
  await expect(report(texts)).toMatchFileSnapshot(`golden/${name.replace(/[^\w]+/g, "-")}.txt`);
});

test("a repeated definition is harmless where it says the same, else broken", () => {
  expect(report({ "a.yaml": namespace, "b.yaml": namespace })).toBe("\n");
  const { inventory } = decodeTexts({ "b.yaml": labelled, "a.yaml": namespace });
  expect(inventory.namespaces).toEqual([]);
  expect([...inventory.broken]).toEqual(["Namespace//shop"]);
});

test("one cause gives one message", () => {
  const { diagnostics } = decodeTexts({ "r.yaml": `${route}  rules: [{matches: [{path: 3}]}]\n` });
  expect(diagnostics.map((d) => d.path)).toEqual(["spec.rules[0].matches[0].path"]);
});

test("a document that does not parse counts as broken: it is not missing", () => {
  const { inventory } = decodeTexts({ "a.yaml": "kind: Service\napiVersion: v1\nkind: Service\n"
    + "metadata: {name: a, namespace: b}\n" });
  expect([...inventory.broken]).toEqual(["Service/b/a"]);
});
