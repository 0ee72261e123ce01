// The resource that puts the filter into a Gateway's pods: a WasmPlugin, or what took its place.

import type { GatewayPort } from "../../ir.ts";
import { ownLabels } from "../../own.ts";
import type { Json } from "../artifact.ts";
import { gatewayPortName } from "../../table/plan.ts";
import type { Image } from "../named-image.ts";
import { gatewayGroup, meshPluginName, pluginName } from "./names.ts";
import type { Pods } from "./pods.ts";
import type { Release, Targeting } from "./release.ts";

type Fields = { readonly [key: string]: Json };

export function plugin(
  gatewayPort: GatewayPort, pods: Pods, image: Image, release: Release,
): Fields {
  const { gateway, port } = gatewayPort;
  const metadata = { name: pluginName(gateway, port), namespace: pods.namespace };
  return resource(gatewayPort, metadata, {
    ...target(gatewayPort, pods, release.pluginTargeting, "selector"),
    // No mode: Istio counts a gateway's listeners as the client's side, the default is both. The
    // number is the port that the pods listen on.
    match: [{ ports: [{ number: pods.podPort(port) }] }],
  }, image, release);
}

/** For all workloads of a namespace, on the side where they are clients. */
export function meshPlugin(
  gatewayPort: GatewayPort, namespace: string, image: Image, release: Release,
): Fields {
  const { port } = gatewayPort;
  const match = [{ mode: "CLIENT", ports: [{ number: port }] }];
  const metadata = { name: meshPluginName(port), namespace };
  return resource(gatewayPort, metadata, { match }, image, release);
}

function resource(
  gatewayPort: GatewayPort, metadata: { readonly name: string; readonly namespace: string },
  where: Fields, image: Image, release: Release,
): Fields {
  // The first phase: the route is taken before any authorization looks at it.
  const common = { ...where, phase: "AUTHN" };
  const isExtension = release.pluginKind === "TrafficExtension";
  return {
    apiVersion: "extensions.istio.io/v1alpha1",
    kind: release.pluginKind,
    metadata: {
      ...metadata,
      labels: ownLabels,
      annotations: { "fairlead.dev/filter-sha256": image.fileHash },
    },
    spec: isExtension
      ? { ...common, wasm: wasm(gatewayPort, image) }
      : { ...common, ...wasm(gatewayPort, image) },
  };
}

function wasm(gatewayPort: GatewayPort, image: Image): Fields {
  const { url, fileHash, digest, tableHash, pullSecret, config } = image;
  const isImage = url.startsWith("oci://");
  return {
    // Becomes the plugin's root id in Envoy, by which the filter finds its gateway port. The
    // plugin's configuration could not be this text, because Istio makes JSON of it.
    pluginName: gatewayPortName(gatewayPort),
    pluginConfig: config,
    url,
    // Of an image Istio compares the manifest's digest.
    sha256: isImage ? digest : url.startsWith("file://") ? undefined : fileHash,
    imagePullPolicy: isImage ? "IfNotPresent" : undefined,
    imagePullSecret: isImage ? pullSecret : undefined,
    // Without the filter there is nobody to say where a request may go.
    failStrategy: "FAIL_CLOSE",
    // The filter does not read it. The proxy's configuration dump shows it: which table runs there.
    vmConfig: { env: [{ name: "FAIRLEAD_TABLE_SHA256", value: tableHash }] },
  };
}

/** `targetRefs`, or the pods' labels in the form that the kind has for them. */
export function target(
  { gateway }: Pick<GatewayPort, "gateway">, { labels, ownPods }: Pods, targeting: Targeting,
  form: "selector" | "workloadSelector",
): Fields {
  if (targeting === "targetRefs" && ownPods) {
    return { targetRefs: [{ group: gatewayGroup, kind: "Gateway", name: gateway.name }] };
  }
  return form === "selector"
    ? { selector: { matchLabels: labels } } : { workloadSelector: { labels } };
}
