// Clusters that Istio runs in, and what the filter carries there. translate/run.ts has real Istio
// translate each; recorded.test.ts runs what came out of it in a real Envoy.

import { readFileSync } from "node:fs";

import type { IstioOptions } from "../../compiler/emit/istio.ts";

export interface Scenario {
  readonly name: string;
  readonly gateway: { readonly namespace: string; readonly name: string };
  /** Of the gateway's pods; absent: those that Istio gives to its own. */
  readonly podLabels?: Readonly<Record<string, string>>;
  /** The gateway's Service. */
  readonly service: string;
  /** What the cluster has, but for our manifests. */
  readonly applied: string;
  /** The routes that fairlead is given in the place of those in `applied`. */
  readonly carried: string;
  readonly options: IstioOptions;
  /** Services that answer, by name: with it. */
  readonly backends: readonly string[];
}

const canary = readFileSync(new URL("../../examples/canary/canary.yaml", import.meta.url), "utf8");

function gatewayService(namespace: string, ports: string): string {
  return `
apiVersion: v1
kind: Service
metadata:
  name: istio-gateway-istio
  namespace: ${namespace}
  labels: { gateway.networking.k8s.io/gateway-name: istio-gateway }
spec:
  clusterIP: 10.0.0.10
  selector: { gateway.networking.k8s.io/gateway-name: istio-gateway }
  ports: [${ports}]
---`;
}

const service = (name: string): string => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: demo }
spec: { selector: { app: ${name} }, ports: [{ name: http, port: 80 }] }
---`;

const parent = "{ group: gateway.networking.k8s.io, kind: Gateway, name: istio-gateway }";

/** With the defaults written out, which the API server would fill in. */
const route = (name: string, hostnames: string, backend: string, more = ""): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name}, namespace: demo }
spec:
  parentRefs: [${parent}]
  hostnames: [${hostnames}]
  rules:
    - matches: [{ path: { type: PathPrefix, value: / } }]
      ${more}
      backendRefs: [{ group: "", kind: Service, name: ${backend}, port: 80, weight: 1 }]
---`;

const gateway = (listeners: string): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: istio-gateway, namespace: demo }
spec: { gatewayClassName: istio, listeners: [${listeners}] }
---`;

const http = "{ name: http, protocol: HTTP, port: 80, "
  + "allowedRoutes: { namespaces: { from: Same } } }";
const demo = { namespace: "demo", name: "istio-gateway" };

/** The seed's example. Its HTTPRoute is not applied: only the filter knows it. */
const seed: Scenario = {
  name: "canary",
  service: "istio-gateway-istio",
  gateway: { namespace: "istio-test", name: "istio-gateway" },
  applied: `${without(canary, "HTTPRoute")}\n---${gatewayService("istio-test",
    "{ name: http, port: 80, targetPort: 8080 }")}`,
  carried: only(canary, "HTTPRoute"),
  options: { istioVersion: "1.31" },
  backends: ["backend-v1", "backend-v2"],
};

/**
 * Hostnames on their way: `moved` is applied to the cluster and carried by the filter, `stays` is
 * applied only, `new` carried only. A policy of the whole Gateway denies /admin.
 */
const migration: Scenario = {
  name: "migration",
  service: "istio-gateway-istio",
  gateway: demo,
  applied: gateway(http) + gatewayService("demo", "{ name: http, port: 80, targetPort: 8080 }")
    + service("old") + service("fresh") + service("copy")
    + route("moved", "moved.example", "old") + route("stays", "stays.example", "old")
    + `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: no-admin, namespace: demo }
spec:
  targetRefs: [${parent}]
  action: DENY
  rules: [{ to: [{ operation: { paths: ["/admin*"] } }] }]
---`,
  carried: route("moved", "moved.example", "fresh") + route("stays", "stays.example", "fresh")
    + route("new", "new.example", "fresh", `filters:
        - type: ResponseHeaderModifier
          responseHeaderModifier: { set: [{ name: x-answered-by, value: the-filter }] }
        - type: RequestMirror
          requestMirror: { backendRef: { group: "", kind: Service, name: copy, port: 80 } }
        - type: URLRewrite
          urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /inner } }`),
  options: { hostnames: ["moved.example", "new.example"] },
  backends: ["old", "fresh", "copy"],
};

const https = (name: string, hostname?: string): string =>
  `{ name: ${name}, protocol: HTTPS, port: 443, ${hostname ? `hostname: ${hostname}, ` : ""}`
  + "allowedRoutes: { namespaces: { from: Same } }, tls: { mode: Terminate, certificateRefs: "
  + "[{ group: '', kind: Secret, name: pair }] } }";

/** A listener for any name beside one for a single name. */
const listeners: Scenario = {
  name: "https",
  service: "istio-gateway-istio",
  gateway: demo,
  applied: gateway(`${https("any")}, ${https("own", "own.example")}`)
    + gatewayService("demo", "{ name: https, port: 443, targetPort: 8443 }")
    + service("old") + service("fresh"),
  carried: route("any", "any.example", "old") + route("own", "own.example", "fresh"),
  options: { istioVersion: "1.31" },
  backends: ["old", "fresh"],
};

/** Pods that Istio did not make: the Gateway names their Service. */
const manual: Scenario = {
  name: "manual",
  gateway: demo,
  podLabels: { istio: "ingress" },
  service: "ingress",
  applied: gateway(http).replace("listeners:",
    "addresses: [{ type: Hostname, value: ingress }], listeners:") + `
apiVersion: v1
kind: Service
metadata: { name: ingress, namespace: demo }
spec:
  clusterIP: 10.0.0.11
  selector: { istio: ingress }
  ports: [{ name: http, port: 80, targetPort: 8080 }]
---` + service("fresh") + service("old") + route("stays", "stays.example", "old"),
  carried: route("new", "new.example", "fresh"),
  options: { istioVersion: "1.31" },
  backends: ["fresh", "old"],
};

export const scenarios: readonly Scenario[] = [seed, migration, listeners, manual];

export function inputOf({ applied, carried }: Scenario): string {
  return `${without(applied, "HTTPRoute")}\n---\n${carried}`;
}

function documentsOf(text: string): readonly string[] {
  return text.split(/^---$/m).filter((part) => /^kind:/m.test(part));
}

function only(text: string, kind: string): string {
  return documentsOf(text).filter((d) => d.includes(`\nkind: ${kind}\n`)).join("\n---\n");
}

function without(text: string, kind: string): string {
  return documentsOf(text).filter((d) => !d.includes(`\nkind: ${kind}\n`)).join("\n---\n");
}
