// What whoever applies the manifests should know about routes that Istio has as well.

import { diagnostic, type Diagnostic } from "../../diagnostic.ts";
import type { GatewayPort } from "../../ir.ts";
import { compareText } from "../../order.ts";
import { keyText } from "../../resolve/lookup.ts";
import type { ResolvedGateway, ResolvedListener } from "../../resolve/resolved.ts";
import type { EnvoyFilter } from "./filter.ts";

/** One for each Gateway: which hostnames the filter answers for, whatever Istio makes of them. */
export function alsoRouted(
  { resource }: ResolvedGateway, ports: readonly GatewayPort[],
): readonly Diagnostic[] {
  const hosts = ports.flatMap(({ virtualHosts }) => virtualHosts);
  const carried = namesOf(hosts.filter((h) => h.matches.length > 0).map((h) => h.hostname));
  if (carried.length === 0) return [];
  return [diagnostic({
    code: "FL0417",
    title: `the filter answers for ${listed(carried)} of Gateway \`${resource.metadata.name}\`, and`
      + " Istio's own routes for every other hostname",
    resource: `Gateway ${keyText(resource.metadata)}`,
    effect: "routes of these hostnames that are applied to the cluster as well take requests only"
      + " where the filter is not attached",
    help: "`--hostname` moves hostnames over one at a time",
  })];
}

function namesOf(hostnames: readonly string[]): readonly string[] {
  return [...new Set(hostnames)].sort(compareText);
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 5).map((name) => `\`${name}\``).join(", ");
  return names.length > 5 ? `${shown} and ${names.length - 5} more hostnames` : shown;
}

/** See place.ts. */
export function closedToPlace(
  { resource }: ResolvedGateway, listener: ResolvedListener,
): Diagnostic {
  const path = ["spec", "listeners", listener.index, "allowedRoutes"];
  return diagnostic({
    code: "FL0418",
    title: `listener \`${listener.label}\` does not admit HTTPRoutes of namespace`
      + ` \`${resource.metadata.namespace}\``,
    primary: { span: listener.owner.manifest.at(path) },
    resource: `${listener.owner.kind} ${keyText(listener.owner.metadata)}`,
    effect: "under Istio a hostname that only the filter carries is a 404 there, unless an applied"
      + " route names it",
    help: "let the listener admit routes of the Gateway's own namespace",
  });
}

/** etcd takes requests of 1.5 MiB; managed fields and annotations need room as well. */
const objectMax = 1_048_576;

/** Each policy of a route (timeouts, mirrors, rewrites, …) is a route in an EnvoyFilter. */
export function tooLarge(filter: EnvoyFilter): readonly Diagnostic[] {
  const size = JSON.stringify(filter).length;
  if (size <= objectMax) return [];
  const { namespace, name } = filter.metadata;
  return [diagnostic({
    code: "FL0422",
    title: `the EnvoyFilter \`${name}\` takes ${size} bytes, and a Kubernetes object has room for`
      + ` ${objectMax}`,
    resource: `EnvoyFilter ${namespace}/${name}`,
    effect: "the API server would refuse it",
    help: "rules that differ in timeouts, retries, mirrors, CORS, header edits or rewrites are a"
      + " route each; spread them over several Gateways, or let more of them be alike",
  })];
}

export function withoutImage(url: string): Diagnostic {
  return diagnostic({
    code: "FL0419",
    title: "the manifests name an image that does not exist yet",
    effect: `Istio would ask for \`${url}\`, and answer every request with 403 as long as it is not`
      + " there",
    help: "name the image with `--image`, and send it there with"
      + " `fairlead push IMAGE --filter istio/filter.wasm`",
  });
}

/** Whoever makes the image with other tools must know why Istio refuses it. */
export function pinnedImage(url: string): Diagnostic {
  const reference = url.slice("oci://".length);
  return diagnostic({
    code: "FL0421",
    title: "the manifests name the image by the digest that `fairlead push` gives it",
    effect: "Istio takes no other image, whatever the tag leads to",
    help: `\`fairlead push ${reference} --filter istio/filter.wasm\` sends it; of an image made`
      + " otherwise, name the digest: `--image oci://…@sha256:…`",
  });
}
