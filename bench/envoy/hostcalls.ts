// What the filter asks of its host for one request: the filter that Envoy runs, in the proxy-wasm
// host of the tests, which counts. Envoy has no such counter of its own.

import { hostFilter, type Header } from "../../test/filter/host.ts";
import { hostname } from "./workload.ts";

/** The host calls that a request for `path` makes, in order. */
export type HostcallsOf =
  (path: string, headers: Readonly<Record<string, string>>) => readonly string[];

export function hostcalls(filterWasm: Uint8Array<ArrayBuffer>): HostcallsOf {
  const filter = hostFilter(filterWasm);
  if (!filter.start() || !filter.configure(1, "")) {
    throw new Error(`the filter does not start: ${filter.logs.join()}`);
  }
  return (path, headers) => {
    const sent: readonly Header[] = [
      [":authority", hostname], [":path", path], [":method", "GET"], [":scheme", "http"],
      ...Object.entries(headers), ["x-forwarded-proto", "http"],
      ["x-request-id", "8a2cd0a6-0a9b-4b0e-8a9c-6f1f5b0a4a3e"],
    ];
    filter.request(2, sent);
    return [...filter.calls];
  };
}

/** `get_header_map_value ×2, replace_header_map_value`. */
export function described(calls: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const call of calls) counts.set(call, (counts.get(call) ?? 0) + 1);
  return [...counts].map(([call, count]) => (count === 1 ? call : `${call} ×${count}`)).join(", ");
}
