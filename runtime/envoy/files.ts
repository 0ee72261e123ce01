// A running Envoy's configuration as resources that it discovers: listeners (LDS), clusters (CDS),
// and for each gateway port its routes (RDS) and its filter (ECDS). Listeners only name these two,
// so that another table is another filter under the same listener: no connection is closed for it.

import { createHash } from "node:crypto";

import type { Json } from "../../compiler/emit/artifact.ts";
import { envoyClusters } from "../../compiler/emit/envoy/clusters.ts";
import { filterCode, tableConfiguration, wasmConfig, wasmType }
  from "../../compiler/emit/envoy/filter.ts";
import { envoyListener } from "../../compiler/emit/envoy/listener.ts";
import { gatewayPortName } from "../../compiler/table/plan.ts";
import { nativeListener, nativeRouteConfiguration, nativeRuntime, placeholder }
  from "../../compiler/emit/envoy/native.ts";
import type { ListenerPort } from "../../compiler/emit/envoy/ports.ts";
import { entrances, routeConfiguration } from "../../compiler/emit/envoy/routes.ts";
import { usedCertificates, type KeyPairFiles } from "../../compiler/emit/envoy/tls.ts";
import type { Certificate, GatewayPort, Ir, RoutePolicy } from "../../compiler/ir.ts";
import { discovered, discoveryCluster, type Subject } from "./discovery.ts";
import { ejectionsFile } from "./health.ts";

type Fields = { readonly [key: string]: Json };

export const allListeners: Subject = { kind: "listeners", name: "" };
export const allClusters: Subject = { kind: "clusters", name: "" };

export function filterOf(gatewayPort: GatewayPort): Subject {
  return { kind: "extension_configs", name: gatewayPortName(gatewayPort) };
}

export function routesOf(name: string): Subject {
  return { kind: "routes", name };
}

/** Where Envoy asks, in its own folder. */
export function discoverySocket(folder: string): string {
  return `${folder}/discovery.sock`;
}

/** A port and the local port asked for it. */
export interface LocalListener {
  readonly listenerPort: ListenerPort;
  readonly localPort: number;
}

/** What Envoy is to serve. */
export interface Wanted {
  readonly ir: Ir;
  readonly policies: readonly RoutePolicy[];
  readonly listeners: readonly LocalListener[];
  readonly filterWasm: Uint8Array;
  /** What the filter is configured with; empty: its table is baked in. */
  readonly table: Uint8Array;
  /** The filter's file name, made of its content. */
  readonly filterName: string;
  readonly systemRoots: string;
  /** Whether Envoy routes by itself: then there is no filter. */
  readonly isNative: boolean;
}

/** The bootstrap for an Envoy whose files are in `folder`. */
export function dynamicBootstrap(folder: string): string {
  return JSON.stringify({
    // The system chooses the port; --admin-address-path tells it.
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } },
    node: { id: "fairlead-dev", cluster: "fairlead-dev" },
    layered_runtime: nativeRuntime(),
    cluster_manager: { outlier_detection: { event_log_path: `${folder}/${ejectionsFile}` } },
    static_resources: { clusters: [discoveryCluster(discoverySocket(folder))] },
    dynamic_resources: { lds_config: discovered(), cds_config: discovered() },
  });
}

/** The listeners as resources; equal ones need no update. */
export function listenerResources(folder: string, wanted: Wanted): readonly Json[] {
  const { policies, isNative, ir: { clusters } } = wanted;
  const routes = { policies, clusters, filterName: "" };
  return wanted.listeners.map(({ listenerPort, localPort }) => {
    const listener = envoyListener(listenerPort, {
      address: "127.0.0.1",
      port: localPort,
      // Otherwise a second process would share the port in silence and take half the requests.
      reusePort: false,
      routes,
      manager: (gatewayPort) => ({
        filter: isNative ? placeholder : {
          name: gatewayPortName(gatewayPort),
          config_discovery: {
            config_source: discovered(),
            type_urls: [wasmType],
          },
        },
        discoverRoutes: discovered,
        // A policy that needs another filter would otherwise be another listener.
        allFilters: true,
      }),
      keyPairs: keyPairsIn(folder),
    });
    return {
      "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
      ...isNative ? nativeListener(listener, listenerPort.http, routes) : listener,
    };
  });
}

/** The route configurations by their names; with the policies of `retiring` as well. */
export function routeResources(
  { listeners, policies, isNative, ir: { clusters } }: Wanted, retiring?: Wanted,
): ReadonlyMap<string, Fields> {
  const old = retiring && { policies: retiring.policies, clusters: retiring.ir.clusters };
  return new Map(listeners.flatMap(({ listenerPort: { http } }) => {
    if (!http) return [];
    const filterName = gatewayPortName(http);
    const input = { policies, clusters, filterName, ...(old && { retiring: old }) };
    return entrances(http).map((entrance): [string, Fields] => [entrance.name, {
      "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
      ...isNative
        ? nativeRouteConfiguration(entrance, http, input) : routeConfiguration(entrance, input),
    }]);
  }));
}

/** The clusters by their names. */
export function clusterResources(
  folder: string, { ir: { clusters }, policies, systemRoots }: Wanted,
): ReadonlyMap<string, Fields> {
  const options = { waitForDns: false, keyPairs: keyPairsIn(folder), systemRoots };
  return new Map(envoyClusters(clusters, policies, options).map((cluster) =>
    [String(cluster["name"]),
      { "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", ...cluster }]));
}

/** `wasm` is a file's path. */
export function filterResources(
  gatewayPort: GatewayPort, wasm: string, table: Uint8Array,
): readonly Json[] {
  const configuration = table.length > 0 ? tableConfiguration(table) : undefined;
  return [{
    "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
    name: gatewayPortName(gatewayPort),
    typed_config: wasmConfig(gatewayPort, filterCode({ kind: "file", path: wasm }),
      configuration),
  }];
}

// --- Key pairs -----------------------------------------------------------------------------------

/** Named by content: a renewed certificate is another file, and so another listener to Envoy. */
function keyPairName({ certificate, key }: Certificate): string {
  const hash = createHash("sha256").update(certificate).update("\0").update(key).digest("hex");
  return `tls-${hash.slice(0, 16)}`;
}

function keyPairsIn(folder: string): KeyPairFiles {
  return (certificate) => {
    const name = keyPairName(certificate);
    return { certificate: `${folder}/${name}.crt`, key: `${folder}/${name}.key` };
  };
}

/** File name → PEM text, for every key pair that is used. */
export function keyPairContents({ ir }: Wanted): ReadonlyMap<string, string> {
  return new Map(usedCertificates(ir).flatMap((pair): [string, string][] => {
    const name = keyPairName(pair);
    return [[`${name}.crt`, pair.certificate], [`${name}.key`, pair.key]];
  }));
}
