// What `fairlead dev` asks of a runtime. The edge and the Envoy runtime have the same shape, so
// that everything above them (watching, swapping, the ready file) is written once.

import type { Routing } from "../../compiler/emit/envoy.ts";
import type { Ir, RoutePolicy } from "../../compiler/ir.ts";
import type { HealthSource } from "../health/view.ts";

/** One routing table, ready to be served. */
export interface RuntimeInput {
  readonly ir: Ir;
  /** The plan's; index 0 asks for nothing. The edge runtime has them in its facts. */
  readonly routePolicies?: readonly RoutePolicy[];
  /** The binary table (routes.flt). */
  readonly table: Uint8Array;
  /**
   * The proxy-wasm filter, which the Envoy runtime configures with the table: Envoy keeps its VM
   * then. Where `table` is empty, one is baked in.
   */
  readonly filterWasm: Uint8Array;
  /** `native`: Envoy routes by itself, without the filter. */
  readonly routing?: Routing;
  /**
   * The local port for a gateway port (index into `ir.gatewayPorts`), 0 to let the system choose.
   * A gateway port that is served already keeps its local port.
   */
  readonly ports: (gatewayPort: number) => number;
}

/** An entry of the ready file: one for each Gateway API listener. */
export interface ServedListener {
  /** `namespace/name` */
  readonly gateway: string;
  readonly listener: string;
  readonly port: number;
  readonly protocol: string;
  /** `127.0.0.1:40123`. Listeners on the same gateway port share it. */
  readonly address: string;
}

export interface Served {
  readonly listeners: readonly ServedListener[];
}

export interface Runtime {
  /** Resolves once every listener answers. Rejects with a PortInUse or with what went wrong. */
  start(input: RuntimeInput): Promise<Served>;
  /**
   * Swaps in another table while requests are answered. Resolves once the new table serves;
   * rejects and goes on with the old one where the new one cannot be served.
   */
  update(input: RuntimeInput): Promise<Served>;
  stop(): Promise<void>;
  /** Tells nothing before the start and after the stop. */
  readonly health: HealthSource;
}

/** The machine lacks something. `dev` prints the message as it is. */
export class SetupProblem extends Error {
  override readonly name: string = "SetupProblem";
}

/** Another process listens there. `dev` turns it into one line that names the flag. */
export class PortInUse extends Error {
  override readonly name = "PortInUse";
  readonly port: number;
  constructor(port: number) {
    super(`port ${port} is in use`);
    this.port = port;
  }
}

/**
 * The ready file's entries, given where each gateway port (by index) is served, and each stream
 * port by a runtime that serves such.
 */
export function servedListeners(
  ir: Ir,
  addressOf: (gatewayPort: number) => string | undefined,
  streamAddressOf: (streamPort: number) => string | undefined = () => undefined,
): readonly ServedListener[] {
  const entries = (
    { gateway, port, protocol, listeners }: PortWithListeners, address: string | undefined,
  ): readonly ServedListener[] => (address === undefined ? [] : listeners.map(({ name }) => ({
    gateway: `${gateway.namespace}/${gateway.name}`, listener: name, port, protocol, address,
  })));
  return [
    ...ir.gatewayPorts.flatMap((port, index) => entries(port, addressOf(index))),
    ...(ir.streamPorts ?? []).flatMap((port, index) => entries(port, streamAddressOf(index))),
  ];
}

interface PortWithListeners {
  readonly gateway: { readonly namespace: string; readonly name: string };
  readonly port: number;
  readonly protocol: string;
  readonly listeners: readonly { readonly name: string }[];
}
