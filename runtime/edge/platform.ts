// What the worker asks of the platform, deployed and in `fairlead dev` alike.

export const compatibilityDate = "2026-07-01";

/** `request.signal` tells when the client goes away, so that its share of a limit is free again. */
export const compatibilityFlags: readonly string[] = ["enable_request_signal"];
