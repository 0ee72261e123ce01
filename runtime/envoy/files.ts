// A running Envoy's configuration as files that it watches: listeners (LDS), clusters (CDS), and
// for each gateway port its filter (ECDS). Listeners only name their filter, so that another table
// is another filter under the same listener: no connection is closed for it.

import type { Json } from "../../compiler/emit/artifact.ts";
import { envoyCluster } from "../../compiler/emit/envoy/cluster.ts";
import { envoyListener, filterCode, wasmConfig, wasmType }
  from "../../compiler/emit/envoy/listener.ts";
import { gatewayPortName } from "../../compiler/emit/envoy/names.ts";
import type { Cluster, GatewayPort } from "../../compiler/ir.ts";

type Fields = { readonly [key: string]: Json };

export const listenersFile = "listeners.json";
export const clustersFile = "clusters.json";

export function filterFile(gatewayPort: GatewayPort): string {
  const { gateway, port } = gatewayPort;
  return `filter.${gateway.namespace}.${gateway.name}.${port}.json`;
}

/** A gateway port and the local port asked for it. */
export interface LocalListener {
  readonly gatewayPort: GatewayPort;
  readonly localPort: number;
}

/** The bootstrap for an Envoy whose files are in `folder`. */
export function dynamicBootstrap(folder: string): string {
  return JSON.stringify({
    // The system chooses the port; --admin-address-path tells it.
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } },
    node: { id: "fairlead-dev", cluster: "fairlead-dev" },
    dynamic_resources: { 
      lds_config: watched(folder, listenersFile),
      cds_config: watched(folder, clustersFile),
    },
  });
}

/** Envoy reads the file again when another one is renamed onto it. */
function watched(folder: string, name: string): Fields {
  return { resource_api_version: "V3", path_config_source: { path: `${folder}/${name}` } };
}

export function listenersResponse(
  version: string, folder: string, listeners: readonly LocalListener[],
): string {
  return response(version, listeners.map(({ gatewayPort, localPort }) => ({
    "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
    ...envoyListener(gatewayPort, {
      address: "127.0.0.1",
      port: localPort,
      filter: {
        name: gatewayPortName(gatewayPort),
        config_discovery: {
          config_source: watched(folder, filterFile(gatewayPort)),
          type_urls: [wasmType],
        },
      },
      // Otherwise a second process would share the port in silence and take half the requests.
      reusePort: false,
    }),
  })));
}

export function clustersResponse(version: string, clusters: readonly Cluster[]): string {
  return response(version, clusters.map((cluster) => ({
    "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    ...envoyCluster(cluster, { waitForDns: false }),
  })));
}

export function filterResponse(version: string, gatewayPort: GatewayPort, wasm: string): string {
  return response(version, [{
    "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
    name: gatewayPortName(gatewayPort),
    typed_config: wasmConfig(gatewayPort, filterCode({ kind: "file", path: wasm })),
  }]);
}

function response(version: string, resources: readonly Json[]): string {
  return JSON.stringify({ version_info: version, resources });
}
