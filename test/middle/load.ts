// A small loader for these tests, so that they do not depend on the schemas: documents as they
// stand, with the defaults that decoding fills in. A document's own text is its whole span map.

import { isMap, isPair, isScalar, isSeq, parseAllDocuments, type Document, type Node } from "yaml";
import type { Manifest, ValuePath } from "../../compiler/manifest.ts";
import type { Inventory, ObjectMeta, Resource } from "../../compiler/resources.ts";
import type { SourceFile, Span } from "../../compiler/source.ts";
import type { Json } from "./json.ts";

const group = "gateway.networking.k8s.io";

function manifestOf(file: SourceFile, document: Document): Manifest {
  const span = (node: Node | null | undefined): Span | undefined =>
    node?.range ? { file, start: node.range[0], end: node.range[1] } : undefined;
  return {
    file,
    value: document.toJS(),
    at(path: ValuePath): Span {
      let found = span(document.contents as Node) ?? { file, start: 0, end: 0 };
      let node: unknown = document.contents;
      for (const part of path) {
        const child = isMap(node)
          ? node.items.find((p) => isPair(p) && isScalar(p.key) && p.key.value === part)?.value
          : isSeq(node) ? node.items[part as number] : undefined;
        if (!child) break;
        node = child;
        found = span(child as Node) ?? found;
      }
      return found;
    },
  };
}

const each = (list: Json, change: (item: Json) => Json): Json =>
  Array.isArray(list) ? list.map(change) : list;

function filter(f: Json): Json {
  return {
    ...f,
    ...(f.requestMirror ? { requestMirror: { ...f.requestMirror,
      backendRef: { group: "", kind: "Service", ...f.requestMirror.backendRef } } } : {}),
    ...(f.requestRedirect
      ? { requestRedirect: { statusCode: 302, ...f.requestRedirect } } : {}),
    ...(f.cors ? { cors: { maxAge: 5, ...f.cors } } : {}),
  };
}

function backend(b: Json): Json {
  return { group: "", kind: "Service", weight: 1, ...b,
    ...(b.filters ? { filters: each(b.filters, filter) } : {}) };
}

const typed = (list: Json): Json => each(list, (h) => ({ type: "Exact", ...h }));

function match(m: Json): Json {
  return { ...m, path: { type: "PathPrefix", value: "/", ...m.path },
    ...(m.headers ? { headers: typed(m.headers) } : {}),
    ...(m.queryParams ? { queryParams: typed(m.queryParams) } : {}) };
}

function route(kind: string, spec: Json): Json {
  return {
    ...spec,
    ...(spec.parentRefs
      ? { parentRefs: each(spec.parentRefs, (p) => ({ group, kind: "Gateway", ...p })) } : {}),
    rules: each(spec.rules ?? (kind === "HTTPRoute" ? [{}] : []), (rule) => ({
      ...rule,
      ...(kind === "HTTPRoute" ? { matches: each(rule.matches ?? [{}], match) } : {}),
      ...(kind === "GRPCRoute" && rule.matches ? { matches: each(rule.matches, (m) => ({ ...m,
        ...(m.method ? { method: { type: "Exact", ...m.method } } : {}),
        ...(m.headers ? { headers: typed(m.headers) } : {}) })) } : {}),
      ...(rule.retry ? { retry: { attempts: 1, ...rule.retry } } : {}),
      ...(rule.sessionPersistence
        ? { sessionPersistence: { type: "Cookie", ...rule.sessionPersistence } } : {}),
      ...(rule.filters ? { filters: each(rule.filters, filter) } : {}),
      ...(rule.backendRefs ? { backendRefs: each(rule.backendRefs, backend) } : {}),
    })),
  };
}

function listener(l: Json): Json {
  const refs = l.tls?.certificateRefs;
  return {
    ...l,
    ...(l.tls ? { tls: { mode: "Terminate", ...l.tls,
      ...(refs ? { certificateRefs: each(refs, (r) => ({ group: "", kind: "Secret", ...r })) }
        : {}),
    } } : {}),
    allowedRoutes: {
      ...l.allowedRoutes,
      namespaces: { from: "Same", ...l.allowedRoutes?.namespaces },
      ...(l.allowedRoutes?.kinds
        ? { kinds: each(l.allowedRoutes.kinds, (k) => ({ group, ...k })) } : {}),
    },
  };
}

