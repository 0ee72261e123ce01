// The resources that bring the filter, and the route that gives it something to run on.

import type { GatewayPort } from "../../ir.ts";
import type { ObjectKey } from "../../resources.ts";
import { envoyGatewayGroup } from "../../resources/envoy-gateway.ts";
import type { Json } from "../artifact.ts";
import { gatewayPortName } from "../../table/plan.ts";
import { ownLabels } from "../../own.ts";
import { gatewayGroup, placeName, pluginName } from "../istio/names.ts";
import type { Image } from "../named-image.ts";

type Fields = { readonly [key: string]: Json };

export const extensionApi = `${envoyGatewayGroup}/v1alpha1`;

export function extensionPolicy(gatewayPort: GatewayPort, image: Image): Fields {
  const { gateway, port, listeners } = gatewayPort;
  const name = gatewayPortName(gatewayPort);
  return {
    apiVersion: extensionApi,
    kind: "EnvoyExtensionPolicy",
    metadata: {
      name: pluginName(gateway, port), namespace: gateway.namespace, labels: ownLabels,
      annotations: { "fairlead.dev/table-sha256": image.tableHash },
    },
    spec: {
      targetRefs: listeners.map((listener) => ({
        group: gatewayGroup, kind: "Gateway", name: gateway.name, sectionName: listener.name,
      })),
      // The root id tells the filter which of the table's ports it stands for.
      wasm: [{ name, rootID: name, code: codeOf(image), config: image.config, failOpen: false }],
    },
  };
}

function codeOf({ url, digest, fileHash, pullSecret }: Image): Fields {
  if (!url.startsWith("oci://")) return { type: "HTTP", http: { url, sha256: fileHash } };
  return {
    type: "Image",
    image: {
      url: url.slice("oci://".length), sha256: digest,
      pullSecretRef: pullSecret === undefined ? undefined : { name: pullSecret },
    },
  };
}

/** Takes every request that no applied route does. */
export function place(gateway: ObjectKey): Fields {
  const name = placeName(gateway);
  return {
    apiVersion: `${gatewayGroup}/v1`,
    kind: "HTTPRoute",
    metadata: { name, namespace: gateway.namespace, labels: ownLabels },
    spec: {
      parentRefs: [{ group: gatewayGroup, kind: "Gateway", name: gateway.name }],
      rules: [{
        matches: [{ path: { type: "PathPrefix", value: "/" } }],
        filters: [{
          type: "ExtensionRef",
          extensionRef: { group: envoyGatewayGroup, kind: "HTTPRouteFilter", name },
        }],
      }],
    },
  };
}

export function directResponse(gateway: ObjectKey): Fields {
  return {
    apiVersion: extensionApi,
    kind: "HTTPRouteFilter",
    metadata: { name: placeName(gateway), namespace: gateway.namespace, labels: ownLabels },
    spec: { directResponse: { statusCode: 404 } },
  };
}
