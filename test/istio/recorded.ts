// What real Istio made of a scenario, as files in recorded/, and how a plain Envoy runs it: routes
// and endpoints that istiod would send by themselves are put where they are used, and the filter
// where Istio's agent would put it.

import { readFileSync } from "node:fs";

import type { Loose, Manifest } from "./world.ts";

export interface Recorded {
  /** Our own manifests that Istio was given, without what depends on the filter's bytes. */
  readonly manifests: readonly Manifest[];
  readonly listeners: readonly Loose[];
  readonly routes: readonly Loose[];
  readonly clusters: readonly Loose[];
}

export function recorded(name: string): Recorded {
  return JSON.parse(readFileSync(new URL(`./recorded/${name}.json`, import.meta.url), "utf8"));
}

/** One resource a line, so that a new recording shows what changed. */
export function recordingText({ manifests, listeners, routes, clusters }: Recorded): string {
  const lists = { manifests, listeners, routes, clusters };
  const texts = Object.entries(lists).map(([key, list]) =>
    `"${key}": [\n${list.map((one) => JSON.stringify(one)).join(",\n")}\n]`);
  return `{\n${texts.join(",\n")}\n}\n`;
}

/** Without hashes and the image's name: the routes' and patches' own words. */
export function comparable(manifests: readonly Manifest[]): readonly Manifest[] {
  return manifests.map(({ metadata: { annotations: _, ...metadata }, spec, ...rest }) => {
    const { url: _url, sha256: _sha, vmConfig: _vm, ...others } = spec.wasm ?? spec;
    return { ...rest, metadata, spec: spec.wasm ? { ...spec, wasm: others } : others };
  });
}

export interface Place {
  /** Where Envoy finds filter.wasm; absent: Istio's agent could not fetch it. */
  readonly filterPath?: string;
  /** By the Service's name. */
  readonly backends: ReadonlyMap<string, { readonly address: string; readonly port: number }>;
  readonly pair?: { readonly certificate: string; readonly key: string };
}

export function bootstrapOf(what: Recorded, place: Place): string {
  return JSON.stringify({
    node: { id: "router~127.0.0.1~gateway.demo~demo.svc.cluster.local", cluster: "gateway" },
    admin: { address: socket(0) },
    static_resources: {
      listeners: what.listeners.map((listener) => listenerOf(listener, what, place)),
      clusters: what.clusters.map((cluster) => clusterOf(cluster, place)),
    },
  });
}

function socket(port: number): Loose {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}

function listenerOf(listener: Loose, what: Recorded, place: Place): Loose {
  const { additionalAddresses: _, bindToPort: _bind, ...rest } = listener;
  return {
    ...rest,
    address: socket(0),
    filterChains: listener.filterChains.map((chain: Loose) => ({
      ...chain,
      ...(chain.transportSocket && { transportSocket: secured(chain.transportSocket, place) }),
      filters: chain.filters.map((filter: Loose) => (filter.typedConfig?.httpFilters
        ? { ...filter, typedConfig: managerOf(filter.typedConfig, what, place) } : filter)),
    })),
  };
}

/** A key pair in the place of one that istiod would send. */
function secured({ typedConfig, ...rest }: Loose, { pair }: Place): Loose {
  const { tlsCertificateSdsSecretConfigs: _, ...common } = typedConfig.commonTlsContext;
  const tlsCertificates = [{
    certificateChain: { inlineString: pair?.certificate },
    privateKey: { inlineString: pair?.key },
  }];
  return { ...rest,
    typedConfig: { ...typedConfig, commonTlsContext: { ...common, tlsCertificates } } };
}

function managerOf(manager: Loose, what: Recorded, place: Place): Loose {
  const { rds, ...rest } = manager;
  return {
    ...rest,
    ...(rds && { routeConfig: what.routes.find(({ name }) => name === rds.routeConfigName) }),
    httpFilters: manager.httpFilters.map((filter: Loose) => (filter.configDiscovery
      ? { name: filter.name, typedConfig: extension(filter.name, what, place) } : filter)),
  };
}

/** As istiod makes it of the manifest, and the agent of a failure to fetch. */
function extension(name: string, { manifests }: Recorded, { filterPath }: Place): Loose {
  const plugin = manifests.find(({ metadata }) => name.includes(`.${metadata.name}`));
  const { pluginName, failStrategy } = plugin!.spec.wasm ?? plugin!.spec;
  if (filterPath === undefined) {
    return {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
      rules: {}, rulesStatPrefix: "wasm-default-deny",
    };
  }
  return {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
    config: {
      name: plugin!.metadata.name,
      rootId: pluginName,
      failurePolicy: failStrategy === "FAIL_CLOSE" ? "FAIL_CLOSED" : failStrategy,
      vmConfig: { runtime: "envoy.wasm.runtime.v8", code: { local: { filename: filterPath } } },
    },
  };
}

function clusterOf(cluster: Loose, { backends }: Place): Loose {
  if (cluster.type !== "EDS") return cluster;
  const { edsClusterConfig: _, ...rest } = cluster;
  const [, , , host = ""] = cluster.name.split("|");
  const backend = backends.get(host.split(".")[0]);
  const endpoint = backend && { endpoint: { address: socket(backend.port) } };
  return {
    ...rest, type: "STATIC",
    loadAssignment: {
      clusterName: cluster.name, endpoints: [{ lbEndpoints: endpoint ? [endpoint] : [] }],
    },
  };
}
