// Short ways to write the manifests that these tests are about.

import { lower } from "../../compiler/lower.ts";
import type { Diagnostic } from "../../compiler/diagnostic.ts";
import type { Ir, VirtualHost } from "../../compiler/ir.ts";
import { policies } from "../../compiler/policy.ts";
import { rank } from "../../compiler/rank.ts";
import { resolve } from "../../compiler/resolve/resolve.ts";
import { status } from "../../compiler/status.ts";
import { load } from "./load.ts";
import type { Json } from "./json.ts";

const api = "gateway.networking.k8s.io/v1";
const put = (apiVersion: string, kind: string, name: string, rest: Json): Json => {
  const { namespace = "default", labels, created, ...fields } = rest;
  const metadata = { name, namespace, ...(labels ? { labels } : {}),
    ...(created ? { creationTimestamp: created } : {}) };
  return { apiVersion, kind, metadata, ...fields };
};

export const gateway = (name: string, listeners: Json[], rest: Json = {}): Json => {
  const { namespace, ...spec } = rest;
  return put(api, "Gateway", name, { namespace,
    spec: { gatewayClassName: "any", listeners, ...spec } });
};

export const http = (name: string, hostname?: string, rest: Json = {}): Json => ({
  name, port: 80, protocol: "HTTP", ...(hostname ? { hostname } : {}), ...rest,
});

export const from = (where: string, selector?: Json): Json =>
  ({ allowedRoutes: { namespaces: { from: where, ...(selector ? { selector } : {}) } } });

export const route = (name: string, spec: Json, rest: Json = {}): Json =>
  put(api, rest.kind ?? "HTTPRoute", name, { ...rest, kind: rest.kind ?? "HTTPRoute",
    spec: { parentRefs: [{ name: "gw" }], ...spec } });

export const service = (name: string, rest: Json = {}): Json => {
  const { namespace, ...spec } = rest;
  return put("v1", "Service", name, { namespace, spec: { ports: [{ port: 80 }], ...spec } });
};

export const slice = (serviceName: string, name: string, rest: Json): Json =>
  put("discovery.k8s.io/v1", "EndpointSlice", name, {
    addressType: "IPv4", labels: { "kubernetes.io/service-name": serviceName }, ...rest });

export const destinationRule = (name: string, spec: Json, rest: Json = {}): Json =>
  put("networking.istio.io/v1", "DestinationRule", name, { ...rest, spec });

export const grant = (namespace: string, fromNamespace: string, to: Json,
  kind = "HTTPRoute"): Json =>
  put(api, "ReferenceGrant", `for-${fromNamespace}`, { namespace, spec: {
    from: [{ group: "gateway.networking.k8s.io", kind, namespace: fromNamespace }], to: [to] } });

export const namespace = (name: string, labels: Json): Json =>
  ({ apiVersion: "v1", kind: "Namespace", metadata: { name, labels } });

export const to = (...names: string[]): Json =>
  ({ backendRefs: names.map((name) => ({ name, port: 80 })) });

export interface Built {
  readonly ir: Ir;
  readonly diagnostics: readonly Diagnostic[];
  /** `code title` of each diagnostic, sorted. */
  readonly said: readonly string[];
  /** Of `Kind/namespace/name`. */
  readonly status: (key: string) => Json;
}

export function build(objects: readonly Json[], broken: readonly string[] = []): Built {
  const inventory = load(objects.map((o) => JSON.stringify(o, null, 1)).join("\n---\n"), broken);
  const { resolved, diagnostics } = resolve(inventory);
  const policy = policies(inventory);
  const lowered = lower(resolved, policy);
  const all = [...diagnostics, ...policy.diagnostics, ...lowered.diagnostics];
  const printed = new Map(status(resolved).map((r: Json) =>
    [`${r.kind}/${r.metadata.namespace ?? ""}/${r.metadata.name}`, r.status]));
  return {
    ir: rank(lowered.ir), diagnostics: all,
    said: all.map((d) => `${d.code} ${d.title}`).sort(),
    status: (key) => printed.get(key),
  };
}

/** `Type=Status/Reason` of every condition. */
export const conditions = (list: Json[]): string[] =>
  list.map((c) => `${c.type}=${c.status}/${c.reason}`);

/** The conditions of the first parent of a route. */
export const accepted = (built: Built, key: string): string =>
  conditions(built.status(key).parents[0]?.conditions ?? [])[0] ?? "no parent";

export const host = (ir: Ir, hostname: string, port = 80): VirtualHost | undefined =>
  ir.gatewayPorts.find((p) => p.port === port)?.virtualHosts.find((h) => h.hostname === hostname);

/** `route#rule` of each match, in order. */
export const served = (ir: Ir, hostname: string, port = 80): string[] | undefined =>
  host(ir, hostname, port)?.matches.map((m) => `${m.rule.route.name}#${m.rule.ruleIndex}`);
