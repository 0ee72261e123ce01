// The wasm filter as Envoy configures it.

import type { GatewayPort } from "../../ir.ts";
import type { Json } from "../artifact.ts";
import { gatewayPortName } from "../../table/plan.ts";

type Fields = { readonly [key: string]: Json };

/** Where Envoy reads the filter from: the bytes themselves (base64) or a file's path. */
export type FilterSource =
  | { readonly kind: "inline"; readonly base64: string }
  | { readonly kind: "file"; readonly path: string };

export const wasmType = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";

/** The filter as an entry of http_filters, for a bootstrap that holds or names the wasm. */
export function wasmHttpFilter(
  gatewayPort: GatewayPort, code: Fields, configuration?: Fields,
): Fields {
  return { name: "fairlead", typed_config: wasmConfig(gatewayPort, code, configuration) };
}

/**
 * A configuration that carries the table. Every gateway port's is the same: the root id tells them
 * apart. Give all listeners the same object, as with `filterCode`.
 */
export function tableConfiguration(table: Uint8Array): Fields {
  return {
    "@type": "type.googleapis.com/google.protobuf.BytesValue",
    value: Buffer.from(table).toString("base64"),
  };
}

/** The `code` field. Give all listeners the same object: YAML then holds the bytes only once. */
export function filterCode(source: FilterSource): Fields {
  return {
    local: source.kind === "inline"
      ? { inline_bytes: source.base64 }
      : { filename: source.path },
  };
}

/** The table is baked into the code, unless the configuration has one. */
export function wasmConfig(
  gatewayPort: GatewayPort, code: Fields, configuration?: Fields,
): Fields {
  const name = gatewayPortName(gatewayPort);
  return {
    "@type": wasmType,
    config: {
      name,
      // One VM serves every gateway port; each has its own root context, told apart by this.
      root_id: name,
      vm_config: { vm_id: "fairlead", runtime: "envoy.wasm.runtime.v8", code },
      // The filter looks up its gateway port in the table by this text.
      configuration: configuration
        ?? { "@type": "type.googleapis.com/google.protobuf.StringValue", value: name },
      // A trap costs its own request. The default would answer 503 until the next push; letting
      // requests pass without the filter would only lead them to the empty route.
      failure_policy: "FAIL_RELOAD",
      reload_config: { backoff: { base_interval: "0.1s" } },
    },
  };
}
