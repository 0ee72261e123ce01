// The one resource of Envoy Gateway's that we look at.

export const envoyGatewayGroup = "gateway.envoyproxy.io";

/** Whether parameters of a Gateway or its class are an EnvoyProxy. */
export function isEnvoyProxy(
  ref: { readonly group: string; readonly kind: string } | undefined,
): boolean {
  return ref?.group === envoyGatewayGroup && ref.kind === "EnvoyProxy";
}

/** Each entry moves filters; later ones move what earlier ones left. */
export interface EnvoyProxySpec {
  readonly filterOrder?: readonly {
    /** A kind of filter, `envoy.filters.http.wasm`. */
    readonly name: string;
    readonly before?: string;
    readonly after?: string;
  }[];
}
