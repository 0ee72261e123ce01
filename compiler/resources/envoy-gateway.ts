// The one resource of Envoy Gateway's that we look at.

export const envoyGatewayGroup = "gateway.envoyproxy.io";

/** Each entry moves filters; later ones move what earlier ones left. */
export interface EnvoyProxySpec {
  readonly filterOrder?: readonly {
    /** A kind of filter, `envoy.filters.http.wasm`. */
    readonly name: string;
    readonly before?: string;
    readonly after?: string;
  }[];
}
