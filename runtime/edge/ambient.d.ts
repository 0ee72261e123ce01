// What workerd has and Node's types do not know: declared as far as we use it.

declare namespace WebAssembly {
  interface Memory { readonly buffer: ArrayBuffer }
  interface Module { readonly [Symbol.toStringTag]?: string }
  interface Instance { readonly exports: Readonly<Record<string, unknown>> }
}

declare var WebAssembly: {
  readonly Module: {
    new (bytes: Uint8Array): WebAssembly.Module;
    imports(module: WebAssembly.Module): readonly {
      readonly module: string;
      readonly name: string;
    }[];
  };
  readonly Instance: new (module: WebAssembly.Module, imports?: object) => WebAssembly.Instance;
};

/** A transform stream that tells the HTTP layer the body's length. */
declare class FixedLengthStream {
  constructor(length: number);
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

/** A transform stream without a queue: a write ends once its bytes were read. */
declare class IdentityTransformStream {
  constructor();
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

/** A WebSocket whose other end is a client's. */
interface PlatformWebSocket {
  binaryType: string;
  accept(): void;
  send(data: string | Uint8Array): void;
  close(code?: number, reason?: string): void;
  addEventListener(
    kind: "message", listener: (event: { readonly data: string | ArrayBuffer }) => void): void;
  addEventListener(
    kind: "close", listener: (event: { readonly code: number; readonly reason: string }) => void,
  ): void;
  addEventListener(kind: "error", listener: () => void): void;
}

declare class WebSocketPair {
  /** For the response. */
  readonly 0: WebSocket;
  readonly 1: PlatformWebSocket;
}

declare module "cloudflare:sockets" {
  export interface Socket {
    readonly readable: ReadableStream<Uint8Array>;
    readonly writable: WritableStream<Uint8Array>;
    readonly opened: Promise<unknown>;
    readonly closed: Promise<void>;
    close(): Promise<void>;
  }
  export function connect(
    address: { readonly hostname: string; readonly port: number },
    options?: { readonly allowHalfOpen?: boolean },
  ): Socket;
}

declare module "*/core.wasm" {
  export const core: never;
  const module: WebAssembly.Module;
  export default module;
}

declare module "*/routes.bin" {
  export const routes: never;
  const bytes: ArrayBuffer;
  export default bytes;
}