function gateway(spec: Json): Json {
  const client = spec.tls?.backend?.clientCertificateRef;
  return {
    ...spec,
    listeners: each(spec.listeners, listener),
    ...(spec.addresses
      ? { addresses: each(spec.addresses, (a) => ({ type: "IPAddress", ...a })) } : {}),
    ...(spec.allowedListeners ? { allowedListeners: {
      namespaces: { from: "None", ...spec.allowedListeners.namespaces } } } : {}),
    ...(client ? { tls: { ...spec.tls, backend: {
      clientCertificateRef: { group: "", kind: "Secret", ...client } } } } : {}),
  };
}

function service(spec: Json): Json {
  return { ...spec, ports: each(spec?.ports, (p) => ({ protocol: "TCP", ...p })) };
}

const lists: Readonly<Record<string, keyof Inventory>> = {
  GatewayClass: "gatewayClasses", Gateway: "gateways", ListenerSet: "listenerSets",
  HTTPRoute: "httpRoutes", GRPCRoute: "grpcRoutes", TLSRoute: "tlsRoutes", TCPRoute: "tcpRoutes",
  UDPRoute: "udpRoutes", ReferenceGrant: "referenceGrants", BackendTLSPolicy: "backendTlsPolicies",
  Namespace: "namespaces", Service: "services", EndpointSlice: "endpointSlices", Secret: "secrets",
  ConfigMap: "configMaps", DestinationRule: "destinationRules", ServiceEntry: "serviceEntries",
  WorkloadEntry: "workloadEntries", Pod: "pods", Node: "nodes",
};

function specOf(value: Json): Json {
  const { kind, spec } = value;
  if (kind === "Gateway") return gateway(spec);
  if (kind === "ListenerSet") {
    return { ...spec, parentRef: { group, kind: "Gateway", ...spec.parentRef },
      listeners: each(spec.listeners, listener) };
  }
  if (kind.endsWith("Route")) return route(kind, spec ?? {});
  if (kind === "Service") return service(spec);
  if (kind === "EndpointSlice") {
    const { addressType, endpoints = [], ports } = value;
    return { addressType, endpoints: endpoints ?? [], ports };
  }
  if (kind === "Pod" || kind === "Node") return spec ?? {};
  if (kind === "Secret" || kind === "ConfigMap") {
    const { type, data, stringData } = value;
    return { type, data, stringData };
  }
  return spec;
}

const clusterScoped = new Set(["GatewayClass", "Namespace", "Node"]);

function resourceOf(manifest: Manifest): Resource | undefined {
  const value = manifest.value as Json;
  if (!value || !lists[value.kind]) return undefined;
  const metadata: ObjectMeta = {
    ...value.metadata,
    namespace: clusterScoped.has(value.kind) ? "" : value.metadata.namespace ?? "default",
  };
  return { apiVersion: value.apiVersion, kind: value.kind, metadata, spec: specOf(value),
    status: value.status, manifest };
}

function inventoryOf(manifests: readonly Manifest[], broken: readonly string[]): Inventory {
  const inventory: Json = { broken: new Set(broken) };
  for (const list of Object.values(lists)) inventory[list] = [];
  for (const manifest of manifests) {
    const resource = resourceOf(manifest);
    if (resource) inventory[lists[resource.kind]!].push(resource);
  }
  const key = (r: Resource): string => `${r.metadata.namespace}/${r.metadata.name}`;
  for (const list of Object.values(lists)) {
    inventory[list].sort((a: Resource, b: Resource) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1
      : 0));
  }
  return inventory as Inventory;
}

/** `broken`: what decoding would have refused, as `Kind/namespace/name`. */
export function loadFiles(files: readonly SourceFile[], broken: readonly string[] = []): Inventory {
  const manifests = files.flatMap((file) => [...parseAllDocuments(file.text)]
    .filter((document) => "toJS" in document)
    .map((document) => manifestOf(file, document as Document)));
  return inventoryOf(manifests, broken);
}

export function load(text: string, broken: readonly string[] = []): Inventory {
  return loadFiles([{ path: "in.yaml", text }], broken);
}
