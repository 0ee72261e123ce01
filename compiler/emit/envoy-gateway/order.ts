// Where the filter stands among Envoy Gateway's own. There authorization and rate limits are
// configured by route, and stand behind extensions: they would look at the route that our filter
// chooses, which Envoy Gateway knows nothing of, and let everything pass. The `filterOrder` of an
// EnvoyProxy moves the filter behind them (seen with Envoy Gateway 1.9).

import { diagnostic, type Diagnostic } from "../../diagnostic.ts";
import { keyText } from "../../resolve/lookup.ts";
import type { Resolved, ResolvedGateway } from "../../resolve/resolved.ts";
import type { EnvoyProxySpec, ObjectKey } from "../../resources.ts";
import { isEnvoyProxy } from "../../resources/envoy-gateway.ts";
import { classOf } from "../gateway-class.ts";

const kind = (name: string): string => `envoy.filters.http.${name}`;

const wasm = kind("wasm");

/** In Envoy Gateway's own order, in which the filter has to be moved behind them. */
const guards = ["rbac", "local_ratelimit", "ratelimit"].map(kind);

/** What is to be said of Gateways whose filter may stand before Envoy Gateway's own. */
export function orderGaps(
  gateways: readonly ResolvedGateway[], resolved: Resolved,
): readonly Diagnostic[] {
  const specs = new Map(resolved.inventory.envoyProxies
    .map(({ metadata, spec }) => [keyText(metadata), spec ?? {}]));
  return gateways.flatMap((gateway) => {
    const proxy = proxyOf(gateway, resolved);
    const spec = proxy && specs.get(keyText(proxy));
    return spec && standsBehind(spec) ? [] : [orderGap(gateway, proxy, spec)];
  });
}

function orderGap(
  { resource }: ResolvedGateway, proxy: ObjectKey | undefined, spec: EnvoyProxySpec | undefined,
): Diagnostic {
  const why = proxy === undefined ? "it has no EnvoyProxy that says otherwise"
    : spec === undefined ? `its EnvoyProxy \`${keyText(proxy)}\` is not in the input`
      : `its EnvoyProxy \`${keyText(proxy)}\` does not say otherwise`;
  const entries = guards.map((after) => `{name: ${wasm}, after: ${after}}`).join(", ");
  return diagnostic({
    code: "FL0423",
    title: `the filter runs before Envoy Gateway's own authorization and rate limits: ${why}`,
    primary: { span: resource.manifest.at(["metadata", "name"]) },
    resource: `Gateway ${keyText(resource.metadata)}`,
    effect: "what a SecurityPolicy's `authorization` or a BackendTrafficPolicy's `rateLimit`"
      + " forbids passes, on every route that the filter carries",
    help: `the EnvoyProxy that the Gateway or its class refers to needs filterOrder: [${entries}]`,
  });
}

/** The Gateway's own, in its namespace; else its class's. */
function proxyOf(gateway: ResolvedGateway, resolved: Resolved): ObjectKey | undefined {
  const { metadata: { namespace }, spec } = gateway.resource;
  const ref = [spec.infrastructure?.parametersRef, classOf(gateway, resolved)?.parametersRef]
    .find(isEnvoyProxy);
  return ref && { namespace, ...ref };
}

/** Each entry moves the filter, and those that name a filter that is not there do nothing. */
function standsBehind({ filterOrder = [] }: EnvoyProxySpec): boolean {
  const moves = filterOrder.filter(({ name }) => name === wasm);
  const last = moves.slice(-guards.length);
  return last.length === guards.length && last.every(({ after }, i) => after === guards[i]);
}
