// A small proxy-wasm host: what Envoy gives a filter, in a few maps. It counts every call, so that
// a test can say what a request costs.

export interface HostedFilter {
  readonly exports: WebAssembly.Instance["exports"];
  readonly memory: WebAssembly.Memory;
  /** Calls of the request at hand, in order. */
  readonly calls: string[];
  readonly logs: string[];
  start(): boolean;
  /** `name` is the plugin's root id; the configuration itself, if it is text, without one. */
  configure(root: number, configuration: string | Uint8Array, name?: string): boolean;
  /** A stream of a plugin begins. */
  open(context: number, root: number): void;
  /** A stream or a plugin ends. */
  end(context: number): void;
  request(context: number, headers: readonly Header[]): Answer;
}

export type Header = readonly [string, string];

export interface Answer {
  readonly action: "continue" | "respond";
  readonly headers: readonly Header[];
  readonly status?: number;
  readonly details?: string;
  readonly responseHeaders?: readonly Header[];
}

const utf8 = new TextEncoder();
const text = new TextDecoder();
const OK = 0;
const NOT_FOUND = 1;
const INVALID_MEMORY_ACCESS = 6;

export function hostFilter(wasm: Uint8Array<ArrayBuffer>): HostedFilter {
  const calls: string[] = [];
  const logs: string[] = [];
  let headers: Header[] = [];
  let configuration: Uint8Array = new Uint8Array();
  let rootId = "";
  let local: Pick<Answer, "status" | "details" | "responseHeaders"> | undefined;
  let instance: WebAssembly.Instance;
  const memory = (): WebAssembly.Memory => instance.exports["memory"] as WebAssembly.Memory;
  const read = (ptr: number, length: number): string =>
    text.decode(new Uint8Array(memory().buffer, ptr, length));
  const give = (bytes: Uint8Array, ptrPtr: number, lengthPtr: number): number => {
    const malloc = instance.exports["malloc"] as (length: number) => number;
    const ptr = malloc(bytes.length);
    if (ptr === 0) return INVALID_MEMORY_ACCESS;
    new Uint8Array(memory().buffer).set(bytes, ptr);
    const view = new DataView(memory().buffer);
    view.setUint32(ptrPtr, ptr, true);
    view.setUint32(lengthPtr, bytes.length, true);
    return OK;
  };
  const without = (name: string): Header[] => headers.filter(([n]) => n !== name);
  const env = {
    proxy_log: (_level: number, ptr: number, length: number) => {
      logs.push(read(ptr, length));
      return OK;
    },
    proxy_get_header_map_value: (
      _map: number,
      ptr: number,
      length: number,
      to: number,
      toLength: number,
    ) => {
      const found = headers.find(([n]) => n === read(ptr, length));
      return found ? give(utf8.encode(found[1]), to, toLength) : NOT_FOUND;
    },
    proxy_get_header_map_pairs: (_map: number, to: number, toLength: number) =>
      give(serialize(headers), to, toLength),
    proxy_replace_header_map_value: (
      _map: number,
      k: number,
      kl: number,
      v: number,
      vl: number,
    ) => {
      const name = read(k, kl);
      headers = [...without(name), [name, read(v, vl)]];
      return OK;
    },
    proxy_add_header_map_value: (_map: number, k: number, kl: number, v: number, vl: number) => {
      headers = [...headers, [read(k, kl), read(v, vl)]];
      return OK;
    },
    proxy_remove_header_map_value: (_map: number, k: number, kl: number) => {
      headers = without(read(k, kl));
      return OK;
    },
    proxy_send_local_response: (
      status: number,
      d: number,
      dl: number,
      _b: number,
      _bl: number,
      h: number,
      hl: number,
    ) => {
      const responseHeaders = deserialize(new Uint8Array(memory().buffer, h, hl));
      local = { status, details: read(d, dl), responseHeaders };
      return OK;
    },
    proxy_get_buffer_bytes: (
      _buffer: number,
      start: number,
      max: number,
      to: number,
      toLength: number,
    ) => give(configuration.subarray(start, start + max), to, toLength),
    proxy_get_property: (_path: number, _length: number, to: number, toLength: number) =>
      give(utf8.encode(rootId), to, toLength),
  };
  const counted = Object.fromEntries(
    Object.entries(env).map(([name, call]) => [
      name,
      (...args: number[]) => {
        calls.push(name.replace("proxy_", ""));
        return (call as (...a: number[]) => number)(...args);
      },
    ]),
  );
  instance = new WebAssembly.Instance(new WebAssembly.Module(wasm), { env: counted });
  const call = (name: string, ...args: number[]): number =>
    (instance.exports[name] as ((...a: number[]) => number) | undefined)?.(...args) ?? 0;
  return {
    exports: instance.exports,
    memory: memory(),
    calls,
    logs,
    start: () => call("proxy_on_vm_start", 1, 0) === 1,
    configure: (root, config, name) => {
      configuration = typeof config === "string" ? utf8.encode(config) : config;
      rootId = name ?? (typeof config === "string" ? config : "");
      return call("proxy_on_configure", root, configuration.length) === 1;
    },
    open: (context, root) => void call("proxy_on_context_create", context, root),
    end: (context) => void call("proxy_on_delete", context),
    request: (context, given) => {
      headers = [...given];
      local = undefined;
      calls.length = 0;
      const action = call("proxy_on_request_headers", context, given.length, 1);
      return action === 0
        ? { action: "continue", headers }
        : { action: "respond", headers, ...(local ?? {}) };
    },
  };
}

function serialize(headers: readonly Header[]): Uint8Array {
  const parts = headers.map(([n, v]) => [utf8.encode(n), utf8.encode(v)] as const);
  const size = 4 + parts.reduce((sum, [n, v]) => sum + 8 + n.length + v.length + 2, 0);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, parts.length, true);
  let at = 4 + parts.length * 8;
  parts.forEach(([n, v], i) => {
    view.setUint32(4 + i * 8, n.length, true);
    view.setUint32(8 + i * 8, v.length, true);
    bytes.set(n, at);
    bytes.set(v, at + n.length + 1);
    at += n.length + v.length + 2;
  });
  return bytes;
}

function deserialize(bytes: Uint8Array): Header[] {
  if (bytes.length === 0) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 4 + view.getUint32(0, true) * 8;
  return Array.from({ length: view.getUint32(0, true) }, (_, i) => {
    const n = view.getUint32(4 + i * 8, true);
    const v = view.getUint32(8 + i * 8, true);
    const pair: Header = [
      text.decode(bytes.subarray(at, at + n)),
      text.decode(bytes.subarray(at + n + 1, at + n + 1 + v)),
    ];
    at += n + v + 2;
    return pair;
  });
}
