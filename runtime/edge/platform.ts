// What the worker asks of the platform, deployed and in `fairlead dev` alike.

export const compatibilityDate = "2026-07-01";

/** `request.signal` tells when the client goes away, so that its share of a limit is free again. */
export const compatibilityFlags: readonly string[] = ["enable_request_signal"];

/**
 * V8's flags for a workerd of one's own. V8 knows little of what workerd keeps for each of its
 * objects outside the heap: left alone it lets 15 KB a request lie until they are a third of a
 * gigabyte. A small young generation, of which each collection takes the old one with it, keeps
 * memory flat at no cost in CPU time that could be measured (docs/benchmarks.md, "Swapping").
 */
export const v8Flags: readonly string[] = ["--max-semi-space-size=2", "--gc-global"];
