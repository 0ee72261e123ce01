// The proxy-wasm 0.2.1 host calls we use, and their numbers. The specification:
// proxy-wasm/spec, abi-versions/v0.2.1. docs/decisions.md says why no SDK stands here.

export const RESULT_OK: u32 = 0;
export const RESULT_NOT_FOUND: u32 = 1;

export const MAP_REQUEST_HEADERS: u32 = 0;
export const BUFFER_PLUGIN_CONFIGURATION: u32 = 7;

export const ACTION_CONTINUE: u32 = 0;
export const ACTION_PAUSE: u32 = 1;

export const LOG_INFO: u32 = 2;
export const LOG_ERROR: u32 = 4;

// @ts-ignore: decorator
@external("env", "proxy_log")
export declare function log(level: u32, ptr: usize, len: u32): u32;

// @ts-ignore: decorator
@external("env", "proxy_get_header_map_value")
export declare function getHeader(
  map: u32, keyPtr: usize, keyLen: u32, valuePtr: usize, valueLen: usize,
): u32;

// @ts-ignore: decorator
@external("env", "proxy_get_header_map_pairs")
export declare function getHeaders(map: u32, pairsPtr: usize, pairsLen: usize): u32;

// @ts-ignore: decorator
@external("env", "proxy_replace_header_map_value")
export declare function replaceHeader(
  map: u32, keyPtr: usize, keyLen: u32, valuePtr: usize, valueLen: u32,
): u32;

// @ts-ignore: decorator
@external("env", "proxy_add_header_map_value")
export declare function addHeader(
  map: u32, keyPtr: usize, keyLen: u32, valuePtr: usize, valueLen: u32,
): u32;

// @ts-ignore: decorator
@external("env", "proxy_remove_header_map_value")
export declare function removeHeader(map: u32, keyPtr: usize, keyLen: u32): u32;

// @ts-ignore: decorator
@external("env", "proxy_send_local_response")
export declare function sendLocalResponse(
  status: u32, detailsPtr: usize, detailsLen: u32, bodyPtr: usize, bodyLen: u32,
  headersPtr: usize, headersLen: u32, grpcStatus: i32,
): u32;

// @ts-ignore: decorator
@external("env", "proxy_get_buffer_bytes")
export declare function getBuffer(
  buffer: u32, start: u32, lenMax: u32, valuePtr: usize, valueLen: usize,
): u32;

// @ts-ignore: decorator
@external("env", "proxy_get_property")
export declare function getProperty(
  pathPtr: usize, pathLen: u32, valuePtr: usize, valueLen: usize,
): u32;

/** Where host calls leave the address and the length of what they return. */
export const returned: usize = memory.data(8, 8);

// @ts-ignore: decorator
@inline
export function returnedPtr(): usize {
  return load<u32>(returned);
}

// @ts-ignore: decorator
@inline
export function returnedLen(): u32 {
  return load<u32>(returned, 4);
}
