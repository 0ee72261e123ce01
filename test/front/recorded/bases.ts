// Manifests that the API server accepts, from which the derived ones depart.

import type { Kind } from "../../../compiler/schema/catalog.ts";
import { filterOf, httpRuleCases } from "../http-cases.ts";
import { otherRuleCases } from "../other-cases.ts";

const parentRefs = [{ name: "gw" }];
const backendRefs = [{ name: "b", port: 80 }];
const targetRefs = [{ group: "", kind: "Service", name: "a" }];
const plain = { name: "http", port: 80, protocol: "HTTP" };

function onBackend(...types: readonly string[]): readonly object[] {
  return types.map((type) => ({
    rules: [{ backendRefs: [{ name: "b", port: 80, filters: [filterOf(type)] }] }],
  }));
}

const onBoth = ["RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror", "ExtensionRef"];

const selector = { matchExpressions: [{ key: "a", operator: "Exists" }] };
const allowedRoutes = {
  namespaces: { from: "Selector", selector }, kinds: [{ kind: "HTTPRoute" }],
};
const validation = { caCertificateRefs: [{ group: "", kind: "ConfigMap", name: "x" }] };
const auth = filterOf("ExternalAuth");
const authByHttp = {
  type: "ExternalAuth",
  externalAuth: { protocol: "HTTP", backendRef: { name: "a", port: 80 }, http: { path: "/a" } },
};

const written: Readonly<Record<string, readonly object[]>> = {
  GatewayClass: [{ controllerName: "example.com/x" }],
  Gateway: [{ gatewayClassName: "a", listeners: [plain] },
    { gatewayClassName: "a", listeners: [{ ...plain, allowedRoutes }] },
    { gatewayClassName: "a", listeners: [{ ...plain, filters: { requests: [auth] } }] },
    { gatewayClassName: "a", listeners: [{ ...plain, filters: { requests: [authByHttp] } }] },
    { gatewayClassName: "a", listeners: [plain], tls: { frontend: {
      default: { validation }, perPort: [{ port: 443, tls: { validation } }] } } }],
  ListenerSet: [{ parentRef: { name: "gw" }, listeners: [plain] }],
  HTTPRoute: [{ parentRefs }, { rules: [{ matches: [{ path: { value: "/a" } }], backendRefs }] },
    { rules: [{ matches: [{ headers: [{ name: "a", value: "b" }] }] }] },
    { rules: [{ matches: [{ queryParams: [{ name: "a", value: "b" }] }] }] },
    ...onBackend(...onBoth, "URLRewrite", "CORS", "ExternalAuth", "RequestRedirect")],
  GRPCRoute: [{ parentRefs }, { rules: [{ matches: [{ method: { service: "a" } }], backendRefs }] },
    { rules: [{ filters: [filterOf("RequestHeaderModifier")] }] },
    { rules: [{ filters: [filterOf("ResponseHeaderModifier")] }] },
    { rules: [{ filters: [filterOf("RequestMirror")] }] }, ...onBackend(...onBoth)],
  TLSRoute: [{ parentRefs, hostnames: ["a.b"], rules: [{ backendRefs }] }],
  TCPRoute: [{ parentRefs, rules: [{ backendRefs }] }],
  UDPRoute: [{ parentRefs, rules: [{ backendRefs }] }],
  ReferenceGrant: [{ from: [{ group: "", kind: "A", namespace: "a" }],
    to: [{ group: "", kind: "B" }] }],
  BackendTLSPolicy: [
    { targetRefs, validation: { hostname: "a.b", wellKnownCACertificates: "System" } },
    { targetRefs, validation: { hostname: "a.b",
      caCertificateRefs: [{ group: "", kind: "ConfigMap", name: "x" }] } }],
  DestinationRule: [{ host: "a", subsets: [{ name: "v1", labels: { a: "b" } }] }],
  ServiceEntry: [{ hosts: ["a.b"], resolution: "STATIC", ports: [{ name: "a", number: 80 }],
    endpoints: [{ address: "10.0.0.1" }] }],
  WorkloadEntry: [{ address: "10.0.0.1", ports: { a: 80 }, labels: { a: "b" },
    locality: "a/b/c", weight: 1 }],
  Namespace: [{}],
  Service: [{ ports: [{ port: 80 }] }],
  EndpointSlice: [{ addressType: "IPv4", endpoints: [{ addresses: ["10.0.0.1"] }],
    ports: [{ name: "a", port: 80 }] }],
  Secret: [{ data: { key: "YQ==" } }],
  ConfigMap: [{ data: { key: "a" } }],
};

const accepted = [...httpRuleCases, ...otherRuleCases].filter(
  (c) => c.title === undefined && c.version === undefined);

export function bases(kind: Kind): readonly object[] {
  const fromTable = accepted.filter((c) => c.kind === kind.kind).map((c) => c.spec);
  return [...written[kind.kind] ?? [], ...fromTable];
}
